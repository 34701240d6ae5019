//! What kind of server to start, and the configuration file that makes it so.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::certificates::Certificate;
use super::component::installed;
use super::localstack::LocalStack;

/// The combinations of server, seal and audit that the program has to cope with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// OpenBao 2.7.2, static seal, audit file declared in the configuration.
    OpenBao272Static,
    /// OpenBao 2.6.2, AWS KMS seal, audit file declared in the configuration.
    OpenBao262AwsKms,
    /// OpenBao 2.6.2, static seal, audit devices may be created over the API.
    OpenBao262StaticApiAudit,
    /// Vault 1.21.1, AWS KMS seal.
    Vault1211AwsKms,
    /// Vault 1.21.1, unsealed with key shares.
    Vault1211Shamir,
}

/// How a server opens its storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seal {
    /// A key in a file.
    Static,
    /// A KMS key with this id, or a new one.
    AwsKms(Option<String>),
    /// Key shares.
    Shamir,
}

impl Setup {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::OpenBao272Static,
        Self::OpenBao262AwsKms,
        Self::OpenBao262StaticApiAudit,
        Self::Vault1211AwsKms,
        Self::Vault1211Shamir,
    ];

    /// What has to be installed.
    pub fn components(self) -> Vec<&'static str> {
        match self {
            Self::OpenBao272Static => vec!["openbao-2.7.2"],
            Self::OpenBao262AwsKms => vec!["openbao-2.6.2", "localstack-4.9.2"],
            Self::OpenBao262StaticApiAudit => vec!["openbao-2.6.2"],
            Self::Vault1211AwsKms => vec!["vault-1.21.1", "localstack-4.9.2"],
            Self::Vault1211Shamir => vec!["vault-1.21.1"],
        }
    }

    /// Whether the product is OpenBao.
    pub fn is_openbao(self) -> bool {
        !matches!(self, Self::Vault1211AwsKms | Self::Vault1211Shamir)
    }

    fn seal(self) -> Seal {
        match self {
            Self::OpenBao272Static | Self::OpenBao262StaticApiAudit => Seal::Static,
            Self::OpenBao262AwsKms | Self::Vault1211AwsKms => Seal::AwsKms(None),
            Self::Vault1211Shamir => Seal::Shamir,
        }
    }

    /// Whether its audit file is declared in the configuration.
    pub fn declares_audit(self) -> bool {
        matches!(self, Self::OpenBao272Static | Self::OpenBao262AwsKms)
    }
}

/// An audit file in an OpenBao server's configuration.
#[derive(Debug, Clone)]
pub struct DeclaredAudit {
    /// The device's path, without a slash.
    pub name: String,
    /// The file; nothing means the server's own [`audit_file`](super::VaultServer::audit_file).
    pub file: Option<PathBuf>,
    /// Whether secrets are written as they are.
    pub log_raw: bool,
    /// What each line begins with.
    pub prefix: Option<String>,
}

impl Default for DeclaredAudit {
    fn default() -> Self {
        Self {
            name: "main".to_owned(),
            file: None,
            log_raw: false,
            prefix: None,
        }
    }
}

/// A listener's certificate, and whose clients it admits.
#[derive(Debug, Clone)]
pub struct Tls {
    /// What the listener presents.
    pub server: Certificate,
    /// The authority whose certificates clients must show, if any.
    pub client_authority: Option<PathBuf>,
    /// What the tests' own requests show.
    pub client: Option<Certificate>,
}

/// A server in the making. `start` and `start_cluster` are in `vault_server.rs`.
#[derive(Debug, Clone)]
pub struct ServerBuilder {
    pub(super) setup: Setup,
    pub(super) seal: Seal,
    pub(super) tls: Option<Tls>,
    declared_audit: Option<DeclaredAudit>,
    listener_lines: Vec<String>,
    top_level_lines: Vec<String>,
    in_memory: bool,
    pub(super) votes_at_once: bool,
}

/// The places and ports of one node.
#[derive(Debug, Clone)]
pub struct Node {
    pub name: String,
    pub directory: PathBuf,
    pub port: u16,
    pub cluster_port: u16,
    pub peers: Vec<u16>,
    /// The nodes of a cluster share the declared device, and with it the path of its file: whichever is active
    /// opens it.
    pub audit_file: PathBuf,
}

impl ServerBuilder {
    /// The set-up as it is, without extras.
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            seal: setup.seal(),
            tls: None,
            declared_audit: setup.declares_audit().then(DeclaredAudit::default),
            listener_lines: Vec::new(),
            top_level_lines: Vec::new(),
            in_memory: false,
            votes_at_once: false,
        }
    }

    /// Another audit file in the configuration, or none.
    pub fn declared_audit(mut self, audit: Option<DeclaredAudit>) -> Self {
        self.declared_audit = audit;
        self
    }

    /// Seals with this KMS key instead of a new one.
    pub fn kms_key(mut self, key: &str) -> Self {
        self.seal = Seal::AwsKms(Some(key.to_owned()));
        self
    }

    /// Keeps everything in memory: active at once, gone with the process, one node.
    pub fn in_memory(mut self) -> Self {
        self.in_memory = true;
        self
    }

    /// Without the autopilot, which lets a node vote ten seconds after it joined: the leader of a cluster that is
    /// seconds old can be lost.
    pub fn votes_at_once(mut self) -> Self {
        self.votes_at_once = true;
        self
    }

    /// Adds a line to the listener, such as `disable_unauthed_generate_root_endpoints = false`.
    pub fn listener_line(mut self, line: &str) -> Self {
        self.listener_lines.push(line.to_owned());
        self
    }

    /// Adds lines outside of all blocks.
    pub fn top_level(mut self, lines: &str) -> Self {
        self.top_level_lines.push(lines.to_owned());
        self
    }

    /// Serves HTTPS.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// The program of the server.
    pub(super) fn program(&self) -> PathBuf {
        installed(self.setup.components()[0])
    }

    /// The part of an address before the port.
    pub(super) fn address(&self, port: u16) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{port}")
    }

    /// The KMS key is made once, so that all nodes and all restarts share it.
    pub(super) fn settle_seal(&mut self) {
        if self.seal == Seal::AwsKms(None) {
            self.seal = Seal::AwsKms(Some(LocalStack::shared().kms_create_key()));
        }
    }

    /// The text of the configuration file.
    pub(super) fn configuration(&self, node: &Node) -> String {
        let address = self.address(node.port);
        // Cluster traffic is always encrypted, whatever the listener does.
        let cluster_address = format!("https://127.0.0.1:{}", node.cluster_port);
        let mut text = format!("api_addr = {address:?}\ncluster_addr = {cluster_address:?}\n");
        if !self.setup.is_openbao() {
            text += "disable_mlock = true\n";
        }
        if self.setup == Setup::OpenBao262StaticApiAudit {
            text += "unsafe_allow_api_audit_creation = true\n";
        }
        for lines in &self.top_level_lines {
            let _ = writeln!(text, "{lines}");
        }
        text + &self.storage(node)
            + &self.listener(node)
            + &self.seal_block(&node.directory)
            + &self.audit(node)
    }

    fn storage(&self, node: &Node) -> String {
        if self.in_memory {
            return block("storage \"inmem\"", &[]);
        }
        let mut lines = vec![
            attribute("path", node.directory.join("data").display()),
            attribute("node_id", &node.name),
            // The default waits five times as long for an election that one node is sure to win.
            attribute("performance_multiplier", 1),
        ];
        for peer in &node.peers {
            let mut join = vec![attribute("leader_api_addr", self.address(*peer))];
            if let Some(tls) = &self.tls {
                join.push(attribute(
                    "leader_ca_cert_file",
                    tls.server.authority().display(),
                ));
                if let Some(client) = &tls.client {
                    join.push(attribute(
                        "leader_client_cert_file",
                        client.certificate.display(),
                    ));
                    join.push(attribute("leader_client_key_file", client.key.display()));
                }
            }
            lines.push(block("retry_join", &join));
        }
        block("storage \"raft\"", &lines)
    }

    fn listener(&self, node: &Node) -> String {
        let mut lines = vec![
            attribute("address", format!("127.0.0.1:{}", node.port)),
            attribute(
                "cluster_address",
                format!("127.0.0.1:{}", node.cluster_port),
            ),
        ];
        match &self.tls {
            None => lines.push(attribute("tls_disable", true)),
            Some(tls) => {
                lines.push(attribute("tls_cert_file", tls.server.certificate.display()));
                lines.push(attribute("tls_key_file", tls.server.key.display()));
                if let Some(authority) = &tls.client_authority {
                    lines.push(attribute("tls_require_and_verify_client_cert", true));
                    lines.push(attribute("tls_client_ca_file", authority.display()));
                }
            }
        }
        lines.extend(self.listener_lines.iter().map(|line| format!("{line}\n")));
        block("listener \"tcp\"", &lines)
    }

    fn seal_block(&self, directory: &Path) -> String {
        match &self.seal {
            Seal::Shamir => String::new(),
            Seal::Static => {
                let key = directory.join("seal.key");
                let lines = [
                    attribute("current_key_id", "test"),
                    attribute("current_key", format!("file://{}", key.display())),
                ];
                block("seal \"static\"", &lines)
            }
            Seal::AwsKms(key) => {
                let lines = [
                    attribute("region", LocalStack::REGION),
                    attribute("access_key", LocalStack::ACCESS_KEY),
                    attribute("secret_key", LocalStack::SECRET_KEY),
                    attribute(
                        "kms_key_id",
                        key.as_deref().expect("settled before the start"),
                    ),
                    attribute("endpoint", LocalStack::shared().endpoint()),
                ];
                block("seal \"awskms\"", &lines)
            }
        }
    }

    fn audit(&self, node: &Node) -> String {
        let Some(audit) = &self.declared_audit else {
            return String::new();
        };
        let file = audit.file.as_ref().unwrap_or(&node.audit_file);
        let mut options = vec![
            attribute("file_path", file.display()),
            attribute("mode", "0600"),
            attribute("log_raw", audit.log_raw),
        ];
        options.extend(
            audit
                .prefix
                .iter()
                .map(|prefix| attribute("prefix", prefix)),
        );
        block(
            &format!("audit \"file\" {:?}", audit.name),
            &[block("options", &options)],
        )
    }
}

/// Every value may be quoted: the servers convert.
fn attribute(name: &str, value: impl std::fmt::Display) -> String {
    format!("{name} = \"{value}\"\n")
}

/// One attribute to a line: a block on a single line is refused.
fn block(header: &str, lines: &[String]) -> String {
    format!("{header} {{\n{}}}\n", lines.concat())
}
