//! Logins of a person at an identity provider: by a browser that comes back to this machine, or by
//! the device flow. The server does the OpenID part; here are the listener, the waiting and the words.

use std::process::Stdio;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::process::Command;
use url::Url;

use crate::code::Code;
use crate::disk::trust;
use crate::door::callback::{self, Outcome, Visitor, bounded};
use crate::door::model::{Door, Notice, NoticeSink, Screen, Visit};
use crate::door::page::Page;
use crate::door::redirect::Bound;
use crate::door::{pasted, reason, redirect};
use crate::failure::Problem;
use crate::secret::SecretText;
use crate::span;
use crate::vault::auth::oidc::{self, AuthUrl, Poll};
use crate::vault::{AuthResponse, Client, Kind, NoLogin};

/// Random bytes of a client nonce.
const NONCE: usize = 24;
/// Time for the system's opener to start a browser.
const OPENER: Duration = Duration::from_secs(3);
/// RFC 8628 3.5: what `slow_down` adds to the interval.
const SLOWER: Duration = Duration::from_secs(5);
/// However slow the provider wants it, the person sees a reaction within this time.
const SLOWEST: Duration = Duration::from_secs(60);
/// Longest user code that is shown.
const LONGEST_CODE: usize = 64;

/// Listens, sends the person away, and redeems what the browser brings back.
pub(super) async fn by_browser(
    client: &Client,
    door: &Door,
    visit: &Visit,
    notices: &dyn NoticeSink,
) -> Result<AuthResponse, Problem> {
    let bound = redirect::listen(&visit.redirect_uris).await?;
    if let Some(taken) = &bound.instead_of {
        let note = format!(
            "another program of this machine has the port of {taken}, listening at {} instead; if the identity provider \
             refuses that, end the other program (perhaps an older login) and run this again",
            bound.uri
        );
        notices.show(&door.name, Notice::Note(&note));
    }
    let nonce = nonce()?;
    let role = Some(visit.role.as_str());
    let answer = oidc::auth_url(client, &door.mount, role, Some(&bound.uri), &nonce)
        .await
        .map_err(|error| no_auth_url(door, Some(&bound.uri), error))?;
    if answer.state.is_some() {
        let advice = "write `with: device`, or set callback_mode of the role to client";
        return Err(other_callback_mode(visit, advice));
    }
    let url = web_address(&answer)?;
    let state = state_of(&url)?;
    if visit.screen == Screen::Browser {
        open_browser(url.as_str(), door, notices).await;
    }
    let notice = Notice::SignIn {
        url: url.as_str(),
        code: None,
        wait: visit.wait,
        port: bound.port().filter(|_| is_elsewhere(visit)),
    };
    notices.show(&door.name, notice);
    let refused = |why: &str| notices.show(&door.name, Notice::Note(why));
    let coming = came_back(&bound, visit, &state, refused);
    let visitor = tokio::time::timeout(visit.wait, coming)
        .await
        .map_err(|_| timed_out(visit.wait).advise(bound.unfinished()))?;
    redeem(client, door, visitor, &SecretText::new(state), &nonce).await
}

/// The browser that came back, or the address that it ended at, as a person pasted it.
async fn came_back(bound: &Bound, visit: &Visit, state: &str, refused: impl Fn(&str)) -> Visitor {
    tokio::select! {
        visitor = callback::wait(bound, state) => visitor,
        outcome = pasted::wait(visit.paste, (&bound.uri, state), refused) => Visitor {
            outcome,
            stream: None,
        },
    }
}

/// Whether the browser may run on another machine than this program.
fn is_elsewhere(visit: &Visit) -> bool {
    let came_in = |value: std::ffi::OsString| !value.is_empty();
    let mut of_ssh = OF_SSH.iter().map(std::env::var_os);
    visit.screen == Screen::Url || of_ssh.any(|value| value.is_some_and(came_in))
}

/// What `sshd` sets for whoever came in by it.
const OF_SSH: [&str; 3] = ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"];

async fn redeem(
    client: &Client,
    door: &Door,
    visitor: Visitor,
    state: &SecretText,
    nonce: &SecretText,
) -> Result<AuthResponse, Problem> {
    let result = match &visitor.outcome {
        Outcome::Refused { code, description } => {
            Err(reason::of_the_provider(code, description.as_deref()))
        }
        Outcome::Code(code) => oidc::callback(client, &door.mount, state, code, nonce)
            .await
            .map_err(|error| reason::of(&door.kind, error)),
    };
    let page = match &result {
        Ok(_) => Page::SignedIn,
        Err(cause) => Page::Failed(cause.to_string()),
    };
    visitor.show(&page).await;
    result
}

/// Shows address and code, and asks the server at its interval whether the person is done.
pub(super) async fn by_device(
    client: &Client,
    door: &Door,
    visit: &Visit,
    notices: &dyn NoticeSink,
) -> Result<AuthResponse, Problem> {
    let nonce = nonce()?;
    let not_device = || {
        let advice =
            "set callback_mode of the role to device (OpenBao only); on Vault write `with: url`";
        other_callback_mode(visit, advice)
    };
    let answer = oidc::auth_url(client, &door.mount, Some(&visit.role), None, &nonce)
        .await
        .map_err(|error| {
            // Only the callback modes that need an address ask for one.
            if error
                .messages()
                .iter()
                .any(|text| text.contains("missing redirect_uri"))
            {
                not_device()
            } else {
                no_auth_url(door, None, error)
            }
        })?;
    let url = web_address(&answer)?;
    let state = answer.state.as_ref().ok_or_else(not_device)?;
    let user_code = answer.user_code.as_deref();
    let user_code = user_code.map(|code| bounded(code, LONGEST_CODE));
    let notice = Notice::SignIn {
        url: url.as_str(),
        code: user_code.as_deref(),
        wait: visit.wait,
        port: None,
    };
    notices.show(&door.name, notice);
    let mut interval = answer.poll_interval().min(SLOWEST);
    let start = Instant::now();
    while start.elapsed() + interval <= visit.wait {
        tokio::time::sleep(interval).await;
        match oidc::poll(client, &door.mount, state, &nonce).await {
            Ok(Poll::Done(session)) => return Ok(*session),
            Ok(Poll::Pending) => {}
            Ok(Poll::SlowDown) => interval = (interval + SLOWER).min(SLOWEST),
            Err(error) => return Err(reason::of(&door.kind, error)),
        }
    }
    Err(timed_out(visit.wait).advise("run the command again"))
}

fn timed_out(wait: Duration) -> Problem {
    let wait = span::text(wait);
    Problem::new(
        Code::SignInExpired,
        format!("nobody finished the sign-in within {wait}"),
    )
}

/// The role's `callback_mode` is for another screen than the one that the file names.
fn other_callback_mode(visit: &Visit, advice: &str) -> Problem {
    let with = match visit.screen {
        Screen::Browser => "browser",
        Screen::Url => "url",
        Screen::Device => "device",
    };
    let role = &visit.role;
    Problem::new(
        Code::LoginMisconfigured,
        format!("role {role} does not work with `with: {with}`"),
    )
    .advise(advice)
}

fn no_auth_url(door: &Door, redirect_uri: Option<&str>, error: crate::vault::Error) -> Problem {
    if !matches!(error.kind(), Kind::NoLogin(NoLogin::EmptyAuthUrl)) {
        return reason::of(&door.kind, error);
    }
    let (asked, advice) = match redirect_uri {
        Some(uri) => (
            uri,
            format!(
                "one of two: allowed_redirect_uris of the role does not name {uri}, or the server cannot reach the identity provider; only the server's log tells which"
            ),
        ),
        None => (
            "the device flow",
            "see whether the server can reach the identity provider; its log tells the cause"
                .to_owned(),
        ),
    };
    Problem::new(
        Code::LoginMisconfigured,
        format!("the server gave no address to sign in at for {asked}"),
    )
    .advise(advice)
}

fn unusable(why: &str) -> Problem {
    Problem::new(
        Code::LoginMisconfigured,
        format!("the address to sign in at cannot be used: {why}"),
    )
    .advise("look at oidc_discovery_url and oidc_response_mode of the auth method")
}

/// The address, when it is one that a browser may be sent to.
fn web_address(answer: &AuthUrl) -> Result<Url, Problem> {
    let url = Url::parse(&answer.url).map_err(|_| unusable("it is not an address"))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(unusable("it is neither https nor http"));
    }
    Ok(url)
}

/// The state by which the browser's visit is recognised.
fn state_of(url: &Url) -> Result<String, Problem> {
    let query = |name: &str| {
        url.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    if query("response_mode").as_deref() == Some("form_post") {
        let why = "the provider would answer by form_post, which only the server can take";
        return Err(unusable(why));
    }
    query("state")
        .filter(|state| !state.is_empty())
        .ok_or_else(|| unusable("it carries no state"))
}

/// Starts what should show the page, where there is something. Its output is not ours to show, and it gets none of the
/// secrets in our environment.
async fn open_browser(url: &str, door: &Door, notices: &dyn NoticeSink) {
    let named = std::env::var("BROWSER")
        .ok()
        .filter(|name| !name.is_empty());
    for program in named.as_deref().into_iter().chain([SYSTEM_OPENER]) {
        // One that another user may replace is not run; the address stands there for people to open.
        if let Some((program, doubt)) = trust::program(program.as_ref()) {
            let program = program.display();
            let note = format!(
                "{program} was not run, it is not safe: {doubt}; open the address yourself"
            );
            notices.show(&door.name, Notice::Note(&note));
            continue;
        }
        let mut command = Command::new(program);
        command
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        crate::door::command::withhold(&mut command, &door.withheld);
        for name in OF_THE_CUSTODIANS {
            command.env_remove(name);
        }
        let Ok(mut child) = command.spawn() else {
            continue;
        };
        // One that ends at once tells whether it worked; a browser itself stays, which is as good.
        match tokio::time::timeout(OPENER, child.wait()).await {
            Ok(Ok(status)) if status.success() => return,
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

/// Credentials that a program which prints a JWT may need, and a browser never.
const OF_THE_CUSTODIANS: [&str; 3] = [
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
];

/// What shows an address in the browser that this desktop prefers.
const SYSTEM_OPENER: &str = if cfg!(target_os = "macos") {
    "open"
} else {
    "xdg-open"
};

fn nonce() -> Result<SecretText, Problem> {
    let mut bytes = zeroize::Zeroizing::new([0_u8; NONCE]);
    aws_lc_rs::rand::fill(&mut *bytes)
        .map_err(|_| Problem::new(Code::SystemFailed, "the system gives no random numbers"))?;
    Ok(SecretText::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(url: &str) -> Result<String, String> {
        state_of(&Url::parse(url).unwrap()).map_err(|cause| cause.what)
    }

    #[test]
    fn the_state_is_read_from_the_address() {
        assert_eq!(
            state("https://idp/auth?client_id=v&state=st_1%2Cns%3Da&nonce=n").unwrap(),
            "st_1,ns=a"
        );
        assert!(
            state("https://idp/auth?client_id=v")
                .unwrap_err()
                .ends_with("it carries no state")
        );
        assert!(
            state("https://idp/auth?state=x&response_mode=form_post")
                .unwrap_err()
                .contains("form_post")
        );
    }

    #[test]
    fn only_web_addresses_reach_a_browser() {
        let answer = |url: &str| -> AuthUrl {
            serde_json::from_value(serde_json::json!({"auth_url": url})).unwrap()
        };
        assert!(web_address(&answer("https://idp/auth")).is_ok());
        for url in [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "idp/auth",
            "-h",
        ] {
            assert!(web_address(&answer(url)).is_err(), "{url}");
        }
    }

    #[test]
    fn a_nonce_is_long() {
        assert_eq!(nonce().unwrap().len(), 32);
    }
}
