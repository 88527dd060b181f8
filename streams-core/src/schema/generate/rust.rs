//! Structs of Rust, as rustfmt leaves them.

use super::{Clash, NOTICE, Names, Part, Taken, comment, lines, parts, snake};
use crate::object::key::Kind;
use crate::schema::definition::{Definition, FieldDefinition, FieldType, ObjectDefinition};

/// The longest line that rustfmt leaves alone.
const WIDTH: usize = 100;

/// Words that are no names, though `r#` makes a name of them.
const RAW: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Words that nothing makes a name of.
const NEVER: &[&str] = &["self", "super", "crate"];

pub(super) fn generate(definition: &Definition, names: &Names<'_>) -> Result<String, Clash> {
    let mut out = format!("// {NOTICE}\n");
    for part in parts(definition) {
        out.push('\n');
        match part {
            Part::Stream(path, about) => {
                out.push_str(&format!("// {path}\n"));
                comment(&mut out, "//", &about);
            }
            Part::Object(object) => write(&mut out, definition, names, object)?,
        }
    }
    Ok(out)
}

fn write(out: &mut String, definition: &Definition, names: &Names<'_>, object: &ObjectDefinition) -> Result<(), Clash> {
    let name = names.of(object);
    let about = lines(object.documentation());
    match about.is_empty() {
        true => out.push_str(&format!("/// `{}`.\n", object.r#type())),
        false => comment(out, "///", &about),
    }
    out.push_str("#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]\n");
    if object.fields().is_empty() {
        out.push_str(&format!("pub struct {name} {{}}\n"));
    } else {
        out.push_str(&format!("pub struct {name} {{\n"));
        let mut taken = Taken::default();
        for field in object.fields() {
            let own = own_name(field);
            taken.take(&own, field.name())?;
            let about = lines(field.documentation());
            comment(out, "    ///", &about);
            // A list may be empty, and tells its hint all the same.
            if field.is_repeated() {
                out.push_str(&format!("    #[serde(rename = \"{}:{}\")]\n", field.name(), field.hint()));
            } else if own.trim_start_matches("r#") != field.name() {
                out.push_str(&format!("    #[serde(rename = \"{}\")]\n", field.name()));
            }
            let r#type = r#type(definition, names, object, field);
            let gap = if own.len() + r#type.len() + "    pub : ,".len() > WIDTH { "\n        " } else { " " };
            out.push_str(&format!("    pub {own}:{gap}{type},\n"));
        }
        out.push_str("}\n");
    }
    out.push_str(&format!("\nimpl {name} {{\n    /// The type of such objects.\n"));
    let constant = format!("    pub const TYPE: &str = \"{}\";", object.r#type());
    let fits_below = object.r#type().len() + "        \"\";".len() <= WIDTH;
    let breaks = constant.len() > WIDTH && fits_below;
    let constant = if breaks { constant.replacen("= ", "=\n        ", 1) } else { constant };
    out.push_str(&format!("{constant}\n}}\n"));
    Ok(())
}

fn own_name(field: &FieldDefinition) -> String {
    let name = snake(field.name());
    match name.as_str() {
        name if RAW.contains(&name) => format!("r#{name}"),
        name if NEVER.contains(&name) => format!("{name}_"),
        _ => name,
    }
}

fn r#type(definition: &Definition, names: &Names<'_>, object: &ObjectDefinition, field: &FieldDefinition) -> String {
    let one = match field.r#type() {
        FieldType::Value(kind) => value(*kind).to_owned(),
        FieldType::Object(_) => names.embedded(field).unwrap_or(value(Kind::Map)).to_owned(),
    };
    let whole = match field.is_repeated() {
        true => format!("Vec<{one}>"),
        false if holds(definition, field, object.r#type(), &mut Vec::new()) => format!("Box<{one}>"),
        false => one,
    };
    if field.is_optional() { format!("Option<{whole}>") } else { whole }
}

fn value(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "String",
        Kind::Int => "i64",
        Kind::Uint => "u64",
        Kind::Float => "f64",
        Kind::Bool => "bool",
        Kind::Bytes => "streams_core::Bytes",
        Kind::Map => "streams_core::Map",
        Kind::Reference => "streams_core::ObjectId",
    }
}

/// Whether a field may hold a value of this type in itself, not in a list: then a struct would be of no finite size.
fn holds<'a>(definition: &'a Definition, field: &'a FieldDefinition, r#type: &str, seen: &mut Vec<&'a str>) -> bool {
    let FieldType::Object(own) = field.r#type() else { return false };
    if field.is_repeated() || seen.contains(&own.as_str()) {
        return false;
    }
    seen.push(own);
    let fields = definition.object(own).map_or(&[][..], ObjectDefinition::fields);
    own == r#type || fields.iter().any(|field| holds(definition, field, r#type, seen))
}
