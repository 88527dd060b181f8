//! Stores: those of JavaScript, as the core wants them.

use async_trait::async_trait;
use streams_core::clock::Clock;
use streams_core::store::{
    Commit, Head, Logged, LoggedChange, Mark, NewObject, Numbered, Place, Record, Scan, Store, StoreError,
    StoreErrorKind,
};
use streams_core::{ObjectId, StreamId};

use crate::cbor::{In, Out};
use crate::error::{Failure, Outcome};
use crate::host::Host;

/// A store of JavaScript, and the clock beside it.
#[derive(Debug)]
pub(crate) struct HostStore(pub(crate) Host);

/// The length of a place, as bytes that ascend as places do.
const PLACE: usize = 4 + 8 + 32 + 32;

type Answer<T> = Result<T, StoreError>;

impl HostStore {
    /// Asks the store. What it answers begins behind the first byte.
    async fn ask(&self, what: &str, arguments: Out) -> Answer<Vec<u8>> {
        let answer = self.0.ask(what, &arguments.into_bytes()).await;
        let kind = match answer.first() {
            Some(0) => return Ok(answer),
            Some(1) => StoreErrorKind::Conflict,
            Some(2) => StoreErrorKind::Busy,
            Some(3) => StoreErrorKind::Full,
            Some(4) => StoreErrorKind::Corrupt,
            Some(5) => StoreErrorKind::Closed,
            Some(6) => StoreErrorKind::Unsupported,
            _ => StoreErrorKind::Other,
        };
        Err(StoreError::new(kind, String::new()))
    }
}

/// Reads what the store answered.
fn read<T>(answer: &[u8], read: impl FnOnce(&mut In<'_>) -> Outcome<T>) -> Answer<T> {
    read(&mut In::new(&answer[1..])).map_err(|_| StoreError::new(StoreErrorKind::Corrupt, String::new()))
}

fn arguments(len: usize) -> Out {
    let mut out = Out::new();
    out.list(len);
    out
}

fn about(len: usize, stream: &StreamId) -> Out {
    let mut out = arguments(len);
    out.bytes(stream.as_bytes());
    out
}

fn write_ids(out: &mut Out, ids: &[ObjectId]) {
    out.list(ids.len());
    ids.iter().for_each(|id| {
        out.bytes(id.as_bytes());
    });
}

fn place_bytes(place: &Place) -> [u8; PLACE] {
    let mut bytes = [0; PLACE];
    bytes[..4].copy_from_slice(&place.epoch.to_be_bytes());
    bytes[4..12].copy_from_slice(&place.generation.to_be_bytes());
    bytes[12..44].copy_from_slice(&place.tie);
    bytes[44..].copy_from_slice(place.id.as_bytes());
    bytes
}

pub(crate) fn write_place(out: &mut Out, place: &Place) {
    out.bytes(&place_bytes(place));
}

pub(crate) fn read_place(input: &mut In<'_>) -> Outcome<Place> {
    let bytes: [u8; PLACE] = input.array()?;
    let number =
        |from: usize, to: usize| bytes[from..to].iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    let hash = |from: usize| std::array::from_fn(|at| bytes[from + at]);
    Ok(Place {
        epoch: number(0, 4) as u32,
        generation: number(4, 12),
        tie: hash(12),
        id: ObjectId::from_bytes(hash(44)),
    })
}

fn id(input: &mut In<'_>) -> Outcome<ObjectId> {
    Ok(ObjectId::from_bytes(input.array()?))
}

fn record(input: &mut In<'_>) -> Outcome<Record> {
    input.list()?;
    Ok(Record {
        sequence: input.uint()?,
        place: read_place(input)?,
        effective: input.bool()?,
        adopted_by: input.option(id)?,
        parts: input.bytes()?.into(),
    })
}

fn write_object(out: &mut Out, object: &NewObject) {
    out.list(7);
    write_place(out, &object.place);
    out.bytes(object.author.as_bytes()).text(&object.r#type);
    write_ids(out, &object.edges);
    out.bool(object.effective);
    out.option(object.adopted_by, |out, by| {
        out.bytes(by.as_bytes());
    });
    out.bytes(&object.parts);
}

fn write_mark(out: &mut Out, mark: &Mark) {
    out.list(3);
    match mark {
        Mark::Verdict { id, effective } => drop(out.text("verdict").bytes(id.as_bytes()).bool(*effective)),
        Mark::Adopted { id, by } => {
            out.text("adopted").bytes(id.as_bytes()).option(*by, |out, by| {
                out.bytes(by.as_bytes());
            });
        }
        Mark::Copy { id, parts } => drop(out.text("copy").bytes(id.as_bytes()).bytes(parts)),
        Mark::Finalized { upto, epochs } => {
            out.text("finalized").uint(*upto).list(epochs.len());
            for (id, epoch) in epochs {
                out.list(2).bytes(id.as_bytes()).uint((*epoch).into());
            }
        }
    }
}

fn logged(input: &mut In<'_>) -> Outcome<Logged> {
    input.list()?;
    let (sequence, stream) = (input.uint()?, id(input)?);
    let what = match input.text()? {
        "added" => LoggedChange::Added { id: id(input)?, author: input.array()?, r#type: input.text()?.to_owned() },
        "verdict" => LoggedChange::Verdict { id: id(input)?, effective: input.bool()? },
        "adopted" => LoggedChange::Adopted { id: id(input)?, by: input.option(id)? },
        "copy" => LoggedChange::Copy { id: id(input)? },
        "finalized" => LoggedChange::Finalized { upto: input.uint()? },
        _ => return Err(Failure::from(StoreErrorKind::Corrupt)),
    };
    Ok(Logged { sequence, stream, what })
}

#[async_trait(?Send)]
impl Store for HostStore {
    async fn origin(&self) -> Answer<[u8; 16]> {
        read(&self.ask("origin", arguments(0)).await?, |input| input.array())
    }

    async fn last(&self) -> Answer<u64> {
        read(&self.ask("last", arguments(0)).await?, |input| input.uint())
    }

    async fn commit(&self, stream: StreamId, commit: Commit) -> Answer<u64> {
        let mut out = about(5, &stream);
        out.uint(commit.seen).list(commit.objects.len());
        commit.objects.iter().for_each(|object| write_object(&mut out, object));
        out.list(commit.marks.len());
        commit.marks.iter().for_each(|mark| write_mark(&mut out, mark));
        write_ids(&mut out, &commit.drops);
        read(&self.ask("commit", out).await?, |input| input.uint())
    }

    async fn get(&self, stream: StreamId, ids: &[ObjectId]) -> Answer<Vec<Option<Record>>> {
        let mut out = about(2, &stream);
        write_ids(&mut out, ids);
        read(&self.ask("get", out).await?, |input| input.many(|input| input.option(record)))
    }

    async fn contains(&self, stream: StreamId, ids: &[ObjectId]) -> Answer<Vec<bool>> {
        let mut out = about(2, &stream);
        write_ids(&mut out, ids);
        read(&self.ask("contains", out).await?, |input| input.many(|input| input.bool()))
    }

    async fn scan(&self, stream: StreamId, scan: Scan, limit: usize) -> Answer<Vec<Record>> {
        let mut out = about(5, &stream);
        let above = match &scan {
            Scan::After(place) | Scan::Before(place) => {
                out.text(if matches!(scan, Scan::After(_)) { "after" } else { "before" });
                out.option(*place, |out, place| write_place(out, &place));
                0
            }
            Scan::Since(above) => {
                out.text("since").null();
                *above
            }
            Scan::Author(author, above) => {
                out.text("author").bytes(author.as_bytes());
                *above
            }
            Scan::Type(r#type, above) => {
                out.text("type").text(r#type);
                *above
            }
        };
        out.uint(above).uint(limit as u64);
        read(&self.ask("scan", out).await?, |input| input.many(record))
    }

    async fn places(&self, stream: StreamId, after: Option<Place>, limit: usize) -> Answer<Vec<(Place, u64)>> {
        let mut out = about(3, &stream);
        out.option(after, |out, place| write_place(out, &place)).uint(limit as u64);
        let pair = |input: &mut In<'_>| {
            input.list()?;
            Ok((read_place(input)?, input.uint()?))
        };
        read(&self.ask("places", out).await?, |input| input.many(pair))
    }

    async fn head(&self, stream: StreamId) -> Answer<Option<Head>> {
        let head = |input: &mut In<'_>| {
            input.list()?;
            Ok(Head { last: input.uint()?, objects: input.uint()?, finals: input.uint()? })
        };
        read(&self.ask("head", about(1, &stream)).await?, |input| input.option(head))
    }

    async fn leaves(&self, stream: StreamId) -> Answer<Vec<ObjectId>> {
        read(&self.ask("leaves", about(1, &stream)).await?, |input| input.many(id))
    }

    async fn dropped(&self, stream: StreamId) -> Answer<Vec<ObjectId>> {
        read(&self.ask("dropped", about(1, &stream)).await?, |input| input.many(id))
    }

    async fn streams(&self, after: Option<StreamId>, limit: usize) -> Answer<Vec<StreamId>> {
        let mut out = arguments(2);
        out.option(after, |out, after| {
            out.bytes(after.as_bytes());
        })
        .uint(limit as u64);
        read(&self.ask("streams", out).await?, |input| input.many(id))
    }

    async fn log(&self, stream: Option<StreamId>, above: u64, limit: usize) -> Answer<Vec<Logged>> {
        let mut out = arguments(3);
        out.option(stream, |out, stream| {
            out.bytes(stream.as_bytes());
        })
        .uint(above)
        .uint(limit as u64);
        read(&self.ask("log", out).await?, |input| input.many(logged))
    }

    async fn wait(&self, above: u64) -> Answer<()> {
        let mut out = arguments(1);
        out.uint(above);
        self.ask("wait", out).await.map(drop)
    }

    async fn cursor(&self, name: &str) -> Answer<Option<Vec<u8>>> {
        let mut out = arguments(1);
        out.text(name);
        read(&self.ask("cursor", out).await?, |input| input.option(|input| Ok(input.bytes()?.to_vec())))
    }

    async fn set_cursor(&self, name: &str, value: &[u8]) -> Answer<()> {
        let mut out = arguments(2);
        out.text(name).bytes(value);
        self.ask("setCursor", out).await.map(drop)
    }

    async fn number(&self) -> Answer<Numbered> {
        let numbered = |input: &mut In<'_>| {
            input.list()?;
            Ok(Numbered { store: input.array()?, counter: input.uint()? })
        };
        read(&self.ask("number", arguments(0)).await?, numbered)
    }

    async fn close(&self) -> Answer<()> {
        self.ask("close", arguments(0)).await.map(drop)
    }
}

#[async_trait(?Send)]
impl Clock for HostStore {
    fn now(&self) -> u64 {
        js_sys::Date::now() as u64
    }

    async fn until(&self, time: u64) {
        let mut out = arguments(1);
        out.uint(time);
        self.0.ask("until", &out.into_bytes()).await;
    }
}
