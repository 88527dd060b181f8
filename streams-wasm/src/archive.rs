//! Archives: a stream in one file, written while it is read, and read while it arrives.

use std::cell::RefCell;
use std::io::{self, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use streams_core::StreamId;
use streams_core::archive::manifest::Manifest;
use streams_core::archive::read::{Event, Reader};
use streams_core::archive::vouch::Vouching;
use streams_core::archive::write::Written;
use streams_core::codes::Coded;
use streams_core::node::archive::Archived;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::author::Key;
use crate::cbor::{In, Out};
use crate::error::{Failure, Outcome};
use crate::hash_key;
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
pub struct Archiving {
    pipe: Pipe,
    writing: RefCell<Option<Writing>>,
    written: RefCell<Option<Written>>,
}

#[wasm_bindgen]
impl NodeHandle {
    /// Begins to archive a stream; behind another archive, whose manifest is given with what the store had then.
    pub async fn archive(&self, arguments: &[u8]) -> Result<Archiving, Failure> {
        let mut input = In::new(arguments);
        input.list()?;
        let stream = input.stream()?;
        let before = input.option(In::id)?;
        let last = input.uint()?;
        let before = before.map(|manifest| Archived::up_to(manifest, last));
        let survey = self.node.survey(stream, before).await?;
        let (node, pipe) = (self.node.clone(), Pipe::default());
        let mut out = pipe.clone();
        let writing = async move { Ok(node.archive(&survey, &mut out, &mut io::sink(), |_| ()).await?) };
        Ok(Archiving { pipe, writing: RefCell::new(Some(Box::pin(writing))), written: RefCell::default() })
    }

    /// Takes in what a reader has ready: its manifest, what became of its objects, and its faults.
    pub async fn restore(&self, reader: &Reading) -> Result<Vec<u8>, Failure> {
        let events: Vec<Event> = reader.events.borrow_mut().drain(..).collect();
        let mut out = Out::new();
        out.list(events.len());
        for event in events {
            if let Event::Objects(objects) = &event
                && let Some(stream) = reader.stream.get()
            {
                let taken = self.node.restore(stream, objects.clone()).await?;
                out.list(2).text("taken");
                write_taken(&mut out, &taken);
            } else {
                reader.write(&mut out, &event);
            }
        }
        Ok(out.into_bytes())
    }
}

#[wasm_bindgen]
impl Archiving {
    /// The next bytes; empty at the end.
    pub async fn pull(&self) -> Result<Vec<u8>, Failure> {
        let Some(mut writing) = self.writing.take() else { return Ok(Vec::new()) };
        let done = std::future::poll_fn(|context| match writing.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if !self.pipe.0.borrow().is_empty() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await;
        match done {
            None => drop(self.writing.replace(Some(writing))),
            Some(written) => drop(self.written.replace(Some(written?))),
        }
        Ok(self.pipe.0.take())
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
    stream: std::cell::Cell<Option<StreamId>>,
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
        events.iter().for_each(|event| self.write(&mut out, event));
        out.into_bytes()
    }

    fn write(&self, out: &mut Out, event: &Event) {
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
}

fn write_manifest(out: &mut Out, manifest: &Manifest) {
    out.list(6).id(&manifest.id()).id(&manifest.stream).uint(manifest.count);
    out.bytes(&manifest.frontier).bytes(&manifest.order);
    out.option(manifest.previous, |out, id| {
        out.id(&id);
    });
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
