//! Synchronization (spec 10): two replicas become equal over any link.
//!
//! 1. **Handshake**: both sides say who they are, and prove it over this connection ([`handshake`]).
//! 2. **Request**: one says which leaves it has, and samples of what is below them.
//! 3. **Response**: the other sends all that is not in the past of what it knows of these, causes first, and asks back
//!    where it lacks some of the leaves. So one exchange each way makes two replicas equal.
//! 4. **Announcement**: whoever asked is told of news.
//!
//! [`session::Session`] does all of it without IO; a [`Node`](crate::Node) drives it over a transport.

pub mod evidence;

pub mod handshake;

pub mod messages;

pub mod questions;

pub mod reconcile;

pub mod said;

pub mod session;
