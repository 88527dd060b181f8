//! The API from the command line: a server, and whoever asks one.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use serde_json::json;
use streams_archive::api::address::Address;
use streams_archive::api::client::{Client, ClientError};
use streams_archive::api::server::Server;
use streams_archive::api::{Appended, Refusal};
use streams_core::object::header::types;
use streams_core::{Draft, Map, ObjectId, StreamId, VerifyingKey};
use tokio::net::TcpListener;

use super::Acting;
use super::members::{Invited, author};
use crate::key;
use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, WARN, paint};
use crate::peer::{SystemClock, asked_to_end, now};
use crate::show;
use crate::store::wait;
use crate::write::{read_data, whole};

/// Streams over HTTP.
#[derive(Subcommand)]
pub enum Api {
    /// Serve a store
    Serve(Serve),
    /// List the streams of a server, or the objects of one; or show an object
    Get(Get),
    /// Sign an object, and append it to a stream of a server
    Append(Append),
    /// Ask for access to a stream of a server
    Ask(Ask),
    /// List who asked for access, and has no answer yet
    Asks(Asks),
    /// Let somebody read or write; so one says yes
    Invite(Invite),
    /// Let somebody read and write no more; so one says no
    Remove(Remove),
}

/// `streams api`.
pub fn api(command: &Api, out: &mut dyn Write) -> Result<bool> {
    match command {
        Api::Serve(args) => serve(args, out),
        Api::Get(args) => get(args, out),
        Api::Append(args) => append(args, out),
        Api::Ask(args) => ask(args, out),
        Api::Asks(args) => asks(args, out),
        Api::Invite(args) => invite(args, out),
        Api::Remove(args) => remove(args, out),
    }
}

/// Serves a store over HTTP.
#[derive(clap::Args)]
#[command(
    after_help = "Each request is signed by whoever makes it, and who may read or write a stream is a matter of its \
rules alone. The address that is told has the key of the server: it is what others need, with --at.

HTTP is not encrypted. To serve others than this machine, put a server with a certificate in front of it, which passes \
paths on as they are; --allow-plain serves without.

Ctrl-C ends it in order.

Examples:
  streams api serve
  streams api serve --listen 127.0.0.1:8080 --store shared.db --key server.key"
)]
pub struct Serve {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7712")]
    listen: SocketAddr,
    /// Let requests and answers leave this machine without encryption: whoever is on the way reads them. Nobody can
    /// change or repeat a request
    #[arg(long, display_order = 92)]
    allow_plain: bool,
    #[command(flatten)]
    acting: Acting,
}

/// Who asks, and where.
#[derive(clap::Args)]
pub struct Asking {
    /// The server, as `streams api serve` tells it: http://KEY@HOST:PORT
    #[arg(long, value_name = "URL")]
    at: Address,
    /// The key to sign with; by default that of `streams key new`
    #[arg(long, value_name = "KEYFILE", display_order = 90)]
    key: Option<PathBuf>,
    /// Print JSON
    #[arg(long, display_order = 91)]
    json: bool,
    /// Let requests and answers leave this machine without encryption: whoever is on the way reads them
    #[arg(long, display_order = 92)]
    allow_plain: bool,
}

/// Reads.
#[derive(clap::Args)]
#[command(
    after_help = "All that comes is verified here: signatures, rules, order. With --out, a stream is written into a \
file, which `streams log`, `streams why` and others read.

Examples:
  streams api get --at http://z6Mk…@127.0.0.1:7712
  streams api get bafyr4i… --at http://z6Mk…@127.0.0.1:7712 --json | jq -r .type
  streams api get bafyr4i… --at http://z6Mk…@127.0.0.1:7712 --out notes.streams"
)]
pub struct Get {
    /// The stream: its whole id; without one, the streams that the key may read are listed
    #[arg(value_name = "STREAM")]
    stream: Option<StreamId>,
    /// An object of it: its whole id
    #[arg(value_name = "ID")]
    id: Option<ObjectId>,
    /// Write the stream into this file; one that exists is never overwritten
    #[arg(long, value_name = "FILE", requires = "stream", conflicts_with = "id")]
    out: Option<PathBuf>,
    #[command(flatten)]
    asking: Asking,
}

/// Appends an object.
#[derive(clap::Args)]
#[command(
    after_help = "The server tells what to cite; the object is signed here. An object that its author may not write \
is refused, or void.

Examples:
  streams api append bafyr4i… example.org/list.Added --data '{\"item:s\": \"milk\"}' --at http://z6Mk…@127.0.0.1:7712"
)]
pub struct Append {
    /// The stream: its whole id
    #[arg(value_name = "STREAM")]
    stream: StreamId,
    /// The type of the object, as example.org/list.Added
    #[arg(value_name = "TYPE")]
    r#type: String,
    /// The content, as JSON
    #[arg(long, value_name = "JSON")]
    data: Option<String>,
    #[command(flatten)]
    asking: Asking,
}

/// Asks for access.
#[derive(clap::Args)]
#[command(
    after_help = "Whoever governs the stream sees the key and the note with `streams api asks`. The answer is a rule \
in the stream: `streams api get` tells.

Examples:
  streams api ask bafyr4i… --note 'Bob, of the library' --at http://z6Mk…@127.0.0.1:7712"
)]
pub struct Ask {
    /// The stream: its whole id
    #[arg(value_name = "STREAM")]
    stream: StreamId,
    /// Why, for whoever decides
    #[arg(long, value_name = "TEXT")]
    note: String,
    #[command(flatten)]
    asking: Asking,
}

/// Lists who asked.
#[derive(clap::Args)]
#[command(after_help = "`streams api invite` says yes, `streams api remove` says no: either is a rule, signed here.

Examples:
  streams api asks bafyr4i… --at http://z6Mk…@127.0.0.1:7712")]
pub struct Asks {
    /// The stream: its whole id
    #[arg(value_name = "STREAM")]
    stream: StreamId,
    #[command(flatten)]
    asking: Asking,
}

/// Lets somebody read or write.
#[derive(clap::Args)]
#[command(after_help = "A removal of the same key is taken back.

Examples:
  streams api invite bafyr4i… z6Mk… --write --at http://z6Mk…@127.0.0.1:7712")]
pub struct Invite {
    /// The stream: its whole id
    #[arg(value_name = "STREAM")]
    stream: StreamId,
    #[command(flatten)]
    invited: Invited,
    #[command(flatten)]
    asking: Asking,
}

/// Lets somebody read and write no more.
#[derive(clap::Args)]
#[command(after_help = "What the key wrote before stays; what it read, it has.

Examples:
  streams api remove bafyr4i… z6Mk… --at http://z6Mk…@127.0.0.1:7712")]
pub struct Remove {
    /// The stream: its whole id
    #[arg(value_name = "STREAM")]
    stream: StreamId,
    /// The key of whom to remove
    #[arg(value_name = "AUTHOR", value_parser = author)]
    author: VerifyingKey,
    #[command(flatten)]
    asking: Asking,
}

/// `streams api serve`.
pub fn serve(args: &Serve, out: &mut dyn Write) -> Result<bool> {
    ensure!(
        args.allow_plain || args.listen.ip().is_loopback(),
        "HTTP is not encrypted: listen at 127.0.0.1, with a server with a certificate in front, or let it leave this \
         machine with --allow-plain"
    );
    let desk = args.acting.create()?;
    let own = desk.key.verifying_key();
    let server = Server::new(desk.store.node(), own, Arc::new(SystemClock));
    wait(async {
        let listener = TcpListener::bind(args.listen).await;
        let listener = listener.with_context(|| format!("cannot listen at {}", args.listen))?;
        let address = format!("http://{own}@{}", listener.local_addr()?);
        match args.acting.json {
            true => writeln!(out, "{}", json!({"listening": address, "key": own}))?,
            false => writeln!(out, "listening at {}", paint(ID, address))?,
        }
        out.flush()?;
        let end = async {
            // Where nobody can ask it to end, it is ended by force alone.
            if asked_to_end().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        server.serve(listener, end).await.context("the server ended")
    })?;
    Ok(true)
}

impl Asking {
    fn client(&self) -> Result<Client> {
        ensure!(
            self.allow_plain || self.at.is_safe(),
            "{} is not encrypted: use https, or let it leave this machine with --allow-plain",
            self.at
        );
        Ok(Client::new(self.at.clone(), key::read(self.key.as_deref())?, Arc::new(SystemClock))?)
    }

    /// What came of asking; where the server refused, tells so, and what to do.
    fn told<T>(
        &self,
        answer: Result<T, ClientError>,
        out: &mut dyn Write,
        tell: impl FnOnce(T, &mut dyn Write) -> Result<bool>,
    ) -> Result<bool> {
        let refusal = match answer {
            Ok(answer) => return tell(answer, out),
            Err(ClientError::Refused(refusal)) => refusal,
            Err(error @ ClientError::Unreachable { .. }) => {
                return Err(anyhow::Error::from(error).context("`streams api serve` makes a server"));
            }
            Err(error) => return Err(error.into()),
        };
        let Refusal { code, sentence, .. } = *refusal;
        if self.json {
            writeln!(out, "{}", json!({"code": code, "sentence": sentence}))?;
            return Ok(false);
        }
        let (code, sentence) = (paint::plain(&code), paint::plain(&sentence));
        writeln!(out, "{} {}  {}", paint(BAD, "✗"), paint(BAD.bold(), "refused"), paint(BOLD, &code))?;
        writeln!(out, "  {sentence}")?;
        let advice = match code.as_str() {
            "denied" | "not-authorized" => "`streams api ask` asks whoever governs the stream.",
            "unknown" => "`streams api get` lists what the server has for you.",
            "wrong-audience" => "The address has the key of another server; `streams api serve` tells its own.",
            _ => return Ok(false),
        };
        writeln!(out, "  {}", paint(DIM, advice))?;
        Ok(false)
    }

    fn appended(&self, what: &str, answer: Result<Appended, ClientError>, out: &mut dyn Write) -> Result<bool> {
        self.told(answer, out, |appended, out| {
            let Appended { id, effective, verdict, .. } = &appended;
            if self.json {
                writeln!(out, "{}", serde_json::to_string(&appended)?)?;
            } else if *effective {
                writeln!(out, "{} {what}  {}", paint(GOOD, "✓"), paint(ID, id))?;
            } else {
                let why = paint(BOLD, paint::plain(verdict));
                writeln!(out, "{} {}  {why}", paint(BAD, "✗"), paint(BAD.bold(), "it is there, and void"))?;
                writeln!(out, "  {}", paint(ID, id))?;
            }
            Ok(*effective)
        })
    }
}

/// `streams api get`.
pub fn get(args: &Get, out: &mut dyn Write) -> Result<bool> {
    let (asking, client) = (&args.asking, args.asking.client()?);
    match (args.stream, args.id) {
        (None, _) => asking.told(wait(client.streams()), out, |streams, out| {
            for stream in &streams {
                if asking.json {
                    writeln!(out, "{}", serde_json::to_string(stream)?)?;
                    continue;
                }
                let objects = paint::count(stream.objects as usize, "object");
                let r#type = paint(BOLD, paint::clip(&stream.r#type, 60));
                writeln!(out, "{}  {type}  {objects}, of {}", paint(ID, stream.stream), paint::author(&stream.owner))?;
            }
            if streams.is_empty() && !asking.json {
                writeln!(out, "{}", paint(DIM, "There is nothing that this key may read."))?;
            }
            Ok(true)
        }),
        (Some(stream), Some(id)) => asking.told(wait(client.object(stream, id)), out, |object, out| {
            writeln!(out, "{}", object.object().to_json_pretty()?)?;
            Ok(true)
        }),
        (Some(stream), None) => {
            if let Some(file) = &args.out {
                ensure!(!file.exists(), "{} exists, and is never overwritten; choose another", file.display());
            }
            let bar = paint::spinner("receiving");
            let copied = wait(client.copy(stream, |objects| bar.inc(objects as u64)));
            bar.finish_and_clear();
            asking.told(copied, out, |copy, out| {
                match &args.out {
                    Some(file) => {
                        let (objects, bytes) = (copy.stream.len(), whole(file, &copy.stream)?);
                        if asking.json {
                            writeln!(out, "{}", json!({"file": file, "objects": objects, "bytes": bytes}))?;
                        } else {
                            let (objects, size) = (paint::count(objects, "object"), paint::size(bytes));
                            writeln!(out, "{} {}: {objects}, {size}", paint(GOOD, "✓"), file.display())?;
                        }
                    }
                    None => show::lines(&copy.stream, copy.stream.order(), asking.json, out)?,
                }
                for (id, reason) in &copy.rejected {
                    let text = format!("{} is not taken in: {reason}", paint::prefix(id));
                    anstream::eprintln!("{}", paint(WARN, paint::plain(&text)));
                }
                Ok(copy.rejected.is_empty())
            })
        }
    }
}

/// `streams api append`.
pub fn append(args: &Append, out: &mut dyn Write) -> Result<bool> {
    let client = args.asking.client()?;
    ensure!(
        !args.r#type.starts_with(types::PREFIX),
        "{} is a type of Streams itself: `streams api invite` and `streams api remove` write rules",
        args.r#type
    );
    let data: Option<Map> = args.data.as_deref().map(read_data).transpose()?;
    let draft = |edges| {
        let draft = Draft::event(&args.r#type, edges);
        data.map_or(draft.clone(), |data| draft.data(data))
    };
    args.asking.appended("appended", wait(client.append(args.stream, draft)), out)
}

/// `streams api ask`.
pub fn ask(args: &Ask, out: &mut dyn Write) -> Result<bool> {
    let asked = wait(args.asking.client()?.ask(args.stream, &args.note));
    args.asking.told(asked, out, |(), out| {
        match args.asking.json {
            true => writeln!(out, "{}", json!({"asked": args.stream}))?,
            false => {
                let stream = paint(ID, paint::short(args.stream));
                writeln!(out, "{} asked for access to {stream}; try again when somebody said yes", paint(GOOD, "✓"))?;
            }
        }
        Ok(true)
    })
}

/// `streams api asks`.
pub fn asks(args: &Asks, out: &mut dyn Write) -> Result<bool> {
    let asks = wait(args.asking.client()?.asks(args.stream));
    let now = now()?;
    args.asking.told(asks, out, |asks, out| {
        for asked in &asks {
            if args.asking.json {
                writeln!(out, "{}", serde_json::to_string(asked)?)?;
                continue;
            }
            let (key, when) = (paint(ID, asked.key), paint(DIM, paint::ago(asked.at, now)));
            writeln!(out, "{key}  {when}\n  {}", paint::plain(&asked.note))?;
        }
        if asks.is_empty() && !args.asking.json {
            writeln!(io::stderr(), "Nobody waits for an answer.")?;
        }
        Ok(true)
    })
}

/// `streams api invite`.
pub fn invite(args: &Invite, out: &mut dyn Write) -> Result<bool> {
    let (author, role) = (args.invited.author, args.invited.role());
    let invited = wait(args.asking.client()?.invite(args.stream, &author, role));
    let text = format!("{} is a {} of {}", paint::short(author), role.as_str(), paint::short(args.stream));
    args.asking.appended(&text, invited, out)
}

/// `streams api remove`.
pub fn remove(args: &Remove, out: &mut dyn Write) -> Result<bool> {
    let removed = wait(args.asking.client()?.remove(args.stream, &args.author));
    let text = format!("{} is removed from {}", paint::short(args.author), paint::short(args.stream));
    args.asking.appended(&text, removed, out)
}
