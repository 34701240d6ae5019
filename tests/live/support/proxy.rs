//! An HTTP proxy on loopback in front of a server, to count requests and to disturb them.

mod message;

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use self::message::{Message, value_of};
use super::canaries::Canaries;
use super::faults::{Faults, Gate, fits, locked};
use super::process::listen;

/// What is missing of an answer at least that was cut: of one without a body, the end of its headers.
const SHORTEST_CUT: usize = 4;

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

    /// Whether it is anything but a look.
    pub fn writes(&self) -> bool {
        !["GET", "HEAD", "LIST"].contains(&self.method.as_str())
    }

    /// What it is called: method and path, as in `PUT sys/init`, without `/v1/` and the query. For AWS, where all paths
    /// are one, the operation and the parameter that it is about: `AmazonSSM.PutParameter /cluster/alice`.
    pub fn label(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        let Some(operation) = self.header("x-amz-target") else {
            let path = path.strip_prefix("/v1/").unwrap_or(path);
            return format!("{} {path}", self.method);
        };
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let names = ["Name", "Path", "SecretId"].map(|key| body[key].as_str());
        match names.into_iter().flatten().next() {
            Some(name) => format!("{operation} {name}"),
            None => operation.to_owned(),
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
    /// The server is sent it twice, and its second answer is passed on.
    Twice,
    /// The server does it, and the connection closes in the middle of the answer.
    CutAnswer,
    /// The server learns nothing of it, and the connection stays open until the program goes away.
    Hold,
    /// The server does it, and the answer is kept until the program goes away.
    HoldAnswer,
    /// It stays on its way, for [`Action::PassAfterKept`]; the connection stays open until the program goes away.
    Keep,
    /// What was kept arrives first, its answer for nobody; then this one goes through.
    PassAfterKept,
    /// It goes through once the test opens the gate.
    Await(Gate),
    /// It goes through to the server at this address instead.
    Lead(String),
    /// The proxy answers 307 with this address.
    Redirect(String),
    /// It goes through, and the answer is changed.
    Change(Change),
}

type Body = dyn Fn(&mut Vec<u8>) + Send + Sync;
/// What becomes of an answer.
#[derive(Clone)]
pub struct Change(Arc<Body>);

impl Change {
    /// Changes every answer that is JSON.
    pub fn by(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self::of_bytes(move |bytes| {
            if let Ok(mut body) = serde_json::from_slice(bytes) {
                change(&mut body);
                *bytes = body.to_string().into_bytes();
            }
        })
    }

    /// Changes the body of every answer.
    pub fn of_bytes(change: impl Fn(&mut Vec<u8>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(change))
    }

    fn of(&self, mut answer: Message) -> Message {
        (self.0)(&mut answer.body);
        answer
    }
}

impl std::fmt::Debug for Change {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Change")
    }
}

type Rule = dyn Fn(&RequestInfo) -> Action + Send + Sync;
type Ear = dyn Fn(&RequestInfo, &[u8]) + Send + Sync;

struct Shared {
    upstream: String,
    heard: Canaries,
    rule: Box<Rule>,
    ear: Box<Ear>,
    number: AtomicUsize,
    counts: Mutex<BTreeMap<String, usize>>,
    closing: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
    held: Mutex<Sender<()>>,
    kept: Mutex<Vec<RequestInfo>>,
}

/// A running proxy. Dropping it closes its port and its connections, and holds that each of its [faults](Faults) struck.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
    held: Receiver<()>,
    faults: Faults,
    /// Every secret in requests and answers so far.
    pub heard: Canaries,
}

impl Proxy {
    /// Stands before the server at this `http://` address and asks `rule` about each request.
    pub fn before(
        address: &str,
        rule: impl Fn(&RequestInfo) -> Action + Send + Sync + 'static,
    ) -> Self {
        Self::listening(address, rule, |_, _| {})
    }

    /// The same, and `ear` hears what the server answered (the body) before anybody else does.
    pub fn listening(
        address: &str,
        rule: impl Fn(&RequestInfo) -> Action + Send + Sync + 'static,
        ear: impl Fn(&RequestInfo, &[u8]) + Send + Sync + 'static,
    ) -> Self {
        let upstream = address
            .strip_prefix("http://")
            .expect("an http:// address")
            .to_owned();
        let (listener, port) = listen();
        let (sender, held) = mpsc::channel();
        let shared = Arc::new(Shared {
            upstream,
            heard: Canaries::heard_at(&format!("http://127.0.0.1:{port}")),
            held: Mutex::new(sender),
            kept: Mutex::default(),
            rule: Box::new(rule),
            ear: Box::new(ear),
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
            faults: Faults::new(),
        }
    }

    /// Stands before this server with these faults, and fails the test at its end if one of them never struck.
    pub(super) fn with(address: &str, faults: Faults) -> Self {
        let asked = faults.clone();
        let mut proxy = Self::before(address, move |request| asked.rule(request));
        proxy.faults = faults;
        proxy
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

    /// How many requests there were with this [label](RequestInfo::label), in which `*` stands for any text.
    pub fn count(&self, label: &str) -> usize {
        let counts = locked(&self.shared.counts);
        let counts = counts.iter().filter(|(seen, _)| fits(label, seen));
        counts.map(|(_, count)| count).sum()
    }

    /// The same of all labels.
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
        if !thread::panicking() {
            self.faults.have_struck();
        }
    }
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
            Action::Pass => shared.forward(&request)?,
            Action::Delay(time) => {
                thread::sleep(time);
                shared.forward(&request)?
            }
            Action::Refuse => return Ok(()),
            Action::DropAnswer => return shared.forward(&request).map(drop),
            Action::Twice => {
                shared.forward(&request)?;
                shared.forward(&request)?
            }
            Action::CutAnswer => {
                let answer = shared.forward(&request)?;
                let half = (answer.body.len() / 2).max(SHORTEST_CUT);
                let bytes = answer.bytes("close", request.method == "HEAD");
                return (&*connection).write_all(&bytes[..bytes.len() - half]);
            }
            Action::Hold => return hold(shared, &mut reader),
            Action::HoldAnswer => {
                shared.forward(&request)?;
                return hold(shared, &mut reader);
            }
            Action::Keep => {
                locked(&shared.kept).push(request);
                return hold(shared, &mut reader);
            }
            Action::Await(gate) => {
                gate.wait();
                shared.forward(&request)?
            }
            Action::PassAfterKept => {
                for late in locked(&shared.kept).drain(..) {
                    shared.forward(&late)?;
                }
                shared.forward(&request)?
            }
            Action::DoAndRespond(status, kind, body) => {
                shared.forward(&request)?;
                Message::answer(status, ("content-type", kind), body)
            }
            Action::Respond(status, kind, body) => {
                Message::answer(status, ("content-type", kind), body)
            }
            Action::Lead(address) => {
                shared.forward_to(address.trim_start_matches("http://"), &request)?
            }
            Action::Change(change) => change.of(shared.forward(&request)?),
            Action::Redirect(url) => Message::answer(307, ("location", &url), String::new()),
        };
        if send(connection, &request, &answer)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Sends an answer; whether it is the last one on its connection.
fn send(mut connection: &TcpStream, request: &RequestInfo, answer: &Message) -> io::Result<bool> {
    let last = request
        .header("connection")
        .is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let how = if last { "close" } else { "keep-alive" };
    connection.write_all(&answer.bytes(how, request.method == "HEAD"))?;
    Ok(last)
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
        self.heard.hear_request(&request);
        *locked(&self.counts).entry(request.label()).or_default() += 1;
        request
    }

    /// Hands a request to the server over a connection of its own, and reads the whole answer.
    fn forward(&self, request: &RequestInfo) -> io::Result<Message> {
        self.forward_to(&self.upstream, request)
    }

    fn forward_to(&self, server: &str, request: &RequestInfo) -> io::Result<Message> {
        let message = Message {
            first_line: format!("{} {} HTTP/1.1", request.method, request.path),
            headers: request.headers.clone(),
            body: request.body.clone(),
        };
        let mut server = TcpStream::connect(server)?;
        server.set_nodelay(true)?;
        server.write_all(&message.bytes("close", false))?;
        let answer = Message::read(&mut BufReader::new(server), Some(&request.method))?;
        let answer = answer.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        self.heard.hear(&request.label(), &answer.body);
        (self.ear)(request, &answer.body);
        Ok(answer)
    }
}
