//! Interfaces of TypeScript, as its formatter leaves them.

use std::collections::BTreeSet;

use super::{NOTICE, Names, Part, comment, lines, parts, screaming};
use crate::object::key::Kind;
use crate::schema::definition::{Definition, FieldDefinition, FieldType, ObjectDefinition};

/// The longest line that the formatter leaves alone.
const WIDTH: usize = 80;

/// What guards are made of; each is written where it is used.
const CHECKS: &[(&str, &str)] = &[
    ("text", "const text = (value: unknown) => typeof value === \"string\";\n"),
    ("int", "const int = (value: unknown) =>\n  typeof value === \"bigint\" || Number.isSafeInteger(value);\n"),
    (
        "uint",
        "const uint = (value: unknown) =>\n  (typeof value === \"bigint\" || Number.isSafeInteger(value)) &&\n  (value as number | bigint) >= 0;\n",
    ),
    ("float", "const float = (value: unknown) => typeof value === \"number\";\n"),
    ("bool", "const bool = (value: unknown) => typeof value === \"boolean\";\n"),
    ("data", "const data = (value: unknown) => value instanceof Uint8Array;\n"),
    (
        "list",
        "const list = (value: unknown, is: (item: unknown) => boolean) =>\n  Array.isArray(value) && value.every(is);\n",
    ),
    (
        "maybe",
        "const maybe = (value: unknown, is: (value: unknown) => boolean) =>\n  value === undefined || is(value);\n",
    ),
    (
        "map",
        "const map = (value: unknown): value is Data =>\n  typeof value === \"object\" &&\n  value !== null &&\n  Object.getPrototypeOf(value) === Object.prototype;\n",
    ),
];

/// The checks, and the types of the package, that a file uses.
type Used = BTreeSet<&'static str>;

pub(super) fn generate(definition: &Definition, names: &Names<'_>) -> String {
    let mut used = Used::new();
    let mut body = String::new();
    for part in parts(definition) {
        body.push('\n');
        match part {
            Part::Stream(path, about) => {
                body.push_str(&format!("// {path}\n"));
                comment(&mut body, "//", &about);
            }
            Part::Object(object) => write(&mut body, names, object, &mut used),
        }
    }
    let mut out = format!("// {NOTICE}\n");
    let types: Vec<&str> = ["Content", "Data", "ObjectId"].into_iter().filter(|name| used.contains(name)).collect();
    if !types.is_empty() {
        out.push_str(&format!("\nimport type {{ {} }} from \"streams-core\";\n", types.join(", ")));
    }
    out.push_str(&body);
    let checks: String = CHECKS.iter().filter(|(name, _)| used.contains(name)).map(|(_, check)| *check).collect();
    if !checks.is_empty() {
        out.push('\n');
        out.push_str(&checks);
    }
    out
}

fn write(out: &mut String, names: &Names<'_>, object: &ObjectDefinition, used: &mut Used) {
    // The guards know what a map is by its type.
    used.extend(["Content", "Data", "map"]);
    let name = names.of(object);
    let about = lines(object.documentation());
    let about = if about.is_empty() { vec![format!("`{}`.", object.r#type())] } else { about };
    documentation(out, "", &about);
    if object.fields().is_empty() {
        out.push_str(&format!("export type {name} = Record<string, never>;\n"));
    } else {
        out.push_str(&format!("export interface {name} {{\n"));
        for field in object.fields() {
            documentation(out, "  ", &lines(field.documentation()));
            let optional = if field.is_optional() { "?" } else { "" };
            out.push_str(&format!("  readonly {}{optional}: {};\n", key(field.name()), r#type(names, field, used)));
        }
        out.push_str("}\n");
    }
    out.push('\n');
    documentation(out, "", &["The type of such objects.".into()]);
    let constant = format!("export const {}_TYPE = \"{}\";", screaming(name), object.r#type());
    let constant = if constant.len() > WIDTH { constant.replacen("= ", "=\n  ", 1) } else { constant };
    out.push_str(&format!("{constant}\n"));

    out.push('\n');
    documentation(out, "", &["What is written: each key with its hint.".into()]);
    if object.fields().is_empty() {
        let head = arrow(&format!("write{name}"), &format!("_: {name}"), "Content", " ({});".len());
        out.push_str(&format!("{head} ({{}});\n"));
    } else {
        let head = arrow(&format!("write{name}"), &format!("value: {name}"), "Content", " ({".len());
        out.push_str(&format!("{head} ({{\n"));
        for field in object.fields() {
            let (key, written) = (format!("  \"{}:{}\":", field.name(), field.hint()), written(names, field));
            let gap = if key.len() + written.len() + 2 > WIDTH { "\n    " } else { " " };
            out.push_str(&format!("{key}{gap}{written},\n"));
        }
        out.push_str("});\n");
    }

    out.push('\n');
    documentation(out, "", &["Whether data are those of such an object.".into()]);
    let mut tests = vec!["map(value)".to_owned()];
    tests.extend(object.fields().iter().map(|field| test(names, field, used)));
    let head = arrow(&format!("is{name}"), "value: unknown", &format!("value is {name}"), 0);
    let last = head.lines().next_back().unwrap_or_default();
    let line = tests.join(" && ");
    let body = match (last.len() + line.len() + 2 <= WIDTH, line.len() + 3 <= WIDTH) {
        (true, _) => format!(" {line}"),
        (false, true) => format!("\n  {line}"),
        (false, false) => format!("\n  {}", tests.join(" &&\n  ")),
    };
    out.push_str(&format!("{head}{body};\n"));
}

/// The beginning of a function, up to its arrow, where so much more follows on the line.
fn arrow(name: &str, parameter: &str, result: &str, more: usize) -> String {
    let line = format!("export const {name} = ({parameter}): {result} =>");
    if line.len() + more <= WIDTH {
        return line;
    }
    format!("export const {name} = (\n  {parameter},\n): {result} =>")
}

fn documentation(out: &mut String, indent: &str, lines: &[String]) {
    let lines: Vec<String> = lines.iter().map(|line| line.replace("*/", "*\\/")).collect();
    match lines.as_slice() {
        [] => {}
        [line] => out.push_str(&format!("{indent}/** {line} */\n")),
        lines => {
            out.push_str(&format!("{indent}/**\n"));
            lines.iter().for_each(|line| out.push_str(&format!("{}\n", format!("{indent} * {line}").trim_end())));
            out.push_str(&format!("{indent} */\n"));
        }
    }
}

fn is_identifier(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '$';
    name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit())
}

/// A name as the key of an interface.
fn key(name: &str) -> String {
    if is_identifier(name) { name.to_owned() } else { format!("\"{name}\"") }
}

/// A field of a value.
fn access(field: &FieldDefinition) -> String {
    let name = field.name();
    if is_identifier(name) { format!("value.{name}") } else { format!("value[\"{name}\"]") }
}

fn r#type(names: &Names<'_>, field: &FieldDefinition, used: &mut Used) -> String {
    if *field.r#type() == FieldType::Value(Kind::Reference) {
        used.insert("ObjectId");
    }
    let one = match field.r#type() {
        FieldType::Value(Kind::Text) => "string",
        FieldType::Value(Kind::Int | Kind::Uint) => "number | bigint",
        FieldType::Value(Kind::Float) => "number",
        FieldType::Value(Kind::Bool) => "boolean",
        FieldType::Value(Kind::Bytes) => "Uint8Array",
        FieldType::Value(Kind::Reference) => "ObjectId",
        FieldType::Value(Kind::Map) => "Data",
        FieldType::Object(_) => names.embedded(field).unwrap_or("Data"),
    };
    match field.is_repeated() {
        true if one.contains(' ') => format!("readonly ({one})[]"),
        true => format!("readonly {one}[]"),
        false => one.to_owned(),
    }
}

fn written(names: &Names<'_>, field: &FieldDefinition) -> String {
    let value = access(field);
    let Some(name) = names.embedded(field) else { return value };
    match (field.is_repeated(), field.is_optional()) {
        (true, true) => format!("{value}?.map(write{name})"),
        (true, false) => format!("{value}.map(write{name})"),
        (false, true) => format!("{value} && write{name}({value})"),
        (false, false) => format!("write{name}({value})"),
    }
}

fn test(names: &Names<'_>, field: &FieldDefinition, used: &mut Used) -> String {
    let kind = match field.r#type() {
        FieldType::Value(kind) => *kind,
        FieldType::Object(_) => Kind::Map,
    };
    let is = names.embedded(field).map_or(check(kind).to_owned(), |name| format!("is{name}"));
    used.insert(check(kind));
    used.extend(field.is_repeated().then_some("list"));
    used.extend(field.is_optional().then_some("maybe"));
    let value = access(field);
    match (field.is_repeated(), field.is_optional()) {
        (false, false) => format!("{is}({value})"),
        (false, true) => format!("maybe({value}, {is})"),
        (true, false) => format!("list({value}, {is})"),
        (true, true) => format!("maybe({value}, (items) => list(items, {is}))"),
    }
}

fn check(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Reference => "text",
        Kind::Int => "int",
        Kind::Uint => "uint",
        Kind::Float => "float",
        Kind::Bool => "bool",
        Kind::Bytes => "data",
        Kind::Map => "map",
    }
}
