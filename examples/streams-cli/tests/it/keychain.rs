//! Secrets in the keychain of the system: a real one (the Secret Service of `gnome-keyring`), on a bus of its own.

use super::*;

/// What runs on the bus: the keychain, and then `streams` with all that stands in each line.
const SESSION: &str = r#"
chmod 700 "$XDG_RUNTIME_DIR"
printf 'of a test' | gnome-keyring-daemon --unlock --components=secrets >/dev/null
while IFS= read -r line; do
    set -- $line
    "$STREAMS" "$@" </dev/null
    echo "= $?"
done
"#;

impl Home {
    /// Runs `streams` with each of these lines where there is a keychain; returns what each printed, and its exit code.
    fn with_keychain(&self, lines: &[String]) -> Vec<(String, i32)> {
        let there = |program: &str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).any(|folder| folder.join(program).exists())
        };
        for (program, package) in [("dbus-run-session", "dbus"), ("gnome-keyring-daemon", "gnome-keyring")] {
            assert!(there(program), "there is no {program}: `apt-get install {package}`");
        }
        let mut command = self.command("dbus-run-session");
        for (name, folder) in [("XDG_RUNTIME_DIR", "run"), ("XDG_DATA_HOME", "data")] {
            fs::create_dir_all(self.path(folder)).unwrap();
            command.env(name, self.path(folder));
        }
        command.args(["--", "bash", "-c", SESSION]).env("STREAMS", env!("CARGO_BIN_EXE_streams"));
        let told = run(&mut command, (lines.join("\n") + "\n").as_bytes()).expect(0);
        let mut answers = Vec::new();
        let mut printed = String::new();
        for line in told.lines() {
            match line.strip_prefix("= ") {
                Some(code) => answers.push((std::mem::take(&mut printed), code.parse().unwrap())),
                None => printed = printed + line + "\n",
            }
        }
        assert_eq!(answers.len(), lines.len(), "{told}");
        answers
    }
}

#[test]
fn the_keychain_of_the_system_has_the_keys_of_sealed_streams() {
    let home = Home::new();
    fs::create_dir(home.path("diary")).unwrap();
    fs::write(home.path("diary/monday.md"), "Nobody reads this").unwrap();
    let lines = [
        "stream create diary --person ada --private --sealed --from diary --to attic --now",
        "vault list",
        "stream items diary --find nobody",
        "stream erase diary --forget-key",
        "vault list",
        "stream items diary",
    ];
    let answers = home.with_keychain(&lines.map(str::to_owned));
    let [made, listed, found, forgotten, none, gone] = &answers[..] else { panic!("{answers:?}") };
    assert!(made.1 == 0 && made.0.contains("1 new item"), "{made:?}");
    assert!(listed.1 == 0 && listed.0.contains("diary"), "{listed:?}");
    assert!(found.1 == 0 && found.0.contains("monday.md"), "{found:?}");
    assert!(forgotten.1 == 0 && forgotten.0.contains("the keychain of the system"), "{forgotten:?}");
    assert!(!none.0.contains("diary"), "{none:?}");
    assert!(gone.1 == 2 && gone.0.is_empty(), "{gone:?}");
    assert!(!home.path("config/streams/vault.age").exists(), "it is in the keychain");
}
