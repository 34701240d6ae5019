//! One address of several servers: each new connection goes to the next of them, as in front of nodes that nobody has
//! told apart yet. It looks at nothing that passes.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::faults::locked;
use super::process::listen;

/// Dropping it closes the port and every connection.
pub struct RoundRobin {
    port: u16,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    /// The ports of the servers.
    servers: Vec<u16>,
    next: AtomicUsize,
    closing: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl RoundRobin {
    /// In front of the servers at these ports.
    pub fn before(servers: impl IntoIterator<Item = u16>) -> Self {
        let (listener, port) = listen();
        let shared = Arc::new(Shared {
            servers: servers.into_iter().collect(),
            next: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            open: Mutex::default(),
        });
        let accepting = shared.clone();
        let acceptor = thread::spawn(move || accept(&listener, &accepting));
        Self {
            port,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// What stands in the file.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.shared.next.load(Ordering::SeqCst)
    }

    /// Which of the servers the next connection goes to.
    pub fn lead_next_to(&self, place: usize) {
        self.shared.next.store(place, Ordering::SeqCst);
    }
}

impl Drop for RoundRobin {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        // The acceptor sees the flag at its next connection, which is this one.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        for connection in locked(&self.shared.open).drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for connection in listener.incoming().flatten() {
        if shared.closing.load(Ordering::SeqCst) {
            return;
        }
        let place = shared.next.fetch_add(1, Ordering::SeqCst) % shared.servers.len();
        // A server that is down is a connection that ends.
        let _ = pass(&connection, shared.servers[place], shared);
    }
}

/// Passes both ways until either side closes.
fn pass(connection: &TcpStream, port: u16, shared: &Shared) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    for (from, to) in [(connection, &server), (&server, connection)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        locked(&shared.open).push(from.try_clone()?);
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}
