//! Archives: a stream in one file, written while it is read, and read while it arrives.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use js_sys::Promise;
use streams_core::archive::index;
use streams_core::archive::manifest::Manifest;
use streams_core::archive::read::{Event, Reader};
use streams_core::archive::vouch::Vouching;
use streams_core::archive::write::Written;
use streams_core::codes::Coded;
use streams_core::node::archive::Archived;
use streams_core::{Authenticator, StreamId};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::author::Key;
use crate::cbor::{In, Out};
use crate::error::{Failure, Outcome};
use crate::hash_key;
use crate::host::{promise, promise_bytes};
use crate::node::NodeHandle;
use crate::object;
use crate::stream::write_taken;

/// Bytes on their way out.
#[derive(Clone, Default)]
struct Pipe(Rc<RefCell<Vec<u8>>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Writing = Pin<Box<dyn Future<Output = Outcome<Written>>>>;

/// An archive that is being written, as fast as it is read.
#[wasm_bindgen]
#[derive(Clone)]
pub struct Archiving {
    pipe: Pipe,
    index: Pipe,
    writing: Rc<RefCell<Option<Writing>>>,
    written: Rc<RefCell<Option<Written>>>,
}

#[wasm_bindgen]
impl NodeHandle {
    /// Begins to archive a stream; behind another archive, whose manifest is given with what the store had then.
    #[wasm_bindgen(unchecked_return_type = "Promise<Archiving>")]
    pub fn archive(&self, arguments: &[u8]) -> Result<Promise, Failure> {
        let mut input = In::new(arguments);
        input.list()?;
        let stream = input.stream()?;
        let before = input.option(In::id)?;
        let last = input.uint()?;
        let before = before.map(|manifest| Archived::up_to(manifest, last));
        let node = self.node.clone();
        Ok(promise(async move {
            let survey = node.survey(stream, before).await?;
            let (pipe, index) = (Pipe::default(), Pipe::default());
            let (mut out, mut index_out) = (pipe.clone(), index.clone());
            let writing = async move { Ok(node.archive(&survey, &mut out, &mut index_out, |_| ()).await?) };
            let writing: Writing = Box::pin(writing);
            Ok(Archiving { pipe, index, writing: Rc::new(RefCell::new(Some(writing))), written: Rc::default() })
        }))
    }

    /// Takes in what a reader has ready: its manifest, what became of its objects, and its faults.
    #[wasm_bindgen(unchecked_return_type = "Promise<Uint8Array>")]
    pub fn restore(&self, reader: &Reading) -> Promise {
        let events: Vec<Event> = reader.events.borrow_mut().drain(..).collect();
        let (node, stream) = (self.node.clone(), reader.stream.get());
        promise_bytes(async move {
            let mut out = Out::new();
            out.list(events.len());
            for event in events {
                match (event, stream) {
                    (Event::Objects(objects), Some(stream)) => {
                        let taken = node.restore(stream, objects).await?;
                        out.list(2).text("taken");
                        write_taken(&mut out, &taken);
                    }
                    (event, _) => write_event(&mut out, &event),
                }
            }
            Ok(out.into_bytes())
        })
    }
}

#[wasm_bindgen]
impl Archiving {
    /// The next bytes; empty at the end.
    #[wasm_bindgen(unchecked_return_type = "Promise<Uint8Array>")]
    pub fn pull(&self) -> Promise {
        let this = self.clone();
        promise_bytes(async move {
            let Some(mut writing) = this.writing.take() else { return Ok(Vec::new()) };
            let done = std::future::poll_fn(|context| match writing.as_mut().poll(context) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending if !this.pipe.0.borrow().is_empty() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            })
            .await;
            match done {
                None => drop(this.writing.replace(Some(writing))),
                Some(written) => drop(this.written.replace(Some(written?))),
            }
            Ok(this.pipe.0.take())
        })
    }

    /// What was written of the index since the last time.
    #[wasm_bindgen(js_name = takeIndex)]
    pub fn take_index(&self) -> Vec<u8> {
        self.index.0.take()
    }

    /// The id of the manifest, when all is written.
    pub fn manifest(&self) -> Option<Vec<u8>> {
        self.written.borrow().as_ref().map(|written| written.manifest.as_bytes().to_vec())
    }

    /// Vouches for the archive that was written.
    pub fn vouch(&self, key: &Key) -> Option<Vec<u8>> {
        self.written.borrow().as_ref().map(|written| Vouching::sign(&key.0, &written.manifest, &written.seals))
    }
}

/// An archive that is being read.
#[wasm_bindgen]
pub struct Reading {
    reader: RefCell<Option<Reader>>,
    events: RefCell<Vec<Event>>,
    stream: Cell<Option<StreamId>>,
}

#[wasm_bindgen]
impl Reading {
    /// Reads an archive; each signature is verified, unless a vouching stands for them.
    pub fn begin(vouching: Option<Vec<u8>>) -> Result<Reading, Failure> {
        let reader = match vouching {
            Some(file) => Reader::vouched(hash_key(), Vouching::verify(&file)?),
            None => Reader::new(hash_key()),
        };
        Ok(Self { reader: RefCell::new(Some(reader)), events: RefCell::default(), stream: Default::default() })
    }

    /// The next bytes; none at the end. Tells how many events are ready.
    pub fn push(&self, bytes: Option<Vec<u8>>) -> usize {
        let mut reader = self.reader.borrow_mut();
        let mut events = self.events.borrow_mut();
        match (bytes, reader.as_mut()) {
            (Some(bytes), Some(reader)) => {
                reader.push(&bytes);
                while let Some(event) = reader.poll() {
                    events.push(event);
                }
            }
            _ => events.extend(reader.take().into_iter().flat_map(Reader::finish)),
        }
        for event in events.iter() {
            if let Event::Manifest(manifest) = event {
                self.stream.set(Some(manifest.stream));
            }
        }
        events.len()
    }

    /// What is ready, where nothing is to be taken in.
    pub fn take(&self) -> Vec<u8> {
        let events: Vec<Event> = self.events.borrow_mut().drain(..).collect();
        let mut out = Out::new();
        out.list(events.len());
        events.iter().for_each(|event| write_event(&mut out, event));
        out.into_bytes()
    }
}

fn write_event(out: &mut Out, event: &Event) {
    out.list(2);
    match event {
        Event::Manifest(manifest) => write_manifest(out.text("manifest"), manifest),
        Event::Objects(objects) => {
            out.text("objects").list(objects.len());
            objects.iter().for_each(|object| object::write_authentic(out, object));
        }
        Event::Fault(fault) => {
            out.text("fault").list(3).uint(fault.offset).text(Coded::code(fault));
            out.option(fault.what.id(), |out, id| {
                out.id(&id);
            });
        }
    }
}

fn write_manifest(out: &mut Out, manifest: &Manifest) {
    out.list(6).id(&manifest.id()).id(&manifest.stream).uint(manifest.count);
    out.bytes(&manifest.frontier).bytes(&manifest.order);
    out.option(manifest.previous, |out, id| {
        out.id(&id);
    });
}

/// A page of an archive, by the ranges of it and of its index that are here: the objects, or the range that is lacking,
/// as the file, where it begins and where it ends. Each range that is given is such a list, and its bytes.
#[wasm_bindgen(js_name = readPage)]
pub fn read_page(ranges: &[u8], from: u64, limit: usize) -> Result<Vec<u8>, Failure> {
    let ranges = In::new(ranges).many(|input| {
        input.list()?;
        Ok(((input.bool()?, input.uint()?, input.uint()?), input.bytes()?))
    })?;
    let lacking = Cell::new(None);
    let read = |is_index: bool| {
        let (ranges, lacking) = (&ranges, &lacking);
        move |range: Range<u64>| {
            let wanted = (is_index, range.start, range.end);
            let found = ranges.iter().find(|(range, _)| *range == wanted);
            found.map(|(_, bytes)| bytes.to_vec()).ok_or_else(|| {
                lacking.set(Some(wanted));
                io::ErrorKind::WouldBlock.into()
            })
        }
    };
    let page = index::page(read(false), read(true), from, limit, &mut Authenticator::new(hash_key()));
    let mut out = Out::new();
    match (page, lacking.get()) {
        (_, Some((is_index, start, end))) => drop(out.list(2).null().list(3).bool(is_index).uint(start).uint(end)),
        (page, None) => {
            let page = page?;
            out.list(2).list(page.len());
            page.iter().for_each(|object| object::write_authentic(&mut out, object));
            out.null();
        }
    }
    Ok(out.into_bytes())
}

/// Whoever vouches, for which manifest and which seals.
#[wasm_bindgen(js_name = readVouching)]
pub fn read_vouching(file: &[u8]) -> Result<Vec<u8>, Failure> {
    let vouching = Vouching::verify(file)?;
    let mut out = Out::new();
    out.list(3).author(&vouching.author()).id(&vouching.archive()).ids(vouching.seals());
    Ok(out.into_bytes())
}

/// Writes an archive of objects, each by its parts.
#[wasm_bindgen(js_name = writeArchive)]
pub fn write_archive(manifest: &[u8], objects: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut input = In::new(manifest);
    input.list()?;
    let manifest = Manifest {
        stream: input.stream()?,
        count: input.uint()?,
        frontier: input.array()?,
        order: input.array()?,
        previous: input.option(In::id)?,
    };
    let mut writer = streams_core::archive::write::Writer::new(&manifest);
    for parts in In::new(objects).parts()? {
        writer.push(parts)?;
    }
    writer.finish();
    let mut bytes = Vec::new();
    writer.take(&mut bytes);
    Ok(bytes)
}
