//! A loopback proxy before a server: it adds time to each request, or writes down what passes.
//!
//! It knows as much HTTP/1.1 as the two sides speak: lengths, chunks, and answers without a body.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::Outcome;

/// No message of these measurements is larger.
const LARGEST: usize = 4 * 1024 * 1024;

/// A request that passed, and its answer.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) begun: Instant,
    pub(crate) ended: Instant,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) token: Option<String>,
    pub(crate) body: String,
    pub(crate) status: u16,
    pub(crate) answer: Value,
}

/// A running proxy; it stops when dropped.
pub(crate) struct Proxy {
    pub(crate) address: String,
    passed: Arc<Mutex<Vec<Exchange>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Proxy {
    /// Before the server at `port`. Each request waits for `delay` before it goes on.
    pub(crate) fn start(port: u16, delay: Duration) -> Outcome<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = format!("http://{}", listener.local_addr()?);
        let passed = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let log = Arc::clone(&passed);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = accept(listener, port, delay, log) => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self {
            address,
            passed,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// What passed so far, in the order in which the requests began.
    pub(crate) fn passed(&self) -> Vec<Exchange> {
        let mut passed = self
            .passed
            .lock()
            .map(|list| list.clone())
            .unwrap_or_default();
        passed.sort_by_key(|exchange| exchange.begun);
        passed
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Log = Arc<Mutex<Vec<Exchange>>>;

async fn accept(
    listener: std::net::TcpListener,
    port: u16,
    delay: Duration,
    log: Log,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (client, _) = listener.accept().await?;
        tokio::spawn(serve(client, port, delay, Arc::clone(&log)));
    }
}

/// One connection of the client, one to the server, until either of them closes.
async fn serve(mut client: TcpStream, port: u16, delay: Duration, log: Log) -> io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut from_server) = (Vec::new(), Vec::new());
    loop {
        let request = Message::read(&mut client, &mut from_client).await?;
        let begun = Instant::now();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        server.write_all(&request.wire).await?;
        let answer = Message::read(&mut server, &mut from_server).await?;
        let exchange = exchange(begun, &request, &answer);
        client.write_all(&answer.wire).await?;
        if let Ok(mut log) = log.lock() {
            log.push(exchange);
        }
    }
}

fn exchange(begun: Instant, request: &Message, answer: &Message) -> Exchange {
    let mut words = request.head.split_whitespace();
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let status = answer
        .head
        .split_whitespace()
        .nth(1)
        .and_then(|code| code.parse().ok());
    Exchange {
        begun,
        ended: Instant::now(),
        method: method.to_owned(),
        path: path.to_owned(),
        token: request.header("x-vault-token").map(str::to_owned),
        body: String::from_utf8_lossy(&request.body).into_owned(),
        status: status.unwrap_or(0),
        answer: serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
    }
}

/// A request or an answer, as it came and taken apart.
struct Message {
    wire: Vec<u8>,
    head: String,
    body: Vec<u8>,
}

impl Message {
    /// The next one. `left` holds what was read beyond the one before.
    async fn read(from: &mut TcpStream, left: &mut Vec<u8>) -> io::Result<Self> {
        let end = loop {
            match find(left, b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => more(from, left).await?,
            }
        };
        let head = String::from_utf8_lossy(&left[..end]).into_owned();
        let mut message = Self {
            wire: Vec::new(),
            head,
            body: Vec::new(),
        };
        let whole = if message.header("transfer-encoding").is_some() {
            message.chunks(from, left, end).await?
        } else {
            let length = message
                .header("content-length")
                .and_then(|text| text.parse().ok());
            let whole = end + length.unwrap_or(0);
            while left.len() < whole {
                more(from, left).await?;
            }
            message.body = left[end..whole].to_vec();
            whole
        };
        message.wire = left.drain(..whole).collect();
        Ok(message)
    }

    /// Where the chunks that begin at `at` end.
    async fn chunks(
        &mut self,
        from: &mut TcpStream,
        left: &mut Vec<u8>,
        mut at: usize,
    ) -> io::Result<usize> {
        loop {
            let line = loop {
                match find(&left[at..], b"\r\n") {
                    Some(end) => break at + end,
                    None => more(from, left).await?,
                }
            };
            let text = String::from_utf8_lossy(&left[at..line]).into_owned();
            let broken = |_| io::Error::from(io::ErrorKind::InvalidData);
            let size = usize::from_str_radix(text.trim(), 16).map_err(broken)?;
            let next = line + 2 + size + 2;
            while left.len() < next {
                more(from, left).await?;
            }
            self.body
                .extend_from_slice(&left[line + 2..line + 2 + size]);
            at = next;
            if size == 0 {
                return Ok(at);
            }
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.split("\r\n").skip(1);
        let mut fields = lines.filter_map(|line| line.split_once(':'));
        fields
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
}

async fn more(from: &mut TcpStream, left: &mut Vec<u8>) -> io::Result<()> {
    if left.len() > LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    if from.read_buf(left).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes
        .windows(pattern.len())
        .position(|window| window == pattern)
}
