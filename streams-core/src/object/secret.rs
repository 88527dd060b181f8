//! Secrets, and signatures by them (RFC 8032).
//!
//! `ed25519-dalek` signs with a table of 30 kB. Where what is loaded counts for more than how fast one signs, and the
//! feature `tables` is off, it is done without: three times slower, the same bytes.

use super::author::SIGNATURE_LEN;

/// A secret, ready to sign.
#[cfg(feature = "tables")]
#[derive(Clone)]
pub(super) struct Secret(ed25519_dalek::SigningKey);

#[cfg(feature = "tables")]
impl Secret {
    pub(super) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&bytes))
    }

    pub(super) fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public key.
    pub(super) fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        ed25519_dalek::Signer::sign(&self.0, message).to_bytes()
    }
}

#[cfg(not(feature = "tables"))]
pub(super) use small::Secret;

#[cfg(any(not(feature = "tables"), test))]
mod small {
    use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
    use curve25519_dalek::scalar::{Scalar, clamp_integer};
    use sha2::{Digest, Sha512};

    use super::SIGNATURE_LEN;

    /// A secret, and what is derived from it.
    #[derive(Clone)]
    pub(in crate::object) struct Secret {
        bytes: [u8; 32],
        scalar: Scalar,
        /// What makes the nonces of signatures, so that none needs randomness.
        prefix: [u8; 32],
        public: [u8; 32],
    }

    impl Secret {
        pub(in crate::object) fn from_bytes(bytes: [u8; 32]) -> Self {
            let hash: [u8; 64] = Sha512::digest(bytes).into();
            let (scalar, prefix) = hash.split_at(32);
            let half = |half: &[u8]| -> [u8; 32] { half.try_into().expect("a half of 64") };
            let scalar = Scalar::from_bytes_mod_order(clamp_integer(half(scalar)));
            Self { bytes, scalar, prefix: half(prefix), public: point(&scalar) }
        }

        pub(in crate::object) fn to_bytes(&self) -> [u8; 32] {
            self.bytes
        }

        /// The public key.
        pub(in crate::object) fn public(&self) -> [u8; 32] {
            self.public
        }

        pub(in crate::object) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
            let nonce = scalar(&[&self.prefix, message]);
            let commitment = point(&nonce);
            let challenge = scalar(&[&commitment, &self.public, message]);
            let mut signature = [0; SIGNATURE_LEN];
            signature[..32].copy_from_slice(&commitment);
            signature[32..].copy_from_slice((nonce + challenge * self.scalar).as_bytes());
            signature
        }
    }

    /// The multiple of the base point, in constant time.
    fn point(scalar: &Scalar) -> [u8; 32] {
        (ED25519_BASEPOINT_POINT * scalar).compress().to_bytes()
    }

    fn scalar(parts: &[&[u8]]) -> Scalar {
        let mut hash = Sha512::new();
        parts.iter().for_each(|part| hash.update(part));
        Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        /// Signatures without the table are those with it.
        #[test]
        fn signatures_are_the_same(secret: [u8; 32], message: Vec<u8>) {
            let with = ed25519_dalek::SigningKey::from_bytes(&secret);
            let without = super::small::Secret::from_bytes(secret);
            prop_assert_eq!(without.public(), with.verifying_key().to_bytes());
            prop_assert_eq!(without.to_bytes(), secret);
            prop_assert_eq!(without.sign(&message), ed25519_dalek::Signer::sign(&with, &message).to_bytes());
        }
    }
}
