//! An HTTP proxy on loopback in front of a server, to count requests and to disturb them.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::canaries::Canaries;
use super::process::listen;

/// One request as it came in.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    /// Which request of the proxy's life this is, from 1.
    pub number: usize,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl RequestInfo {
    /// The first value of one header, its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        value_of(&self.headers, name)
    }

    /// Method and path, without a query; for AWS, where all paths are one, the name of the operation.
    pub fn label(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        match self.header("x-amz-target") {
            Some(operation) => operation.to_owned(),
            None => format!("{} {path}", self.method),
        }
    }
}

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Action {
    /// It goes through.
    Pass,
    /// It goes through after a while.
    Delay(Duration),
    /// The connection closes and the server learns nothing of it.
    Refuse,
    /// The proxy answers: status, content type, body.
    Respond(u16, &'static str, String),
    /// The server does it, and the proxy answers in its place.
    DoAndRespond(u16, &'static str, String),
    /// The server does it, and the connection closes without the answer.
    DropAnswer,
    /// The server learns nothing of it, and the connection stays open until the program goes away.
    Hold,
    /// The server does it, and the answer is kept until the program goes away.
    HoldAnswer,
    /// It stays on its way, for [`Action::PassAfterKept`]; the connection stays open until the program goes away.
    Keep,
    /// What was kept arrives first, its answer for nobody; then this one goes through.
    PassAfterKept,
    /// The proxy answers 307 with this address.
    Redirect(String),
}

type Rule = dyn Fn(&RequestInfo) -> Action + Send + Sync;

struct Shared {
    upstream: String,
    heard: Canaries,
    rule: Box<Rule>,
    number: AtomicUsize,
    counts: Mutex<BTreeMap<String, usize>>,
    closing: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
    held: Mutex<Sender<()>>,
    kept: Mutex<Vec<RequestInfo>>,
}

/// A running proxy. Dropping it closes its port and its connections.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
    held: Receiver<()>,
    /// Every secret in requests and answers so far.
    pub heard: Canaries,
}

impl Proxy {
    /// Stands before the server at this `http://` address and asks `rule` about each request.
    pub fn before(
        address: &str,
        rule: impl Fn(&RequestInfo) -> Action + Send + Sync + 'static,
    ) -> Self {
        let bare = address.strip_prefix("http://");
        let upstream = bare.expect("an http:// address").to_owned();
        let (listener, port) = listen();
        let (sender, held) = mpsc::channel();
        let shared = Arc::new(Shared {
            upstream,
            heard: Canaries::default(),
            held: Mutex::new(sender),
            kept: Mutex::default(),
            rule: Box::new(rule),
            number: AtomicUsize::new(0),
            counts: Mutex::default(),
            closing: AtomicBool::new(false),
            connections: Mutex::default(),
        });
        let accepting = shared.clone();
        let acceptor = Some(thread::spawn(move || accept(&listener, &accepting)));
        Self {
            port,
            heard: shared.heard.clone(),
            shared,
            acceptor,
            held,
        }
    }

    /// Waits until a request is held, and says whether one is.
    pub fn wait_for_held(&self, limit: Duration) -> bool {
        self.held.recv_timeout(limit).is_ok()
    }

    /// The proxy's own address.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many requests there were.
    pub fn total(&self) -> usize {
        self.shared.number.load(Ordering::SeqCst)
    }

    /// How many requests there were with this method and path; a query does not count as part of the path.
    pub fn count(&self, method: &str, path: &str) -> usize {
        self.count_of(&format!("{method} {path}"))
    }

    /// How many requests there were with this [label](RequestInfo::label).
    pub fn count_of(&self, label: &str) -> usize {
        locked(&self.shared.counts).get(label).copied().unwrap_or(0)
    }

    /// Numbers of requests by their labels.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        locked(&self.shared.counts).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        // The acceptor sees the flag at its next connection, which is this one.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        for connection in locked(&self.shared.connections).drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for connection in listener.incoming().flatten() {
        if shared.closing.load(Ordering::SeqCst) {
            return;
        }
        if let Ok(copy) = connection.try_clone() {
            locked(&shared.connections).push(copy);
        }
        let shared = shared.clone();
        thread::spawn(move || {
            // An error is a peer that went away: there is nobody to tell.
            let _ = serve(&connection, &shared);
            let _ = connection.shutdown(Shutdown::Both);
        });
    }
}

/// Answers the requests of one connection until it ends or an action ends it.
fn serve(connection: &TcpStream, shared: &Shared) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection);
    while let Some(message) = Message::read(&mut reader, None)? {
        let request = shared.register(message);
        let answer = match (shared.rule)(&request) {
            Action::Pass => forward(&request, shared)?,
            Action::Delay(time) => {
                thread::sleep(time);
                forward(&request, shared)?
            }
            Action::Refuse => return Ok(()),
            Action::DropAnswer => return forward(&request, shared).map(drop),
            Action::Hold => return hold(shared, &mut reader),
            Action::HoldAnswer => {
                forward(&request, shared)?;
                return hold(shared, &mut reader);
            }
            Action::Keep => {
                locked(&shared.kept).push(request);
                return hold(shared, &mut reader);
            }
            Action::PassAfterKept => {
                for late in locked(&shared.kept).drain(..) {
                    forward(&late, shared)?;
                }
                forward(&request, shared)?
            }
            Action::DoAndRespond(status, kind, body) => {
                forward(&request, shared)?;
                Message::answer(status, ("content-type", kind), body)
            }
            Action::Respond(status, kind, body) => {
                Message::answer(status, ("content-type", kind), body)
            }
            Action::Redirect(url) => Message::answer(307, ("location", &url), String::new()),
        };
        let last = request
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let bytes = answer.bytes(
            if last { "close" } else { "keep-alive" },
            request.method == "HEAD",
        );
        (&*connection).write_all(&bytes)?;
        if last {
            return Ok(());
        }
    }
    Ok(())
}

/// Tells the test, and waits until the program, or the proxy itself, goes away.
fn hold(shared: &Shared, reader: &mut impl BufRead) -> io::Result<()> {
    let _ = locked(&shared.held).send(());
    reader.fill_buf().map(drop)
}

impl Shared {
    fn register(&self, message: Message) -> RequestInfo {
        let mut words = message.first_line.split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (method, path) = (word(), word());
        let number = self.number.fetch_add(1, Ordering::SeqCst) + 1;
        let request = RequestInfo {
            number,
            method,
            path,
            headers: message.headers,
            body: message.body,
        };
        *locked(&self.counts).entry(request.label()).or_default() += 1;
        request
    }
}

/// Hands a request to the server over a connection of its own, and reads the whole answer.
fn forward(request: &RequestInfo, shared: &Shared) -> io::Result<Message> {
    let message = Message {
        first_line: format!("{} {} HTTP/1.1", request.method, request.path),
        headers: request.headers.clone(),
        body: request.body.clone(),
    };
    let mut server = TcpStream::connect(&shared.upstream)?;
    server.set_nodelay(true)?;
    server.write_all(&message.bytes("close", false))?;
    let answer = Message::read(&mut BufReader::new(server), Some(&request.method))?;
    let answer = answer.ok_or(io::ErrorKind::UnexpectedEof)?;
    shared.heard.hear_both(request, &answer.body);
    Ok(answer)
}

/// A request or an answer with its body, whichever way that was framed.
#[derive(Debug)]
struct Message {
    first_line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Message {
    fn answer(status: u16, header: (&str, &str), body: String) -> Self {
        Self {
            first_line: format!("HTTP/1.1 {status} Disturbed"),
            headers: vec![(header.0.to_owned(), header.1.to_owned())],
            body: body.into_bytes(),
        }
    }

    /// Reads one message, or nothing where the connection ends before it. `answering` is the method of the request
    /// that an answer belongs to; it is absent for requests.
    fn read(reader: &mut impl BufRead, answering: Option<&str>) -> io::Result<Option<Self>> {
        let first_line = line(reader)?;
        if first_line.is_empty() {
            return Ok(None);
        }
        let mut headers = Vec::new();
        loop {
            let header = line(reader)?;
            let Some((name, value)) = header.split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut message = Self {
            first_line,
            headers,
            body: Vec::new(),
        };
        message.read_body(reader, answering)?;
        Ok(Some(message))
    }

    fn read_body(&mut self, reader: &mut impl BufRead, answering: Option<&str>) -> io::Result<()> {
        let status = self.first_line.split(' ').nth(1).unwrap_or_default();
        if answering == Some("HEAD") || (answering.is_some() && matches!(status, "204" | "304")) {
            return Ok(());
        }
        let length =
            value_of(&self.headers, "content-length").map(|text| text.parse().unwrap_or(0));
        if value_of(&self.headers, "transfer-encoding")
            .is_some_and(|coding| coding.contains("chunked"))
        {
            self.read_chunks(reader)
        } else if let Some(length) = length {
            self.body.resize(length, 0);
            reader.read_exact(&mut self.body)
        } else if answering.is_some() {
            reader.read_to_end(&mut self.body).map(drop)
        } else {
            Ok(())
        }
    }

    fn read_chunks(&mut self, reader: &mut impl BufRead) -> io::Result<()> {
        loop {
            let size = line(reader)?;
            let size = size.split(';').next().unwrap_or_default();
            let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
            if size == 0 {
                // Trailers, up to the empty line.
                while !line(reader)?.is_empty() {}
                return Ok(());
            }
            reader.take(size).read_to_end(&mut self.body)?;
            line(reader)?;
        }
    }

    /// The message as bytes, framed by its length. The answer to HEAD keeps the length that the server gave.
    fn bytes(&self, connection: &str, to_head: bool) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.first_line);
        for (name, value) in &self.headers {
            let framing = matches!(name.as_str(), "connection" | "transfer-encoding");
            if !framing && (to_head || name != "content-length") {
                text += &format!("{name}: {value}\r\n");
            }
        }
        text += &format!("connection: {connection}\r\n");
        if !to_head && !self.first_line.contains(" 204 ") {
            text += &format!("content-length: {}\r\n", self.body.len());
        }
        text += "\r\n";
        let mut bytes = text.into_bytes();
        if !to_head {
            bytes.extend(&self.body);
        }
        bytes
    }
}

fn value_of<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str())
}

/// One line without its end; empty at the end of the connection.
fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
