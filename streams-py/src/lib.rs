//! Streams for Python: the rooms of the core, each a wrapper with one field. Convert, call, convert.
//!
//! What is public is gathered in `python/streams_core/__init__.py`; this is its `_core`.

mod bytes;

mod error;

mod call;

mod id;

mod key;

mod value;

mod object;

mod root;

mod policy;

mod schema;

mod content;

mod draft;

mod entry;

mod ingested;

mod explain;

mod store;

mod node;

mod feed;

mod session;

mod ranges;

mod line;

mod peers;

mod find;

mod noise;

mod archive;

mod archiver;

mod keep;

mod evidence;

mod simulate;

mod conformance;

mod fold;

mod writer;

mod stream;

/// The part of `streams_core` that is not written in Python.
#[pyo3::pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use crate::archive::{ArchiveReader, ArchiveWriter, Archived, Manifest, Vouching, in_order, missing, page};
    #[pymodule_export]
    use crate::archiver::{FolderArchiver, conforms_archiver};
    #[pymodule_export]
    use crate::call::{_Panics, _panic};
    #[pymodule_export]
    use crate::conformance::conforms;
    #[pymodule_export]
    use crate::content::{Content, tie};
    #[pymodule_export]
    use crate::draft::{Draft, Edges};
    #[pymodule_export]
    use crate::entry::{Entries, Entry};
    #[pymodule_export]
    use crate::error::codes;
    #[pymodule_export]
    use crate::evidence::{Evidence, Shown};
    #[pymodule_export]
    use crate::explain::{Simulated, Verdict};
    #[pymodule_export]
    use crate::feed::{Feed, Told};
    #[pymodule_export]
    use crate::find::{Dialing, Search};
    #[pymodule_export]
    use crate::fold::{Fold, Snapshot};
    #[pymodule_export]
    use crate::id::ObjectId;
    #[pymodule_export]
    use crate::ingested::{Admitted, Answers, Known, Pending};
    #[pymodule_export]
    use crate::keep::Keeper;
    #[pymodule_export]
    use crate::key::{SignatureBatch, SigningKey, VerifyingKey};
    #[pymodule_export]
    use crate::line::Line;
    #[pymodule_export]
    use crate::node::{Node, Verified};
    #[pymodule_export]
    use crate::noise::Noise;
    #[pymodule_export]
    use crate::object::{Authentic, Object, canonical_bytes, check_block, id_of, oh1};
    #[pymodule_export]
    use crate::peers::Meeting;
    #[pymodule_export]
    use crate::policy::{Decision, Rule, decide};
    #[pymodule_export]
    use crate::ranges::Reconcile;
    #[pymodule_export]
    use crate::root::HypotheticalRoot;
    #[pymodule_export]
    use crate::schema::Definition;
    #[pymodule_export]
    use crate::session::Session;
    #[pymodule_export]
    use crate::simulate::World;
    #[pymodule_export]
    use crate::store::{Changed, MemoryStore, PostgresStore, SqliteStore};
    #[pymodule_export]
    use crate::stream::Stream;
    #[pymodule_export]
    use crate::value::Redacted;
    #[pymodule_export]
    use crate::writer::Writer;
}
