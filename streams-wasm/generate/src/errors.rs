//! The classes of errors in TypeScript, from the table of the core.

use std::fmt::Write;

use streams_core::codes::{Class, Kind};

/// What JavaScript cannot meet: copies are kept by others.
const ELSEWHERE: [Class; 6] =
    [Class::Keep, Class::Archiver, Class::Unauthorized, Class::OtherProcess, Class::Ranges, Class::File];

/// The module.
pub(crate) fn module() -> Result<String, std::fmt::Error> {
    let mut out = String::from("// Made by the build from the table of the core: do not edit.\n\n");
    let classes: Vec<Class> =
        Class::ALL.iter().copied().filter(|class| class.kind() != Kind::Told && !ELSEWHERE.contains(class)).collect();
    let mut codes: Vec<&str> = classes.iter().flat_map(|class| class.rows()).map(|row| row.code).collect();
    codes.sort_unstable();
    codes.dedup();
    writeln!(out, "/** Which rule was broken. */\nexport type Code =")?;
    for code in codes {
        writeln!(out, "  | \"{code}\"")?;
    }
    out.push_str(
        r"
/** Whatever goes wrong in this package: `code` tells which rule was broken, the class what sort of thing it is. */
export class StreamsError extends Error {
  /** The rule, in kebab-case, the same as in every language. */
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = Object.keys(CLASSES).find((name) => CLASSES[name as ClassName] === new.target) ?? 'StreamsError';
  }
}
",
    );
    for class in &classes {
        let parent = class.parent().map_or("StreamsError", Class::name);
        writeln!(out, "\n/** {} */", sentences(*class))?;
        writeln!(out, "export class {} extends {parent} {{}}", class.name())?;
    }
    let names: Vec<&str> = classes.iter().map(|class| class.name()).collect();
    writeln!(out, "\n/** All of them, by name. */\nexport const CLASSES = {{ {} }};", names.join(", "))?;
    writeln!(out, "\nexport type ClassName = keyof typeof CLASSES;")?;
    writeln!(out, "\nexport const SENTENCES = `")?;
    for class in &classes {
        for row in class.rows() {
            writeln!(out, "{}/{} {}", class.name(), row.code, row.sentence.replace('`', "\\`"))?;
        }
    }
    writeln!(out, "`;")?;
    Ok(out)
}

/// What the codes of a class say, for people who read the types.
fn sentences(class: Class) -> String {
    let rows: Vec<String> = class.rows().map(|row| format!("`{}`", row.code)).collect();
    match rows.is_empty() {
        true => "By the codes of what it is part of.".to_owned(),
        false => format!("By the codes {}.", rows.join(", ")),
    }
}
