//! What is answered over HTTP: the page, and what it asks for, as JSON.
//!
//! | | |
//! |---|---|
//! | `GET /api/search?q=&stream=&skip=` | items, the best first; without words, the newest first. 256 bytes of words, and the first 10,030 items |
//! | `GET /api/streams` | streams, with their sources and their copies |
//! | `GET /api/items/STREAM/ID` | an item, with its proof |
//! | `GET /api/news/N` | how many events were taken in, as soon as they are not so many |
//!
//! Whoever reaches the address reads what its key may read. So it is for this machine, and it answers to no name but an
//! address or `localhost`: a page of somebody else cannot point a name of its own at it.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header, uri::Authority};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::{Router, routing::get};
use serde::Deserialize;
use serde_json::{Value, json};
use streams_archive::{Item, item, object::types, remove, stream};
use streams_core::node::page::Stored;
use streams_core::{ObjectId, Stream, StreamId};

use crate::Skin;
use crate::index::TAKES;

/// How many items are answered at once.
const PAGE: usize = 30;

type Answer = Result<Json<Value>, (StatusCode, String)>;

fn failed(error: impl ToString) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

/// Answers until it is dropped.
pub async fn serve(skin: Arc<Skin>, listener: tokio::net::TcpListener) -> std::io::Result<()> {
    let file =
        |kind: &'static str, text: &'static str| get(move || async move { ([(header::CONTENT_TYPE, kind)], text) });
    let router = Router::new()
        .route("/", file("text/html; charset=utf-8", include_str!("../page/index.html")))
        .route("/page.js", file("text/javascript; charset=utf-8", include_str!("../page/page.js")))
        .route("/style.css", file("text/css; charset=utf-8", include_str!("../page/style.css")))
        .route("/api/search", get(search))
        .route("/api/streams", get(streams))
        .route("/api/items/{stream}/{id}", get(item))
        .route("/api/news/{after}", get(news))
        .layer(middleware::from_fn(guard));
    axum::serve(listener, router.with_state(skin)).await
}

/// Answers who asks by an address, or by the name of this machine.
async fn guard(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let host = host.as_ref().map_or("", Authority::host).trim_matches(['[', ']']);
    match host == "localhost" || host.parse::<std::net::IpAddr>().is_ok() {
        true => next.run(request).await,
        false => (StatusCode::MISDIRECTED_REQUEST, "ask by an address, or localhost\n").into_response(),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    q: String,
    stream: Option<StreamId>,
    skip: usize,
}

async fn search(State(skin): State<Arc<Skin>>, Query(asked): Query<Asked>) -> Answer {
    let (words, at) = (item::cut(&asked.q, 256), [asked.skip.min(10_000), PAGE]);
    let (total, found) = skin.index.search(words, asked.stream, at).map_err(failed)?;
    let mut items = Vec::new();
    for (stream, id) in found {
        let stored = skin.node.object(stream, &id).await.map_err(failed)?;
        items.extend(stored.and_then(|stored| told(stream, &stored)));
    }
    Ok(Json(json!({"total": total, "items": items})))
}

/// An item, without its content, and what proves it.
fn told(stream: StreamId, stored: &Stored) -> Option<Value> {
    let item = Item { content: None, ..item::read(&stored.authentic, None)? };
    let (header, signature) = (stored.authentic.header(), stored.authentic.object().signature());
    Some(json!({
        "stream": stream, "id": stored.place.id, "item": item, "author": header.author(), "written": header.timestamp(),
        "signature": signature.map(|bytes| data_encoding::HEXLOWER.encode(bytes)), "effective": stored.effective,
        "adopted_by": stored.adopted_by,
    }))
}

async fn streams(State(skin): State<Arc<Skin>>) -> Answer {
    let (mut all, streams) = (Vec::new(), skin.mark.borrow().streams.clone());
    for stream in streams.into_iter().filter_map(|(stream, is_open)| is_open.then_some(stream)) {
        let Some(root) = skin.node.object(stream, &stream).await.map_err(failed)? else { continue };
        let view = stream::view(&skin.node, stream).await.map_err(failed)?.unwrap_or_default().view;
        let owner = view.owner.unwrap_or(stream);
        let owner = skin.node.object(owner, &owner).await.map_err(failed)?;
        let owner = owner.as_ref().and_then(|owner| owner.authentic.header().r#type().strip_prefix(types::OWNER));
        let sources = view.resources.iter().map(|(key, resource)| {
            json!({"name": resource.name(), "enabled": resource.is_enabled(), "state": view.states.get(key)})
        });
        all.push(json!({
            "stream": stream, "slug": root.authentic.header().r#type().strip_prefix(types::STREAM), "owner": owner,
            "author": root.authentic.header().author(), "meta": view.meta, "sources": sources.collect::<Vec<_>>(),
            "deals": view.deals.values().collect::<Vec<_>>(), "quarantined": view.quarantined.len(),
            "items": skin.index.search("", Some(stream), [0, 0]).map_err(failed)?.0,
        }));
    }
    Ok(Json(all.into()))
}

async fn item(State(skin): State<Arc<Skin>>, Path((stream, id)): Path<(StreamId, ObjectId)>) -> Answer {
    let is_open = skin.mark.borrow().streams.get(&stream) == Some(&true);
    let stored = if is_open { skin.node.object(stream, &id).await.map_err(failed)? } else { None };
    let told = stored.and_then(|stored| told(stream, &stored));
    let mut told = told.ok_or_else(|| (StatusCode::NOT_FOUND, "there is nothing\n".to_owned()))?;
    let (reader, at) = (skin.mark.borrow().reader, tantivy::Term::from_field_bytes(TAKES, id.as_bytes()));
    let held = remove::held_at(&skin.node, reader, stream, &id).await.map_err(failed)?;
    let held =
        held.iter().filter_map(|at| Some(json!({"archiver": at.archiver, "ticket": at.deal.ticket()?.as_str()})));
    told["held"] = held.collect();
    told["taken"] = skin.index.find(at).map_err(failed)?.into_iter().map(|(by, _)| json!(by)).collect();
    let is_final = |here: &Stream| here.position(&id) < Some(here.final_len());
    told["final"] = skin.node.read(stream, is_final).await.map_err(failed)?.into();
    Ok(Json(told))
}

async fn news(State(skin): State<Arc<Skin>>, Path(after): Path<u64>) -> Answer {
    let mut mark = skin.mark.subscribe();
    let mark = mark.wait_for(|mark| mark.events != after).await.map_err(failed)?;
    Ok(Json(mark.events.into()))
}
