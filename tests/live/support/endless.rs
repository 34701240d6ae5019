//! A server whose answers never end. No AWS does that, nor can any of the local ones be made to: what stands in
//! its place may.

use std::net::{Ipv4Addr, TcpListener};
use std::thread::{self, JoinHandle};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::http::runtime;
use super::process::listen;

/// What a request is answered with before the body, which is chunked and has no end.
const HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
/// Bytes of one chunk.
const CHUNK: usize = 0x10000;

/// The running stand-in. Dropping it closes its port and its connections.
pub struct Endless {
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Endless {
    /// Begins to answer.
    pub fn start() -> Self {
        let (listener, port) = listen();
        listener.set_nonblocking(true).expect("a socket");
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            // Connections go with their runtime.
            runtime().block_on(async {
                tokio::select! {
                    () = accept(listener) => {}
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
        format!("http://{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
    while let Ok((connection, _)) = listener.accept().await {
        tokio::spawn(answer(connection));
    }
}

/// Writes until the other side has had enough.
async fn answer(mut connection: TcpStream) -> Option<()> {
    // Who says something is answered; what, does not matter.
    let mut request = [0; CHUNK];
    let said = connection.read(&mut request).await.ok()?;
    if said == 0 {
        return None;
    }
    connection.write_all(HEAD).await.ok()?;
    let mut chunk = format!("{CHUNK:x}\r\n").into_bytes();
    chunk.resize(chunk.len() + CHUNK, b'a');
    chunk.extend_from_slice(b"\r\n");
    loop {
        connection.write_all(&chunk).await.ok()?;
    }
}
