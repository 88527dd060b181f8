//! The command line on definitions.

use super::stores::lines;
use super::*;

const LIST: &str = "// Things to buy.
stream example.org/list {
    root object Created { }

    // Something to buy.
    event Added {
        text string // what
        optional amount uint
        tags repeated string
    }
}
";

impl Home {
    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }
}

#[test]
fn what_is_wrong_is_shown_under_its_line() {
    let home = Home::new();
    home.write("list.ndl", LIST);
    assert_eq!(home.streams("ndl check list.ndl").expect(0), "fine list.ndl 1 stream, 2 objects\n");
    home.write("wrong.ndl", &LIST.replace("text string", "text strin").replace("tags", "text"));
    let shown = home.streams("ndl check wrong.ndl").expect(1);
    let expected = "error[unknown-type]: there is no type `strin`: is it `string`?
 --> wrong.ndl:7:14
  |
7 |         text strin // what
  |              ^^^^^
  |
error[twice]: a field is called `text` twice
 --> wrong.ndl:9:9
  |
9 |         text repeated string
  |         ^^^^

wrong wrong.ndl 2 faults
";
    assert_eq!(shown, expected);
    let told = lines(&home.streams("ndl check --json list.ndl wrong.ndl").expect(1));
    assert_eq!(
        (&told[0]["code"], &told[0]["line"], &told[0]["column"]),
        (&"unknown-type".into(), &7.into(), &14.into())
    );
    assert_eq!((told.len(), &told[1]["code"]), (2, &"twice".into()));
    let (piped, error) = (home.streams_with(b"stream", "ndl check -"), home.streams("ndl check none.ndl"));
    assert!(piped.expect(1).contains("standard input:1:7"));
    error.expect_error("none.ndl cannot be read");
    assert!(home.streams("ndl show wrong.ndl").err.contains("there is no type `strin`"));
    home.write("bytes.ndl", "");
    fs::write(home.path("bytes.ndl"), [0xff]).unwrap();
    home.streams("ndl check bytes.ndl").expect_error("bytes.ndl cannot be read");
}

#[test]
fn definitions_get_their_one_form() {
    let home = Home::new();
    home.write("a.ndl", &LIST.replace("    ", " "));
    home.write("b.ndl", LIST);
    assert_eq!(home.streams("ndl fmt --check a.ndl b.ndl").expect(1), "would change a.ndl\n");
    assert_eq!(home.streams("ndl fmt a.ndl b.ndl").expect(0), "formatted a.ndl\n");
    assert_eq!(fs::read_to_string(home.path("a.ndl")).unwrap(), LIST);
    assert_eq!(home.streams_with(b"object  a/b.C{}", "ndl fmt -").expect(0), "object a/b.C { }\n");
}

#[test]
fn a_definition_is_drawn() {
    let home = Home::new();
    home.write("list.ndl", LIST);
    let drawn = home.streams("ndl show list.ndl").expect(0);
    let expected = "stream example.org/list
Things to buy.

◉ Created begins it
│
└─● Added event
     Something to buy.
     text     string    what
     amount?  uint
     tags     [string]
";
    assert_eq!(drawn, expected);
    let told = home.streams("ndl show --json list.ndl").json(0);
    assert_eq!(told["streams"][0]["objects"][1]["fields"][1]["hint"], "u");
}

#[test]
fn changes_are_compatible_or_break() {
    let home = Home::new();
    home.write("old.ndl", LIST);
    home.write("new.ndl", &LIST.replace("tags", "optional note string\n tags"));
    let told = home.streams("ndl diff old.ndl new.ndl").expect(0);
    assert!(told.starts_with("compatible example.org/list.Added may have note now\n"), "{told}");
    home.write("new.ndl", &LIST.replace("amount uint", "amount int"));
    let told = home.streams("ndl diff old.ndl new.ndl").expect(1);
    assert!(told.starts_with("breaks     amount of example.org/list.Added is of another type\n"), "{told}");
    let json = home.streams("ndl diff --json old.ndl new.ndl").expect(1);
    assert_eq!(lines(&json)[0]["compatible"], false);
    assert_eq!(home.streams("ndl diff old.ndl old.ndl").expect(0), "The two say the same.\n");
}

#[test]
fn types_are_made() {
    let home = Home::new();
    home.write("list.ndl", LIST);
    for (language, says) in [
        ("rust", "pub struct ListAdded {\n    /// what\n    pub text: String,\n    pub amount: Option<u64>,"),
        ("python", "    tags: list[str] = field(metadata={\"hint\": \"as\"})"),
        ("typescript", "export const isListAdded = (value: unknown): value is ListAdded =>"),
    ] {
        let made = home.streams(&format!("ndl gen --lang {language} list.ndl")).expect(0);
        assert!(made.contains(says), "{made}");
    }
    home.write("clash.ndl", "object a/b.C { x_y int xY int }");
    home.streams("ndl gen --lang rust clash.ndl").expect_error("`x_y` and `xY` would both be called `x_y`");
}
