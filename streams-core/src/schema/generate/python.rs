//! Dataclasses of Python, as its formatters leave them.

use super::{Clash, NOTICE, Names, Part, Taken, comment, lines, parts, snake};
use crate::object::key::Kind;
use crate::schema::definition::{Definition, FieldDefinition, FieldType, ObjectDefinition};

/// The longest line that formatters leave alone.
const WIDTH: usize = 88;

/// Words that are no names, and names that what is generated uses itself.
const KEYWORDS: &[&str] = &[
    "bool", "bytes", "dict", "field", "float", "int", "list", "str", //
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except",
    "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise",
    "return", "try", "while", "with", "yield",
];

pub(super) fn generate(definition: &Definition, names: &Names<'_>) -> Result<String, Clash> {
    let mut classes = String::new();
    for part in parts(definition) {
        match part {
            Part::Stream(path, about) => {
                classes.push_str(&format!("\n\n# {path}\n"));
                comment(&mut classes, "#", &about);
            }
            Part::Object(object) => write(&mut classes, names, object)?,
        }
    }
    let mut out = format!("\"\"\"{NOTICE}\"\"\"\n\nfrom __future__ import annotations\n");
    let uses = |what: &str| classes.contains(what);
    if uses("@dataclass") {
        let field = if uses(" = field(") { ", field" } else { "" };
        out.push_str(&format!("\nfrom dataclasses import dataclass{field}\n"));
    }
    if uses("dict[str, Any]") {
        out.push_str("from typing import Any\n");
    }
    if uses(": ObjectId") || uses("[ObjectId]") {
        out.push_str("\nfrom streams_core import ObjectId\n");
    }
    // A comment stands closer to the imports than a class.
    out.push_str(if classes.starts_with("\n\n#") { &classes[1..] } else { &classes });
    Ok(out)
}

fn write(out: &mut String, names: &Names<'_>, object: &ObjectDefinition) -> Result<(), Clash> {
    out.push_str(&format!("\n\n@dataclass(frozen=True, kw_only=True)\nclass {}:\n", names.of(object)));
    let about = lines(object.documentation());
    let about = if about.is_empty() { vec![format!("`{}`.", object.r#type())] } else { about };
    let mut about: Vec<String> = about.iter().map(|line| line.replace('\\', "\\\\").replace('"', "\\\"")).collect();
    if let Some(last) = about.last_mut()
        && last.ends_with('\\')
    {
        last.push(' ');
    }
    let more = about.len() > 1;
    for (number, line) in about.iter().enumerate() {
        let begin = if number == 0 {
            "    \"\"\""
        } else if line.is_empty() {
            ""
        } else {
            "    "
        };
        out.push_str(&format!("{begin}{line}{}", if more { "\n" } else { "\"\"\"\n" }));
    }
    if more {
        out.push_str("    \"\"\"\n");
    }
    out.push_str(&format!("\n    TYPE = \"{}\"\n", object.r#type()));
    let mut taken = Taken::default();
    taken.take("TYPE", "the type")?;
    for (number, field) in object.fields().iter().enumerate() {
        if number == 0 {
            out.push('\n');
        }
        let own = own_name(field);
        taken.take(&own, field.name())?;
        comment(out, "    #:", &lines(field.documentation()));
        out.push_str(&declaration(names, field, &own));
    }
    Ok(())
}

/// The line of a field.
fn declaration(names: &Names<'_>, field: &FieldDefinition, own: &str) -> String {
    let mut metadata = Vec::new();
    if own != field.name() {
        metadata.push(format!("\"name\": \"{}\"", field.name()));
    }
    // What the value does not tell by itself.
    if field.is_repeated() || matches!(field.r#type(), FieldType::Value(Kind::Uint | Kind::Float)) {
        metadata.push(format!("\"hint\": \"{}\"", field.hint()));
    }
    let typed = format!("    {own}: {}", r#type(names, field));
    let default = if field.is_optional() { "default=None, " } else { "" };
    let line = match (metadata.is_empty(), field.is_optional()) {
        (true, false) => typed,
        (true, true) => format!("{typed} = None"),
        (false, _) => {
            let arguments = format!("{default}metadata={{{}}}", metadata.join(", "));
            let line = format!("{typed} = field({arguments})");
            if line.len() <= WIDTH { line } else { format!("{typed} = field(\n        {arguments}\n    )") }
        }
    };
    line + "\n"
}

fn own_name(field: &FieldDefinition) -> String {
    let name = snake(field.name());
    if KEYWORDS.contains(&name.as_str()) { format!("{name}_") } else { name }
}

fn r#type(names: &Names<'_>, field: &FieldDefinition) -> String {
    let one = match field.r#type() {
        FieldType::Value(kind) => value(*kind),
        FieldType::Object(_) => names.embedded(field).unwrap_or(value(Kind::Map)),
    };
    let whole = if field.is_repeated() { format!("list[{one}]") } else { one.to_owned() };
    if field.is_optional() { format!("{whole} | None") } else { whole }
}

fn value(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "str",
        Kind::Int | Kind::Uint => "int",
        Kind::Float => "float",
        Kind::Bool => "bool",
        Kind::Bytes => "bytes",
        Kind::Map => "dict[str, Any]",
        Kind::Reference => "ObjectId",
    }
}
