//! TLS before a plain server on loopback, so that a proxy behind it sees what the program says in confidence.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::certificates::Certificate;
use super::http::runtime;
use super::process::listen;

/// A running front. Dropping it closes its port and its connections.
pub struct TlsFront {
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TlsFront {
    /// Presents this certificate and hands what it decrypts to the server at this `http://` address.
    pub fn before(address: &str, certificate: &Certificate) -> Self {
        let upstream = address.strip_prefix("http://").expect("an http:// address");
        let upstream = upstream.to_owned();
        let acceptor = acceptor(certificate);
        let (listener, port) = listen();
        listener.set_nonblocking(true).expect("a socket");
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            // Connections go with their runtime.
            runtime().block_on(async {
                tokio::select! {
                    () = accept(listener, acceptor, upstream) => {}
                    _ = stopped => {}
                }
            });
        };
        Self {
            port,
            stop: Some(stop),
            thread: Some(thread::spawn(serve)),
        }
    }

    /// Its own address.
    pub fn address(&self) -> String {
        format!("https://{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
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
    let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
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
