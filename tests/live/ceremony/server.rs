//! A real server for one ceremony: where its audit log is, and how a test asks it.

use std::ops::{Deref, DerefMut};

use rustix::process::{Pid, Signal};

use super::api::Api;
use super::audit::AuditLog;
use crate::support::{DeclaredAudit, ServerBuilder, Setup, VaultServer};

/// The path of the audit device in the ceremonies' files, declared or enabled by the tool.
pub const DEVICE: &str = "file";

/// A server of this test alone.
pub struct Server(VaultServer);

impl Deref for Server {
    type Target = VaultServer;

    fn deref(&self) -> &VaultServer {
        &self.0
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut VaultServer {
        &mut self.0
    }
}

/// The audit device of the ceremonies' files, in the server's own configuration.
pub fn declared(log_raw: bool) -> DeclaredAudit {
    DeclaredAudit {
        name: DEVICE.to_owned(),
        log_raw,
        ..DeclaredAudit::default()
    }
}

/// A set-up before its start, with the audit device where the product wants it declared.
pub fn builder(setup: Setup) -> ServerBuilder {
    let builder = VaultServer::builder(setup);
    match setup {
        Setup::OpenBao272Static | Setup::OpenBao262AwsKms => {
            builder.declared_audit(Some(declared(false)))
        }
        _ => builder,
    }
}

impl Server {
    /// OpenBao 2.7.2 in memory: the fastest real server.
    pub fn in_memory() -> Self {
        Self(builder(Setup::OpenBao272Static).in_memory().start())
    }

    /// The same, with another audit device in its configuration, or none.
    pub fn with_audit(audit: Option<DeclaredAudit>) -> Self {
        Self(
            builder(Setup::OpenBao272Static)
                .in_memory()
                .declared_audit(audit)
                .start(),
        )
    }

    /// A set-up on disk, as one node of a cluster.
    pub fn of(setup: Setup) -> Self {
        Self(builder(setup).start())
    }

    /// A server that was started some other way.
    pub fn from(server: VaultServer) -> Self {
        Self(server)
    }

    /// Its API without a token.
    pub fn api(&self) -> Api<'_> {
        Api::of(&self.0)
    }

    /// What its audit log says.
    pub fn audit(&self) -> AuditLog {
        AuditLog::at(self.audit_file())
    }

    /// Adds to its configuration and lets it read that again.
    pub fn reload_with(&self, stanza: &str) {
        let file = self.configuration_file();
        let text = std::fs::read_to_string(&file).expect("a configuration");
        std::fs::write(&file, format!("{text}\n{stanza}\n")).expect("a configuration");
        self.hang_up();
    }

    /// Tells it that its configuration or its logs are others now.
    pub fn hang_up(&self) {
        let id = self
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .expect("it runs");
        rustix::process::kill_process(id, Signal::HUP).expect("it runs");
    }
}
