//! Real programs as archivers: small ones, for the shell.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use streams_command::CommandArchiver;
use streams_core::archiver::{
    Archiver, FailureKind, Gone, Pack, Recovery, Released, Request, Status, SubmissionKey, Ticket,
};
use streams_core::conformance::archiver::conforms;
use streams_core::{ObjectId, SigningKey};

fn folder_program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/folder.sh")
}

#[tokio::test]
async fn the_example_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let packs = folder.path().join("with a space");
    let command = [folder_program().into_os_string(), packs.into_os_string()];
    let archiver = CommandArchiver::open("the example", command).await.unwrap();
    assert_eq!(archiver.capabilities().recovery, Recovery::Repeat);
    conforms(Arc::new(archiver), async || ()).await;
}

/// An archiver whose program is this text for the shell.
async fn script(text: &str) -> Result<CommandArchiver, streams_core::archiver::ArchiverError> {
    CommandArchiver::open("script", ["sh", "-c", text, "script"]).await
}

fn pack(bytes: &[u8]) -> Pack {
    let id = ObjectId::of_block(b"a stream");
    Pack { stream: id, id, digest: *ObjectId::of_block(bytes).as_bytes(), size: bytes.len() as u64 }
}

fn key() -> SubmissionKey {
    SubmissionKey::derive(&SigningKey::from_bytes([1; 32]).verifying_key(), &pack(b"x"), "script", [0, 0])
}

async fn status_of(answer: &str) -> Result<Status, streams_core::archiver::ArchiverError> {
    let text = format!("case $1 in capabilities) echo '{{}}' ;; *) {answer} ;; esac");
    script(&text).await.unwrap().status(&Ticket::new("t").unwrap()).await
}

#[tokio::test]
async fn every_state_is_understood() {
    let echo = |json: &str| format!("echo '{json}'");
    let status = async |json: &str| status_of(&echo(json)).await.unwrap();
    assert_eq!(
        status(r#"{"state": "pending", "phase": "sealing"}"#).await,
        Status::Pending { phase: "sealing".into() }
    );
    assert_eq!(status(r#"{"state": "unknown"}"#).await, Status::Unknown);
    assert_eq!(status(r#"{"state": "gone", "why": "expired"}"#).await, Status::Gone(Gone::Expired));
    let Status::Active(held) = status(
        r#"{"state": "active", "copies": [{"at": "f01", "evidence": "deal 7"}], "until": 9, "failures": ["f02: no"]}"#,
    )
    .await
    else {
        panic!("it is active")
    };
    assert_eq!((held.copies[0].at.as_str(), held.until, held.failures.len()), ("f01", Some(9), 1));
    let Status::Failed(failure) = status(r#"{"state": "failed", "error": "rejected", "message": "too cheap"}"#).await
    else {
        panic!("it failed")
    };
    assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Rejected, "too cheap"));
}

#[tokio::test]
async fn what_is_released_is_told_by_its_ticket_and_its_key() {
    let released = async |answer: &str, ticket: Option<&str>| {
        let text =
            format!("case $1 in capabilities) echo '{{\"releases\": true}}' ;; release) {answer} ;; *) exit 1 ;; esac");
        let archiver = script(&text).await.unwrap();
        let ticket = ticket.map(|ticket| Ticket::new(ticket).unwrap());
        archiver.release(&key(), &pack(b"x"), ticket.as_ref()).await
    };
    let now = r#"echo '{"released": "now"}'"#;
    assert_eq!(released(now, None).await.unwrap(), Released::Now);
    let ends = r#"echo '{"released": "ends", "until": 1900000000000}'"#;
    assert_eq!(released(ends, Some("7")).await.unwrap(), Released::Ends(Some(1_900_000_000_000)));
    let sometime = r#"echo '{"released": "ends"}'"#;
    assert_eq!(released(sometime, Some("7")).await.unwrap(), Released::Ends(None));
    // The ticket is its second argument, if there is one; the environment tells the rest.
    let told = format!(r#"test "$#-$2-$STREAMS_KEY-$STREAMS_SIZE" = "2-7-{}-1" && {now}"#, key());
    assert_eq!(released(&told, Some("7")).await.unwrap(), Released::Now);
    let untold = format!(r#"test "$#" = 1 && {now}"#);
    assert_eq!(released(&untold, None).await.unwrap(), Released::Now);
    for odd in [r#"echo '{"released": "perhaps"}'"#, "echo '{}'", "exit 1"] {
        assert_eq!(released(odd, None).await.unwrap_err().kind(), FailureKind::Other, "{odd}");
    }
    let refused = r#"echo '{"error": "conflict", "message": "it is on hold"}'; exit 1"#;
    assert_eq!(released(refused, None).await.unwrap_err().kind(), FailureKind::Conflict);
    let missing = r#"echo '{"error": "missing", "message": "there is no such deal"}'; exit 1"#;
    assert_eq!(released(missing, Some("7")).await.unwrap(), Released::Now);
    // Who does not say that it can is not asked.
    let cannot = script("case $1 in capabilities) echo '{}' ;; *) exit 7 ;; esac").await.unwrap();
    assert_eq!(cannot.release(&key(), &pack(b"x"), None).await.unwrap_err().kind(), FailureKind::Unsupported);
}

#[tokio::test]
async fn a_program_that_fails_says_how_and_otherwise_nothing_is_known() {
    let said = status_of(r#"echo '{"error": "rate-limited", "message": "slowly", "after": 5000}'; exit 3"#).await;
    let failure = said.unwrap_err().failure().clone();
    assert_eq!(
        (failure.kind, failure.message.as_str(), failure.after),
        (FailureKind::RateLimited, "slowly", Some(5000))
    );
    for (answer, kind, part) in [
        ("echo oops >&2; exit 1", FailureKind::Other, "oops"),
        ("exit 1", FailureKind::Other, "nothing"),
        ("echo no JSON", FailureKind::Other, "JSON"),
        (r#"echo '{"state": "gone", "why": "bored"}'"#, FailureKind::Other, "bored"),
        (r#"echo '{"error": "what is this"}'; exit 1"#, FailureKind::Other, "what is this"),
        ("kill -9 $$", FailureKind::Other, "signal"),
    ] {
        let error = status_of(answer).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{answer}");
        assert!(error.to_string().contains(part), "{answer}: {error}");
        assert!(error.kind().may_have_arrived(), "{answer}");
    }
    let none = CommandArchiver::open("none", ["/nowhere/at/all"]).await.unwrap_err();
    assert_eq!(none.kind(), FailureKind::Unsupported);
    for wrong in [r#"{"recovery": "pray"}"#, r#"{"copies": 0}"#, "7"] {
        assert!(script(&format!("echo '{wrong}'")).await.is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_program_that_hangs_is_ended() {
    let text = "case $1 in capabilities) echo '{}' ;; *) exec sleep 60 ;; esac";
    let archiver = script(text).await.unwrap().with_limit(Duration::from_millis(300));
    let begun = Instant::now();
    let error = archiver.status(&Ticket::new("t").unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unreachable);
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_program_that_prints_much_to_either_side_is_heard_out() {
    let much =
        "i=0; while [ $i -lt 3000 ]; do echo 'a line of the standard error, which is long' >&2; i=$((i+1)); done";
    let status = status_of(&format!("{much}; echo '{{\"state\": \"unknown\"}}'")).await;
    assert_eq!(status.unwrap(), Status::Unknown);
}

#[tokio::test]
async fn the_environment_tells_what_is_submitted() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let text = format!(
        "case $1 in capabilities) echo '{{}}' ;; *) env | grep ^STREAMS_ | sort > {}; cat \"$2\" >> {0}; \
         echo '{{\"ticket\": \"7\"}}' ;; esac",
        out.display()
    );
    let archiver = script(&text).await.unwrap();
    let bytes = b"the bytes".to_vec();
    let request = Request { pack: pack(&bytes), copies: 2, renews: Some(Ticket::new("6").unwrap()) };
    assert_eq!(archiver.submit(&key(), &request, &bytes).await.unwrap().as_str(), "7");
    let told = std::fs::read_to_string(out).unwrap();
    let key = format!("STREAMS_KEY={}", key());
    for part in
        ["STREAMS_COPIES=2\n", "STREAMS_RENEWS=6\n", "STREAMS_SIZE=9\n", "the bytes", &key, "STREAMS_PACK=bafyr4i"]
    {
        assert!(told.contains(part), "{part} in {told}");
    }
}
