//! Clusters that were handed over once, and are copied for every test that begins there.
//!
//! A ceremony takes seconds and a copy of what it left takes a part of one. Nothing of a copy is shared: a test may
//! change its server, its custodians and its checkpoint as it likes.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use serde_json::json;
use tempfile::TempDir;

use super::file::{Ceremony, of_a_test};
use super::secrecy::Written;
use super::server::{DEVICE, Server, builder, declared};
use crate::support::{Canaries, DeclaredAudit, Scratch, Seal, Setup, copy_below};

/// The log by its name in the server's directory: the path is part of what a server keeps, so one that began with
/// that directory would be the same file for all copies.
const LOG: &str = "audit.log";

/// Three holders who have opened something, which no server has to do with.
static PROVED: OnceLock<Ceremony> = OnceLock::new();
/// The file as it is in most tests.
static PLAIN: Template = Template::new(|_| {});
/// The same once more, for tests that need a cluster which is not theirs.
static FOREIGN: Template = Template::new(|_| {});
/// The grant is for new shares too.
static ROTATION: Template = Template::new(|ceremony| {
    ceremony.set("/break_glass/rotation", json!(true));
});
/// One login may write much of what the file says, and look at all of it.
static MANAGED: Template = Template::new(|ceremony| {
    ceremony.password("admin");
    let password = json!({ "file": "admin.password" });
    let user =
        json!({ "password": password, "token_policies": ["auditor", "admin"], "token_ttl": "15m" });
    let login = json!({ "auth": "userpass", "username": "admin", "password": password });
    ceremony
        .set("/policies/admin", json!({ "rules": ADMIN }))
        .set("/auth/userpass/users/admin", user)
        .set("/logins/admin", login)
        .set("/break_glass/accept_admins", json!(["admin"]));
});

/// What the administrator of [`handed_over_managed`] may do.
const ADMIN: &str = r#"
path "sys/policies/acl/*" { capabilities = ["create", "read", "update"] }
path "sys/mounts/*" { capabilities = ["create", "read", "update"] }
path "sys/auth/*" { capabilities = ["create", "read", "update", "sudo"] }
path "auth/+/config" { capabilities = ["create", "read", "update"] }
path "auth/+/role/+" { capabilities = ["create", "read", "update"] }
path "auth/+/users/+" { capabilities = ["create", "read", "update"] }
path "secret/*" { capabilities = ["create", "read", "update"] }
path "other/*" { capabilities = ["read"] }
path "later/*" { capabilities = ["create", "read", "update"] }
path "identity/group/name/+" { capabilities = ["create", "read", "update"] }
path "identity/entity/name/+" { capabilities = ["create", "read", "update"] }
path "identity/mfa/login-enforcement/+" { capabilities = ["create", "read", "update"] }
path "identity/*" { capabilities = ["create", "read", "update"] }
"#;

/// OpenBao 2.7.2 whose root is dead and whose drill was put off.
pub fn handed_over() -> (Server, Ceremony) {
    PLAIN.copy(Setup::OpenBao272Static)
}

/// The same on another set-up.
pub fn handed_over_on(setup: Setup) -> (Server, Ceremony) {
    PLAIN.copy(setup)
}

/// Another cluster than that of [`handed_over`], with other holders and other shares.
pub fn handed_over_elsewhere() -> (Server, Ceremony) {
    FOREIGN.copy(Setup::OpenBao272Static)
}

/// A cluster with an administrator, the login `admin`, who may write most of what the file says.
pub fn handed_over_managed(setup: Setup) -> (Server, Ceremony) {
    MANAGED.copy(setup)
}

/// A cluster that was handed over by a file that lets the break-glass logins make new shares.
pub fn handed_over_for_rotation(setup: Setup) -> (Server, Ceremony) {
    ROTATION.copy(setup)
}

/// A ceremony whose holders have proved that they can open, with the file of that which it is a copy of.
pub(super) fn proved(server: &Server) -> Ceremony {
    let original = PROVED.get_or_init(|| {
        let ceremony = Ceremony::another_at(server);
        ceremony.copy(Scratch::left_to_the_next(), server)
    });
    original.copy(of_a_test(), server)
}

/// One way to hand over, on each set-up that a test asks for.
struct Template {
    shape: fn(&mut Ceremony),
    originals: [OnceLock<Original>; Setup::ALL.len()],
}

/// A server that was stopped in order, and the ceremony that was held there. Nobody runs anything in it again.
struct Original {
    server: Server,
    ceremony: Ceremony,
}

impl Template {
    const fn new(shape: fn(&mut Ceremony)) -> Self {
        Self {
            shape,
            originals: [const { OnceLock::new() }; Setup::ALL.len()],
        }
    }

    fn copy(&self, setup: Setup) -> (Server, Ceremony) {
        let place = Setup::ALL.iter().position(|one| *one == setup);
        let original = &self.originals[place.expect("one of them")];
        original
            .get_or_init(|| Original::made(setup, self.shape))
            .copy()
    }
}

impl Original {
    fn made(setup: Setup, shape: fn(&mut Ceremony)) -> Self {
        let mut server = builder(setup);
        if setup.declares_audit() {
            server = server.declared_audit(Some(DeclaredAudit {
                file: Some(LOG.into()),
                ..declared(false)
            }));
        }
        let mut server = Server::from(server.start());
        let mut ceremony = Ceremony::another_at(&server);
        let log = format!("/audit/{DEVICE}/options/file_path");
        ceremony.set(&log, json!(LOG));
        ceremony.sees_the_log_of(&server);
        shape(&mut ceremony);
        ceremony.apply().exits(4).prints(&["not rehearsed"]);
        ceremony.learn_secrets();
        server.stop_in_order();
        // Of a value that is never dropped: the next test binary clears up behind it.
        let ceremony = ceremony.copy(Scratch::left_to_the_next(), &server);
        Self { server, ceremony }
    }

    fn copy(&self) -> (Server, Ceremony) {
        let server = Server::from(self.server.copy());
        let mut ceremony = self.ceremony.copy(of_a_test(), &server);
        ceremony.set("/cluster/address", json!(server.address()));
        ceremony.sees_the_log_of(&server);
        ceremony.save();
        if server.seal() == &Seal::Shamir {
            let shares = ["alice", "bob"].map(|name| ceremony.custody().share(name));
            server.unseal_by_hand(&shares);
        }
        server.wait_active();
        (server, ceremony)
    }
}

impl Ceremony {
    /// The same in a directory of its own, at another server. What a test wrote down by absolute path stays what it is.
    fn copy(&self, directory: TempDir, server: &Server) -> Self {
        copy_below(self.directory.path(), directory.path());
        let moved = |file: &PathBuf| match file.strip_prefix(self.directory.path()) {
            Ok(name) => directory.path().join(name),
            Err(_) => file.clone(),
        };
        let written = self.written.lock().expect("no panic holds it");
        let written = written.iter().map(moved).collect();
        let copy = Self {
            file: self.file.clone(),
            environment: self.environment.clone(),
            through: self.through.clone(),
            identities: self.identities.clone(),
            pgp: self.pgp.clone(),
            secrets: self.secrets.clone(),
            canaries: Canaries::default(),
            written: Written::new(Mutex::new(written)),
            server: server.address(),
            directory,
        };
        copy.canaries.add_all(&self.canaries);
        copy
    }

    /// Where the file names a log by its place in the server's directory, it is found there from here as well.
    pub(super) fn sees_the_log_of(&self, server: &Server) {
        let device = &self.file["audit"][DEVICE];
        if device["options"]["file_path"] == LOG {
            let link = std::os::unix::fs::symlink(server.audit_file(), self.path(LOG));
            link.expect("a link");
        }
    }
}
