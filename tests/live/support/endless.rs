//! A server whose answers never end. No AWS does that, nor can any of the local ones be made to: what stands in
//! its place may.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::listening::Listening;

/// What a request is answered with before the body, which is chunked and has no end.
const HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
/// Bytes of one chunk.
const CHUNK: usize = 0x10000;

/// The running stand-in. Dropping it closes its port and its connections.
pub struct Endless(Listening);

impl Endless {
    /// Begins to answer.
    pub fn start() -> Self {
        Self(Listening::start(accept))
    }

    /// Its own address.
    pub fn address(&self) -> String {
        format!("http://{}:{}", Ipv4Addr::LOCALHOST, self.0.port)
    }
}

async fn accept(listener: TcpListener) {
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
