//! From what a text says to the one text that says it best.

use std::fmt::{self, Write};

use super::definition::{Comments, Definition, FieldDefinition, Item, ObjectDefinition, StreamDefinition};

/// In the one form that [`parse`](Definition::parse) gives back equal: four spaces a step, a line each field, an empty
/// line between objects. Comments are kept.
impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Lines { out: f, begun: false, gap: false };
        if let Some((comments, path)) = &self.package {
            out.item(0, comments, |f| write!(f, "package {}", path.text))?;
            out.gap();
        }
        for import in &self.imports {
            out.item(0, &import.comments, |f| write!(f, "import {} {}", import.path.text, import.alias.text))?;
        }
        for item in &self.items {
            out.gap();
            match item {
                Item::Stream(stream) => print_stream(&mut out, stream)?,
                Item::Object(object) => print_object(&mut out, 0, object)?,
            }
        }
        out.gap();
        out.comments(0, &self.closing)
    }
}

fn print_stream(out: &mut Lines<'_, '_>, stream: &StreamDefinition) -> fmt::Result {
    out.comments(0, &stream.comments.before)?;
    out.line(0, |f| write!(f, "stream {} {{", stream.path.text))?;
    for (number, object) in stream.objects.iter().enumerate() {
        if number > 0 {
            out.gap();
        }
        print_object(out, 1, object)?;
    }
    if !stream.objects.is_empty() && !stream.closing.is_empty() {
        out.gap();
    }
    out.comments(1, &stream.closing)?;
    out.closing(0, &stream.comments)
}

fn print_object(out: &mut Lines<'_, '_>, depth: usize, object: &ObjectDefinition) -> fmt::Result {
    out.comments(depth, &object.comments.before)?;
    let head = |f: &mut fmt::Formatter<'_>| {
        object.flags.iter().try_for_each(|flag| write!(f, "{flag} "))?;
        let kind = if object.is_event { "event" } else { "object" };
        write!(f, "{kind} {} {{", object.name.text)
    };
    if object.fields.is_empty() && object.closing.is_empty() {
        return out.line(depth, |f| {
            head(f)?;
            f.write_str(" }")?;
            object.comments.after.iter().try_for_each(|after| write!(f, " {after}"))
        });
    }
    out.line(depth, head)?;
    for field in &object.fields {
        out.item(depth + 1, &field.comments, |f| print_field(f, field))?;
    }
    out.comments(depth + 1, &object.closing)?;
    out.closing(depth, &object.comments)
}

fn print_field(f: &mut fmt::Formatter<'_>, field: &FieldDefinition) -> fmt::Result {
    let optional = if field.optional { "optional " } else { "" };
    let repeated = if field.repeated { " repeated" } else { "" };
    write!(f, "{optional}{}{repeated} {}", field.name.text, field.word.text)
}

/// Writes lines.
struct Lines<'a, 'b> {
    out: &'a mut fmt::Formatter<'b>,
    begun: bool,
    gap: bool,
}

impl Lines<'_, '_> {
    /// An empty line, if something stands above and below it.
    fn gap(&mut self) {
        self.gap = self.begun;
    }

    fn line(&mut self, depth: usize, write: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result) -> fmt::Result {
        if std::mem::take(&mut self.gap) {
            self.out.write_char('\n')?;
        }
        self.begun = true;
        (0..depth).try_for_each(|_| self.out.write_str("    "))?;
        write(self.out)?;
        self.out.write_char('\n')
    }

    fn comments(&mut self, depth: usize, comments: &[String]) -> fmt::Result {
        comments.iter().try_for_each(|comment| self.line(depth, |f| f.write_str(comment)))
    }

    fn item(
        &mut self,
        depth: usize,
        comments: &Comments,
        write: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        self.comments(depth, &comments.before)?;
        self.line(depth, |f| {
            write(f)?;
            comments.after.iter().try_for_each(|after| write!(f, " {after}"))
        })
    }

    fn closing(&mut self, depth: usize, comments: &Comments) -> fmt::Result {
        self.line(depth, |f| {
            f.write_char('}')?;
            comments.after.iter().try_for_each(|after| write!(f, " {after}"))
        })
    }
}
