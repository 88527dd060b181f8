//! What is known of a stream, and its items, from the command line.

use std::io::Write;

use anyhow::{Context, Result};
use serde_json::{Value as Json, json};
use streams_archive::fetch::machine::Phase;
use streams_archive::object::types;
use streams_archive::seal::StreamKey;
use streams_archive::vault::{Reference, Vault};
use streams_archive::{item, service};
use streams_core::store::Scan;

use super::vault::VaultArgs;
use super::{Acting, stream};
use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, WARN, paint};
use crate::peer::now;
use crate::store::wait;

/// How many objects are asked of the store at once.
const PAGE: usize = 256;

/// Tells what is known of a stream.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  streams stream show notes
  streams stream show ada/notes --json")]
pub struct Show {
    /// The stream: SLUG, OWNER/SLUG, or its id
    #[arg(value_name = "STREAM")]
    stream: String,
    #[command(flatten)]
    acting: Acting,
}

/// Lists items.
#[derive(clap::Args)]
#[command(after_help = "The latest come first. Sealed ones are opened where their key is in the vault.

Examples:
  streams stream items notes
  streams stream items notes --find lovelace --limit 5
  streams stream items notes --all --json | jq .title")]
pub struct Items {
    /// The stream: SLUG, OWNER/SLUG, or its id
    #[arg(value_name = "STREAM")]
    stream: String,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    limit: usize,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Those with this in them, in any case of letters
    #[arg(long, value_name = "TEXT")]
    find: Option<String>,
    #[command(flatten)]
    vault: VaultArgs,
    #[command(flatten)]
    acting: Acting,
}

/// `streams stream show`.
pub fn show(args: &Show, out: &mut dyn Write) -> Result<bool> {
    let desk = args.acting.open()?;
    let named = desk.find(&args.stream)?;
    let view = desk.view(&named)?;
    let mut resources = Vec::new();
    for (key, resource) in &view.resources {
        let machine = wait(service::recorded(&desk.store, named.id, *key))?.unwrap_or_default();
        resources.push((key, resource, machine));
    }
    if args.acting.json {
        let resources = resources.iter().map(|(key, resource, machine)| {
            json!({
                "key": key.to_string(), "resource": resource, "phase": machine.phase(), "due": machine.due(),
                "succeeded": machine.succeeded, "tries": machine.tries(),
            })
        });
        let deals = view.deals.values().map(|deal| {
            json!({
                "pack": deal.pack.to_string(), "objects": deal.objects, "size": deal.size, "archiver": deal.archiver,
                "ticket": deal.ticket, "state": deal.state, "until": deal.until, "cost": deal.cost, "unit": deal.unit,
            })
        });
        let told = json!({
            "owner": named.owner, "slug": named.slug, "stream": named.id.to_string(), "meta": view.meta,
            "config": view.config, "resources": resources.collect::<Vec<_>>(), "deals": deals.collect::<Vec<_>>(),
            "hidden": view.hidden.len(), "quarantined": view.quarantined,
            "forked_from": view.forked.as_ref().map(|forked| forked.from.to_string()),
        });
        writeln!(out, "{told}")?;
        return Ok(true);
    }
    paint::field(out, "stream", paint(BOLD, format!("{}/{}", named.owner, named.slug)))?;
    paint::field(out, "id", paint(ID, named.id))?;
    if let Some(forked) = &view.forked {
        let text = format!("{} {}", paint(ID, paint::short(forked.from)), paint::clip(&forked.reason, 60));
        paint::field(out, "fork of", text)?;
    }
    stream::tell_wanted(&view.meta, &view.config, out)?;
    let now = now()?;
    for (key, resource, machine) in resources {
        let (sign, text) = match machine.phase() {
            _ if !resource.is_enabled() => (paint(DIM, "–"), "stopped".to_owned()),
            _ if resource.kind == "webhook" => (paint(GOOD, "✓"), format!("/hook/{}/{key}", named.id)),
            Phase::Idle | Phase::Fetching => match machine.succeeded {
                Some(then) => (paint(GOOD, "✓"), format!("fetched {}", paint::ago(then, now))),
                None => (paint(DIM, "·"), "not fetched yet".to_owned()),
            },
            Phase::Waiting { reason, .. } => {
                (paint(WARN, "!"), format!("tried again soon: {}", paint::clip(reason, 80)))
            }
            Phase::NeedsCredential { reason } => {
                (paint(BAD, "✗"), format!("wants a credential: {}", paint::clip(reason, 80)))
            }
            Phase::Parked { reason } => (paint(BAD, "✗"), format!("parked: {}", paint::clip(reason, 80))),
        };
        writeln!(out, "{sign} {}  {text}", paint(BOLD, paint::clip(&resource.name(), 80)))?;
    }
    for poison in &view.quarantined {
        let (source, reason) = (paint::clip(&poison.source, 40), paint::clip(&poison.reason, 80));
        writeln!(out, "{} {source}  {}", paint(WARN, "?"), paint(WARN, format!("nobody could read it: {reason}")))?;
    }
    for deal in view.deals.values() {
        let style = match deal.state.as_str() {
            "active" => GOOD,
            "released" => DIM,
            "unreleased" => WARN,
            _ => BAD,
        };
        let until = deal.until.map(|until| format!(", until {}", paint::minute(until))).unwrap_or_default();
        let objects = paint::count(deal.objects as usize, "object");
        let (state, place) = (paint(style, &deal.state), paint::plain(&deal.archiver));
        writeln!(out, "  {} {objects} at {place}: {state}{until}", paint(ID, paint::short(deal.pack)))?;
    }
    Ok(true)
}

/// `streams stream items`.
pub fn items(args: &Items, out: &mut dyn Write) -> Result<bool> {
    let desk = args.acting.open()?;
    let named = desk.find(&args.stream)?;
    let view = desk.view(&named)?;
    let key = match view.meta.seal {
        None => None,
        Some(_) => {
            let entry = args.vault.lazy().entry(&Reference::of_stream(named.id))?;
            let entry = entry.context("the items are sealed, and the key of the stream is not in the vault")?;
            Some(StreamKey::from_secret(&entry.secret)?)
        }
    };
    let limit = if args.all { usize::MAX } else { args.limit };
    let wanted = args.find.as_ref().map(|text| text.to_lowercase());
    let (mut before, mut told) = (None, 0);
    'pages: loop {
        let page = wait(desk.store.page(named.id, Scan::Before(before), PAGE))?;
        let Some(last) = page.last() else { break };
        before = Some(last.place);
        for stored in &page {
            let id = stored.place.id;
            let is_item = [types::ITEM, types::SEALED].contains(&stored.authentic.header().r#type());
            if !is_item || !stored.effective || view.hidden.contains(&id) {
                continue;
            }
            let Some(item) = item::read(&stored.authentic, key.as_ref()) else { continue };
            let is_wanted = wanted.as_ref().is_none_or(|wanted| {
                let texts = [&item.title, &item.text, &item.actor, &item.link].into_iter().flatten();
                texts.chain([&item.source]).any(|text| text.to_lowercase().contains(wanted))
            });
            if !is_wanted {
                continue;
            }
            if told == limit {
                break 'pages;
            }
            told += 1;
            if args.acting.json {
                let mut line = json!({"id": id.to_string(), "author": stored.authentic.header().author().to_string()});
                if let (Json::Object(line), Json::Object(item)) = (&mut line, as_json(&item)?) {
                    line.extend(item);
                }
                writeln!(out, "{line}")?;
                continue;
            }
            let when = item.time.map(paint::minute).unwrap_or_default();
            let title = item.title.as_deref().filter(|title| !title.is_empty()).unwrap_or(&item.source);
            let actor = item.actor.as_ref().map(|actor| format!("  {}", paint::clip(actor, 24))).unwrap_or_default();
            let (id, kind) = (paint(ID, paint::prefix(&id)), paint(DIM, paint::clip(&item.kind, 16)));
            writeln!(
                out,
                "{id}  {}  {kind}  {}{}",
                paint(DIM, when),
                paint(BOLD, paint::clip(title, 60)),
                paint(DIM, actor)
            )?;
        }
    }
    if told == 0 && !args.acting.json {
        writeln!(out, "{}", paint(DIM, "There is none."))?;
    }
    Ok(told > 0)
}

/// An item for programs: content in base64.
fn as_json(item: &streams_archive::Item) -> Result<Json> {
    let mut json =
        serde_json::to_value(streams_archive::Item { content: None, resource: None, digest: None, ..item.clone() })?;
    let base64 = |bytes: &[u8]| data_encoding::BASE64.encode(bytes);
    if let (Some(content), Some(_)) = (item.content(), &item.content) {
        json["content"] = base64(&content).into();
    }
    json["resource"] = item.resource.as_ref().map(|key| paint::hex(key)).into();
    if let Some(digest) = &item.digest {
        json["digest"] = paint::hex(digest).into();
    }
    Ok(json)
}
