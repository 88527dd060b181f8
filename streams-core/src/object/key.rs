//! Keys (spec 1.1, 1.2): `name:hint`, where the hint tells the type of the value.

use std::fmt;
use std::str::FromStr;

/// The longest name, in bytes of UTF-8 (spec 1.1).
pub const MAX_NAME: usize = 128;

/// The most lists within lists that a hint may name: what is below could hold no value (spec 1.5).
pub const MAX_LISTS: u8 = 31;

/// What a value is, apart from lists (spec 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `s`: text.
    Text,
    /// `i`: a signed integer of 64 bits.
    Int,
    /// `u`: an unsigned integer of 64 bits.
    Uint,
    /// `f`: a finite binary64 other than −0.0.
    Float,
    /// `b`: true or false.
    Bool,
    /// `d`: bytes.
    Bytes,
    /// `m`: a map, or its id where it stands redacted.
    Map,
    /// `r`: a reference, the id of an object.
    Reference,
}

impl Kind {
    fn from_letter(letter: u8) -> Option<Self> {
        Some(match letter {
            b's' => Kind::Text,
            b'i' => Kind::Int,
            b'u' => Kind::Uint,
            b'f' => Kind::Float,
            b'b' => Kind::Bool,
            b'd' => Kind::Bytes,
            b'm' => Kind::Map,
            b'r' => Kind::Reference,
            _ => return None,
        })
    }

    fn letter(self) -> u8 {
        b"siufbdmr"[self as usize]
    }
}

/// A hint: the kind of a value, behind an `a` for each list around it.
///
/// ```
/// # use streams_core::{Hint, Kind};
/// let hint: Hint = "aai".parse().unwrap();
/// assert_eq!((hint.kind(), hint.lists()), (Kind::Int, 2));
/// assert_eq!(hint.item().unwrap().to_string(), "ai");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hint {
    lists: u8,
    kind: Kind,
}

impl Hint {
    /// The hint of a value that is no list.
    pub const fn of(kind: Kind) -> Self {
        Self { lists: 0, kind }
    }

    #[inline]
    fn from_bytes(text: &[u8]) -> Option<Self> {
        let (letter, lists) = text.split_last()?;
        if lists.len() > MAX_LISTS as usize || lists.iter().any(|c| *c != b'a') {
            return None;
        }
        Some(Self { lists: lists.len() as u8, kind: Kind::from_letter(*letter)? })
    }

    /// The hint of a list of such values; `None` above [`MAX_LISTS`].
    pub const fn list(self) -> Option<Self> {
        if self.lists == MAX_LISTS { None } else { Some(Self { lists: self.lists + 1, kind: self.kind }) }
    }

    /// The hint of the elements; `None` where the value is no list.
    pub const fn item(self) -> Option<Self> {
        if self.lists == 0 { None } else { Some(Self { lists: self.lists - 1, kind: self.kind }) }
    }

    /// The kind of the innermost values.
    pub const fn kind(self) -> Kind {
        self.kind
    }

    /// How many lists are around the innermost values: 0 to [`MAX_LISTS`].
    pub const fn lists(self) -> u8 {
        self.lists
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for _ in 0..self.lists {
            f.write_str("a")?;
        }
        write!(f, "{}", self.kind.letter() as char)
    }
}

impl fmt::Debug for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A key that is not `name:hint`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name is empty, too long, or has a forbidden character.
    #[error("a name is 1 to 128 bytes of text without `:` and control characters")]
    Name,
    /// There is no hint, or none that is known.
    #[error("a key ends in `:` and one of the hints s i u f b d m r, behind an `a` for each list")]
    Hint,
}

impl FromStr for Hint {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(text.as_bytes()).ok_or(KeyError::Hint)
    }
}

/// Splits a key into its name and its hint.
pub fn split_key(key: &str) -> Result<(&str, Hint), KeyError> {
    let (name, hint) = split_key_bytes(key.as_bytes())?;
    Ok((&key[..name.len()], hint))
}

/// Splits a key that is valid UTF-8. One pass over the bytes, no allocation.
#[inline]
pub(crate) fn split_key_bytes(key: &[u8]) -> Result<(&[u8], Hint), KeyError> {
    let mut ascii = true;
    for (at, byte) in key.iter().enumerate() {
        match byte {
            b':' => {
                let (name, hint) = (&key[..at], &key[at + 1..]);
                if name.is_empty() || name.len() > MAX_NAME || (!ascii && has_control(&String::from_utf8_lossy(name))) {
                    return Err(KeyError::Name);
                }
                return match Hint::from_bytes(hint) {
                    Some(hint) => Ok((name, hint)),
                    // Hints have no colon: with another one, the name has it.
                    None if hint.contains(&b':') => Err(KeyError::Name),
                    None => Err(KeyError::Hint),
                };
            }
            0x00..=0x1f | 0x7f => return Err(KeyError::Name),
            0x80.. => ascii = false,
            _ => {}
        }
    }
    Err(KeyError::Hint)
}

fn has_control(name: &str) -> bool {
    name.chars().any(char::is_control)
}

/// A name of a map's entry: 1 to 128 bytes of text without `:` and control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

impl Name {
    /// Checks a name.
    pub fn new(name: impl Into<Box<str>>) -> Result<Self, KeyError> {
        let name = name.into();
        if name.is_empty() || name.len() > MAX_NAME || name.contains(':') || has_control(&name) {
            return Err(KeyError::Name);
        }
        Ok(Self(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is a note of the replica: it begins with `_`, is outside the hash and never sent (spec 1.3).
    pub fn is_note(&self) -> bool {
        self.0.starts_with('_')
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
