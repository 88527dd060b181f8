//! Keeping copies from the command line: folders, S3, programs; kills, damage, places that do not answer.

use std::thread;
use std::time::{Duration, Instant};

use super::moto::Moto;
use super::stores::lines;
use super::*;

impl Home {
    /// Runs `streams` with the credentials and the address of a server that speaks S3.
    fn with_s3(&self, moto: &Moto, args: &str) -> Ran {
        let mut command = self.command(env!("CARGO_BIN_EXE_streams"));
        command.env("AWS_ACCESS_KEY_ID", "key").env("AWS_SECRET_ACCESS_KEY", "secret").env("AWS_REGION", "us-east-1");
        run(command.env("AWS_ENDPOINT_URL", moto.address()).args(args.split_whitespace()), b"")
    }

    fn write_program(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The archives below a folder.
    pub(super) fn packs(&self, folder: &str) -> Vec<PathBuf> {
        let Ok(streams) = fs::read_dir(self.path(folder)) else { return Vec::new() };
        let packs = streams.flat_map(|stream| fs::read_dir(stream.unwrap().path()).unwrap());
        // What a kill left half written has another ending.
        let is_pack = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "car");
        let mut packs: Vec<PathBuf> = packs.map(|pack| pack.unwrap().path()).filter(is_pack).collect();
        packs.sort();
        packs
    }

    /// What is in the archives below a folder.
    pub(super) fn contents(&self, folder: &str) -> BTreeSet<Vec<u8>> {
        self.packs(folder).iter().map(|pack| fs::read(pack).unwrap()).collect()
    }
}

#[test]
fn a_stream_comes_back_from_a_folder_and_from_s3() {
    let home = Home::new();
    let moto = Moto::start();
    home.history("notes", 300);
    home.streams("import git notes --store s.db").expect(0);
    let told = home.with_s3(&moto, "archive run --to attic --to s3://bucket/streams --store s.db").expect(0);
    assert!(told.contains("Everything is where it should be"), "{told}");
    let order = home.verified("s.db");
    fs::remove_file(home.path("s.db")).unwrap();

    home.with_s3(&moto, "archive restore s3://bucket/streams --store from-s3.db").expect(0);
    home.streams("archive restore attic --store from-folder.db").expect(0);
    assert_eq!((home.verified("from-s3.db"), home.verified("from-folder.db")), (order.clone(), order));
    // The receipts came back too: they tell where the copies are.
    let deals = home.streams("log --store from-s3.db --json").expect(0);
    assert_eq!(deals.matches("archive/stream.Deal").count(), 2, "{deals}");
}

#[test]
fn what_is_new_is_kept_and_what_is_damaged_is_put_right() {
    let home = Home::new();
    home.history("notes", 20);
    home.streams("import git notes --store s.db").expect(0);
    home.streams("archive run --to attic --store s.db").expect(0);
    assert_eq!(home.packs("attic").len(), 2, "one of the stream, and one of its receipt");
    home.streams("archive run --to attic --store s.db").expect(0);
    assert_eq!(home.packs("attic").len(), 2, "nothing is new");

    let status = home.streams("archive status --store s.db").expect(0);
    assert!(status.contains("all here") && status.contains("folder:"), "{status}");
    home.history("more", 5);
    home.streams("import git more --store s.db").expect(0);
    home.streams("archive status --store s.db").expect(1);
    home.streams("archive run --to attic --to other --store s.db").expect(0);
    let count = |folder: &str| home.packs(folder).len();
    let is_whole = || home.contents("attic") == home.contents("other") && count("attic") == count("other");
    assert!(is_whole(), "a place that comes later gets what was before, too");

    let victim = &home.packs("attic")[0];
    let mut bad = fs::read(victim).unwrap();
    bad[200] ^= 1;
    fs::write(victim, &bad).unwrap();
    home.streams("archive run --to attic --to other --store s.db --audit").expect(0);
    assert!(is_whole(), "it was made again, and what was damaged is gone");
    fs::remove_file(&home.packs("attic")[0]).unwrap();
    home.streams("archive run --to attic --to other --store s.db").expect(0);
    assert!(is_whole(), "it was made again");
    for stream in lines(&home.streams("archive status --store s.db --json").expect(0)) {
        assert_eq!(stream["there"], true);
    }
}

/// A program that keeps packs, and takes its time.
const SLOW: &str = r#"
case $1 in
capabilities) echo '{"recovery": "repeat", "fetches": true, "public": false}' ;;
submit)
    echo "$STREAMS_KEY" >> submitted
    cp "$2" "kept-$STREAMS_KEY.car"
    sleep 1
    echo "{\"ticket\": \"$STREAMS_KEY\"}"
    ;;
status) echo '{"state": "active", "copies": [{"at": "here"}]}' ;;
fetch) cp "kept-$2.car" "$3"; echo '{}' ;;
*) echo '{"error": "unsupported"}'; exit 1 ;;
esac
"#;

#[cfg(unix)]
#[test]
fn who_is_killed_in_the_middle_goes_on_under_the_same_keys() {
    let home = Home::new();
    home.history("notes", 10);
    home.write_program("slow.sh", SLOW);
    home.streams("import git notes --store s.db").expect(0);
    let submitted = || fs::read_to_string(home.path("submitted")).unwrap_or_default();
    let place = "command:sh slow.sh";
    let start = || {
        let mut command = home.command(env!("CARGO_BIN_EXE_streams"));
        command.args(["archive", "run", "--store", "s.db", "--to", place]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let begun = Instant::now();
    let mut child = start();
    while submitted().is_empty() && begun.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(10));
    }
    // What it handed over is there, and it will never hear the ticket.
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(start().wait().unwrap().success());
    let keys: Vec<String> = submitted().lines().map(str::to_owned).collect();
    let different: BTreeSet<&String> = keys.iter().collect();
    assert_eq!(
        (keys.len(), different.len()),
        (3, 2),
        "the first again, under its key, and that of the receipt: {keys:?}"
    );
    let restored = home.streams("archive restore . --store new.db");
    assert!(restored.out.contains("in all"), "{}{}", restored.out, restored.err);
    assert_eq!(home.verified("new.db"), home.verified("s.db"));
}

#[test]
fn a_place_that_does_not_answer_keeps_no_other_waiting() {
    let home = Home::new();
    home.history("notes", 10);
    home.streams("import git notes --store s.db").expect(0);
    // Nobody listens there.
    let ran = home.streams("archive run --once --store s.db --to attic --to ipfs:http://127.0.0.1:1");
    let told = ran.expect(1);
    assert!(told.contains("all here") && told.contains("again in"), "{told}");
    assert!(!home.packs("attic").is_empty());
    let status = home.streams("archive status --store s.db --json").json(1);
    let troubles = &status["packs"][0]["places"];
    assert_eq!(troubles[1]["trouble"]["code"], "unreachable", "{status}");
}

#[test]
fn what_is_wanted_stands_in_a_file() {
    let home = Home::new();
    home.history("notes", 10);
    home.streams("import git notes --store s.db").expect(0);
    let text = "every = '6h'\naudit = '30d'\n[[place]]\nto = 'attic'\n[[place]]\nto = 'cellar'\n";
    fs::write(home.path("archive.toml"), text).unwrap();
    home.streams("archive run --config archive.toml --store s.db").expect(0);
    assert_eq!((home.packs("attic").len(), home.packs("cellar").len()), (2, 2));
    for (text, words) in [
        ("[[place]]\nto = 'attic'\ncopies = 2\n", "keeps 1 to 1 copies"),
        ("[[place]]\nto = 'attic'\n[[place]]\nto = './attic'\n", "named twice"),
        ("evry = '6h'\n", "evry"),
        ("every = '6 parsecs'\n[[place]]\nto = 'attic'\n", "is no time"),
    ] {
        fs::write(home.path("archive.toml"), text).unwrap();
        home.streams("archive run --config archive.toml --store s.db").expect_error(words);
    }
}

#[test]
fn nothing_private_goes_where_anybody_can_read_it() {
    let home = Home::new();
    home.streams("key new").expect(0);
    home.streams("new example.org/diary --out diary.streams").expect(0);
    let public = "archive run --once --store s.db --to ipfs:http://127.0.0.1:1";
    home.streams("import file diary.streams --store s.db").expect(0);
    home.streams(public).expect(1);
    home.streams("policy deny diary.streams --action read").expect(0);
    home.streams("import file diary.streams --store s.db").expect(0);
    home.streams(public).expect_error("--public");
    home.streams("archive run --once --store s.db --to attic").expect(0);
    home.streams(&format!("{public} --public")).expect(1);
}

#[test]
fn what_cannot_be_is_told() {
    let home = Home::new();
    home.streams("archive run --to attic --store none.db").expect_error("there is no store");
    home.history("notes", 3);
    home.streams("import git notes --store s.db").expect(0);
    home.streams("archive run --store s.db").expect_usage("--to");
    home.streams("archive run --to ftp://example.org --store s.db").expect_usage("is no place that is known");
    home.streams("archive run --to pin:https://example.org --store s.db").expect_error("STREAMS_PINNING_TOKEN");
    home.streams("archive run --to command:/nowhere/at/all --store s.db").expect_error("cannot be run");
    let none = home.streams("archive status --store s.db").expect(1);
    assert!(none.contains("streams archive run --to"), "{none}");
}
