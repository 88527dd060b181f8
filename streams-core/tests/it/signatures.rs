//! Single and batch verification give one answer, also on signatures that were crafted to divide them (spec 6.1).

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::Verifier;
use sha2::{Digest, Sha512};
use streams_core::{Batch, VerifyingKey};

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

        let ours = VerifyingKey::from_bytes(key).expect("a point");
        let mut batch = Batch::new();
        batch.add_without_domain(&ours, &message, &signature);
        assert!(ours.verifier().verify_without_domain(&message, &signature));
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
                let key = VerifyingKey::from_bytes(key).expect("a point");
                together.add_without_domain(&key, &[i], &signature);
                alone &= key.verifier().verify_without_domain(&[i], &signature);
            }
            assert_eq!(alone, !tampered);
            assert_eq!(together.verify(), alone, "torsion {torsion}, tampered {tampered}");
        }
    }
}
