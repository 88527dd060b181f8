//! Signatures (spec 6.1): valid by ZIP-215, alone and together.
//!
//! A signature (R, s) by the key A is valid where 8(s·B) = 8R + 8(k·A), k being the hash of R, A and what is signed. Many
//! are valid together where the sum of these equations holds, each multiplied by a factor that whoever signed could not
//! choose. The cofactor 8 makes the two agree whatever small-order parts the points have.

use std::collections::BTreeMap;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul};
use sha2::{Digest, Sha512};

use super::author::{AuthorError, Domain, SIGNATURE_LEN, VerifyingKey};

/// A key whose point is unpacked.
#[derive(Clone, Copy, Debug)]
pub struct Verifier {
    author: VerifyingKey,
    /// The negative of its point.
    minus: EdwardsPoint,
}

impl Verifier {
    /// The key with these bytes, if they are one: the canonical encoding of a point that is not of small order.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, AuthorError> {
        let point = CompressedEdwardsY(bytes).decompress().ok_or(AuthorError::Key)?;
        if point.is_small_order() || !is_reduced(&bytes) {
            return Err(AuthorError::Key);
        }
        Ok(Self { author: VerifyingKey::checked(bytes), minus: -point })
    }

    /// Whose signatures it verifies.
    pub const fn author(&self) -> &VerifyingKey {
        &self.author
    }

    /// Whether the signature is valid by ZIP-215.
    pub fn verify(&self, domain: Domain, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        self.holds([domain.name(), message], signature)
    }

    /// Whether the signature over these very bytes is valid by ZIP-215. For checking this library against others:
    /// without a domain, a signature made for one purpose may be used for another.
    pub fn verify_without_domain(&self, bytes: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        self.holds([bytes, &[]], signature)
    }

    fn holds(&self, signed: [&[u8]; 2], signature: &[u8; SIGNATURE_LEN]) -> bool {
        let (Some(r), Some(s)) = (r_of(signature), s_of(signature)) else { return false };
        let k = challenge(&self.author, signed, signature);
        let should = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &self.minus, &s);
        (should - r).mul_by_cofactor().is_identity()
    }
}

/// Whether the y of an encoded point is below the prime 2^255 − 19. Where it is, a point has another encoding only if its
/// x is 0, and then it is of small order.
fn is_reduced(bytes: &[u8; 32]) -> bool {
    bytes[0] < 0xed || bytes[1..31].iter().any(|byte| *byte != 0xff) || bytes[31] & 0x7f != 0x7f
}

/// The point of a signature, in any encoding.
fn r_of(signature: &[u8; SIGNATURE_LEN]) -> Option<EdwardsPoint> {
    CompressedEdwardsY(*signature.first_chunk().expect("64 bytes")).decompress()
}

/// The scalar of a signature, which must be reduced.
fn s_of(signature: &[u8; SIGNATURE_LEN]) -> Option<Scalar> {
    Scalar::from_canonical_bytes(*signature.last_chunk().expect("64 bytes")).into_option()
}

/// What is signed, as a scalar.
fn challenge(author: &VerifyingKey, signed: [&[u8]; 2], signature: &[u8; SIGNATURE_LEN]) -> Scalar {
    let hash = Sha512::new().chain_update(&signature[..32]).chain_update(author.as_bytes());
    let hash = signed.iter().fold(hash, |hash, bytes| hash.chain_update(bytes));
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// Signatures that are verified together: the answer is that of each alone, at about a third of the cost where few authors
/// wrote many of them.
#[derive(Default)]
pub struct Batch {
    added: Vec<Added>,
    /// The keys, each once, with the sum of its factors.
    authors: BTreeMap<VerifyingKey, (EdwardsPoint, Scalar)>,
    factors: blake3::Hasher,
}

struct Added {
    author: VerifyingKey,
    k: Scalar,
    signature: [u8; SIGNATURE_LEN],
}

impl Batch {
    /// A batch of none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a signature.
    pub fn add(&mut self, author: &Verifier, domain: Domain, message: &[u8], signature: &[u8; SIGNATURE_LEN]) {
        self.push(author, [domain.name(), message], signature);
    }

    /// Adds a signature over these very bytes; see [`Verifier::verify_without_domain`].
    pub fn add_without_domain(&mut self, author: &Verifier, bytes: &[u8], signature: &[u8; SIGNATURE_LEN]) {
        self.push(author, [bytes, &[]], signature);
    }

    fn push(&mut self, author: &Verifier, signed: [&[u8]; 2], signature: &[u8; SIGNATURE_LEN]) {
        let k = challenge(&author.author, signed, signature);
        // The hash k stands for the author and for what is signed.
        self.factors.update(k.as_bytes()).update(signature);
        self.authors.entry(author.author).or_insert((author.minus, Scalar::ZERO));
        self.added.push(Added { author: author.author, k, signature: *signature });
    }

    /// Whether all are valid. Where it is not so, each must be verified alone to learn which.
    pub fn verify(self) -> bool {
        self.holds().is_some_and(|sum| sum.mul_by_cofactor().is_identity())
    }

    /// The sum of (s·B − k·A − R) by the factor of each; `None` where some signature has no such point or scalar.
    fn holds(mut self) -> Option<EdwardsPoint> {
        // Nobody can choose signatures that cancel out, since the factors come from a hash over all of them.
        let mut factors = self.factors.finalize_xof();
        let mut of_base = Scalar::ZERO;
        let (mut scalars, mut points) = (Vec::new(), Vec::new());
        for Added { author, k, signature } in &self.added {
            let mut factor = [0; 32];
            factors.fill(&mut factor[..16]);
            let factor = Scalar::from_canonical_bytes(factor).into_option().expect("half of a scalar");
            of_base += factor * s_of(signature)?;
            self.authors.get_mut(author).expect("it was added").1 += factor * k;
            scalars.push(factor);
            points.push(-r_of(signature)?);
        }
        scalars.push(of_base);
        points.push(ED25519_BASEPOINT_POINT);
        for (point, sum) in self.authors.values() {
            scalars.push(*sum);
            points.push(*point);
        }
        Some(EdwardsPoint::vartime_multiscalar_mul(scalars, points))
    }
}
