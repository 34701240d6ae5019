//! TLS before a plain server on loopback, so that a proxy behind it sees what the program says in confidence.

use std::net::Ipv4Addr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::certificates::Certificate;
use super::listening::Listening;

/// A running front. Dropping it closes its port and its connections.
pub struct TlsFront(Listening);

impl TlsFront {
    /// Presents this certificate and hands what it decrypts to the server at this `http://` address.
    pub fn before(address: &str, certificate: &Certificate) -> Self {
        let upstream = address.strip_prefix("http://").expect("an http:// address");
        let upstream = upstream.to_owned();
        let acceptor = acceptor(certificate);
        let serve = move |listener| accept(listener, acceptor, upstream);
        Self(Listening::start(serve))
    }

    /// Its own address.
    pub fn address(&self) -> String {
        format!("https://{}:{}", Ipv4Addr::LOCALHOST, self.0.port)
    }
}

fn acceptor(certificate: &Certificate) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(&certificate.certificate).expect("a PEM file");
    let chain = chain.map(|der| der.expect("a certificate")).collect();
    let key = PrivateKeyDer::from_pem_file(&certificate.key).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a certificate and its key");
    TlsAcceptor::from(Arc::new(config))
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, upstream: String) {
    while let Ok((connection, _)) = listener.accept().await {
        let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
        tokio::spawn(async move {
            // An error is a peer that went away: there is nobody to tell.
            let mut inside = acceptor.accept(connection).await?;
            let mut server = TcpStream::connect(upstream).await?;
            tokio::io::copy_bidirectional(&mut inside, &mut server).await
        });
    }
}
