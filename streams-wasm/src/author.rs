//! Authors: keys that sign, keys that tell authors apart, and objects that wait for a signature from elsewhere.

#[cfg(feature = "whole")]
use streams_core::signer::Signer;
use streams_core::{Domain, VerifyingKey};
#[cfg(feature = "whole")]
use streams_core::{Draft, Object, SigningKey};
use wasm_bindgen::prelude::wasm_bindgen;

#[cfg(feature = "whole")]
use crate::cbor::In;
use crate::error::Failure;
#[cfg(feature = "whole")]
use crate::host::Host;
#[cfg(feature = "whole")]
use crate::object::Spec;
use crate::object::array;

#[cfg(feature = "whole")]
/// Lets one write as an author.
#[wasm_bindgen]
pub struct Key(pub(crate) SigningKey);

#[cfg(feature = "whole")]
#[wasm_bindgen]
impl Key {
    /// The key with these 32 secret bytes.
    #[wasm_bindgen(js_name = fromBytes)]
    pub fn from_bytes(secret: &[u8]) -> Result<Key, Failure> {
        Ok(Self(SigningKey::from_bytes(array(secret)?)))
    }

    /// The secret bytes.
    #[wasm_bindgen(js_name = toBytes)]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes().to_vec()
    }

    /// The text of the author.
    pub fn author(&self) -> String {
        self.0.verifying_key().to_string()
    }

    /// Signs a message for a purpose.
    pub fn sign(&self, domain: u8, message: &[u8]) -> Vec<u8> {
        self.0.sign(self::domain(domain), message).to_vec()
    }
}

/// The purposes, in the order of the face.
fn domain(number: u8) -> Domain {
    match number {
        0 => Domain::Object,
        1 => Domain::Session,
        2 => Domain::Statement,
        3 => Domain::Archive,
        _ => Domain::Request,
    }
}

/// The bytes that are signed for a message.
#[wasm_bindgen]
pub fn preimage(domain: u8, message: &[u8]) -> Vec<u8> {
    self::domain(domain).preimage(message)
}

/// Whether a signature is valid.
#[wasm_bindgen]
pub fn verify(author: &str, domain: u8, message: &[u8], signature: &[u8]) -> Result<bool, Failure> {
    let author: VerifyingKey = author.parse()?;
    Ok(author.verify(self::domain(domain), message, &array(signature)?))
}

/// The text of an author whose public key is this.
#[wasm_bindgen(js_name = authorOf)]
pub fn author_of(key: &[u8]) -> Result<String, Failure> {
    Ok(VerifyingKey::from_bytes(array(key)?)?.to_string())
}

/// The public key in the text of an author.
#[wasm_bindgen(js_name = authorBytes)]
pub fn author_bytes(author: &str) -> Result<Vec<u8>, Failure> {
    Ok(author.parse::<VerifyingKey>()?.as_bytes().to_vec())
}

#[cfg(feature = "whole")]
/// A root that is signed.
#[wasm_bindgen(js_name = signedRoot)]
pub fn signed_root(spec: &[u8], nonce: &[u8], key: &Key) -> Result<Vec<u8>, Failure> {
    let spec = Spec::read(&mut In::new(spec))?;
    let draft = Draft::root(spec.r#type.clone(), array(nonce)?);
    Ok(spec.fill(draft).sign(&key.0)?.object().parts().to_vec())
}

#[cfg(feature = "whole")]
/// A root that is to be signed elsewhere.
#[wasm_bindgen(js_name = unsignedRoot)]
pub fn unsigned_root(spec: &[u8], nonce: &[u8], author: &str) -> Result<Vec<u8>, Failure> {
    let spec = Spec::read(&mut In::new(spec))?;
    let draft = Draft::root(spec.r#type.clone(), array(nonce)?);
    Ok(spec.fill(draft).encode(&author.parse()?)?.parts().to_vec())
}

#[cfg(feature = "whole")]
/// The parts with this signature in them.
#[wasm_bindgen(js_name = withSignature)]
pub fn with_signature(parts: &[u8], signature: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(Object::decode(parts)?.with_signature(&array(signature)?).parts().to_vec())
}

/// A key of JavaScript, which may never come out of the browser.
#[cfg(feature = "whole")]
#[derive(Debug)]
pub(crate) struct HostSigner {
    pub(crate) author: VerifyingKey,
    pub(crate) host: Host,
}

#[cfg(feature = "whole")]
#[async_trait::async_trait(?Send)]
impl Signer for HostSigner {
    fn author(&self) -> VerifyingKey {
        self.author
    }

    async fn sign(&self, domain: Domain, message: &[u8]) -> Option<[u8; 64]> {
        let domain = match domain {
            Domain::Object => "object",
            Domain::Session => "session",
            Domain::Statement => "statement",
            Domain::Archive => "archive",
            Domain::Request => "request",
        };
        let answer = self.host.ask(domain, message).await;
        answer.strip_prefix(&[0])?.try_into().ok()
    }
}
