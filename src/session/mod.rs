//! Who we are at which server: the active node of the cluster that is meant, and with what right we ask there.

pub(crate) mod active;
pub(crate) mod audit_trail;
pub(crate) mod catalogue;
pub(crate) mod cluster_identity;
pub(crate) mod login;
pub(crate) mod namespace;
pub(crate) mod several_servers;
pub(crate) mod taking_over;
pub(crate) mod unavailable;
pub(crate) mod unfinished;

use std::sync::Arc;

use crate::code::{Code, Reported};
use crate::config::{Config, Login, SecretRef};
use crate::edge::doors::LoginContext;
use crate::edge::references::Resolved;
use crate::edge::token::TokenSource;
use crate::event::Caller;
use crate::failure::Failure;
use crate::secret::{RootToken, SecretText, Token};
use crate::vault::Client;
use crate::vault::auth::scan::WholeTokens;

pub use active::Cluster;
pub use login::OpenLogin;

/// With whose right a cluster is looked at, where somebody is named.
#[derive(Debug, Clone)]
pub enum Who {
    /// A login of the file, by name; its token is ended.
    Login(String),
    /// Whoever has this token.
    Token(TokenSource),
}

/// The token that somebody gives for this server.
///
/// # Errors
/// It cannot be had, or is none.
pub(crate) async fn given(
    source: &TokenSource,
    client: &Client,
    caller: Caller<'_>,
) -> Result<Token, Failure> {
    let mut warnings = Vec::new();
    let token = source.token(client.address(), &mut warnings).await?;
    for Reported { code, text, .. } in warnings {
        caller.events.warn(code, text);
    }
    Ok(token)
}

/// With what right we ask and write.
#[derive(Debug)]
pub enum Authority {
    /// None: nobody has logged in, or nobody could.
    None,
    /// Root, between initialisation and its revocation.
    Root(RootToken),
    /// A login of the file; its token is ended with the run.
    Login(Box<OpenLogin>),
    /// The token that somebody has given. It looks, and is never ended.
    Given(Token),
}

impl Authority {
    /// Its token. Without one a step came before its time, which is an error.
    pub fn token(&self) -> Result<&Token, Failure> {
        match self {
            Self::None => Err(Failure::failed(
                Code::Unexpected,
                "there is no token for asking the server",
            )),
            Self::Root(root) => Ok(root.token()),
            Self::Login(login) => Ok(login.token()),
            Self::Given(token) => Ok(token),
        }
    }

    /// True while it is root.
    pub fn is_root(&self) -> bool {
        matches!(self, Self::Root(_))
    }
}

/// A file, its cluster, and with what right we ask there. Looking at a cluster takes this and nothing that writes.
pub struct Session<'a> {
    /// The file.
    pub config: &'a Config,
    /// Who may ask for a stop, and hears what happens.
    pub caller: Caller<'a>,
    /// The cluster, and the node of it that is asked.
    pub cluster: Cluster<'a>,
    /// With what right we ask and write.
    pub authority: Authority,
    /// Secret references of the file, resolved.
    pub resolved: Resolved,
    /// How long a person who must sign in is waited for.
    pub sign_in_seconds: u64,
    /// Tokens that were there when this run began, or that it has used.
    pub whole_tokens: WholeTokens,
}

impl Session<'_> {
    /// The node that is asked: before the cluster is active the address of the file, afterwards the active node.
    pub fn client(&self) -> Client {
        self.cluster.client()
    }

    /// A node in the namespace that our token is of: root is of the root namespace, a login of the file's.
    pub fn at_home(&self, node: &Client) -> Client {
        if self.is_root() {
            node.in_namespace(None)
        } else {
            node.clone()
        }
    }

    /// Our token, whoever we are.
    pub fn token(&self) -> Result<&Token, Failure> {
        self.authority.token()
    }

    /// True while we are root.
    pub fn is_root(&self) -> bool {
        self.authority.is_root()
    }

    /// True while nobody is logged in.
    pub(crate) fn is_nobody(&self) -> bool {
        matches!(self.authority, Authority::None)
    }

    /// Says something about the step under way.
    pub fn note(&self, text: impl Into<String>) {
        self.caller.events.note(text);
    }

    /// Says something that a person should know.
    pub fn warn(&self, code: Code, text: impl Into<String>) {
        self.caller.events.warn(code, text);
    }

    /// The secret behind a reference, as it was resolved before. Fails if it is no longer available; before the hand-over
    /// preflight reports that first.
    pub fn secret(&self, reference: &SecretRef) -> Result<Arc<SecretText>, Failure> {
        self.login_context().secret(reference)
    }

    /// Opens a login of the file.
    pub(crate) async fn open(&self, login: &Login, client: &Client) -> Result<OpenLogin, Failure> {
        OpenLogin::open(&self.login_context(), client, login, self.caller.events).await
    }

    /// What opening a login takes.
    pub(crate) fn login_context(&self) -> LoginContext<'_> {
        LoginContext {
            config: self.config,
            resolved: &self.resolved,
            sign_in_seconds: self.sign_in_seconds,
        }
    }
}
