//! Frames in Noise messages, and back. Without IO: bytes in, bytes out.

use std::borrow::Cow;
use std::iter::once;
use std::sync::Arc;

use snow::StatelessTransportState;
use streams_core::transport::{MAX_FRAME, TransportError};

use crate::error;

/// The longest Noise message, and the part of it that proves the rest.
const MESSAGE: usize = 65_535;
const TAG: usize = 16;

/// What a message carries at most.
const ROOM: usize = MESSAGE - TAG;

/// The bytes of a length, before a message and in it.
pub(crate) const MESSAGE_LENGTH: usize = 2;
const FRAME_LENGTH: usize = 4;

/// Stands where a frame's length would, and says that none follows.
const END: [u8; FRAME_LENGTH] = [0xff; FRAME_LENGTH];

/// What the messages of a frame carry: its length and beginning, then the rest.
pub(crate) fn parts(frame: &[u8]) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let length = u32::try_from(frame.len()).expect("a frame of at most MAX_FRAME bytes").to_be_bytes();
    let (begin, rest) = frame.split_at(frame.len().min(ROOM - FRAME_LENGTH));
    once(Cow::Owned([&length, begin].concat())).chain(rest.chunks(ROOM).map(Cow::Borrowed))
}

/// What the last message carries.
pub(crate) fn end() -> Cow<'static, [u8]> {
    Cow::Borrowed(&END)
}

/// Encrypts, one message after the other.
#[derive(Debug)]
pub(crate) struct Sealer {
    cipher: Arc<StatelessTransportState>,
    count: u64,
}

impl Sealer {
    pub(crate) fn new(cipher: Arc<StatelessTransportState>) -> Self {
        Self { cipher, count: 0 }
    }

    /// A message that carries a part, behind its length.
    pub(crate) fn seal(&mut self, part: &[u8]) -> Result<Vec<u8>, TransportError> {
        let length = u16::try_from(part.len() + TAG).expect("a part of at most ROOM bytes");
        let mut message = vec![0; MESSAGE_LENGTH + usize::from(length)];
        message[..MESSAGE_LENGTH].copy_from_slice(&length.to_be_bytes());
        // It fails where the count has reached its end, and no byte is sent under a number twice.
        self.cipher
            .write_message(self.count, part, &mut message[MESSAGE_LENGTH..])
            .map_err(|source| error::exhausted().because(source))?;
        self.count += 1;
        Ok(message)
    }
}

/// What a message completes.
#[derive(Debug)]
pub(crate) enum Opened {
    Part,
    Frame(Vec<u8>),
    End,
}

/// Decrypts, one message after the other, and holds what has come of a frame.
#[derive(Debug)]
pub(crate) struct Opener {
    cipher: Arc<StatelessTransportState>,
    count: u64,
    frame: Vec<u8>,
    /// How many bytes of the frame are to come; none where no frame has begun.
    missing: Option<usize>,
}

impl Opener {
    pub(crate) fn new(cipher: Arc<StatelessTransportState>) -> Self {
        Self { cipher, count: 0, frame: Vec::new(), missing: None }
    }

    /// Takes the next message. After an error there is none.
    pub(crate) fn open(&mut self, message: &[u8]) -> Result<Opened, TransportError> {
        // Room for what came, never for what is only claimed. (The tag's room is given back: with it, nothing is copied.)
        let start = self.frame.len();
        self.frame.resize(start + message.len(), 0);
        let carried = self.cipher.read_message(self.count, message, &mut self.frame[start..]).map_err(|source| {
            error::protocol("a message was changed on its way, or is not the peer's: open another link").because(source)
        })?;
        self.frame.truncate(start + carried);
        self.count += 1;
        let (missing, came) = match self.missing {
            Some(missing) => (missing, carried),
            None => match self.begin()? {
                Some(length) => (length, self.frame.len()),
                None => return Ok(Opened::End),
            },
        };
        if came > missing || (carried == 0 && missing > 0) {
            return Err(error::protocol("a frame came in other parts than its length allows"));
        }
        self.missing = Some(missing - came).filter(|missing| *missing > 0);
        Ok(if self.missing.is_some() { Opened::Part } else { Opened::Frame(std::mem::take(&mut self.frame)) })
    }

    /// Takes a frame's length from its beginning; none is the end.
    fn begin(&mut self) -> Result<Option<usize>, TransportError> {
        let Some((length, begin)) = self.frame.split_first_chunk::<FRAME_LENGTH>() else {
            return Err(error::protocol("a frame came without its length"));
        };
        if *length == END {
            return if begin.is_empty() { Ok(None) } else { Err(error::protocol("something follows the end")) };
        }
        let length = u32::from_be_bytes(*length) as usize;
        if length > MAX_FRAME {
            return Err(TransportError::too_large(length));
        }
        self.frame.drain(..FRAME_LENGTH);
        Ok(Some(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snow::Builder;
    use streams_core::transport::TransportErrorKind;

    fn pair() -> (Sealer, Opener) {
        let builder = || Builder::new("Noise_NN_25519_ChaChaPoly_SHA256".parse().expect("a suite"));
        let mut one = builder().build_initiator().expect("a state");
        let mut other = builder().build_responder().expect("a state");
        let mut message = [0; 100];
        let length = one.write_message(&[], &mut message).expect("a message");
        other.read_message(&message[..length], &mut []).expect("a message");
        let length = other.write_message(&[], &mut message).expect("a message");
        one.read_message(&message[..length], &mut []).expect("a message");
        let cipher = |state: snow::HandshakeState| Arc::new(state.into_stateless_transport_mode().expect("done"));
        (Sealer::new(cipher(one)), Opener::new(cipher(other)))
    }

    #[test]
    fn what_is_only_claimed_takes_no_room() {
        let (mut sealer, mut opener) = pair();
        let length = u32::try_from(MAX_FRAME).expect("small").to_be_bytes();
        let message = sealer.seal(&length).expect("a message");
        assert!(matches!(opener.open(&message[MESSAGE_LENGTH..]), Ok(Opened::Part)));
        assert!(opener.frame.capacity() < 100, "{} bytes for a claim", opener.frame.capacity());
    }

    #[test]
    fn a_key_that_is_used_up_is_not_used_again() {
        let (mut sealer, mut opener) = pair();
        (sealer.count, opener.count) = (u64::MAX - 1, u64::MAX - 1);
        let message = sealer.seal(b"\0\0\0\0").expect("the last message");
        assert!(matches!(opener.open(&message[MESSAGE_LENGTH..]), Ok(Opened::Frame(frame)) if frame.is_empty()));
        for _ in 0..2 {
            let error = sealer.seal(b"\0\0\0\0").expect_err("there is none after the last");
            assert_eq!(error.kind(), TransportErrorKind::Closed);
        }
    }
}
