//! Objects: their bytes, proven, as what JavaScript shows; and back.

#[cfg(feature = "whole")]
use streams_core::Map;
use streams_core::codes::Class;
use streams_core::{Authentic, Authenticator, Content, HypotheticalRoot, Object, ObjectId, Role};
use wasm_bindgen::prelude::wasm_bindgen;

#[cfg(feature = "whole")]
use crate::cbor::In;
use crate::cbor::Out;
use crate::error::{Failure, Outcome};
use crate::hash_key;

/// An object and its parts: a list of its role, its id, its parts, and its values.
pub(crate) fn write(out: &mut Out, object: &Object, role: &str) {
    out.list(4).text(role).id(&object.id()).bytes(object.parts());
    match object.to_map() {
        Ok(map) => drop(out.entries(&map)),
        Err(_) => drop(out.null()),
    }
}

pub(crate) fn write_authentic(out: &mut Out, authentic: &Authentic) {
    let role = match authentic.header().role() {
        Role::HypotheticalRoot => "hypothetical-root",
        Role::Root => "root",
        Role::Event => "event",
    };
    write(out, authentic.object(), role);
}

/// A hash, as it comes from JavaScript.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> Outcome<[u8; N]> {
    bytes.try_into().map_err(|_| Failure::new(Class::Length, "length"))
}

/// An object of which all is judged that it shows without its past: bytes, signature, header, rules, and the data of
/// `streams/` types.
#[wasm_bindgen]
pub fn authenticate(parts: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut out = Out::new();
    let authentic = Authenticator::new(hash_key()).authenticate(Object::decode(parts)?)?;
    Content::read(&authentic)?;
    write_authentic(&mut out, &authentic);
    Ok(out.into_bytes())
}

/// An object of which nothing but its bytes is judged.
#[wasm_bindgen]
pub fn decode(parts: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut out = Out::new();
    write(&mut out, &Object::decode(parts)?, "");
    Ok(out.into_bytes())
}

/// The id of an object, of which nothing but its bytes is judged.
#[wasm_bindgen(js_name = objectId)]
pub fn object_id(parts: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(Object::decode(parts)?.id().as_bytes().to_vec())
}

#[cfg(feature = "whole")]
/// The parts of an object with these values, and this signature.
#[wasm_bindgen]
pub fn encode(values: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(Object::from_map(&In::new(values).entries()?)?.parts().to_vec())
}

/// The bytes of a map with these values, and its id.
#[wasm_bindgen]
pub fn hash(block: &[u8]) -> Vec<u8> {
    ObjectId::of_block(block).as_bytes().to_vec()
}

#[cfg(feature = "whole")]
/// The parts without a map.
#[wasm_bindgen]
pub fn redact(parts: &[u8], map: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(Object::decode(parts)?.redact(&ObjectId::from_bytes(array(map)?))?.parts().to_vec())
}

#[cfg(feature = "whole")]
/// The parts with maps that stood redacted.
#[wasm_bindgen]
pub fn restore(parts: &[u8], maps: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(Object::decode(parts)?.restore(&In::new(maps).parts()?).parts().to_vec())
}

/// The hypothetical root of a type and an author.
#[wasm_bindgen(js_name = hypotheticalRoot)]
pub fn hypothetical_root(r#type: &str, author: &str) -> Result<Vec<u8>, Failure> {
    let mut out = Out::new();
    write_authentic(&mut out, HypotheticalRoot::new(r#type, author.parse()?)?.authentic());
    Ok(out.into_bytes())
}

/// The maps of an object, each by its id: of what `restore` takes.
#[wasm_bindgen]
pub fn maps(parts: &[u8]) -> Result<Vec<u8>, Failure> {
    let object = Object::decode(parts)?;
    let mut out = Out::new();
    let maps = object.maps();
    out.list(2).list(maps.len());
    for map in maps {
        out.list(2).id(&ObjectId::of_block(map)).bytes(map);
    }
    out.ids(&object.redacted_maps());
    Ok(out.into_bytes())
}

#[cfg(feature = "whole")]
/// What is put into an object that is to be written: a list of its type, data, rules, timestamp and next.
pub(crate) struct Spec {
    pub(crate) r#type: String,
    pub(crate) data: Option<Map>,
    pub(crate) policies: Vec<Map>,
    pub(crate) timestamp: Option<u64>,
    pub(crate) next: Option<[u8; 32]>,
}

#[cfg(feature = "whole")]
impl Spec {
    pub(crate) fn read(input: &mut In<'_>) -> Outcome<Self> {
        input.list()?;
        Ok(Self {
            r#type: input.text()?.to_owned(),
            data: input.option(In::entries)?,
            policies: input.many(In::entries)?,
            timestamp: input.option(In::uint)?,
            next: input.option(In::array)?,
        })
    }

    pub(crate) fn fill(self, draft: streams_core::Draft) -> streams_core::Draft {
        let mut draft = draft.policies(self.policies);
        if let Some(data) = self.data {
            draft = draft.data(data);
        }
        if let Some(timestamp) = self.timestamp {
            draft = draft.timestamp(timestamp);
        }
        match self.next {
            Some(next) => draft.next(next),
            None => draft,
        }
    }
}
