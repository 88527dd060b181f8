//! The handshake: three messages that agree on keys, and on a hash that no other connection has.

use snow::{Builder, HandshakeState, StatelessTransportState};
use streams_core::transport::TransportError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::error;

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

pub(crate) async fn shake(stream: &mut TcpStream, role: Role) -> Result<Shaken, TransportError> {
    let mut state = begin(role);
    for length in LENGTHS {
        let mut message = [0; 2 + LENGTHS[1]];
        if state.is_my_turn() {
            let written = state.write_message(&[], &mut message[2..]).expect("its turn, and room enough");
            assert_eq!(written, length, "the handshake has three messages of known lengths");
            message[..2].copy_from_slice(&(length as u16).to_be_bytes());
            stream.write_all(&message[..2 + length]).await.map_err(error::hung_up)?;
        } else {
            stream.read_exact(&mut message[..2]).await.map_err(error::hung_up)?;
            // Said at once, and not when as many bytes have come as it claims: nothing is kept for what is no handshake.
            if usize::from(u16::from_be_bytes([message[0], message[1]])) != length {
                return Err(no_handshake());
            }
            stream.read_exact(&mut message[..length]).await.map_err(error::hung_up)?;
            state.read_message(&message[..length], &mut []).map_err(|source| no_handshake().because(source))?;
        }
    }
    let channel = state.get_handshake_hash().to_vec();
    let cipher = state.into_stateless_transport_mode().expect("the handshake is done");
    Ok(Shaken { cipher, channel })
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
