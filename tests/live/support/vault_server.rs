//! A running Vault or OpenBao server on loopback, in a directory that goes with it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::canaries::Canaries;
use super::http::HttpClient;
use super::process::{Process, free_port, start_on_free_ports};
use super::scratch::{Scratch, copy_below};
use super::vault_config::{Node, Seal, ServerBuilder, Setup};

const START: Duration = Duration::from_secs(40);

/// One node. Dropping it ends the process and removes its directory.
#[derive(Debug)]
pub struct VaultServer {
    // Before the directory: the process ends first.
    process: Option<Process>,
    directory: Scratch,
    _audit_directory: Option<Arc<Scratch>>,
    pub(super) builder: ServerBuilder,
    node: Node,
    client: HttpClient,
}

impl ServerBuilder {
    /// Starts one server, and returns when it answers; it is not initialised.
    pub fn start(mut self) -> VaultServer {
        self.settle_seal();
        start_on_free_ports(|| {
            let directory = Scratch::new();
            let node = Node::alone_in(&directory);
            self.start_node(directory, None, node)
        })
    }

    /// Starts a cluster: each node keeps trying to join the others, so whichever is initialised gets company.
    pub fn start_cluster(mut self, size: usize) -> Vec<VaultServer> {
        self.settle_seal();
        start_on_free_ports(|| {
            let shared = Arc::new(Scratch::new());
            let ports: Vec<u16> = (0..size).map(|_| free_port()).collect();
            let start = |(number, port): (usize, &u16)| {
                let directory = Scratch::new();
                let node = Node {
                    name: format!("node-{number}"),
                    audit_file: shared.file("audit.log"),
                    directory: directory.path().to_owned(),
                    port: *port,
                    cluster_port: free_port(),
                    peers: ports
                        .iter()
                        .copied()
                        .filter(|other| other != port)
                        .collect(),
                };
                self.start_node(directory, Some(shared.clone()), node)
            };
            ports.iter().enumerate().map(start).collect()
        })
    }

    fn start_node(
        &self,
        directory: Scratch,
        audit_directory: Option<Arc<Scratch>>,
        node: Node,
    ) -> Result<VaultServer, String> {
        let write = |name: &str, text: &str| {
            std::fs::write(node.directory.join(name), text)
                .expect("the temporary directory is writable");
        };
        std::fs::create_dir_all(node.directory.join("data"))
            .expect("the temporary directory is writable");
        write("server.hcl", &self.configuration(&node));
        if self.seal == Seal::Static {
            // All nodes of a cluster need the same key; a newline at its end would be part of it.
            write("seal.key", &"5e".repeat(32));
        }
        let identity = self.tls.as_ref().and_then(|tls| tls.client.as_ref());
        let client = HttpClient::new(identity.map(|client| client.identity()).as_deref());
        let mut server = VaultServer {
            process: None,
            directory,
            _audit_directory: audit_directory,
            builder: self.clone(),
            node,
            client,
        };
        server.try_start()?;
        Ok(server)
    }
}

impl Node {
    fn alone_in(directory: &Scratch) -> Self {
        Self {
            name: "node-0".to_owned(),
            audit_file: directory.file("audit.log"),
            directory: directory.path().to_owned(),
            port: free_port(),
            cluster_port: free_port(),
            peers: Vec::new(),
        }
    }
}

impl VaultServer {
    /// Another server on a copy of what this one keeps: the same cluster on ports of its own, and its log so far.
    ///
    /// The path of its log is one of the things that a server keeps: one that is not relative to its directory would
    /// be this server's own.
    pub fn copy(&self) -> Self {
        assert!(
            self.process.is_none(),
            "what a server keeps is whole once it has stopped"
        );
        start_on_free_ports(|| {
            let directory = Scratch::new();
            let node = Node::alone_in(&directory);
            copy_below(&self.data_dir(), &node.directory.join("data"));
            std::fs::copy(self.audit_file(), &node.audit_file).expect("a log");
            self.builder.start_node(directory, None, node)
        })
    }

    /// Ends the server, and holds that it ended in order.
    pub fn stop_in_order(&mut self) {
        let status = self.process.take().and_then(|mut process| process.stop());
        assert!(
            status.is_some_and(|status| status.success()),
            "{status:?}\n{}",
            self.log()
        );
    }

    /// A server like this one, to be changed before its start.
    pub fn builder(setup: Setup) -> ServerBuilder {
        ServerBuilder::new(setup)
    }

    /// Starts the set-up as it is.
    pub fn start(setup: Setup) -> Self {
        ServerBuilder::new(setup).start()
    }

    /// The server's own program, which is its command line too.
    pub fn program(&self) -> std::path::PathBuf {
        self.builder.program()
    }

    fn try_start(&mut self) -> Result<(), String> {
        let mut command = Command::new(self.builder.program());
        command
            .arg("server")
            .arg(format!(
                "-config={}",
                self.node.directory.join("server.hcl").display()
            ))
            .current_dir(&self.node.directory)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.node.directory);
        if self.builder.votes_at_once {
            // OpenBao reads this name too.
            command.env("VAULT_RAFT_AUTOPILOT_DISABLE", "true");
        }
        let mut process =
            Process::start(command, &self.log_file()).map_err(|error| error.to_string())?;
        let answers = || {
            self.try_call("GET", "sys/seal-status", None, None)
                .is_ok_and(|(status, _)| status == 200)
        };
        process.wait_until("an answer from the server", START, answers)?;
        self.process = Some(process);
        Ok(())
    }

    /// What the server is.
    pub fn setup(&self) -> Setup {
        self.builder.setup
    }

    /// How it opens its storage.
    pub fn seal(&self) -> &Seal {
        &self.builder.seal
    }

    /// The address of the API.
    pub fn address(&self) -> String {
        self.builder.address(self.node.port)
    }

    /// The port of the API.
    pub fn port(&self) -> u16 {
        self.node.port
    }

    /// The directory of everything that belongs to this node.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The directory of the raft storage.
    pub fn data_dir(&self) -> PathBuf {
        self.node.directory.join("data")
    }

    /// The file of the declared audit device; a good place for one made over the API too. The
    /// nodes of a cluster share it.
    pub fn audit_file(&self) -> PathBuf {
        self.node.audit_file.clone()
    }

    /// The configuration file; changes work after [`restart`](Self::restart).
    pub fn configuration_file(&self) -> PathBuf {
        self.node.directory.join("server.hcl")
    }

    fn log_file(&self) -> PathBuf {
        self.node.directory.join("server.log")
    }

    /// What the server has written to its terminal.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The process's id, while there is one.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Ends the server; data and ports stay its own.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Ends the server without notice.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Ends the server if it runs, starts it with the same data, and returns when it answers.
    pub fn restart(&mut self) {
        self.stop();
        self.try_start().unwrap_or_else(|reason| panic!("{reason}"));
    }

    /// Ends the server and starts another release with the same data and configuration.
    pub fn upgrade(&mut self, to: Setup) {
        self.builder.setup = to;
        self.restart();
    }

    fn try_call(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(u16, Value), String> {
        let url = format!("{}/v1/{path}", self.address());
        let headers: Vec<_> = token
            .map(|token| ("X-Vault-Token", token))
            .into_iter()
            .collect();
        let answer = self
            .client
            .call(method, &url, &headers, body.map(Value::to_string))?;
        Ok((answer.status, answer.json()))
    }

    /// Sends any request; panics if there is no answer.
    #[track_caller]
    pub fn call(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let (status, answer) = self
            .try_call(method, path, token, body)
            .unwrap_or_else(|error| panic!("{error}\n{}", self.log()));
        let heard = Canaries::heard_at(&self.address());
        heard.hear_value(&format!("{method} of a test"), &answer);
        (status, answer)
    }

    /// Reads a path; no token means none is sent, as for all of these.
    #[track_caller]
    pub fn get<'a>(&self, path: &str, token: impl Into<Option<&'a str>>) -> (u16, Value) {
        self.call("GET", path, token.into(), None)
    }

    /// Lists a path.
    #[track_caller]
    pub fn list<'a>(&self, path: &str, token: impl Into<Option<&'a str>>) -> (u16, Value) {
        self.call("LIST", path, token.into(), None)
    }

    /// Deletes a path.
    #[track_caller]
    pub fn delete<'a>(&self, path: &str, token: impl Into<Option<&'a str>>) -> (u16, Value) {
        self.call("DELETE", path, token.into(), None)
    }

    /// Puts a body to a path.
    #[track_caller]
    pub fn put<'a>(
        &self,
        path: &str,
        token: impl Into<Option<&'a str>>,
        body: Value,
    ) -> (u16, Value) {
        self.call("PUT", path, token.into(), Some(&body))
    }

    /// Posts a body to a path.
    #[track_caller]
    pub fn post<'a>(
        &self,
        path: &str,
        token: impl Into<Option<&'a str>>,
        body: Value,
    ) -> (u16, Value) {
        self.call("POST", path, token.into(), Some(&body))
    }

    /// Puts a body and panics unless the server accepts it.
    #[track_caller]
    pub fn must_put<'a>(
        &self,
        path: &str,
        token: impl Into<Option<&'a str>>,
        body: Value,
    ) -> Value {
        let (status, answer) = self.put(path, token, body);
        assert!(status < 300, "PUT {path}: {status} {answer}");
        answer
    }

    /// The entries of the audit file, oldest first.
    pub fn audit_entries(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.audit_file()).unwrap_or_default();
        let entry =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
        text.lines().map(entry).collect()
    }
}
