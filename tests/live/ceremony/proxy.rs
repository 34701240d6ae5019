//! Stands between the tool and a server: counts requests, and holds, drops or answers one of them.
//!
//! Every request gets a connection of its own to the real server; what comes back is passed on unread.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A held request is let go when its test is long gone.
const LIMIT: Duration = Duration::from_secs(60);

/// What happens to a request.
#[derive(Clone)]
pub enum Fate {
    /// It is passed on, and so is its answer.
    Pass,
    /// It never arrives: the connection is held until the tool goes away.
    HoldRequest,
    /// It arrives, and its answer is held until the tool goes away.
    HoldAnswer,
    /// It arrives, and its answer is lost.
    DropAnswer,
    /// It never arrives; this is the whole answer.
    Answer(String),
}

type Rule = dyn Fn(usize, &str) -> Fate + Send + Sync;

struct Shared {
    to: String,
    /// By its place, from 1, and its label.
    rule: Box<Rule>,
    seen: Mutex<Vec<String>>,
    held: Mutex<Sender<String>>,
}

/// A proxy in front of one server.
pub struct Proxy {
    address: String,
    shared: Arc<Shared>,
    held: Receiver<String>,
}

impl Proxy {
    /// In front of `server` (`http://HOST:PORT`). The rule sees each request's place, from 1, and its
    /// label: method and path, or AWS' name of the operation.
    pub fn before(
        server: &str,
        rule: impl Fn(usize, &str) -> Fate + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("its address"));
        let (sender, held) = channel();
        let to = server.trim_start_matches("http://").to_owned();
        let shared = Arc::new(Shared {
            to,
            rule: Box::new(rule),
            seen: Mutex::default(),
            held: Mutex::new(sender),
        });
        let serving = shared.clone();
        // Ends with the test binary; nothing is waiting for it.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = serving.clone();
                std::thread::spawn(move || serve(&shared, stream));
            }
        });
        Self {
            address,
            shared,
            held,
        }
    }

    /// Where the tool finds it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Labels of all requests so far.
    pub fn seen(&self) -> Vec<String> {
        self.shared.seen.lock().expect("no thread died").clone()
    }

    /// How many requests had this label.
    pub fn count(&self, label: &str) -> usize {
        self.seen().iter().filter(|seen| *seen == label).count()
    }

    /// Waits until a request is held, and tells which. `None` when none is in this time.
    pub fn wait_for_held(&self, limit: Duration) -> Option<String> {
        self.held.recv_timeout(limit).ok()
    }
}

fn serve(shared: &Shared, mut client: TcpStream) {
    let Some(request) = read_request(&mut client) else {
        return;
    };
    let label = label(&request);
    let place = {
        let mut seen = shared.seen.lock().expect("no thread died");
        seen.push(label.clone());
        seen.len()
    };
    let fate = (shared.rule)(place, &label);
    match fate {
        Fate::Answer(answer) => drop(client.write_all(answer.as_bytes())),
        Fate::HoldRequest => hold(shared, &label, &mut client),
        Fate::Pass | Fate::HoldAnswer | Fate::DropAnswer => {
            let Some(answer) = pass_on(&shared.to, &request) else {
                return;
            };
            match fate {
                Fate::Pass => drop(client.write_all(&answer)),
                Fate::HoldAnswer => hold(shared, &label, &mut client),
                _ => {}
            }
        }
    }
}

/// Tells the test, and keeps the connection until the tool closes it.
fn hold(shared: &Shared, label: &str, client: &mut TcpStream) {
    let _ = shared
        .held
        .lock()
        .expect("no thread died")
        .send(label.to_owned());
    let _ = client.set_read_timeout(Some(LIMIT));
    let _ = client.read(&mut [0; 1]);
}

/// Head and body; `None` when the client went away.
fn read_request(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(Some(0), |text| text.trim().parse().ok())?;
            if bytes.len() >= end + 4 + length {
                return Some(bytes);
            }
        }
        match client.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

fn pass_on(to: &str, request: &[u8]) -> Option<Vec<u8>> {
    let end = request.windows(2).position(|window| window == b"\r\n")? + 2;
    let mut server = TcpStream::connect(to).ok()?;
    server.write_all(&request[..end]).ok()?;
    server.write_all(b"Connection: close\r\n").ok()?;
    server.write_all(&request[end..]).ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    Some(answer)
}

fn label(request: &[u8]) -> String {
    let text = String::from_utf8_lossy(request);
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let target = lines.take_while(|line| !line.is_empty()).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("x-amz-target")
            .then(|| value.trim().to_owned())
    });
    let path = || {
        let mut words = first.split(' ');
        let (method, path) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        format!("{method} {}", path.split('?').next().unwrap_or_default())
    };
    target.unwrap_or_else(path)
}
