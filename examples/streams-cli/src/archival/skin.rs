//! A search application, from the command line.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::json;
use streams_skin::{Skin, web};
use tokio::net::TcpListener;

use super::Acting;
use crate::archive::beside;
use crate::paint::{self, BOLD, DIM, GOOD, ID, WARN, paint};
use crate::peer::asked_to_end;
use crate::store::wait;

/// A page on which items are searched.
#[derive(Subcommand)]
pub enum Skins {
    /// Follow all that the key may read, and serve a page on which it is searched
    Serve(Serve),
}

/// `streams skin`.
pub fn skin(command: &Skins, out: &mut dyn Write) -> Result<bool> {
    let Skins::Serve(args) = command;
    serve(args, out)
}

/// Serves a page on which items are searched.
#[derive(clap::Args)]
#[command(
    after_help = "The index follows all streams of the store that the key may read: new ones join by themselves, \
and one that the key may not read any more leaves. Sealed items are not searched. The index is in the user's folder for \
data, and can be deleted: it is built again.

Whoever reaches the address reads what the key may read, so leave it at 127.0.0.1.

Ctrl-C ends it in order; it may be killed at any moment, too.

Examples:
  streams skin serve
  streams skin serve --listen 127.0.0.1:8080 --store shared.db --key reader.key"
)]
pub struct Serve {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7713")]
    listen: SocketAddr,
    /// The folder of the index
    #[arg(long, value_name = "FOLDER")]
    index: Option<PathBuf>,
    #[command(flatten)]
    acting: Acting,
}

/// `streams skin serve`.
pub fn serve(args: &Serve, out: &mut dyn Write) -> Result<bool> {
    let desk = args.acting.open()?;
    let folder = match &args.index {
        Some(folder) => folder.clone(),
        None => beside("skin", &desk.store)?,
    };
    fs::create_dir_all(&folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    // What it says is in the streams too.
    let unusable = || {
        format!(
            "the index in {} cannot be used: where no other program uses it, remove it, and it is built again",
            folder.display()
        )
    };
    let skin = Skin::open(desk.store.node(), desk.key.verifying_key(), &folder).with_context(unusable)?;
    if !args.listen.ip().is_loopback() {
        anstream::eprintln!("{}", paint(WARN, "Whoever reaches this address reads what your key may read."));
    }
    wait(async {
        let listener = TcpListener::bind(args.listen).await;
        let listener = listener.with_context(|| format!("cannot listen at {}", args.listen))?;
        let address = format!("http://{}", listener.local_addr()?);
        match args.acting.json {
            true => writeln!(out, "{}", json!({"listening": address}))?,
            false => writeln!(out, "search at {}", paint(ID, &address))?,
        }
        out.flush()?;
        let server = tokio::spawn(web::serve(skin.clone(), listener));
        tokio::select! {
            ended = skin.follow() => ended.with_context(unusable),
            ended = server => ended?.context("the server ended"),
            ended = tell(&skin, args.acting.json, out) => ended,
            // Where nobody can ask it to end, it is ended by force alone.
            Ok(()) = asked_to_end() => Ok(()),
        }
    })?;
    Ok(true)
}

/// Tells how far the index is, until it has all, and then no more.
async fn tell(skin: &Skin, as_json: bool, out: &mut dyn Write) -> Result<()> {
    let (began, bar, mut mark) = (Instant::now(), paint::spinner("taking in"), skin.mark());
    let before = mark.borrow().events;
    while !mark.borrow_and_update().is_live {
        mark.changed().await?;
        bar.set_position(mark.borrow().events - before);
    }
    bar.finish_and_clear();
    let (seconds, events) = (began.elapsed().as_secs_f64(), mark.borrow().events - before);
    let items = skin.index.search("", None, [0, 0])?.0;
    let streams = mark.borrow().streams.values().filter(|is_open| **is_open).count();
    if as_json {
        writeln!(out, "{}", json!({"events": events, "items": items, "streams": streams, "seconds": seconds}))?;
    } else {
        let text = format!("{} of {}", paint::count(items, "item"), paint::count(streams, "stream"));
        let took = format!("{} in {seconds:.1} s", paint::count(events as usize, "event"));
        writeln!(out, "{} {}  {}", paint(GOOD, "✓"), paint(BOLD, text), paint(DIM, took))?;
    }
    out.flush()?;
    std::future::pending().await
}
