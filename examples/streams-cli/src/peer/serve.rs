//! `streams serve`.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use streams_core::node::peers::Meeting;
use streams_core::sync::handshake::Side;
use streams_core::transport::{Transport, TransportError};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::address::{Address, Listener, identity};
use super::told::Teller;
use super::until::{Until, asked_to_end};
use super::{Meets, SystemClock};
use crate::key;
use crate::paint::{DIM, ID, paint};
use crate::store::{Opened, wait};

/// How long peers that are being served have to come to an end.
const FAREWELL: Duration = Duration::from_secs(3);

const DAY: u64 = 24 * 60 * 60 * 1000;

/// Serves a store to peers.
#[derive(clap::Args)]
#[command(after_help = "Peers prove their keys, and get what the rules of a stream let them read. What they bring of \
the streams that are here is taken in; of other streams with --take-all alone. What goes over the line is encrypted, \
but for ws://, which stays on this machine unless --allow-plain lets it out.

Who may not read a stream may ask for access: a line tells so, and `streams policy allow` grants it. With --promise, \
whoever asks gets it in writing that what is here will be served for so long; not to do so is then evidence.

Ctrl-C ends it in order: peers are told, and the store is closed.

Examples:
  streams serve
  streams serve --listen 0.0.0.0:7700 --listen ws://127.0.0.1:7701/ --store shared.db --take-all
  streams serve --listen wss://0.0.0.0/ --certificate chain.pem --certificate-key key.pem
  streams serve --promise 30 --json | jq 'select(.did == \"asks for access\")'")]
pub struct Serve {
    #[command(flatten)]
    meets: Meets,
    /// Where to listen: HOST:PORT, ws://HOST:PORT/ or wss://HOST:PORT/; may be given again
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7700")]
    listen: Vec<Address>,
    /// Take in streams that are not here, too
    #[arg(long)]
    take_all: bool,
    /// Promise to serve for so many days what is stated to peers
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=3650))]
    promise: Option<u64>,
    /// The certificate of wss, and those that lead from it to a root: a file in PEM
    #[arg(long, value_name = "FILE", requires = "certificate_key")]
    certificate: Option<PathBuf>,
    /// The key of that certificate: a file in PEM
    #[arg(long, value_name = "FILE", requires = "certificate")]
    certificate_key: Option<PathBuf>,
}

/// `streams serve`.
pub fn serve(args: &Serve, out: &mut dyn Write) -> Result<bool> {
    let store = Arc::new(args.meets.on.store.create()?);
    wait(serve_all(args, &store, out))
}

async fn serve_all(args: &Serve, store: &Arc<Opened>, out: &mut dyn Write) -> Result<bool> {
    let as_json = args.meets.on.json;
    let key = key::read(args.meets.key.as_deref())?;
    let author = key.verifying_key();
    let mut accepting = JoinSet::new();
    for address in &args.listen {
        let identity = match (&args.certificate, &args.certificate_key) {
            (Some(certificate), Some(key)) => Some(identity(certificate, key)?),
            _ => None,
        };
        let listener = address.listen(args.meets.allow_plain, identity).await?;
        let address = listener.address()?;
        match as_json {
            true => writeln!(out, "{}", json!({"listening": address.to_string(), "key": author.to_string()}))?,
            false => writeln!(out, "listening at {} as {}", paint(ID, address), paint(ID, author))?,
        }
        accept_next(&mut accepting, listener);
    }
    out.flush()?;
    let (end, ended) = watch::channel(false);
    let mut served = JoinSet::new();
    let mut asked_to_end = std::pin::pin!(asked_to_end());
    loop {
        tokio::select! {
            Some(accepted) = accepting.join_next() => {
                let (listener, accepted) = accepted?;
                accept_next(&mut accepting, listener);
                match accepted {
                    Ok((link, from)) => {
                        let link = Arc::new(Until::new(link, ended.clone()));
                        let meeting = Meeting {
                            takes_unknown: args.take_all,
                            promises: args.promise.map(|days| days * DAY),
                            ..Meeting::new(key.clone(), Side::Answerer, key::random()?, Arc::new(SystemClock))
                        };
                        served.spawn(serve_one(store.clone(), link, from, meeting, as_json));
                    }
                    Err(error) => complain("somebody did not finish the handshake", &error),
                }
            }
            Some(one) = served.join_next() => one?,
            told = &mut asked_to_end => {
                told?;
                break;
            }
        }
    }
    end.send_replace(true);
    let all = async { while served.join_next().await.is_some() {} };
    // Who does not take its leave in time is left.
    let _ = tokio::time::timeout(FAREWELL, all).await;
    served.shutdown().await;
    Ok(true)
}

type Accepted = Result<(Arc<dyn Transport>, Option<SocketAddr>), TransportError>;

fn accept_next(accepting: &mut JoinSet<(Listener, Accepted)>, listener: Listener) {
    accepting.spawn(async move {
        let accepted = listener.accept().await;
        (listener, accepted)
    });
}

async fn serve_one(
    store: Arc<Opened>,
    link: Arc<dyn Transport>,
    from: Option<SocketAddr>,
    meeting: Meeting,
    as_json: bool,
) {
    let place = from.map_or_else(|| "an address that is not known".to_owned(), |from| from.to_string());
    let mut teller = Teller::new(as_json, place.clone());
    let served = store.serve(link, meeting, |event| teller.tell(event)).await;
    teller.tell_rest();
    if let Err(error) = served {
        complain(&place, &error);
    }
}

/// What concerns one peer alone goes to the standard error.
fn complain(who: &str, error: &dyn std::error::Error) {
    anstream::eprintln!("{}", paint(DIM, format!("{who}: {error}")));
}
