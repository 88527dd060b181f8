//! A server that speaks S3, of one's own, on a port of the loopback: moto, from PyPI.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Moto {
    child: Child,
    port: u16,
}

impl Moto {
    /// A new server, with an empty bucket of the name `bucket`.
    ///
    /// # Panics
    ///
    /// Where moto is not installed, or does not start: in a sentence.
    pub(crate) fn start() -> Self {
        let program = std::env::var("STREAMS_MOTO").unwrap_or_else(|_| "moto_server".into());
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).expect("a free port").port();
        let mut command = Command::new(&program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap_or_else(|error| {
            panic!(
                "these tests start a server that speaks S3, and {program} cannot be run ({error}): `scripts/test` \
                 installs it; otherwise `pip install 'moto[server]'`, and its path in STREAMS_MOTO"
            )
        });
        let moto = Self { child, port };
        let answers = (0..600).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        assert!(answers, "{program} does not answer on port {port}");
        moto.put("/bucket", "");
        moto
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Puts this there.
    pub(crate) fn put(&self, what: &str, body: &str) {
        let mut link = TcpStream::connect(("127.0.0.1", self.port)).expect("it answers");
        let signed =
            "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        let length = body.len();
        let head =
            format!("PUT {what} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {length}\r\n");
        link.write_all(format!("{head}Authorization: {signed}\r\n\r\n{body}").as_bytes()).expect("it listens");
        let mut answer = String::new();
        link.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
