//! Another user of this machine on a port that was free.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{OTHER, Process};

const LIMIT: Duration = Duration::from_secs(20);

/// Hands on to a server whatever comes, and writes down what the client sent.
const RELAY: &str = r#"
import socket, sys, threading
host, port, to = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
family = socket.AF_INET6 if ':' in host else socket.AF_INET
listener = socket.socket(family)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((host, port))
listener.listen(64)
print('listening', flush=True)
def copy(source, sink, note):
    try:
        while data := source.recv(65536):
            if note:
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass
def serve(client):
    try:
        server = socket.create_connection(('127.0.0.1', to))
    except OSError:
        client.recv(65536)
        client.close()
        return
    threading.Thread(target=copy, args=(client, server, True), daemon=True).start()
    copy(server, client, False)
while True:
    client, _ = listener.accept()
    print('accepted', flush=True)
    threading.Thread(target=serve, args=(client,), daemon=True).start()
"#;

/// A process of the other user on a port: to a client it looks like the server behind it.
pub struct Squatter(Process);

impl Squatter {
    /// Listens on `host:port` and hands on to `to` of 127.0.0.1. What it does is written to `directory`.
    pub fn on(host: &str, port: u16, to: u16, directory: &Path) -> Self {
        let mut command = Command::new("python3");
        command.args(["-c", RELAY, host, &port.to_string(), &to.to_string()]);
        command.uid(OTHER).gid(OTHER).current_dir("/");
        let log = directory.join(format!("squatter-{port}.log"));
        let mut process = Process::start(command, &log).expect("python3 starts");
        let listens = || std::fs::read_to_string(&log).is_ok_and(|log| log.contains("listening"));
        process
            .wait_until("listening", LIMIT, listens)
            .expect("it listens");
        Self(process)
    }

    /// What clients sent.
    pub fn heard(&self) -> String {
        self.0
            .log()
            .replace("listening\n", "")
            .replace("accepted\n", "")
    }

    /// Whether anybody connected.
    pub fn was_asked(&self) -> bool {
        self.0.log().contains("accepted")
    }

    /// Gives the port back.
    pub fn leave(&mut self) {
        self.0.kill();
    }
}
