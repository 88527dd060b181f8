//! Nodes: the streams of a store, and peers.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use js_sys::{Array, Promise, Uint8Array};
use streams_core::codes::Coded;
use streams_core::node::page::Stored;
use streams_core::node::peers::{Meeting, Streams};
use streams_core::node::replay::{Replayed, Snapshot};
use streams_core::store::Scan;
use streams_core::sync::handshake::Side;
use streams_core::sync::questions::Event;
use streams_core::{Authentic, Authenticator, Object, StreamId};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::author::{HostSigner, Key};
use crate::cbor::{In, Out};
use crate::error::{Failure, Outcome};
use crate::hash_key;
use crate::host::{Host, promise, promise_bytes};
use crate::object;
use crate::store::{HostStore, read_place, write_place};
use crate::stream;
use crate::transport::{HostDial, HostTransport};

/// The streams of a store.
#[wasm_bindgen]
#[derive(Clone)]
pub struct NodeHandle {
    pub(crate) node: Rc<streams_core::Node>,
    clock: Arc<HostStore>,
}

#[wasm_bindgen]
impl NodeHandle {
    /// The streams of a store of JavaScript. `memory` bounds what open streams take together, in bytes.
    pub fn open(store: Host, clock: Host, memory: u32) -> NodeHandle {
        let node = streams_core::Node::new(Arc::new(HostStore(store)), hash_key()).with_memory(memory as usize);
        Self { node: Rc::new(node), clock: Arc::new(HostStore(clock)) }
    }

    /// Asks the node something: the name of a function of the core, and its arguments.
    #[wasm_bindgen(unchecked_return_type = "Promise<Uint8Array>")]
    pub fn call(&self, what: String, arguments: Vec<u8>) -> Promise {
        let node = self.node.clone();
        promise_bytes(async move { call(&node, &what, &arguments).await })
    }

    /// Asks a stream, which is opened for it.
    #[wasm_bindgen(unchecked_return_type = "Promise<Uint8Array>")]
    pub fn ask(&self, stream: &[u8], what: String, arguments: Vec<u8>) -> Result<Promise, Failure> {
        let (node, id) = (self.node.clone(), StreamId::from_bytes(object::array(stream)?));
        Ok(promise_bytes(async move { node.read(id, |stream| stream::ask(stream, &what, &arguments)).await? }))
    }

    /// Writes an object into a stream.
    #[wasm_bindgen(unchecked_return_type = "Promise<Uint8Array>")]
    pub fn append(&self, stream: &[u8], key: &Key, spec: Vec<u8>) -> Result<Promise, Failure> {
        let (node, id) = (self.node.clone(), StreamId::from_bytes(object::array(stream)?));
        let key = key.0.clone();
        Ok(promise_bytes(async move { node.write(id, |stream| stream::append(stream, &key, &spec)).await? }))
    }

    /// Meets a peer over a link: `how` is `sync`, `serve`, `follow` or `plead`. Tells the peer's key.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn meet(&self, how: String, link: Host, events: Host, signer: Host, arguments: Vec<u8>) -> Promise {
        let this = self.clone();
        promise(async move { this.meet_with(&how, link, events, signer, &arguments).await })
    }

    /// Asks peers who has streams. Tells who has which, by address; and whom nothing was heard of, and why.
    #[wasm_bindgen(unchecked_return_type = "Promise<Uint8Array>")]
    pub fn find(&self, dial: Host, signer: Host, arguments: Vec<u8>) -> Promise {
        let this = self.clone();
        promise_bytes(async move { this.find_by(dial, signer, &arguments).await })
    }

    /// The state of a stream, from the store alone, and what to begin with the next time: a list of the state of now,
    /// that behind the final part, how many objects this one has in it, and its place.
    #[wasm_bindgen(unchecked_return_type = "Promise<[any, any, Uint8Array]>")]
    pub fn replay(&self, folding: Host, initial: JsValue, snapshot: JsValue, arguments: Vec<u8>) -> Promise {
        let node = self.node.clone();
        promise(async move { replay(&node, &folding, initial, snapshot, &arguments).await })
    }
}

impl NodeHandle {
    async fn meet_with(&self, how: &str, link: Host, events: Host, signer: Host, arguments: &[u8]) -> Outcome<String> {
        let mut input = In::new(arguments);
        input.list()?;
        let meeting = self.meeting(&mut input, signer)?;
        let channel = input.bytes()?.to_vec();
        let streams = input.option(In::ids)?;
        let streams = streams.as_deref().map_or(Streams::All, Streams::These);
        let link = Arc::new(HostTransport::new(link, channel));
        // Functions of JavaScript belong to one thread, so what is told passes a queue.
        let (told, queue) = async_channel::unbounded::<Vec<u8>>();
        wasm_bindgen_futures::spawn_local(async move {
            while let Ok(event) = queue.recv().await {
                events.tell(&event);
            }
        });
        let on_event = |event: &Event| {
            let _ = told.try_send(event_bytes(event));
        };
        let peer = match how {
            "sync" => self.node.sync(link, meeting, streams, on_event).await?,
            "serve" => self.node.serve(link, meeting, on_event).await?,
            "follow" => self.node.follow(link, meeting, streams, input.uint()?, on_event).await?,
            _ => self.node.plead(link, meeting, input.id()?, input.text()?).await?,
        };
        Ok(peer.to_string())
    }

    async fn find_by(&self, dial: Host, signer: Host, arguments: &[u8]) -> Outcome<Vec<u8>> {
        let mut input = In::new(arguments);
        input.list()?;
        let meeting = self.meeting(&mut input, signer)?;
        let dial = HostDial { host: dial, meeting, nonce: Cell::default() };
        let streams = input.ids()?;
        let at = input.many(|input| Ok(input.text()?.to_owned()))?;
        let found = self.node.find(&streams, &dial, &at).await?;
        let mut out = Out::new();
        out.list(2).list(found.places.len());
        for (address, (peer, streams)) in &found.places {
            out.list(3).text(address).author(peer).ids(streams);
        }
        out.list(found.silent.len());
        for (address, error) in &found.silent {
            let (class, code) = error.coded();
            out.list(3).text(address).text(class.name()).text(code);
        }
        Ok(out.into_bytes())
    }

    /// How a peer is met: whether this side opened the link, its author, a nonce, whether streams that are not here are
    /// taken in, how long what is stated will be served, and where the peer was met.
    fn meeting(&self, input: &mut In<'_>, signer: Host) -> Outcome<Meeting> {
        Ok(Meeting {
            side: if input.bool()? { Side::Opener } else { Side::Answerer },
            signer: Arc::new(HostSigner { author: input.author()?, host: signer }),
            nonce: input.array()?,
            clock: self.clock.clone(),
            takes_unknown: input.bool()?,
            promises: input.option(In::uint)?,
            address: input.option(|input| Ok(input.text()?.to_owned()))?,
        })
    }
}

async fn replay(
    node: &streams_core::Node,
    folding: &Host,
    initial: JsValue,
    snapshot: JsValue,
    arguments: &[u8],
) -> Outcome<Array> {
    let mut input = In::new(arguments);
    input.list()?;
    let (stream, objects, place) = (input.stream()?, input.option(In::uint)?, input.option(read_place)?);
    let snapshot = objects.map(|objects| Snapshot { state: snapshot, objects, place });
    let apply = |state: &mut JsValue, object: &Authentic| {
        let mut out = Out::new();
        object::write_authentic(&mut out, object);
        *state = folding.apply(std::mem::take(state), &out.into_bytes());
    };
    let Replayed { state, snapshot } = node.replay(stream, initial, snapshot, apply).await?;
    let mut out = Out::new();
    out.list(2).uint(snapshot.objects).option(snapshot.place, |out, place| write_place(out, &place));
    let kept = Uint8Array::from(&out.into_bytes()[..]);
    Ok(Array::of3(&state, &snapshot.state, &kept))
}

async fn call(node: &streams_core::Node, what: &str, arguments: &[u8]) -> Outcome<Vec<u8>> {
    let mut input = In::new(arguments);
    let mut out = Out::new();
    let len = input.list()?;
    match what {
        "create" => {
            let root = Authenticator::new(hash_key()).authenticate(Object::decode(input.bytes()?)?)?;
            out.id(&node.create(root).await?);
        }
        "ingest" => {
            let id = input.stream()?;
            let arguments = input.bytes()?;
            return node.write(id, |stream| stream::ingest(stream, arguments)).await?;
        }
        "redact" => {
            let id = input.stream()?;
            let arguments = input.bytes()?;
            return node.write(id, |stream| stream::redact(stream, arguments)).await?;
        }
        "head" => {
            out.option(node.head(input.stream()?).await?, |out, head| {
                out.list(3).uint(head.last).uint(head.objects).uint(head.finals);
            });
        }
        "streams" => {
            let after = input.option(In::stream)?;
            out.ids(&node.store().streams(after, input.size()?).await?);
        }
        "page" => {
            let id = input.stream()?;
            let scan = match input.text()? {
                "after" => Scan::After(input.option(read_place)?),
                "before" => Scan::Before(input.option(read_place)?),
                "since" => Scan::Since(input.uint()?),
                "author" => Scan::Author(input.author()?, input.uint()?),
                _ => Scan::Type(input.text()?.to_owned(), input.uint()?),
            };
            let page = node.page(id, scan, input.size()?).await?;
            out.list(page.len());
            page.iter().for_each(|stored| write_stored(&mut out, stored));
        }
        "object" => {
            let (stream, id) = (input.stream()?, input.id()?);
            out.option(node.object(stream, &id).await?, |out, stored| write_stored(out, &stored));
        }
        "verify" => {
            let verified = node.verify(input.stream()?, |_| ()).await?;
            out.list(4).uint(verified.objects).list(verified.faults.len());
            for (id, fault) in &verified.faults {
                out.list(2).id(id).text(fault);
            }
            out.option(verified.order, |out, order| {
                out.bytes(&order);
            });
            out.option(verified.frontier, |out, frontier| {
                out.bytes(&frontier);
            });
        }
        "peers" => {
            let peers = node.peers().await?;
            out.list(peers.len());
            for peer in peers {
                out.list(3)
                    .author(&peer.peer())
                    .option(peer.address.as_deref(), |out, at| {
                        out.text(at);
                    })
                    .uint(peer.met);
            }
        }
        _ => return crate::evidence::call(node, what, &mut input, len).await,
    }
    Ok(out.into_bytes())
}

pub(crate) fn write_stored(out: &mut Out, stored: &Stored) {
    out.list(5).uint(stored.sequence);
    write_place(out, &stored.place);
    out.bool(stored.effective).option(stored.adopted_by, |out, by| {
        out.id(&by);
    });
    object::write_authentic(out, &stored.authentic);
}

fn event_bytes(event: &Event) -> Vec<u8> {
    let mut out = Out::new();
    match event {
        Event::Proven { peer, .. } => drop(out.list(2).text("proven").author(peer)),
        Event::Expected { stream, objects } => drop(out.list(3).text("expected").id(stream).uint(*objects)),
        Event::Received { stream, admitted } => drop(out.list(3).text("received").id(stream).uint(*admitted)),
        Event::Rejected { stream, reason, objects } => {
            out.list(5).text("rejected").id(stream).text(reason.fate()).text(Coded::code(reason)).uint(*objects);
        }
        Event::Synced { stream, admitted, rejected, gaps } => {
            out.list(5).text("synced").id(stream).uint(*admitted).uint(*rejected).ids(gaps);
        }
        Event::Served { stream, sent } => drop(out.list(3).text("served").id(stream).uint(*sent)),
        Event::Stated(statement) => {
            out.list(3).text("stated").id(&statement.said.stream.0).author(&statement.said.peer.0);
        }
        Event::Compared { streams } => drop(out.list(2).text("compared").uint(*streams)),
        Event::Plea { stream, note } => drop(out.list(3).text("plea").id(stream).text(note)),
        Event::Refused { stream, reason, shown, .. } => {
            out.list(4).text("refused").id(stream).text(reason.code());
            out.option(shown.as_deref(), |out, shown| {
                out.bytes(shown);
            });
        }
        Event::Refuses { stream, reason } => drop(out.list(3).text("refuses").id(stream).text(reason.code())),
        Event::Found { .. } => drop(out.list(1).text("found")),
    }
    out.into_bytes()
}
