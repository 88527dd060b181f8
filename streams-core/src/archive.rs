//! Archives (spec 11): a stream in one file, which proves itself and which tools of IPLD read.
//!
//! An archive is a CARv1 file ([`car`]): first the [`manifest`], which says what is in it, then the blocks of the objects
//! in the order of the stream, and behind each group of them a [`seal`], which tells where each object ends and holds the
//! signatures. It may continue another ([`chain`]), and beside it may stand an [`index`] of places, and a vouching
//! ([`vouch`]).
//!
//! Nothing here opens a file: bytes come in and go out. A [`write::Writer`] is given objects and gives bytes; a
//! [`read::Reader`] is given bytes and gives objects that are proven, and every [`fault`] with its place, and goes on
//! behind it. Whoever has a [`Node`](crate::Node) writes and restores with that.

pub mod car;

pub mod manifest;

pub mod seal;

pub mod vouch;

pub mod fault;

pub mod write;

pub mod read;

pub mod index;

pub mod chain;

pub mod deal;

pub mod ledger;

pub mod plan;
