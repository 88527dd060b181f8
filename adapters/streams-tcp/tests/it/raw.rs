//! A peer that is written from the documentation, says what a test wants, and breaks its rules where it is told to.

use snow::{Builder, TransportState};
use streams_tcp::{Options, TcpTransport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{listen, soon};

pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    pub(crate) state: TransportState,
    pub(crate) channel: Vec<u8>,
}

impl Raw {
    /// Does the handshake; the turn says who speaks first.
    pub(crate) async fn shake(mut stream: TcpStream, mut turn: bool) -> Self {
        let builder = Builder::new("Noise_XX_25519_ChaChaPoly_SHA256".parse().expect("a suite"));
        let keys = builder.generate_keypair().expect("keys");
        let builder = builder.local_private_key(&keys.private).expect("a key");
        let builder = builder.prologue(b"streams 2026 tcp v1").expect("a prologue");
        let mut state = if turn { builder.build_initiator() } else { builder.build_responder() }.expect("a state");
        while !state.is_handshake_finished() {
            let mut buffer = [0; 1000];
            if turn {
                let length = state.write_message(&[], &mut buffer).expect("a message");
                write(&mut stream, &buffer[..length]).await;
            } else {
                let message = read(&mut stream).await.expect("a message");
                state.read_message(&message, &mut buffer).expect("a handshake");
            }
            turn = !turn;
        }
        let channel = state.get_handshake_hash().to_vec();
        Self { stream, state: state.into_transport_mode().expect("it is done"), channel }
    }

    /// A link, and the one who is not bound by its rules.
    pub(crate) async fn pair(options: Options) -> (TcpTransport, Self) {
        let listener = listen(options).await;
        let stream = TcpStream::connect(listener.address().expect("an address")).await.expect("a connection");
        let (end, raw) = soon(async { tokio::join!(listener.accept(), Self::shake(stream, true)) }).await;
        (end.expect("a link"), raw)
    }

    pub(crate) fn seal(&mut self, part: &[u8]) -> Vec<u8> {
        let mut message = vec![0; 65_535];
        let length = self.state.write_message(part, &mut message).expect("a message");
        message.truncate(length);
        message
    }

    pub(crate) async fn say(&mut self, part: &[u8]) {
        let message = self.seal(part);
        write(&mut self.stream, &message).await;
    }

    /// What the next message carries.
    pub(crate) async fn hear(&mut self) -> Option<Vec<u8>> {
        let message = read(&mut self.stream).await?;
        let mut part = vec![0; message.len()];
        let length = self.state.read_message(&message, &mut part).expect("a message of the peer");
        part.truncate(length);
        Some(part)
    }
}

pub(crate) async fn write(stream: &mut TcpStream, message: &[u8]) {
    stream.write_all(&(message.len() as u16).to_be_bytes()).await.expect("a connection");
    stream.write_all(message).await.expect("a connection");
}

async fn read(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).await.ok()?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).await.ok()?;
    Some(message)
}

/// A plain port of this machine, and where it is.
pub(crate) async fn port() -> (TcpListener, std::net::SocketAddr) {
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = port.local_addr().expect("an address");
    (port, address)
}
