//! Single and batch verification give one answer, also on signatures that were crafted to divide them (spec 6.1).

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::Verifier as _;
use proptest::collection::vec;
use proptest::prelude::*;
use sha2::{Digest, Sha512};
use streams_core::{Batch, Verifier};

/// A signature by the holder of a key, whose point R has a part of small order: honest but for that part.
fn with_torsion(secret: Scalar, message: &[u8], torsion: usize) -> ([u8; 32], [u8; 64]) {
    let key = (ED25519_BASEPOINT_POINT * secret).compress().to_bytes();
    let nonce = Scalar::from(0x0123_4567_89ab_cdef_u64);
    let point = (ED25519_BASEPOINT_POINT * nonce + EIGHT_TORSION[torsion]).compress().to_bytes();
    let hash = Sha512::new().chain_update(point).chain_update(key).chain_update(message).finalize();
    let factor = Scalar::from_bytes_mod_order_wide(&hash.into());
    let scalar = nonce + factor * secret;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&point);
    signature[32..].copy_from_slice(scalar.as_bytes());
    (key, signature)
}

#[test]
fn crafted_signatures_divide_cofactorless_verification_and_not_ours() {
    let secret = Scalar::from(42_u64);
    let mut divided = 0;
    for i in 0..32_u8 {
        let message = [i; 8];
        // EIGHT_TORSION[4] has order 2.
        let (key, signature) = with_torsion(secret, &message, 4);

        let theirs = ed25519_dalek::VerifyingKey::from_bytes(&key).expect("a point");
        let raw = ed25519_dalek::Signature::from_bytes(&signature);
        assert!(theirs.verify(&message, &raw).is_err(), "without the cofactor, it is no signature");
        divided += u32::from(ed25519_dalek::verify_batch(&[&message], &[raw], &[theirs]).is_ok());

        let ours = Verifier::from_bytes(key).expect("a point");
        let mut batch = Batch::new();
        batch.add_without_domain(&ours, &message, &signature);
        assert!(ours.verify_without_domain(&message, &signature));
        assert!(batch.verify());
    }
    // If this ever fails, that batch verification became one that agrees with its single one.
    assert!(divided > 0, "a batch without the cofactor accepts about half of what single verification refuses");
}

#[test]
fn all_small_orders_agree_alone_and_together() {
    for torsion in 0..8 {
        for tampered in [false, true] {
            let mut together = Batch::new();
            let mut alone = true;
            for i in 0..4_u8 {
                let (key, mut signature) = with_torsion(Scalar::from(u64::from(i) + 7), &[i], torsion);
                if tampered && i == 3 {
                    signature[40] ^= 1;
                }
                let key = Verifier::from_bytes(key).expect("a point");
                together.add_without_domain(&key, &[i], &signature);
                alone &= key.verify_without_domain(&[i], &signature);
            }
            assert_eq!(alone, !tampered);
            assert_eq!(together.verify(), alone, "torsion {torsion}, tampered {tampered}");
        }
    }
}

/// What is done to a signature, its key and its message.
#[derive(Clone, Copy, Debug)]
enum Change {
    None,
    /// A part of small order in R.
    Torsion(usize),
    /// A bit of the signature.
    Bit(usize),
    /// Another message.
    Message,
    /// s by the order of the group too large.
    Unreduced,
    /// R of small order in an encoding that is not canonical, and what then makes a valid signature.
    Encoding(bool),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => Just(Change::None),
        2 => (0..8_usize).prop_map(Change::Torsion),
        1 => (0..512_usize).prop_map(Change::Bit),
        1 => Just(Change::Message),
        1 => Just(Change::Unreduced),
        1 => any::<bool>().prop_map(Change::Encoding),
    ]
}

/// A key, a message, and a signature of it, so changed.
fn signature(secret: u64, mut message: Vec<u8>, change: Change) -> ([u8; 32], Vec<u8>, [u8; 64]) {
    let scalar = Scalar::from(secret);
    let torsion = if let Change::Torsion(torsion) = change { torsion } else { 0 };
    let (key, mut signature) = with_torsion(scalar, &message, torsion);
    match change {
        Change::None | Change::Torsion(_) => {}
        Change::Bit(bit) => signature[bit / 8] ^= 1 << (bit % 8),
        Change::Message => message.push(0),
        Change::Unreduced => {
            // 2^252 + 27742317777372353535851937790883648493, from its low byte.
            let order = (Scalar::ZERO - Scalar::ONE).to_bytes();
            let mut carry = 1;
            for (byte, add) in signature[32..].iter_mut().zip(order) {
                carry += u16::from(*byte) + u16::from(add);
                *byte = carry.to_le_bytes()[0];
                carry >>= 8;
            }
        }
        Change::Encoding(sign) => {
            // The identity, whose y of 1 is written as 2^255 − 18, or with the sign of a zero.
            let mut point = [0xff; 32];
            (point[0], point[31]) = (0xee, if sign { 0xff } else { 0x7f });
            let hash = Sha512::new().chain_update(point).chain_update(key).chain_update(&message).finalize();
            let s = Scalar::from_bytes_mod_order_wide(&hash.into()) * scalar;
            signature[..32].copy_from_slice(&point);
            signature[32..].copy_from_slice(s.as_bytes());
        }
    }
    (key, message, signature)
}

proptest! {
    /// Another library that verifies by ZIP-215 says the same of each; and together they are what they are alone.
    #[test]
    fn others_say_the_same(all in vec((1..6_u64, vec(any::<u8>(), 0..80), change()), 1..40)) {
        let mut together = Batch::new();
        let mut valid = true;
        for (secret, message, change) in all {
            let (key, message, signature) = signature(secret, message, change);
            let ours = Verifier::from_bytes(key).expect("a point");
            let theirs = ed25519_zebra::VerificationKey::try_from(key).expect("a point");
            let alone = ours.verify_without_domain(&message, &signature);
            prop_assert_eq!(alone, theirs.verify(&signature.into(), &message).is_ok(), "{:?}", change);
            match change {
                Change::None | Change::Torsion(_) | Change::Encoding(_) => prop_assert!(alone),
                Change::Bit(_) | Change::Message | Change::Unreduced => prop_assert!(!alone),
            }
            together.add_without_domain(&ours, &message, &signature);
            valid &= alone;
        }
        prop_assert_eq!(together.verify(), valid);
    }
}
