//! What can go wrong between us and the server, in words for the operator.
//!
//! An error names the method, the address and the status. Of an answer it keeps at most a few lines of the
//! server's own `errors`, and nothing at all where these could hold a key or a nonce.

use std::fmt;
use std::time::Duration;

use url::{Host, Url};

use crate::code::Code;
use crate::plain_http::Refusal;
use crate::shell::ShellCommand;
use crate::span;
use crate::vault::http::second_factor::SecondFactor;
use crate::vault::http::tls_advice::advice_on_tls;

/// A request that did not lead to a usable answer.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    method: String,
    url: String,
    kind: Kind,
}

/// The kinds of failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// No connection, or it broke before the answer was complete.
    Unreachable(String),
    /// No complete answer in this time.
    TimedOut(Duration),
    /// The certificate was not accepted by us, or ours not by the server, or a PEM file is unusable.
    Tls(String),
    /// The server answered with an error, in its own form.
    Status {
        /// HTTP status.
        code: u16,
        /// The server's `errors`: at most 3, each at most 300 characters, empty where they could hold secrets.
        messages: Vec<String>,
    },
    /// Something else answers at this address: a proxy, a web page.
    NotVault {
        /// HTTP status.
        status: u16,
        /// Its content type, or nothing.
        content_type: String,
    },
    /// A redirect that is not followed: scheme, host and port it pointed to.
    Redirect {
        /// Where it pointed, without path and query.
        to: String,
    },
    /// An answer of the server that lacks what it must have; in our own words.
    Malformed(String),
    /// A text in an answer that no server sends there.
    Field {
        /// What it is called.
        name: String,
        /// The beginning of it, fit to be shown; none where it may repeat a secret of the request.
        value: Option<String>,
    },
    /// More than 32 MiB.
    TooLarge,
    /// The token holds characters that no header can carry.
    InvalidToken,
    /// A path or namespace that we refuse to send.
    InvalidPath(String),
    /// An address that we refuse to use; in our own words.
    InvalidAddress(String),
    /// `http` to somewhere else than this machine.
    PlainHttp,
    /// `http` to this machine, and the other end is nobody who may have what is sent.
    PlainHttpRefused(Refusal),
    /// A share that is no line of base64.
    InvalidShare,
    /// The server said yes and nobody is logged in.
    NoLogin(NoLogin),
    /// The login is good, and is to be followed by a second factor.
    SecondFactor(SecondFactor),
}

/// Why a login that was not refused did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoLogin {
    /// An empty `auth_url`: the servers hide the cause from anonymous callers and write it to their log.
    EmptyAuthUrl,
    /// There is no token in the answer.
    NoToken,
}

impl Error {
    pub(crate) fn new(method: &str, url: &str, kind: Kind) -> Self {
        Self(Box::new(Inner {
            method: method.to_owned(),
            url: url.to_owned(),
            kind,
        }))
    }

    /// What happened.
    pub fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// What it is to a script, where nobody who knows more says otherwise.
    pub fn code(&self) -> Code {
        match &self.0.kind {
            Kind::Unreachable(_) | Kind::TimedOut(_) => Code::ServerUnreachable,
            Kind::Tls(_) => Code::TlsUntrusted,
            Kind::Status { code: 403, .. } => Code::ServerDenied,
            Kind::Status { code: 500.., .. } => Code::ServerFailed,
            Kind::Status { .. } => Code::ServerRefused,
            Kind::NotVault { .. }
            | Kind::Redirect { .. }
            | Kind::Malformed(_)
            | Kind::Field { .. }
            | Kind::TooLarge
            | Kind::NoLogin(NoLogin::NoToken) => Code::AnswerUnexpected,
            Kind::InvalidPath(_) | Kind::InvalidAddress(_) => Code::FileValueInvalid,
            Kind::InvalidToken => Code::SecretUnreadable,
            Kind::PlainHttp | Kind::PlainHttpRefused(_) => Code::PlainHttpRefused,
            Kind::InvalidShare => Code::ShareUnreadable,
            Kind::NoLogin(NoLogin::EmptyAuthUrl) => Code::LoginMisconfigured,
            Kind::SecondFactor(_) => Code::SecondFactor,
        }
    }

    /// The method of the request; empty when none was sent.
    pub fn method(&self) -> &str {
        &self.0.method
    }

    /// The address of the request, without a query.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// 403 in the server's own words. A proxy's 403 says nothing about a token.
    pub fn is_forbidden(&self) -> bool {
        matches!(self.kind(), Kind::Status { code: 403, .. })
    }

    /// The HTTP status, when anything answered.
    pub fn status(&self) -> Option<u16> {
        match self.0.kind {
            Kind::Status { code, .. } => Some(code),
            Kind::NotVault { status, .. } => Some(status),
            _ => None,
        }
    }

    /// The server's own words.
    pub fn messages(&self) -> &[String] {
        match &self.0.kind {
            Kind::Status { messages, .. } => messages,
            _ => &[],
        }
    }

    /// True when the same request may succeed a little later. Says nothing about whether it was executed.
    pub fn is_retryable(&self) -> bool {
        match &self.0.kind {
            Kind::Unreachable(_) | Kind::TimedOut(_) => true,
            // A node that is sealed or loses its leadership drops what it has in hand, now and then with 400.
            Kind::Status { messages, .. } if is_cancelled(messages) => true,
            Kind::Status { code, .. } | Kind::NotVault { status: code, .. } => {
                *code >= 500 || matches!(code, 429 | 472 | 473 | 474)
            }
            _ => false,
        }
    }

    /// True where nothing listens on this very machine.
    pub fn is_refused_here(&self) -> bool {
        let refused = matches!(&self.0.kind, Kind::Unreachable(why) if why.to_lowercase().contains("refused"));
        let url = Url::parse(&self.0.url).ok();
        let here = url
            .as_ref()
            .and_then(Url::host)
            .is_some_and(|host| match host {
                Host::Domain(name) => name == "localhost",
                Host::Ipv4(address) => address.is_loopback(),
                Host::Ipv6(address) => address.is_loopback(),
            });
        refused && here
    }

    /// The second half of the message: what to do about it.
    pub fn advice(&self) -> Option<String> {
        let url = &self.0.url;
        let look = || ShellCommand::new("curl -sSik").with(url);
        let plain = match &self.0.kind {
            Kind::Unreachable(_) if self.is_refused_here() => {
                return Some(format!(
                    "start the server there, or correct cluster.address or cluster.nodes: {}",
                    look()
                ));
            }
            Kind::Unreachable(_) | Kind::TimedOut(_) => {
                return Some(format!("see whether anything answers there: {}", look()));
            }
            Kind::Tls(text) => return Some(advice_on_tls(text, url)),
            Kind::NotVault { .. } => {
                return Some(format!(
                    "check cluster.address and any proxy in front of it, the scheme included: {}",
                    look()
                ));
            }
            Kind::Redirect { to } => {
                return Some(format!(
                    "add {to} to cluster.nodes if it belongs to this cluster"
                ));
            }
            Kind::PlainHttpRefused(refusal) => return Some(refusal.advice()),
            Kind::TooLarge => return None,
            Kind::Status { code, .. } => advice_on_status(*code, &self.0.method)?,
            Kind::Malformed(_) => {
                "check that the versions of server and program are a supported pair"
            }
            Kind::Field { .. } => {
                "no supported server says that: check that this is the right server, and what is in between"
            }
            Kind::InvalidToken => "check where the token comes from for a stray line end or blank",
            Kind::InvalidPath(_) => "give each part of the path at least one character",
            Kind::InvalidAddress(_) => "write it as https://HOST:PORT",
            Kind::InvalidShare => "give the share as one line of base64, as it was handed out",
            Kind::NoLogin(why) => why.advice(),
            Kind::SecondFactor(demand) => return Some(demand.advice()),
            Kind::PlainHttp => {
                "use https; plain http carries every key in clear and is accepted on 127.0.0.1 only"
            }
        };
        Some(plain.to_owned())
    }
}

fn is_cancelled(messages: &[String]) -> bool {
    messages
        .iter()
        .any(|text| text.contains("context canceled"))
}

impl NoLogin {
    fn found(self) -> &'static str {
        match self {
            Self::EmptyAuthUrl => "an empty auth_url",
            Self::NoToken => "no token",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::EmptyAuthUrl => {
                "compare allowed_redirect_uris of the role with the address used; the cause is in the server's log"
            }
            Self::NoToken => "check that the path is the login path of this auth method",
        }
    }
}

fn advice_on_status(code: u16, method: &str) -> Option<&'static str> {
    match code {
        500 if matches!(method, "GET" | "LIST") => Some("the cause is in the server's log"),
        403 => Some("the token is not allowed to do this, or it has expired or was revoked"),
        404 => Some("check the path, the mount and the namespace"),
        405 => Some("this server does not offer this call in its present configuration"),
        429 | 472..=474 => Some("this node is a standby; ask the active one"),
        500 => Some(
            "read before writing again: it may have been executed; the cause is in the server's log",
        ),
        503 => Some("the server is sealed or has no active node; vault status says which"),
        _ => None,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { method, url, kind } = &*self.0;
        let answered = |code: u16| format!("{method} {url} was answered with {code}");
        let text = match kind {
            Kind::Unreachable(why) => format!("{url} cannot be reached: {why}"),
            Kind::TimedOut(limit) => format!(
                "{method} {url} was not answered within {}",
                span::text(*limit)
            ),
            Kind::Tls(why) => format!("no trusted connection to {url}: {why}"),
            Kind::Status { code, messages } if messages.is_empty() => answered(*code),
            Kind::Status { code, messages } => {
                format!("{}: {}", answered(*code), messages.join("; "))
            }
            Kind::NotVault {
                status,
                content_type,
            } => {
                let and = if content_type.is_empty() { "" } else { " and " };
                let answered = answered(*status);
                format!(
                    "{answered}{and}{content_type} by something that is neither vault nor openbao"
                )
            }
            Kind::Redirect { to } => {
                format!("{method} {url} points to {to}, which is not followed")
            }
            Kind::Malformed(what) => format!("the answer to {method} {url} is unusable: {what}"),
            Kind::Field { name, value } => {
                let value = match value {
                    Some(value) => format!("\"{value}\""),
                    None => "it is not shown: it may repeat a secret that was sent".to_owned(),
                };
                format!(
                    "the answer to {method} {url} is unusable: its {name} is malformed ({value})"
                )
            }
            Kind::TooLarge => format!("the answer to {method} {url} is larger than 32 MiB"),
            Kind::InvalidToken => format!(
                "the token for {method} {url} is empty or holds characters that no token has"
            ),
            Kind::InvalidPath(why) => format!("{url} is not a path that can be asked for: {why}"),
            Kind::InvalidAddress(why) => format!("{url} is not usable as an address: {why}"),
            Kind::InvalidShare => format!("the share for {url} is not a line of base64"),
            Kind::NoLogin(why) => format!("{method} {url} was answered with {}", why.found()),
            Kind::SecondFactor(demand) => format!("{method} {url} was answered with {demand}"),
            Kind::PlainHttp => format!("{url} is plain http to another machine"),
            Kind::PlainHttpRefused(why) => format!("{url} is not trusted: {why}"),
        };
        out.write_str(&text)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: Kind) -> Error {
        Error::new(
            "POST",
            "https://vault.internal:8200/v1/sys/audit/file",
            kind,
        )
    }

    #[test]
    fn the_text_names_method_address_and_the_servers_words() {
        let shown = error(Kind::Status {
            code: 400,
            messages: vec!["path already in use".into()],
        });
        assert_eq!(
            shown.to_string(),
            "POST https://vault.internal:8200/v1/sys/audit/file was answered with 400: path already in use"
        );
        assert_eq!(shown.status(), Some(400));
        assert_eq!(shown.messages(), ["path already in use"]);
    }

    #[test]
    fn only_what_may_pass_by_itself_is_retryable() {
        let status = |code, messages| error(Kind::Status { code, messages }).is_retryable();
        for code in [500, 502, 503, 429, 472, 473, 474, 530] {
            assert!(status(code, vec![]), "{code}");
        }
        for code in [400, 403, 404, 405] {
            assert!(!status(code, vec![]), "{code}");
        }
        let cancelled = "unable to get existing policy: context canceled";
        assert!(status(400, vec![cancelled.into()]));
        assert!(error(Kind::Unreachable("connection refused".into())).is_retryable());
        assert!(error(Kind::TimedOut(Duration::from_secs(1))).is_retryable());
        assert!(!error(Kind::Tls("UnknownIssuer".into())).is_retryable());
        let to = "https://x".into();
        assert!(!error(Kind::Redirect { to }).is_retryable());
    }

    #[test]
    fn advice_on_a_redirect_names_the_setting() {
        let to = "https://vault-2:8200".into();
        let advice = error(Kind::Redirect { to }).advice();
        assert_eq!(
            advice.as_deref(),
            Some("add https://vault-2:8200 to cluster.nodes if it belongs to this cluster")
        );
    }
}
