//! What of a request is signed, and how a server checks it: without a socket, a clock or randomness.
//!
//! Signed are, under the domain `streams.request.v1` (spec 6.1), six lines, each with a line feed behind it: the method;
//! the path with the query, just as it is sent; BLAKE3 of the body in hexadecimal, of no bytes where there is none; the
//! key of the server, which is the audience; a nonce of 16 random bytes in hexadecimal; and the time at which the request
//! expires, in milliseconds since 1970 UTC. No line can hold a line feed, so no two requests are signed alike.
//!
//! What the server cannot know otherwise stands in the headers [`headers::ALL`].

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use data_encoding::HEXLOWER;
use streams_core::object::parts::MAX_PARTS;
use streams_core::{Domain, SigningKey, VerifyingKey};

/// The headers of a signed request. Each stands once.
pub mod headers {
    /// The key of the caller, as text.
    pub const KEY: &str = "streams-key";
    /// The key of the server, as text.
    pub const AUDIENCE: &str = "streams-audience";
    /// 16 random bytes, in 32 hexadecimal digits.
    pub const NONCE: &str = "streams-nonce";
    /// When the request expires, in milliseconds since 1970 UTC.
    pub const EXPIRES: &str = "streams-expires";
    /// BLAKE3 of the body, in 64 hexadecimal digits.
    pub const BODY: &str = "streams-body";
    /// The signature, in 128 hexadecimal digits.
    pub const SIGNATURE: &str = "streams-signature";

    /// All of them.
    pub const ALL: [&str; 6] = [KEY, AUDIENCE, NONCE, EXPIRES, BODY, SIGNATURE];
}

/// How long a request is good, in milliseconds, as the client here makes it.
pub const LIFE: u64 = 2 * 60 * 1000;

/// The longest that a request may be good, in milliseconds, by the clock of the server. A client whose clock is right
/// within two minutes is understood.
pub const MAX_LIFE: u64 = 2 * LIFE;

/// The longest path with its query, in bytes.
pub const MAX_TARGET: usize = 2048;

/// The longest body, in bytes: the parts of the largest object.
pub const MAX_BODY: usize = MAX_PARTS;

/// How many requests are remembered, so that none is made twice.
pub const MAX_REMEMBERED: usize = 1 << 16;

/// How many of them may be of one caller.
pub const MAX_OF_ONE: usize = 1 << 13;

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path with the query, as it is sent.
    pub target: &'a str,
    /// BLAKE3 of the body.
    pub body: [u8; 32],
    /// The key of the server.
    pub audience: VerifyingKey,
    /// Fresh random bytes.
    pub nonce: [u8; 16],
    /// When it expires, in milliseconds since 1970 UTC.
    pub expires: u64,
}

impl Request<'_> {
    /// The bytes that are signed, without the domain.
    pub fn message(&self) -> Vec<u8> {
        let Self { method, target, body, audience, nonce, expires } = self;
        let (body, nonce) = (HEXLOWER.encode(body), HEXLOWER.encode(nonce));
        format!("{method}\n{target}\n{body}\n{audience}\n{nonce}\n{expires}\n").into_bytes()
    }

    /// The headers that make it a request of the holder of this key.
    pub fn sign(&self, key: &SigningKey) -> [(&'static str, String); 6] {
        let signature = key.sign(Domain::Request, &self.message());
        [
            (headers::KEY, key.verifying_key().to_string()),
            (headers::AUDIENCE, self.audience.to_string()),
            (headers::NONCE, HEXLOWER.encode(&self.nonce)),
            (headers::EXPIRES, self.expires.to_string()),
            (headers::BODY, HEXLOWER.encode(&self.body)),
            (headers::SIGNATURE, HEXLOWER.encode(&signature)),
        ]
    }
}

/// A request as it came, before its body.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a str,
    /// The path with the query.
    pub target: &'a str,
    /// How long the body is, where that was said.
    pub length: Option<u64>,
}

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The path is too long.
    #[error("the path and the query have more than {MAX_TARGET} bytes")]
    TargetTooLong,
    /// The body is too long.
    #[error("the body has more than {MAX_BODY} bytes, as no object has")]
    TooLarge,
    /// A header is not there.
    #[error("the request is not signed: the header {0} is lacking")]
    Unsigned(&'static str),
    /// A header is there twice, or does not have its form.
    #[error("the header {0} stands there twice, or is not as it must be")]
    Header(&'static str),
    /// It is for another server.
    #[error("the request is for another server: this one is {0}")]
    WrongAudience(VerifyingKey),
    /// Its time is over.
    #[error("the request expired {0} ms ago by the clock here: make it again, and see whether your clock is right")]
    Expired(u64),
    /// It is good for too long.
    #[error("the request expires in {0} ms by the clock here, and may in {MAX_LIFE}: see whether your clock is right")]
    ExpiresTooFar(u64),
    /// It was made before.
    #[error("the request was made before: each has a nonce of its own")]
    Replayed,
    /// Too many of this caller are remembered.
    #[error("there were more than {MAX_OF_ONE} requests of this key within some minutes: wait for one")]
    TooMany,
    /// Too many are remembered.
    #[error("the server is busy: try again in a minute")]
    Busy,
    /// The signature is not the caller's over this request.
    #[error("the signature is not that of the key over this method, path, body, audience, nonce and time")]
    Signature,
    /// The body is another.
    #[error("the body is not the one that was signed")]
    WrongBody,
}

impl RequestError {
    /// The code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TargetTooLong => "target-too-long",
            Self::TooLarge => "too-large",
            Self::Unsigned(_) => "unsigned",
            Self::Header(_) => "header",
            Self::WrongAudience(_) => "wrong-audience",
            Self::Expired(_) => "expired",
            Self::ExpiresTooFar(_) => "expires-too-far",
            Self::Replayed => "replayed",
            Self::TooMany => "too-many",
            Self::Busy => "busy",
            Self::Signature => "request-signature",
            Self::WrongBody => "wrong-body",
        }
    }
}

/// Whoever made a request, proven. Made by [`Guard::accept`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller(VerifyingKey);

impl Caller {
    /// The key.
    pub const fn key(self) -> VerifyingKey {
        self.0
    }
}

/// A request whose head is proven, and whose body is still to come. Made by [`Guard::check`] alone.
#[derive(Clone, Copy, Debug)]
pub struct Signed {
    caller: VerifyingKey,
    nonce: [u8; 16],
    expires: u64,
    body: [u8; 32],
}

/// Lets each request through once.
///
/// ```
/// use streams_archive::api::request::{Guard, Head, LIFE, Request};
/// # use streams_core::SigningKey;
/// let (server, ada) = (SigningKey::from_bytes([1; 32]), SigningKey::from_bytes([2; 32]));
/// let guard = Guard::new(server.verifying_key());
/// let body = *blake3::hash(b"").as_bytes();
/// let nonce = [3; 16]; // fresh random bytes, in earnest
/// let request =
///     Request { method: "GET", target: "/streams", body, audience: server.verifying_key(), nonce, expires: 5 + LIFE };
/// let headers = request.sign(&ada);
/// let head = Head { method: "GET", target: "/streams", length: None };
/// let header = |name: &str| headers.iter().filter(|(own, _)| *own == name).map(|(_, value)| value.as_bytes()).collect();
/// let signed = guard.check(head, header, 5)?;
/// assert_eq!(guard.accept(signed, b"", 5)?.key(), ada.verifying_key());
/// assert_eq!(guard.check(head, header, 6).unwrap_err().code(), "replayed");
/// # Ok::<(), streams_archive::api::request::RequestError>(())
/// ```
#[derive(Debug)]
pub struct Guard {
    own: VerifyingKey,
    remembered: Mutex<Remembered>,
}

/// The requests that were made and are not expired.
#[derive(Debug, Default)]
struct Remembered {
    /// The first to expire first.
    all: BTreeSet<(u64, [u8; 32], [u8; 16])>,
    of: HashMap<[u8; 32], usize>,
}

impl Remembered {
    fn forget_expired(&mut self, now: u64) {
        while let Some((_, caller, _)) = self.all.first().filter(|(expires, ..)| *expires <= now).copied() {
            self.all.pop_first();
            if let Some(count) = self.of.get_mut(&caller) {
                *count -= 1;
                if *count == 0 {
                    self.of.remove(&caller);
                }
            }
        }
    }

    /// Whether there is room for one more, which was not made before.
    fn check(&self, request: &(u64, [u8; 32], [u8; 16])) -> Result<(), RequestError> {
        match self.all.contains(request) {
            true => Err(RequestError::Replayed),
            false if self.of.get(&request.1).is_some_and(|count| *count >= MAX_OF_ONE) => Err(RequestError::TooMany),
            false if self.all.len() >= MAX_REMEMBERED => Err(RequestError::Busy),
            false => Ok(()),
        }
    }

    fn insert(&mut self, request: (u64, [u8; 32], [u8; 16])) {
        self.all.insert(request);
        *self.of.entry(request.1).or_default() += 1;
    }
}

impl Guard {
    /// Of the server with this key.
    pub fn new(own: VerifyingKey) -> Self {
        Self { own, remembered: Mutex::default() }
    }

    /// Checks a request before its body is read, the cheapest first: lengths, forms, audience, time, whether it was made
    /// before, and the signature. `header` gives all values that a header has.
    pub fn check<'a>(
        &self,
        head: Head<'_>,
        header: impl Fn(&'static str) -> Vec<&'a [u8]>,
        now: u64,
    ) -> Result<Signed, RequestError> {
        if head.target.len() > MAX_TARGET {
            return Err(RequestError::TargetTooLong);
        }
        if head.length.is_some_and(|length| length > MAX_BODY as u64) {
            return Err(RequestError::TooLarge);
        }
        let text = |name: &'static str| match header(name)[..] {
            [] => Err(RequestError::Unsigned(name)),
            [value] => std::str::from_utf8(value).map_err(|_| RequestError::Header(name)),
            _ => Err(RequestError::Header(name)),
        };
        let [key, audience, nonce, expires, body, signature] = headers::ALL.map(text);
        let (audience, expires) = (audience?, decimal(headers::EXPIRES, expires?)?);
        let nonce: [u8; 16] = hexadecimal(headers::NONCE, nonce?)?;
        let body: [u8; 32] = hexadecimal(headers::BODY, body?)?;
        let signature: [u8; 64] = hexadecimal(headers::SIGNATURE, signature?)?;
        if audience != self.own.to_string() {
            return Err(RequestError::WrongAudience(self.own));
        }
        match expires.checked_sub(now) {
            None | Some(0) => return Err(RequestError::Expired(now - expires)),
            Some(left) if left > MAX_LIFE => return Err(RequestError::ExpiresTooFar(left)),
            Some(_) => {}
        }
        let caller: VerifyingKey = key?.parse().map_err(|_| RequestError::Header(headers::KEY))?;
        let signed = Signed { caller, nonce, expires, body };
        {
            let mut remembered = self.remembered();
            remembered.forget_expired(now);
            remembered.check(&signed.name())?;
        }
        let request = Request { method: head.method, target: head.target, body, audience: self.own, nonce, expires };
        match caller.verify(Domain::Request, &request.message(), &signature) {
            true => Ok(signed),
            false => Err(RequestError::Signature),
        }
    }

    /// Lets a request through whose body is here: if the body is the one that was signed, and nobody made the same
    /// request meanwhile. It is remembered until it expires.
    pub fn accept(&self, signed: Signed, body: &[u8], now: u64) -> Result<Caller, RequestError> {
        if body.len() > MAX_BODY {
            return Err(RequestError::TooLarge);
        }
        if blake3::hash(body) != signed.body {
            return Err(RequestError::WrongBody);
        }
        // A body that comes slowly outlives its request: once expired, it would be forgotten at once.
        if signed.expires <= now {
            return Err(RequestError::Expired(now - signed.expires));
        }
        let mut remembered = self.remembered();
        remembered.forget_expired(now);
        remembered.check(&signed.name())?;
        remembered.insert(signed.name());
        Ok(Caller(signed.caller))
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signed {
    /// By what it is remembered.
    const fn name(&self) -> (u64, [u8; 32], [u8; 16]) {
        (self.expires, *self.caller.as_bytes(), self.nonce)
    }
}

/// A number as it is written in one way alone.
fn decimal(name: &'static str, text: &str) -> Result<u64, RequestError> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text).ok_or(RequestError::Header(name))
}

fn hexadecimal<const N: usize>(name: &'static str, text: &str) -> Result<[u8; N], RequestError> {
    let mut bytes = [0; N];
    // The length first: what is too long is not decoded.
    let decoded = (text.len() == 2 * N).then(|| HEXLOWER.decode_mut(text.as_bytes(), &mut bytes));
    match decoded {
        Some(Ok(_)) => Ok(bytes),
        _ => Err(RequestError::Header(name)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(n: u8) -> SigningKey {
        SigningKey::from_bytes([n; 32])
    }

    fn name(caller: u8, n: usize, expires: u64) -> (u64, [u8; 32], [u8; 16]) {
        (expires, [caller; 32], (n as u128).to_be_bytes())
    }

    #[test]
    fn what_is_signed_is_this_to_the_byte() {
        let request = Request {
            method: "POST",
            target: "/streams/bafy/asks?a=b",
            body: *blake3::hash(b"{}").as_bytes(),
            audience: key(1).verifying_key(),
            nonce: [0xab; 16],
            expires: 1_795_266_300_000,
        };
        let message = String::from_utf8(request.message()).unwrap();
        let lines: Vec<&str> = message.split('\n').collect();
        let body = blake3::hash(b"{}").to_hex();
        let audience = key(1).verifying_key().to_string();
        assert_eq!(
            lines,
            [
                "POST",
                "/streams/bafy/asks?a=b",
                body.as_str(),
                &audience,
                "abababababababababababababababab",
                "1795266300000",
                ""
            ]
        );
        assert!(Domain::Request.preimage(&request.message()).starts_with(b"streams.request.v1\0POST\n/streams/"));
    }

    #[test]
    fn memory_is_bounded_and_is_given_back() {
        let mut remembered = Remembered::default();
        let callers = MAX_REMEMBERED / MAX_OF_ONE;
        for caller in 0..callers {
            for n in 0..MAX_OF_ONE {
                let name = name(caller as u8, n, 100 + caller as u64);
                assert_eq!(remembered.check(&name), Ok(()));
                remembered.insert(name);
            }
        }
        assert_eq!(remembered.check(&name(200, 0, 500)), Err(RequestError::Busy));
        assert_eq!(remembered.check(&name(0, MAX_OF_ONE, 500)), Err(RequestError::TooMany));
        assert_eq!(remembered.check(&name(3, 7, 103)), Err(RequestError::Replayed), "that comes first");
        remembered.forget_expired(100);
        assert_eq!(remembered.check(&name(200, 0, 500)), Ok(()));
        assert_eq!(remembered.check(&name(0, MAX_OF_ONE, 500)), Ok(()));
        assert_eq!((remembered.all.len(), remembered.of.len()), (MAX_REMEMBERED - MAX_OF_ONE, callers - 1));
        remembered.forget_expired(u64::MAX);
        assert!(remembered.all.is_empty() && remembered.of.is_empty());
    }

    #[test]
    fn who_comes_too_late_with_the_body_is_not_let_in_and_forgotten() {
        let (guard, now) = (Guard::new(key(1).verifying_key()), 1_000);
        let body = *blake3::hash(b"").as_bytes();
        let audience = key(1).verifying_key();
        let request = Request { method: "GET", target: "/", body, audience, nonce: [1; 16], expires: now + 10 };
        let headers = request.sign(&key(2));
        let header = |name: &str| -> Vec<&[u8]> {
            headers.iter().filter(|(own, _)| *own == name).map(|(_, value)| value.as_bytes()).collect()
        };
        let check = |now| guard.check(Head { method: "GET", target: "/", length: None }, header, now);
        let signed = check(now).unwrap();
        assert_eq!(guard.accept(signed, b"", now + 10), Err(RequestError::Expired(0)));
        assert_eq!(guard.accept(signed, b"x", now), Err(RequestError::WrongBody));
        // What failed is not remembered: the right one comes through, once.
        let (one, other) = (check(now).unwrap(), check(now).unwrap());
        assert_eq!(guard.accept(one, b"", now), Ok(Caller(key(2).verifying_key())));
        assert_eq!(guard.accept(other, b"", now), Err(RequestError::Replayed));
        assert_eq!(check(now).unwrap_err(), RequestError::Replayed);
        assert_eq!(check(now + 10).unwrap_err(), RequestError::Expired(0), "expired comes before forgotten");
    }

    proptest! {
        /// Of what is signed and how, not a byte may be another.
        #[test]
        fn one_byte_is_another_and_nobody_comes_through(
            which in 0..8_usize,
            at in any::<prop::sample::Index>(),
            byte in 0x20..0x7f_u8,
        ) {
            let (guard, now) = (Guard::new(key(1).verifying_key()), 1_000_000);
            let body = *blake3::hash(b"body").as_bytes();
            let (audience, expires) = (key(1).verifying_key(), now + LIFE);
            let request =
                Request { method: "POST", target: "/streams?after=x", body, audience, nonce: [7; 16], expires };
            let headers = request.sign(&key(2));
            let mut texts: Vec<Vec<u8>> = headers.iter().map(|(_, value)| value.clone().into_bytes()).collect();
            texts.extend([b"POST".to_vec(), b"/streams?after=x".to_vec()]);
            let at = at.index(texts[which].len());
            let is_same = texts[which][at] == byte;
            texts[which][at] = byte;
            let (method, target) = (std::str::from_utf8(&texts[6]).unwrap(), std::str::from_utf8(&texts[7]).unwrap());
            let header = |name: &str| {
                let at = headers::ALL.iter().position(|own| *own == name).unwrap();
                vec![texts[at].as_slice()]
            };
            let checked = guard.check(Head { method, target, length: Some(4) }, header, now);
            let came_through = checked.and_then(|signed| guard.accept(signed, b"body", now)).is_ok();
            prop_assert_eq!(came_through, is_same);
        }
    }
}
