//! From an object to one whose author is proven (spec 4, 6).
//!
//! What is wrong with a copy is told before what is wrong with the object, and what is newer before what is refused
//! (spec 4.2): so nobody is blamed, and nothing is refused for ever, on the word of a bad copy.

use hashbrown::HashTable;

use super::author::{AUTHOR_LEN, AuthorError, Domain, SIGNATURE_LEN, VerifyingKey, author_bytes};
use super::header::{Field, Header, Newer, Role, Unfit, author_text, judge};
use super::id::ObjectId;
use super::parts::{Object, Unsound};
use super::verifier::{Batch, Verifier};
use crate::keyed::HashKey;

/// How many authors an [`Authenticator`] remembers, 300 bytes each, before it forgets them all.
const MAX_KNOWN: usize = 1 << 16;

/// An object that its author signed, whose header keeps the rules that the object alone can tell.
///
/// Made by an [`Authenticator`] or by signing, so it is proof of both.
#[derive(Clone, Debug)]
pub struct Authentic {
    object: Object,
    author: VerifyingKey,
    role: Role,
}

impl Authentic {
    /// The object.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// The id of the object.
    pub fn id(&self) -> ObjectId {
        self.object.id()
    }

    /// The header.
    pub fn header(&self) -> Header<'_> {
        Header::trusted(self.object.block(), self.object.fields(), self.role, self.author)
    }

    /// The object again, without the proof.
    pub fn into_object(self) -> Object {
        self.object
    }

    /// Judges the header of an object that was just signed with this author's key.
    pub(crate) fn signed(object: Object, author: VerifyingKey) -> Result<Self, AuthenticateError> {
        finish(object, author)
    }

    /// An object that was authenticated and kept safe since (spec 6.2).
    pub(crate) fn kept(object: Object, author: VerifyingKey) -> Self {
        let role = object.fields().role();
        Self { object, author, role }
    }
}

/// Why an object is not authentic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticateError {
    /// The copy is at fault; another may not be.
    #[error(transparent)]
    Unsound(#[from] Unsound),
    /// The object is newer, or its header breaks a rule.
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

/// Proves authors. Keeps the keys that it met ready, since unpacking one costs a tenth of a verification.
#[derive(Clone, Debug)]
pub struct Authenticator {
    key: HashKey,
    /// Where in `known` an author is, by the text of the key.
    places: HashTable<usize>,
    known: Vec<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    text: [u8; AUTHOR_LEN],
    verifier: Verifier,
}

impl Authenticator {
    /// An authenticator that knows nobody yet.
    pub fn new(key: HashKey) -> Self {
        Self { key, places: HashTable::new(), known: Vec::new() }
    }

    /// Proves the author of one object.
    pub fn authenticate(&mut self, object: Object) -> Result<Authentic, AuthenticateError> {
        let verifier = self.author_of(&object)?;
        if let Some(signature) = signature_to_verify(&object)?
            && !verifier.verify(Domain::Object, object.id().as_bytes(), signature)
        {
            return Err(Unsound::BadSignature.into());
        }
        let author = *verifier.author();
        finish(object, author)
    }

    /// Proves the authors of many objects at about a third of the cost, or less where they share authors. The answers
    /// are those of [`authenticate`](Self::authenticate), in the order of the objects.
    pub fn authenticate_batch(&mut self, objects: Vec<Object>) -> Vec<Result<Authentic, AuthenticateError>> {
        let mut batch = Batch::new();
        let queued: Vec<_> = objects
            .iter()
            .map(|object| {
                let verifier = self.author_of(object)?;
                if let Some(signature) = signature_to_verify(object)? {
                    batch.add(verifier, Domain::Object, object.id().as_bytes(), signature);
                }
                Ok(*verifier.author())
            })
            .collect();
        let all_valid = batch.verify();
        let authenticated = objects.into_iter().zip(queued).map(|(object, queued)| match queued {
            Err(error) => Err(error),
            Ok(author) if all_valid => finish(object, author),
            Ok(_) => self.authenticate(object),
        });
        authenticated.collect()
    }

    /// Takes an object whose signature this replica verified before (spec 6.2), and judges all else.
    pub fn verified_before(&mut self, object: Object) -> Result<Authentic, AuthenticateError> {
        let author = *self.author_of(&object)?.author();
        signature_to_verify(&object)?;
        finish(object, author)
    }

    /// The author, by the text in the header. Where it is no usable key no signature can be judged, and the rules of
    /// the header speak.
    fn author_of(&mut self, object: &Object) -> Result<&Verifier, AuthenticateError> {
        let (block, fields) = (object.block(), object.fields());
        let Some(text) = author_text(block, fields) else {
            judge(block, fields)?;
            return Err(Unfit::Refused(AuthorError::Form.into()).into());
        };
        let hash = self.key.hash(&text);
        let place = self.places.find(hash, |place| self.known[*place].text == text).copied();
        let place = match place {
            Some(place) => place,
            None => {
                let author = fields.text(Field::Author, block).unwrap_or_default();
                let verifier = author_bytes(author).and_then(Verifier::from_bytes);
                if verifier.is_err() {
                    judge(block, fields)?;
                }
                let verifier = verifier.map_err(|error| Unfit::Refused(error.into()))?;
                self.learn(Known { text, verifier }, hash)
            }
        };
        Ok(&self.known[place].verifier)
    }

    fn learn(&mut self, known: Known, hash: u64) -> usize {
        if self.known.len() == MAX_KNOWN {
            self.known.clear();
            self.places.clear();
        }
        let place = self.known.len();
        self.known.push(known);
        let (key, known) = (&self.key, &self.known);
        self.places.insert_unique(hash, place, |place| key.hash(&known[*place].text));
        place
    }
}

/// The signature that must be valid: none on a hypothetical root.
fn signature_to_verify(object: &Object) -> Result<Option<&[u8; SIGNATURE_LEN]>, Unsound> {
    match (object.fields().is_hypothetical(), object.signature()) {
        (true, None) => Ok(None),
        (true, Some(_)) => Err(Unsound::SignedHypothetical),
        (false, None) => Err(Unsound::Unsigned),
        (false, Some(signature)) => Ok(Some(signature)),
    }
}

/// What follows the signature: the maps that admission reads are here, and the header keeps its rules.
fn finish(object: Object, author: VerifyingKey) -> Result<Authentic, AuthenticateError> {
    if let Some(map) = object.missing() {
        return Err(if object.is_foreign(&map) {
            Unfit::Newer(Newer::Reference).into()
        } else {
            Unsound::NotWhole.into()
        });
    }
    let role = judge(object.block(), object.fields())?;
    Ok(Authentic { object, author, role })
}
