//! A login of the file with its secrets resolved, and what a person is told while it opens.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use zeroize::Zeroizing;

use crate::kubernetes::{Reviewer, TokenRequest};
use crate::secret::SecretText;

/// Capabilities by path: `{"secret/data/x": ["read"]}`.
pub type Expectations = BTreeMap<String, Vec<String>>;

/// One declared login, with its secrets resolved.
#[derive(Debug)]
pub struct Door {
    /// The name in the file, under `logins`.
    pub name: String,
    /// Mount path of the auth method, without `auth/` and without slashes at its ends.
    pub mount: String,
    /// How it logs in.
    pub kind: Kind,
    /// Where the file has its secrets from, each as an operator would look for it.
    pub places: Vec<String>,
    /// All of these capabilities must be there.
    pub can: Expectations,
    /// None of these may be there.
    pub cannot: Expectations,
    /// Environment variables that hold secrets, all that the file reads as `{env: …}`: no program that is started for
    /// this door gets them, nor any `VAULT_*` or `BAO_*` one. It gets the rest of this process's environment, because
    /// cloud and cluster clients need theirs (`KUBECONFIG`, `AWS_*`, `HTTPS_PROXY`).
    pub withheld: Vec<String>,
}

/// How a door is opened.
#[derive(Debug)]
pub enum Kind {
    /// A name and a password.
    Userpass {
        /// Name of the user.
        username: String,
        /// Password of the user.
        password: Arc<SecretText>,
    },
    /// A name and a password, which the server holds against a directory.
    Ldap {
        /// Name of the user.
        username: String,
        /// Password of the user.
        password: Arc<SecretText>,
    },
    /// A certificate, shown over a connection of its own.
    Cert(Box<Shown>),
    /// A role and its secret.
    Approle {
        /// RoleID; not quite a secret, treated as one.
        role_id: Arc<SecretText>,
        /// SecretID.
        secret_id: Arc<SecretText>,
    },
    /// A JWT shown to the `jwt` method.
    Jwt {
        /// Role of the method.
        role: String,
        /// Where the JWT comes from.
        jwt: JwtSource,
    },
    /// The JWT of a service account, which the server has reviewed by the Kubernetes API.
    Kubernetes {
        /// Role of the method.
        role: String,
        /// Where the JWT comes from.
        jwt: JwtSource,
        /// Whom the server asks about it, as far as the file tells.
        reviewer: Option<Box<Reviewer>>,
    },
    /// A person and an identity provider.
    Oidc(Visit),
}

/// A certificate, and what it is shown for.
#[derive(Debug)]
pub struct Shown {
    /// Its PEM.
    pub certificate: Vec<u8>,
    /// The PEM of its private key.
    pub key: Arc<SecretText>,
    /// Role of the method; without it the server looks for one.
    pub role: Option<String>,
    /// The PEM of the authorities that the file gives to the role, or to all of them; empty where it is not at hand.
    pub authorities: Vec<u8>,
}

/// A person's visit to an identity provider.
#[derive(Debug)]
pub struct Visit {
    /// Role of the method.
    pub role: String,
    /// Browser, printed address or device flow.
    pub screen: Screen,
    /// `allowed_redirect_uris` of the role, to choose from; not used by the device flow.
    pub redirect_uris: Vec<String>,
    /// How long the person has.
    pub wait: Duration,
    /// Who is asked for the address that a browser elsewhere ended at.
    pub paste: Paste,
}

/// Asks for one line that a person may paste; nothing where nobody can be asked. It may be dropped at any time.
pub type Paste = fn() -> LocalBoxFuture<'static, Option<Zeroizing<String>>>;

/// Where a JWT comes from.
#[derive(Debug)]
pub enum JwtSource {
    /// A file that holds nothing else, read at every login.
    TokenFile(PathBuf),
    /// A program that prints it, with its arguments; run without a shell and without standard input.
    Command(Vec<String>),
    /// The Kubernetes API.
    TokenRequest(Box<TokenRequest>),
}

/// How an `oidc` login reaches the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// The browser of this machine is opened; the address is told as well.
    Browser,
    /// The address is only told, for SSH with a forwarded port.
    Url,
    /// RFC 8628: any browser anywhere (OpenBao, role with `callback_mode: device`).
    Device,
}

/// Something a person has to see while a door opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice<'a> {
    /// Sign in at this address.
    SignIn {
        /// The identity provider's page.
        url: &'a str,
        /// What to type there in the device flow; none when the address carries it.
        code: Option<&'a str>,
        /// How long it is waited for.
        wait: Duration,
        /// The port that the browser comes back to, where that may be one of another machine.
        port: Option<u16>,
    },
    /// Worth knowing, nothing to do.
    Note(&'a str),
}

/// Who shows a [`Notice`] to the person. `door` is the name in the file.
pub trait NoticeSink {
    /// Shows it; called on the way, must not block.
    fn show(&self, door: &str, notice: Notice<'_>);
}
