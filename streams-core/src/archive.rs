//! Archives (spec 11): a stream in one file, which proves itself and which tools of IPLD read.
//!
//! An archive is a CARv1 file ([`car`]): first the [`manifest`], which says what is in it, then the blocks of the objects
//! in the order of the stream, and behind each group of them a seal with their signatures. Nothing here opens a file:
//! bytes come in and go out, and whoever has a [`Node`](crate::Node) writes and restores with it.

pub mod car;

pub mod manifest;

pub mod seal;

pub mod vouch;

pub mod fault;

pub mod write;

pub mod read;

pub mod index;

pub mod chain;
