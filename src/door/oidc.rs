//! Logins of a person at an identity provider: by a browser that comes back to this machine, or by
//! the device flow. The server does the OpenID part; here are the listener, the waiting and the words.

use std::process::Stdio;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::process::Command;
use url::Url;

use crate::door::callback::{self, Outcome, Visitor};
use crate::door::error::Cause;
use crate::door::model::{Door, Notice, Screen, Tell};
use crate::door::page::Page;
use crate::door::redirect;
use crate::secret::SecretText;
use crate::vault::auth::oidc::{self, AuthUrl, Poll};
use crate::vault::{AuthResponse, Client, Kind as Failure, NoLogin};

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

/// One login by browser.
pub(super) struct Visit<'a> {
    pub(super) role: Option<&'a str>,
    pub(super) screen: Screen,
    pub(super) redirect_uris: &'a [String],
    pub(super) wait: Duration,
}

/// Listens, sends the person away, and redeems what the browser brings back.
pub(super) async fn by_browser(
    client: &Client,
    door: &Door,
    visit: &Visit<'_>,
    person: &dyn Tell,
) -> Result<AuthResponse, Cause> {
    let bound = redirect::listen(visit.redirect_uris).await?;
    if bound.moved {
        let note = format!(
            "the declared port is taken, listening at {} instead; the identity provider may refuse it",
            bound.uri
        );
        person.tell(&door.name, Notice::Note(&note));
    }
    let nonce = nonce()?;
    let answer = oidc::auth_url(client, &door.mount, visit.role, Some(&bound.uri), &nonce)
        .await
        .map_err(|error| no_auth_url(door, Some(&bound.uri), error))?;
    if answer.state.is_some() {
        return Err(Cause::CallbackMode {
            role: role_name(visit.role),
            with: if visit.screen == Screen::Browser {
                "browser"
            } else {
                "url"
            },
            instead: "write `with: device`, or set callback_mode of the role to client",
        });
    }
    let url = web_address(&answer)?;
    let state = state_of(&url)?;
    let opened =
        visit.screen == Screen::Browser && open_browser(url.as_str(), &door.withheld).await;
    let notice = Notice::SignIn {
        url: url.as_str(),
        redirect_uri: &bound.uri,
        opened,
        wait: visit.wait,
    };
    person.tell(&door.name, notice);
    let visitor = tokio::time::timeout(visit.wait, callback::wait(&bound, &state))
        .await
        .map_err(|_| Cause::TimedOut {
            wait: visit.wait,
            to_here: true,
        })?
        .map_err(Cause::Listener)?;
    redeem(client, door, visitor, &SecretText::new(state), &nonce).await
}

async fn redeem(
    client: &Client,
    door: &Door,
    visitor: Visitor,
    state: &SecretText,
    nonce: &SecretText,
) -> Result<AuthResponse, Cause> {
    let result = match &visitor.outcome {
        Outcome::Refused { code, description } => Err(Cause::Provider {
            code: code.clone(),
            description: description.clone(),
        }),
        Outcome::Code(code) => oidc::callback(client, &door.mount, state, code, nonce)
            .await
            .map_err(|error| Cause::of(&door.kind, error)),
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
    role: Option<&str>,
    wait: Duration,
    person: &dyn Tell,
) -> Result<AuthResponse, Cause> {
    let nonce = nonce()?;
    let not_device = || Cause::CallbackMode {
        role: role_name(role),
        with: "device",
        instead: "set callback_mode of the role to device (OpenBao only); on Vault write `with: url`",
    };
    let answer = oidc::auth_url(client, &door.mount, role, None, &nonce)
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
    let user_code: Option<String> = answer.user_code.as_deref().map(|code| {
        code.chars()
            .filter(|c| !c.is_control())
            .take(LONGEST_CODE)
            .collect()
    });
    let notice = Notice::Device {
        url: url.as_str(),
        user_code: user_code.as_deref(),
        wait,
    };
    person.tell(&door.name, notice);
    let mut interval = answer.poll_interval().min(SLOWEST);
    let start = Instant::now();
    while start.elapsed() + interval <= wait {
        tokio::time::sleep(interval).await;
        match oidc::poll(client, &door.mount, state, &nonce).await {
            Ok(Poll::Done(session)) => return Ok(*session),
            Ok(Poll::Pending) => {}
            Ok(Poll::SlowDown) => interval = (interval + SLOWER).min(SLOWEST),
            Err(error) => return Err(Cause::of(&door.kind, error)),
        }
    }
    Err(Cause::TimedOut {
        wait,
        to_here: false,
    })
}

fn no_auth_url(door: &Door, redirect_uri: Option<&str>, error: crate::vault::Error) -> Cause {
    if matches!(error.kind(), Failure::NoLogin(NoLogin::EmptyAuthUrl)) {
        return Cause::NoAuthUrl {
            redirect_uri: redirect_uri.map(str::to_owned),
        };
    }
    Cause::of(&door.kind, error)
}

fn role_name(role: Option<&str>) -> String {
    role.unwrap_or("(the default role)").to_owned()
}

/// The address, when it is one that a browser may be sent to.
fn web_address(answer: &AuthUrl) -> Result<Url, Cause> {
    let url = Url::parse(&answer.url).map_err(|_| Cause::BadAuthUrl("it is not an address"))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(Cause::BadAuthUrl("it is neither https nor http"));
    }
    Ok(url)
}

/// The state by which the browser's visit is recognised.
fn state_of(url: &Url) -> Result<String, Cause> {
    let query = |name: &str| {
        url.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    if query("response_mode").as_deref() == Some("form_post") {
        return Err(Cause::BadAuthUrl(
            "the provider would answer by form_post, which only the server can take",
        ));
    }
    query("state")
        .filter(|state| !state.is_empty())
        .ok_or(Cause::BadAuthUrl("it carries no state"))
}

/// True when something was started that should show the page. Its output is not ours to show, and it
/// gets none of the secrets in our environment.
async fn open_browser(url: &str, withheld: &[String]) -> bool {
    let named = std::env::var("BROWSER")
        .ok()
        .filter(|name| !name.is_empty());
    for program in named.as_deref().into_iter().chain([SYSTEM_OPENER]) {
        let mut command = Command::new(program);
        command
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        crate::door::command::withhold(&mut command, withheld);
        for name in OF_THE_CUSTODIANS {
            command.env_remove(name);
        }
        let Ok(mut child) = command.spawn() else {
            continue;
        };
        // One that ends at once tells whether it worked; a browser itself stays, which is as good.
        match tokio::time::timeout(OPENER, child.wait()).await {
            Ok(Ok(status)) if status.success() => return true,
            Ok(_) => {}
            Err(_) => return true,
        }
    }
    false
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

fn nonce() -> Result<SecretText, Cause> {
    let mut bytes = zeroize::Zeroizing::new([0_u8; NONCE]);
    aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| Cause::NoRandom)?;
    Ok(SecretText::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(url: &str) -> Result<String, String> {
        state_of(&Url::parse(url).unwrap()).map_err(|cause| cause.to_string())
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
