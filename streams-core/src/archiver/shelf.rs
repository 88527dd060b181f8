//! Where sealed packs wait until enough copies of them are elsewhere.

use std::io;

use async_trait::async_trait;

use super::{ArchiverError, Body};
use crate::archive::ledger::Account;
use crate::shared::Shared;

/// Where sealed packs wait, by their digests, those of each account apart. One engine uses it at a time.
#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
pub trait Shelf: Shared + std::fmt::Debug {
    /// Begins a pack. What is dropped before it is [kept](Draft::keep) leaves nothing behind, and so does a crash, at the
    /// latest when the shelf is used again.
    async fn draft(&self, account: &Account) -> Result<Box<dyn Draft>, ArchiverError>;

    /// A pack that waits here; `None` where none does.
    async fn open(&self, account: &Account, digest: &[u8; 32]) -> Result<Option<Box<dyn Body>>, ArchiverError>;

    /// The digests of all packs of an account, in no order.
    async fn all(&self, account: &Account) -> Result<Vec<[u8; 32]>, ArchiverError>;

    /// Takes a pack away. That none is there is no error.
    async fn forget(&self, account: &Account, digest: &[u8; 32]) -> Result<(), ArchiverError>;
}

/// A pack that is being written.
#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
pub trait Draft: Shared + io::Write {
    /// Puts it on the shelf under its digest: durable when this returns.
    async fn keep(self: Box<Self>, digest: [u8; 32]) -> Result<(), ArchiverError>;
}
