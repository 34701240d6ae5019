//! Rules of roles for people: what the fields alone show about a sign-in that could not work.

use url::{Host, Url};

use super::auth::{auth_type, members, mount_of, setting};
use crate::code::Code;
use crate::config::reading::{Reading, under};
use crate::config::tree::Kind;
use crate::config::values::Field;

/// For a role that leads nowhere where this program listens.
const HERE: &str = "`http://localhost:8250/oidc/callback`";

/// The claims that a provider hands out for a scope (OpenID Connect Core 5.4).
const SCOPES: [(&str, &[&str]); 4] = [
    ("email", &["email", "email_verified"]),
    ("phone", &["phone_number", "phone_number_verified"]),
    ("address", &["address"]),
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
];

/// A login of this file by which a person comes back to this program.
struct SignIn<'a> {
    login: &'a str,
    mount: &'a str,
    role: &'a str,
}

/// The logins that a browser brings back to this machine: `with` is `browser` or `url`, and the role is for people.
fn by_browser<'a>(reading: &Reading<'a>) -> Vec<SignIn<'a>> {
    let mut found = Vec::new();
    for login in reading.keys(&["logins"]).unwrap_or_default() {
        let with = ["logins", login, "with"];
        let by_token = matches!(
            reading.find(&with).map(|node| &node.kind),
            Some(Kind::Map(_))
        );
        let device = reading.text(&with) == Some("device");
        let (Some(mount), Some(role)) = (
            mount_of(reading, login),
            reading.text(&["logins", login, "role"]),
        ) else {
            continue;
        };
        let takes_people = matches!(auth_type(reading, mount), Some("oidc" | "jwt"));
        let path = ["auth", mount, "roles", role];
        let for_people = setting(reading, &path, "role_type").is_some_and(|kind| kind != "jwt");
        let exists = reading.has(&path) == Some(true);
        if takes_people && for_people && exists && !by_token && !device {
            found.push(SignIn { login, mount, role });
        }
    }
    found
}

/// A browser that comes back elsewhere ends a sign-in that this program waits for.
pub(super) fn browsers_come_back_here(reading: &mut Reading) {
    let mut said = Vec::new();
    for SignIn { mount, role, .. } in by_browser(reading) {
        let path = ["auth", mount, "roles", role, "allowed_redirect_uris"];
        let Some(given) = reading.value::<Field>(&path) else {
            continue;
        };
        let given = given.strings();
        // That there is none is said for every role.
        if given.is_empty() || said.contains(&(mount, role)) || given.into_iter().any(leads_here) {
            continue;
        }
        said.push((mount, role));
        let text = format!(
            "none of these leads the browser back to this program, for which a login uses the role; add {HERE}, here and \
             at the provider"
        );
        reading.refuse(Code::FileContradicts, &path, text);
    }
}

/// What this program can listen for.
fn leads_here(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| {
        let here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip == std::net::Ipv4Addr::LOCALHOST,
            Some(Host::Ipv6(ip)) => ip == std::net::Ipv6Addr::LOCALHOST,
            None => false,
        };
        // There the server answers, even where it runs on this machine.
        let servers = ["/ui/", "/v1/"];
        let servers = servers.iter().any(|start| url.path().starts_with(start));
        url.scheme() == "http" && here && url.fragment().is_none() && !servers
    })
}

/// A sign-in whose answer only the server can take, or that the method cannot begin.
pub(super) fn sign_ins_can_begin_and_end(reading: &mut Reading) {
    for SignIn { login, mount, role } in by_browser(reading) {
        let role = ["auth", mount, "roles", role];
        if setting(reading, &role, "callback_mode") == Some("direct") {
            let text = "with `callback_mode: direct` the browser comes back to the server, and this program waits in vain; \
                        leave it out, or use `device` with `with: device`";
            reading.refuse(
                Code::FileContradicts,
                &under(&role, &["callback_mode"]),
                text,
            );
        }
        let config = ["auth", mount, "config"];
        if setting(reading, &config, "oidc_response_mode") == Some("form_post") {
            let text = "with `form_post` the answer goes to the server, and this program waits in vain; leave it out";
            reading.refuse(
                Code::FileContradicts,
                &under(&config, &["oidc_response_mode"]),
                text,
            );
        }
        let no_client = reading.has(&under(&config, &["oidc_client_id"])) == Some(false);
        let given = reading.keys(&config).is_some_and(|keys| !keys.is_empty());
        if given && no_client {
            let text = format!(
                "missing keys `oidc_client_id` and `oidc_client_secret`, without which the login `{login}` cannot begin"
            );
            reading.refuse(Code::FileKeyMissing, &config, text);
        }
    }
}

/// A claim that nobody asks for is missing in the token, and the login is refused for it.
pub(super) fn claims_have_their_scopes(reading: &mut Reading) {
    for (mount, kind, name) in members(reading) {
        let path = ["auth", mount, kind, name];
        let people = matches!(auth_type(reading, mount), Some("oidc" | "jwt"))
            && setting(reading, &path, "role_type").is_some_and(|kind| kind != "jwt");
        if !people {
            continue;
        }
        let asked = reading.value::<Field>(&under(&path, &["oidc_scopes"]));
        let asked = asked.as_ref().map(Field::strings).unwrap_or_default();
        let mut claims = Vec::new();
        claims.extend(reading.text(&under(&path, &["user_claim"])));
        for key in ["bound_claims", "claim_mappings"] {
            claims.extend(reading.keys(&under(&path, &[key])).unwrap_or_default());
        }
        for (scope, handed_out) in SCOPES {
            let claim = claims
                .iter()
                .map(|claim| claim.trim_start_matches('/'))
                .find(|claim| handed_out.contains(claim));
            let Some(claim) = claim.filter(|_| !asked.contains(&scope)) else {
                continue;
            };
            let text = format!(
                "the claim `{claim}` comes with the scope `{scope}` at most providers, and `oidc_scopes` does not ask for it"
            );
            reading.warn(Code::FileContradicts, &path, text);
        }
    }
}
