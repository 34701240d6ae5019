//! One request to a Kubernetes API server, with the words for what goes wrong before it answers.

use std::error::Error;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use crate::code::Code;
use crate::failure::Problem;
use crate::plain_http::{self, Peers, Refusal, is_this_machine};
use crate::secret::{Claims, SecretText};
use crate::shell::ShellCommand;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An answer is a few kilobytes; anything near this is none.
const LARGEST_ANSWER: usize = 256 * 1024;

/// An API server, and who asks it.
pub(super) struct Api<'a> {
    pub(super) server: &'a Url,
    /// PEM bundle. When given, nothing else is trusted.
    pub(super) ca_cert: Option<&'a [u8]>,
    /// Nobody asks where there is none.
    pub(super) credential: Option<&'a SecretText>,
    /// What server, authority and credential are called in the file.
    pub(super) names: [&'static str; 3],
}

/// What it answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// Why there is no answer.
pub(super) struct NoAnswer {
    pub(super) problem: Problem,
    /// Nobody answered, which may be otherwise for another machine.
    pub(super) away: bool,
}

impl From<Problem> for NoAnswer {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            away: false,
        }
    }
}

impl Api<'_> {
    /// Where this path is at the server.
    pub(super) fn url(&self, path: &str) -> Result<Url, Problem> {
        let server = self.server;
        let secure =
            server.scheme() == "https" || (server.scheme() == "http" && is_this_machine(server));
        if !secure {
            return Err(invalid(self.names[0], &format!("{server} is not https")));
        }
        let base = server.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}{path}"))
            .map_err(|error| invalid(self.names[0], &error.to_string()))
    }

    /// Sends the request, and takes whatever is answered.
    pub(super) async fn post(&self, url: &Url, body: &Value) -> Result<Answer, NoAnswer> {
        self.send(Method::POST, url, Some(body)).await
    }

    /// The same with any method.
    pub(super) async fn send(
        &self,
        method: Method,
        url: &Url,
        body: Option<&Value>,
    ) -> Result<Answer, NoAnswer> {
        let mut asked = self.http()?.request(method, url.clone());
        if let Some(credential) = self.credential {
            let mut bearer = HeaderValue::from_str(&format!("Bearer {}", credential.expose()))
                .map_err(|_| invalid(self.names[2], "has characters that no token has"))?;
            bearer.set_sensitive(true);
            asked = asked.header(AUTHORIZATION, bearer);
        }
        if let Some(body) = body {
            asked = asked.json(body);
        }
        let mut answer = asked
            .send()
            .await
            .map_err(|error| self.no_answer(url, &error))?;
        let status = answer.status().as_u16();
        let mut bytes = Zeroizing::new(Vec::new());
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| self.no_answer(url, &error))?
        {
            if bytes.len() + chunk.len() > LARGEST_ANSWER {
                let text = format!("{url}: the answer is too large");
                return Err(Problem::new(Code::KubernetesFailed, text).into());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status,
            body: bytes,
        })
    }

    fn no_answer(&self, url: &Url, error: &reqwest::Error) -> NoAnswer {
        if let Some(refusal) = Refusal::behind(error) {
            let text = format!("{url} is not trusted: {refusal}");
            return Problem::new(Code::PlainHttpRefused, text)
                .advise("let root or your own user serve it (kubectl proxy), or use https")
                .into();
        }
        let [server, ca_cert, _] = self.names;
        let text = format!("{url}: {}", innermost(error));
        let problem = Problem::new(Code::KubernetesFailed, text).advise(format!(
            "look at {server} and {ca_cert}: the certificate must be that of the authority which has signed the API server's, and the port is often 6443"
        ));
        NoAnswer {
            problem,
            away: !is_of_tls(error),
        }
    }

    /// What is said of an answer to any request, by its status; nothing of one that is the request's own.
    pub(super) fn judge(&self, status: u16) -> Problem {
        let problem = |text: &str| Problem::new(Code::KubernetesFailed, text);
        match status {
            300..=399 => problem("answered with a redirect, which is not followed"),
            401 => self.not_accepted(),
            500.. => problem(&format!("answered {status}"))
                .advise("the API server is in trouble: `kubectl get --raw /readyz?verbose`"),
            _ => problem(&format!("answered {status}")),
        }
    }

    /// Which token it is, as far as that says so itself, and the command that makes another.
    fn not_accepted(&self) -> Problem {
        let claims = self.credential.and_then(SecretText::claims);
        let words = claims
            .as_ref()
            .map(|claims| claims.in_words(Timestamp::now()));
        let which = words
            .map(|words| format!(": it is {words}"))
            .unwrap_or_default();
        let text = format!("{} was not accepted (401){which}", self.names[2]);
        let account = claims.as_ref().and_then(Claims::service_account);
        let command = ShellCommand::new("kubectl create token");
        let command = match account {
            Some((namespace, name)) => command.with(name).and("-n").with(namespace),
            None => command.and("NAME -n NAMESPACE"),
        };
        let (server, now) = (self.server, Timestamp::now());
        let cause = match &claims {
            Some(claims) if claims.ended(now).is_some() => "the token has ended".to_owned(),
            // Its end is in the future, so that it is one of the others.
            Some(claims) if claims.has_end() => format!(
                "the token is of another cluster than {server}, is for an audience that the API server does not take \
                 (without one in the command it is its own), or its account was deleted"
            ),
            _ => format!("the token is expired, or of another cluster than {server}"),
        };
        Problem::new(Code::KubernetesFailed, text)
            .advise(format!("{cause}: make a new one there: {command}"))
    }

    fn http(&self) -> Result<reqwest::Client, Problem> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_rustls()
            .timeout(REQUEST_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never());
        if self.server.scheme() == "http" {
            builder = plain_http::restrict(builder, Peers::default());
        }
        let unusable = |error: reqwest::Error| invalid(self.names[1], &innermost(&error));
        if let Some(pem) = self.ca_cert {
            let trusted = reqwest::Certificate::from_pem_bundle(pem).map_err(unusable)?;
            if trusted.is_empty() {
                return Err(invalid(self.names[1], "holds no certificate"));
            }
            builder = builder.tls_certs_only(trusted);
        }
        builder.build().map_err(unusable)
    }
}

/// A value that cannot be used, by its name in the configuration.
pub(super) fn invalid(name: &str, problem: &str) -> Problem {
    Problem::new(Code::FileValueInvalid, format!("{name} {problem}"))
}

/// The user in `User "NAME" cannot create resource …` of a 403, when it looks like a name.
pub(super) fn user_of(body: &[u8]) -> Option<String> {
    let status: Value = serde_json::from_slice(body).ok()?;
    let user = status
        .get("message")?
        .as_str()?
        .split("User \"")
        .nth(1)?
        .split('"')
        .next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:@".contains(c);
    (!user.is_empty() && user.len() <= 128 && user.chars().all(plain)).then(|| user.to_owned())
}

/// The cause at the bottom of the chain: the layers above only repeat the address.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}

/// Whether somebody answered whom we do not trust, or who does not trust us. An `io::Error` hides what it wraps.
fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    let wrapped = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>()
        || wrapped.is_some_and(|inner| is_of_tls(inner))
        || error.source().is_some_and(is_of_tls)
}
