//! An archiver that is a program: it takes a file, and prints a receipt in JSON. So a service plugs in that has a client
//! for the command line, and no library.
//!
//! The program is run with what it is asked as its first argument, and answers with one JSON map on its standard output:
//!
//! | it is run with | and answers |
//! |---|---|
//! | `capabilities` | what it can do, each with what holds without it: `{"copies": 1, "recovery": "neither", "fetches": false, "typical": 0, "priced": false, "public": true, "releases": false, "least": 0, "most": 1099511627776}` |
//! | `submit FILE` | `{"ticket": "…"}` |
//! | `status TICKET` | `{"state": "pending", "phase": "sealing"}`, `{"state": "active", "copies": [{"at": "f01234", "evidence": "deal 77"}], "until": 1900000000000, "failures": []}`, `{"state": "failed", "error": "rejected", "message": "…"}`, `{"state": "gone", "why": "expired"}` (or `lost`, `damaged`), `{"state": "unknown"}` |
//! | `fetch TICKET FILE` | `{}`, when it has written the bytes into the file; only where it `fetches` |
//! | `find KEY` | `{"ticket": "…"}`, or `{"ticket": null}`; only where its recovery is `find` |
//! | `release TICKET` | `{"released": "now"}`, when nothing is kept for this key any more (so does an error `missing`), or `{"released": "ends", "until": 1900000000000}`, where it ends by itself (without `until`, when the place's own rules say so). Without a ticket, what may have been submitted under `STREAMS_KEY`. Only where it `releases` |
//! | `quote` | `{"amount": 7, "unit": "…"}`; only where it is `priced` |
//! | `list` | `{"packs": [{"ticket": "…", "size": 123}]}`; or an error `unsupported` |
//!
//! Where something is submitted, quoted or released, the environment tells the rest: `STREAMS_KEY` (64 digits; `repeat`
//! means that the same key gives the same ticket), `STREAMS_STREAM` and `STREAMS_PACK` (ids), `STREAMS_DIGEST` (BLAKE3, 64
//! digits), `STREAMS_SIZE` (bytes); and of what is asked for, `STREAMS_COPIES`, and `STREAMS_RENEWS` (a ticket), if it takes
//! over from another deal. Nothing that is released takes anything away from another key.
//!
//! A program that fails ends with another exit code than 0, and `{"error": "unfunded", "message": "…", "after": 60000}`:
//! a code of [`FailureKind`], a sentence, and if it is known in how many milliseconds to come again. Without that, nobody
//! knows whether it did anything, and the message is the last line of its standard error.
//!
//! `examples/folder.sh` is a whole one.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use serde::Deserialize;
use streams_core::archiver::{
    Archiver, ArchiverError, Body, Capabilities, Copy, Failure, FailureKind, Gone, Held, Pack, Price, Recovery,
    Released, Request, Status, SubmissionKey, Ticket,
};
use tempfile::NamedTempFile;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::sync::Mutex;

/// How long a program may take, unless [`CommandArchiver::with_limit`] tells: 10 minutes.
pub const DEFAULT_LIMIT: Duration = Duration::from_secs(600);

/// How much it may print.
const MOST_PRINTED: u64 = 16 << 20;

/// How many bytes are copied at once.
const PIECE: usize = 1 << 20;

/// An archiver that is a program. It wants a Tokio runtime.
#[derive(Debug)]
pub struct CommandArchiver {
    id: String,
    command: Vec<OsString>,
    capabilities: Capabilities,
    limit: Duration,
    /// The last pack that was fetched: it is read piece by piece, and the program gives it whole.
    fetched: Mutex<Option<(Ticket, NamedTempFile)>>,
}

/// What a program says that it can do.
#[derive(Deserialize)]
#[serde(default)]
struct Can {
    least: u64,
    most: u64,
    copies: u16,
    typical: u64,
    recovery: String,
    priced: bool,
    fetches: bool,
    public: bool,
    releases: bool,
}

impl Default for Can {
    fn default() -> Self {
        Self {
            least: 0,
            most: 1 << 40,
            copies: 1,
            typical: 0,
            recovery: "neither".into(),
            priced: false,
            fetches: false,
            public: true,
            releases: false,
        }
    }
}

#[derive(Deserialize)]
struct Submitted {
    ticket: String,
}

#[derive(Deserialize)]
struct Found {
    ticket: Option<String>,
}

#[derive(Deserialize)]
struct Quoted {
    amount: u64,
    unit: String,
}

#[derive(Deserialize)]
#[serde(tag = "released", rename_all = "lowercase")]
enum ToldReleased {
    Now,
    Ends { until: Option<u64> },
}

#[derive(Deserialize)]
struct Listed {
    packs: Vec<ListedPack>,
}

#[derive(Deserialize)]
struct ListedPack {
    ticket: String,
    size: u64,
}

#[derive(Deserialize)]
struct Done {}

#[derive(Deserialize)]
struct Failed {
    error: String,
    #[serde(default)]
    message: String,
    after: Option<u64>,
}

#[derive(Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
enum Told {
    Pending {
        #[serde(default)]
        phase: String,
    },
    Active {
        copies: Vec<ToldCopy>,
        until: Option<u64>,
        #[serde(default)]
        failures: Vec<String>,
    },
    Failed(Failed),
    Gone {
        why: String,
    },
    Unknown,
}

#[derive(Deserialize)]
struct ToldCopy {
    at: String,
    evidence: Option<String>,
}

impl CommandArchiver {
    /// The archiver that a program is, with arguments that stand before all others. It is asked what it can do.
    ///
    /// The id stands in receipts: it says which service this is, for ever, and not where its program lies today.
    pub async fn open(
        id: impl Into<String>,
        command: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<Self, ArchiverError> {
        let command: Vec<OsString> = command.into_iter().map(Into::into).collect();
        if command.is_empty() {
            return Err(ArchiverError::new(FailureKind::Rejected, "there is no program to be run"));
        }
        let (least, most) = (0, 0);
        let capabilities = Capabilities {
            unit: least..=most,
            copies: 1,
            typical: 0,
            recovery: Recovery::Neither,
            priced: false,
            fetches: false,
            public: true,
            releases: false,
        };
        let fetched = Mutex::new(None);
        let mut archiver = Self { id: id.into(), command, capabilities, limit: DEFAULT_LIMIT, fetched };
        let can: Can = archiver.run(&["capabilities".as_ref()], &[]).await?;
        let recovery = match can.recovery.as_str() {
            "repeat" => Recovery::Repeat,
            "find" => Recovery::Find,
            "neither" => Recovery::Neither,
            other => return Err(archiver.odd(&format!("a recovery of {other:?}"))),
        };
        if can.copies == 0 {
            return Err(archiver.odd("that it makes no copies"));
        }
        archiver.capabilities = Capabilities {
            unit: can.least..=can.most,
            copies: can.copies,
            typical: can.typical,
            recovery,
            priced: can.priced,
            fetches: can.fetches,
            public: can.public,
            releases: can.releases,
        };
        Ok(archiver)
    }

    /// With another limit for how long a run of the program may take.
    pub fn with_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    fn program(&self) -> std::path::Display<'_> {
        Path::new(&self.command[0]).display()
    }

    fn odd(&self, what: &str) -> ArchiverError {
        ArchiverError::new(FailureKind::Other, format!("{} answers {what}", self.program()))
    }

    /// Runs the program, and reads its answer.
    async fn run<T: for<'a> Deserialize<'a>>(
        &self,
        arguments: &[&std::ffi::OsStr],
        environment: &[(&str, String)],
    ) -> Result<T, ArchiverError> {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).args(arguments).envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| {
            let text = format!("{} cannot be run: {error}", self.program());
            ArchiverError::new(FailureKind::Unsupported, text).because(error)
        })?;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let stdout = child.stdout.take().map(|pipe| pipe.take(MOST_PRINTED));
        let stderr = child.stderr.take().map(|pipe| pipe.take(MOST_PRINTED));
        let (Some(mut stdout), Some(mut stderr)) = (stdout, stderr) else { unreachable!("both are pipes") };
        let read = async {
            // Both at once: a program that prints much to one would wait for ever for the other to be read.
            let (read, also) = tokio::join!(stdout.read_to_end(&mut out), stderr.read_to_end(&mut err));
            read.and(also)?;
            drop((stdout, stderr));
            child.wait().await
        };
        let ended = tokio::time::timeout(self.limit, read).await.map_err(|_| {
            let text = format!("{} took longer than {} s", self.program(), self.limit.as_secs());
            ArchiverError::new(FailureKind::Unreachable, text)
        })?;
        let status = ended.map_err(|error| {
            ArchiverError::new(FailureKind::Other, format!("{}: {error}", self.program())).because(error)
        })?;
        if status.success() {
            return serde_json::from_slice(&out)
                .map_err(|error| self.odd(&format!("no JSON that was asked for: {error}")).because(error));
        }
        if let Ok(failed) = serde_json::from_slice::<Failed>(&out) {
            let failure = failed.into_failure();
            let error = ArchiverError::new(failure.kind, failure.message);
            return Err(match failure.after {
                Some(after) => error.after(after),
                None => error,
            });
        }
        let said = String::from_utf8_lossy(&err);
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing");
        Err(ArchiverError::new(FailureKind::Other, format!("{} ended with {status}, and said: {last}", self.program())))
    }

    /// A file with the bytes of a pack, which are compared with it.
    async fn file(&self, request: &Request, body: &dyn Body) -> Result<NamedTempFile, ArchiverError> {
        let mut file =
            tempfile::Builder::new().prefix("pack-").suffix(".car").tempfile().map_err(|error| no_room(&error))?;
        let mut hasher = blake3::Hasher::new();
        let mut at = 0;
        loop {
            let piece = body.read(at, PIECE).await?;
            if piece.is_empty() {
                break;
            }
            at += piece.len() as u64;
            hasher.update(&piece);
            file.write_all(&piece).map_err(|error| no_room(&error))?;
        }
        if at != request.pack.size || *hasher.finalize().as_bytes() != request.pack.digest {
            return Err(ArchiverError::new(FailureKind::Integrity, "the bytes are not those of the pack"));
        }
        Ok(file)
    }

    fn ticket(&self, text: String) -> Result<Ticket, ArchiverError> {
        Ticket::new(text).map_err(|error| self.odd("a ticket that is none").because(error))
    }
}

#[async_trait]
impl Archiver for CommandArchiver {
    fn id(&self) -> &str {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    async fn submit(&self, key: &SubmissionKey, request: &Request, body: &dyn Body) -> Result<Ticket, ArchiverError> {
        let file = self.file(request, body).await?;
        let mut environment = told(request);
        environment.push(key_told(key));
        let arguments = ["submit".as_ref(), file.path().as_os_str()];
        let submitted: Submitted = self.run(&arguments, &environment).await?;
        self.ticket(submitted.ticket)
    }

    async fn status(&self, ticket: &Ticket) -> Result<Status, ArchiverError> {
        Ok(match self.run(&["status".as_ref(), ticket.as_str().as_ref()], &[]).await? {
            Told::Pending { phase } => Status::Pending { phase },
            Told::Active { copies, until, failures } => {
                let copies = copies.into_iter().map(|copy| Copy { at: copy.at, evidence: copy.evidence }).collect();
                Status::Active(Held { copies, until, failures })
            }
            Told::Failed(failed) => Status::Failed(failed.into_failure()),
            Told::Gone { why } => Status::Gone(match why.as_str() {
                "expired" => Gone::Expired,
                "damaged" => Gone::Damaged,
                "lost" => Gone::Lost,
                other => return Err(self.odd(&format!("that a copy is gone, and why: {other:?}"))),
            }),
            Told::Unknown => Status::Unknown,
        })
    }

    async fn fetch(&self, ticket: &Ticket, at: u64, max: usize) -> Result<Vec<u8>, ArchiverError> {
        let mut fetched = self.fetched.lock().await;
        // From the beginning it is asked for anew: what is compared should be what is there now.
        let again = at == 0 || fetched.as_ref().is_none_or(|(of, _)| of != ticket);
        if again {
            let file = NamedTempFile::new().map_err(|error| no_room(&error))?;
            let arguments = ["fetch".as_ref(), ticket.as_str().as_ref(), file.path().as_os_str()];
            let Done {} = self.run(&arguments, &[]).await?;
            *fetched = Some((ticket.clone(), file));
        }
        let Some((_, file)) = &*fetched else { unreachable!("it was fetched") };
        let read = || {
            use std::io::{Read, Seek, SeekFrom};
            // The program may have put another file into its place.
            let mut file = std::fs::File::open(file.path())?;
            file.seek(SeekFrom::Start(at))?;
            let mut bytes = Vec::new();
            file.take(max as u64).read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>(bytes)
        };
        let bytes = read().map_err(|error| no_room(&error))?;
        if bytes.len() < max {
            *fetched = None;
        }
        Ok(bytes)
    }

    async fn find(&self, key: &SubmissionKey) -> Result<Option<Ticket>, ArchiverError> {
        let found: Found = self.run(&["find".as_ref(), key.to_string().as_ref()], &[]).await?;
        found.ticket.map(|ticket| self.ticket(ticket)).transpose()
    }

    async fn release(
        &self,
        key: &SubmissionKey,
        pack: &Pack,
        ticket: Option<&Ticket>,
    ) -> Result<Released, ArchiverError> {
        if !self.capabilities.releases {
            return Err(ArchiverError::unsupported(format!("{} takes nothing away", self.program())));
        }
        let mut environment = pack_told(pack);
        environment.push(key_told(key));
        let arguments = ["release".as_ref()].into_iter().chain(ticket.map(|ticket| ticket.as_str().as_ref()));
        match self.run(&arguments.collect::<Vec<_>>(), &environment).await {
            Ok(ToldReleased::Now) => Ok(Released::Now),
            Ok(ToldReleased::Ends { until }) => Ok(Released::Ends(until)),
            // A program may say so of what is not there any more.
            Err(error) if error.kind() == FailureKind::Missing => Ok(Released::Now),
            Err(error) => Err(error),
        }
    }

    async fn quote(&self, request: &Request) -> Result<Price, ArchiverError> {
        let quoted: Quoted = self.run(&["quote".as_ref()], &told(request)).await?;
        Ok(Price { amount: quoted.amount, unit: quoted.unit })
    }

    async fn list(&self, after: Option<&Ticket>, limit: usize) -> Result<Vec<(Ticket, u64)>, ArchiverError> {
        let listed: Listed = self.run(&["list".as_ref()], &[]).await?;
        let packs = listed.packs.into_iter().map(|pack| Ok((self.ticket(pack.ticket)?, pack.size)));
        let mut packs = packs.collect::<Result<Vec<_>, ArchiverError>>()?;
        packs.retain(|(ticket, _)| after.is_none_or(|after| ticket > after));
        packs.sort();
        packs.truncate(limit);
        Ok(packs)
    }
}

fn key_told(key: &SubmissionKey) -> (&'static str, String) {
    ("STREAMS_KEY", key.to_string())
}

/// What a program is told of a pack.
fn pack_told(pack: &Pack) -> Vec<(&'static str, String)> {
    vec![
        ("STREAMS_STREAM", pack.stream.to_string()),
        ("STREAMS_PACK", pack.id.to_string()),
        ("STREAMS_DIGEST", HEXLOWER.encode(&pack.digest)),
        ("STREAMS_SIZE", pack.size.to_string()),
    ]
}

/// What a program is told of a request.
fn told(request: &Request) -> Vec<(&'static str, String)> {
    let mut environment = pack_told(&request.pack);
    environment.push(("STREAMS_COPIES", request.copies.to_string()));
    environment.extend(request.renews.as_ref().map(|ticket| ("STREAMS_RENEWS", ticket.to_string())));
    environment
}

impl Failed {
    fn into_failure(self) -> Failure {
        let kind = FailureKind::from_code(&self.error).unwrap_or(FailureKind::Other);
        let message = if self.message.is_empty() { self.error } else { self.message };
        Failure { after: self.after, ..Failure::new(kind, message) }
    }
}

/// What fails on this machine's disk was not handed over to anybody.
fn no_room(error: &std::io::Error) -> ArchiverError {
    ArchiverError::new(FailureKind::Missing, format!("a file in the folder for temporary files: {error}"))
}
