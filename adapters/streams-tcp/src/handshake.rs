//! The handshake: three messages that agree on keys, and on a hash that no other connection has.

use snow::{Builder, HandshakeState, StatelessTransportState};
use streams_core::transport::TransportError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::error;
use crate::wire::MESSAGE_LENGTH;

const SUITE: &str = "Noise_XX_25519_ChaChaPoly_SHA256";

/// What is hashed first: another protocol, or a later version of this one, is no handshake.
const PROLOGUE: &[u8] = b"streams 2026 tcp v1";

/// How long the three messages are: `e`, then `e, ee, s, es`, then `s, se`. They carry nothing else.
const LENGTHS: [usize; 3] = [32, 96, 64];

/// Who speaks first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    Opener,
    Answerer,
}

/// What a handshake gives.
#[derive(Debug)]
pub(crate) struct Shaken {
    pub(crate) cipher: StatelessTransportState,
    pub(crate) channel: Vec<u8>,
}

/// A handshake under way, without IO.
#[derive(Debug)]
pub(crate) struct Shaking {
    state: HandshakeState,
    /// How many messages went by.
    done: usize,
}

impl Shaking {
    pub(crate) fn new(role: Role) -> Self {
        Self { state: begin(role), done: 0 }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done == LENGTHS.len()
    }

    /// The message that is to be sent, behind its length; none where it is the peer's turn.
    pub(crate) fn say(&mut self) -> Option<Vec<u8>> {
        let length = *LENGTHS.get(self.done).filter(|_| self.state.is_my_turn())?;
        let mut message = vec![0; MESSAGE_LENGTH + LENGTHS[1]];
        let written = self.state.write_message(&[], &mut message[MESSAGE_LENGTH..]).expect("its turn, and room enough");
        assert_eq!(written, length, "the handshake has three messages of known lengths");
        message.truncate(MESSAGE_LENGTH + length);
        message[..MESSAGE_LENGTH].copy_from_slice(&(length as u16).to_be_bytes());
        self.done += 1;
        Some(message)
    }

    /// How long the peer's message is. Said at once, and not when as many bytes have come as it claims: nothing is kept
    /// for what is no handshake.
    pub(crate) fn length(&self, claimed: [u8; MESSAGE_LENGTH]) -> Result<usize, TransportError> {
        let claimed = usize::from(u16::from_be_bytes(claimed));
        if LENGTHS.get(self.done) == Some(&claimed) { Ok(claimed) } else { Err(no_handshake()) }
    }

    /// Takes in the peer's message.
    pub(crate) fn hear(&mut self, message: &[u8]) -> Result<(), TransportError> {
        self.state.read_message(message, &mut []).map_err(|source| no_handshake().because(source))?;
        self.done += 1;
        Ok(())
    }

    /// What it gives, once it is done.
    pub(crate) fn finish(self) -> Shaken {
        let channel = self.state.get_handshake_hash().to_vec();
        let cipher = self.state.into_stateless_transport_mode().expect("the handshake is done");
        Shaken { cipher, channel }
    }
}

pub(crate) async fn shake(stream: &mut TcpStream, role: Role) -> Result<Shaken, TransportError> {
    let mut shaking = Shaking::new(role);
    while !shaking.is_done() {
        if let Some(message) = shaking.say() {
            stream.write_all(&message).await.map_err(error::hung_up)?;
            continue;
        }
        let mut message = [0; LENGTHS[1]];
        stream.read_exact(&mut message[..MESSAGE_LENGTH]).await.map_err(error::hung_up)?;
        let length = shaking.length([message[0], message[1]])?;
        stream.read_exact(&mut message[..length]).await.map_err(error::hung_up)?;
        shaking.hear(&message[..length])?;
    }
    Ok(shaking.finish())
}

/// The state before the first message, with keys that nobody else ever sees or uses again.
fn begin(role: Role) -> HandshakeState {
    let builder = Builder::new(SUITE.parse().expect("a suite that Noise has"));
    let keys = builder.generate_keypair().expect("randomness from the operating system");
    let builder = builder.prologue(PROLOGUE).and_then(|builder| builder.local_private_key(&keys.private));
    let builder = builder.expect("each is given once");
    match role {
        Role::Opener => builder.build_initiator(),
        Role::Answerer => builder.build_responder(),
    }
    .expect("it has the keys that XX asks for")
}

fn no_handshake() -> TransportError {
    error::protocol("that is no handshake of Streams: the peer speaks something else, or a later version")
}
