//! The contract of who signs for a node before its peers: a key, or whatever holds one and does not hand it out.

use async_trait::async_trait;

use crate::object::author::{Domain, SIGNATURE_LEN, SigningKey, VerifyingKey};
use crate::shared::Shared;

/// Signs as an author: at once, or after it asked a device, an agent or a browser.
#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
pub trait Signer: Shared + std::fmt::Debug {
    /// Whose signatures these are.
    fn author(&self) -> VerifyingKey;

    /// The signature over the [preimage](Domain::preimage) of a message; none where it is not given. Nothing else is said
    /// to the peer until it is there, and the peer waits for ten seconds at most.
    async fn sign(&self, domain: Domain, message: &[u8]) -> Option<[u8; SIGNATURE_LEN]>;
}

#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl Signer for SigningKey {
    fn author(&self) -> VerifyingKey {
        self.verifying_key()
    }

    async fn sign(&self, domain: Domain, message: &[u8]) -> Option<[u8; SIGNATURE_LEN]> {
        Some(SigningKey::sign(self, domain, message))
    }
}
