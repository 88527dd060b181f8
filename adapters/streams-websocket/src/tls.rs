//! `wss`: TLS below the WebSocket, and what is unique to its connection.

use std::fmt;
use std::sync::Arc;

use streams_core::transport::TransportError;
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, ConnectionCommon, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::{Options, error};

/// What the exporter of RFC 9266 is called, and how long its value is.
const LABEL: &[u8] = b"EXPORTER-Channel-Binding";
const LENGTH: usize = 32;

/// What is spoken in the TLS: a WebSocket begins as this.
const SPEECH: &[u8] = b"http/1.1";

/// What a server shows for itself.
pub struct Identity {
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// A server's certificate, those that lead from it to a root, and its key.
    pub fn new(certificates: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        Self { certificates, key }
    }

    /// The same from two files in PEM, as an authority gives them.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TransportError> {
        let certificates = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| error::other("the certificates are not in PEM").because(source))?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|source| error::other("the key is not in PEM").because(source))?;
        Ok(Self::new(certificates, key))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Identity").field("certificates", &self.certificates.len()).finish_non_exhaustive()
    }
}

/// A server that shows an identity.
#[derive(Clone)]
pub(crate) struct Server(TlsAcceptor);

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Server")
    }
}

impl Server {
    pub(crate) fn new(identity: Identity) -> Result<Self, TransportError> {
        // TLS 1.3 alone: what the exporter gives is unique there, whatever the two agreed on.
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .expect("ring has what TLS 1.3 asks for")
            .with_no_client_auth()
            .with_single_cert(identity.certificates, identity.key)
            .map_err(|source| error::other("the certificate and the key do not fit").because(source))?;
        config.alpn_protocols = vec![SPEECH.to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> Result<server::TlsStream<TcpStream>, TransportError> {
        self.0.accept(stream).await.map_err(error::no_tls)
    }
}

/// A client that trusts certain roots.
pub(crate) struct Client(TlsConnector);

impl Client {
    /// Trusts these alone.
    pub(crate) fn trusting(roots: impl IntoIterator<Item = CertificateDer<'static>>) -> Result<Self, TransportError> {
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(root).map_err(|source| error::other("a root is no certificate").because(source))?;
        }
        Ok(Self::new(store))
    }

    /// Trusts whom the system trusts.
    pub(crate) async fn trusting_system() -> Result<Self, TransportError> {
        // They are read from many files.
        let loaded = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs);
        let loaded = loaded.await.map_err(|source| error::other("the runtime ends").because(source))?;
        let mut store = RootCertStore::empty();
        // One that cannot be read takes nothing from the others.
        let (added, _) = store.add_parsable_certificates(loaded.certs);
        if added == 0 {
            return Err(error::other("the system trusts nobody: install its certificates, or use `connect_trusting`"));
        }
        Ok(Self::new(store))
    }

    fn new(roots: RootCertStore) -> Self {
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .expect("ring has what TLS 1.3 asks for")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![SPEECH.to_vec()];
        Self(TlsConnector::from(Arc::new(config)))
    }

    pub(crate) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<client::TlsStream<TcpStream>, TransportError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|source| error::other(format!("no certificate can be for {host:?}")).because(source))?;
        self.0.connect(name, stream).await.map_err(error::no_tls)
    }
}

/// What is unique to a connection (RFC 9266), where the options ask for it.
pub(crate) fn channel<D>(connection: &ConnectionCommon<D>, options: Options) -> Vec<u8> {
    if !options.bound {
        return Vec::new();
    }
    let exported = connection.export_keying_material([0; LENGTH], LABEL, Some(&[]));
    exported.expect("the handshake is done").to_vec()
}
