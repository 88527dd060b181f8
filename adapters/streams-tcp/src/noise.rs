//! One end of a link without IO: for whoever has sockets of another kind.

use std::sync::Arc;

use streams_core::transport::{MAX_FRAME, TransportError};

use crate::error;
use crate::handshake::{Role, Shaking};
use crate::wire::{self, MESSAGE_LENGTH, Opened, Opener, Sealer};

/// One end of a link: what came over a socket goes in, and what is to be sent over it comes out. It speaks as
/// [`TcpTransport`](crate::TcpTransport) does, and knows no time: whoever has the socket bounds how long a handshake takes.
///
/// ```
/// # use streams_tcp::{Noise, Said};
/// let (mut one, mut other) = (Noise::opener(), Noise::answerer());
/// while !(one.is_open() && other.is_open()) {
///     other.receive(&one.take())?;
///     one.receive(&other.take())?;
/// }
/// assert_eq!(one.channel(), other.channel());
/// other.receive(&one.seal(b"a frame")?)?;
/// assert_eq!(other.poll()?, Some(Said::Frame(b"a frame".to_vec())));
/// # Ok::<(), streams_core::transport::TransportError>(())
/// ```
#[derive(Debug)]
pub struct Noise {
    phase: Phase,
    channel: Vec<u8>,
    to_send: Vec<u8>,
    /// What came, and how much of it was opened.
    received: Vec<u8>,
    opened: usize,
}

#[derive(Debug)]
enum Phase {
    Shaking(Box<Shaking>),
    Open(Sealer, Opener),
    /// Something that came was wrong, or the peer's end was read.
    Over,
}

/// What the peer said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A frame.
    Frame(Vec<u8>),
    /// That nothing follows.
    End,
}

impl Noise {
    /// The end that opened the connection.
    pub fn opener() -> Self {
        Self::new(Role::Opener)
    }

    /// The end that answered.
    pub fn answerer() -> Self {
        Self::new(Role::Answerer)
    }

    fn new(role: Role) -> Self {
        let mut shaking = Shaking::new(role);
        let to_send = shaking.say().unwrap_or_default();
        let phase = Phase::Shaking(Box::new(shaking));
        Self { phase, channel: Vec::new(), to_send, received: Vec::new(), opened: 0 }
    }

    /// What of the handshake is to be sent, since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.to_send)
    }

    /// Whether the handshake is done.
    pub fn is_open(&self) -> bool {
        !self.channel.is_empty()
    }

    /// The hash of the handshake, which is unique to the connection and equal at both ends; empty before it is done.
    pub fn channel(&self) -> &[u8] {
        &self.channel
    }

    /// Takes in what came. To be polled before more is given.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        self.received.drain(..self.opened);
        self.opened = 0;
        self.received.extend_from_slice(bytes);
        let shaken = self.shake();
        if shaken.is_err() {
            self.phase = Phase::Over;
        }
        shaken
    }

    fn shake(&mut self) -> Result<(), TransportError> {
        while let Phase::Shaking(shaking) = &mut self.phase {
            if !shaking.is_done() {
                let Some((claimed, rest)) = self.received[self.opened..].split_first_chunk() else { return Ok(()) };
                let length = shaking.length(*claimed)?;
                let Some(message) = rest.get(..length) else { return Ok(()) };
                shaking.hear(message)?;
                self.opened += MESSAGE_LENGTH + length;
                self.to_send.extend(shaking.say().unwrap_or_default());
            }
            if shaking.is_done()
                && let Phase::Shaking(shaking) = std::mem::replace(&mut self.phase, Phase::Over)
            {
                let shaken = shaking.finish();
                let cipher = Arc::new(shaken.cipher);
                self.channel = shaken.channel;
                self.phase = Phase::Open(Sealer::new(cipher.clone()), Opener::new(cipher));
            }
        }
        Ok(())
    }

    /// What the peer said next; `None` where more bytes are needed. After an error, and after the end, nothing follows.
    pub fn poll(&mut self) -> Result<Option<Said>, TransportError> {
        loop {
            let Phase::Open(_, opener) = &mut self.phase else { return Ok(None) };
            let Some((length, rest)) = self.received[self.opened..].split_first_chunk::<MESSAGE_LENGTH>() else {
                return Ok(None);
            };
            let Some(message) = rest.get(..usize::from(u16::from_be_bytes(*length))) else { return Ok(None) };
            self.opened += MESSAGE_LENGTH + message.len();
            match opener.open(message) {
                Ok(Opened::Part) => {}
                Ok(Opened::Frame(frame)) => return Ok(Some(Said::Frame(frame))),
                Ok(Opened::End) => {
                    self.phase = Phase::Over;
                    return Ok(Some(Said::End));
                }
                Err(error) => {
                    self.phase = Phase::Over;
                    return Err(error);
                }
            }
        }
    }

    /// A frame of at most [`MAX_FRAME`] bytes, as it is sent.
    pub fn seal(&mut self, frame: &[u8]) -> Result<Vec<u8>, TransportError> {
        if frame.len() > MAX_FRAME {
            return Err(TransportError::too_large(frame.len()));
        }
        self.seal_all(wire::parts(frame))
    }

    /// The end, as it is sent: nothing may follow.
    pub fn end(&mut self) -> Result<Vec<u8>, TransportError> {
        self.seal_all(std::iter::once(wire::end()))
    }

    fn seal_all<'a>(
        &mut self,
        parts: impl Iterator<Item = std::borrow::Cow<'a, [u8]>>,
    ) -> Result<Vec<u8>, TransportError> {
        match &mut self.phase {
            Phase::Open(sealer, _) => {
                let mut sealed = Vec::new();
                for part in parts {
                    sealed.extend(sealer.seal(&part)?);
                }
                Ok(sealed)
            }
            Phase::Shaking(_) => Err(error::protocol("the handshake is not done")),
            Phase::Over => Err(TransportError::closed()),
        }
    }
}
