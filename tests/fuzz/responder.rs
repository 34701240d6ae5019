//! A server on loopback that answers every request alike.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// The bytes of the answer, and whether more could follow on the connection.
type Answer = Arc<Mutex<Vec<u8>>>;

/// A runtime of one thread, as the program has it.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// What it answers can be changed at any time.
#[derive(Clone)]
pub struct Responder {
    answer: Answer,
    /// Its address.
    pub address: String,
}

impl Responder {
    /// Listens on this port, or on a free one, as long as the runtime works.
    pub async fn start(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let answer = Answer::default();
        let given = answer.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(respond(connection, given.clone()));
            }
        });
        Self { answer, address }
    }

    /// Answers with this status, type and body from now on.
    pub fn say(&self, status: u16, kind: &str, body: &[u8]) {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} Fuzzed\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        self.say_raw([head.as_bytes(), body].concat());
    }

    /// Answers with these bytes, be they HTTP or not, and closes.
    pub fn say_raw(&self, bytes: Vec<u8>) {
        *self.answer.lock().unwrap() = bytes;
    }
}

/// Reads a request with its body, then answers. Who goes away meanwhile is not missed.
async fn respond(mut connection: TcpStream, answer: Answer) -> Option<()> {
    let mut request = Vec::new();
    let mut some = [0; 4096];
    while !is_whole(&request) {
        let read = connection
            .read(&mut some)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        request.extend_from_slice(&some[..read]);
    }
    let bytes = answer.lock().unwrap().clone();
    connection.write_all(&bytes).await.ok()?;
    connection.shutdown().await.ok()
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    body.len() >= length
}
