//! The server's refusals of a login, turned into sentences.
//!
//! Its texts are terse and sometimes wrong about the cause: the Kubernetes method answers a bare
//! `permission denied` when it cannot reach the API server (kubernetes auth: token_review.go).

mod directory;

use crate::code::Code;
use crate::door::model::{JwtSource, Kind};
use crate::failure::Problem;
use crate::vault;

/// A refusal that is known: what happened, and what to do about it.
pub(super) type Refusal = (Code, &'static str, &'static str);

const PASSWORD: Refusal = (
    Code::LoginDenied,
    "wrong user name or password, or no such user",
    "compare the login's username and password with auth.PATH.users of the file",
);
const APP_ROLE: Refusal = (
    Code::LoginDenied,
    "the server does not accept this role_id with this secret_id",
    "compare both with what writes of the file sends (role-id, custom-secret-id); where it sends none, read the role_id again and make a new secret_id; look at secret_id_ttl, secret_id_num_uses and secret_id_bound_cidrs of the role",
);
const ROLE_MISSING: Refusal = (
    Code::LoginMisconfigured,
    "there is no role",
    "compare role of the login with the roles of this auth method",
);
/// jwt and oidc: `bound_claims`, `user_claim`.
const CLAIMS: Refusal = (
    Code::LoginDenied,
    "the token is good, but the role does not let in whose it is",
    "compare bound_claims, user_claim and groups_claim of the role with what is in the token; types count: 42 is not \"42\"",
);
/// oidc: a role decides what it asks its provider for.
const SCOPED_CLAIMS: Refusal = (
    CLAIMS.0,
    "somebody signed in whom the role does not let in",
    "it may be the wrong person, whom the browser still knew: sign out at the provider, or use a private window, and run it again; if it was the right one, compare bound_claims, user_claim and groups_claim of the role with what the provider puts into its token (oidc_scopes decides that); types count: 42 is not \"42\"",
);
/// oidc: what the role asks for is in nobody's token.
const LACKING_CLAIMS: Refusal = (
    CLAIMS.0,
    "the provider's token lacks what the role asks for",
    "compare bound_claims, user_claim and groups_claim of the role with what the provider puts into its token: oidc_scopes decides that",
);
/// jwt and oidc: `bound_subject`.
const SUBJECT: Refusal = (
    Code::LoginDenied,
    "bound_subject of the role is another than the token's subject (sub)",
    "if whose token it is may come in, make bound_subject of the role its subject",
);
/// oidc: who signs in may be anybody.
const SUBJECT_OF_A_PERSON: Refusal = (
    SUBJECT.0,
    SUBJECT.1,
    "it may be the wrong person, whom the browser still knew: sign out at the provider, or use a private window, and run it again; if it was the right one, correct bound_subject of the role",
);
const AUDIENCE: Refusal = (
    Code::LoginDenied,
    "the token is for another audience than the role's",
    "give the token request the role's audience, or bound_audiences of the role the token's",
);
/// kubernetes: its roles have another key for it.
const ITS_AUDIENCE: Refusal = (
    AUDIENCE.0,
    AUDIENCE.1,
    "make the token's audience (token_request.audience of the login) and audience of the role the same",
);
pub(super) const EXPIRED: Refusal = (
    Code::SignInExpired,
    "the token is not valid at this time",
    "put a new token there; if this one is new, compare the clocks of this machine, the issuer and the server",
);
/// jwt: signature, issuer.
const UNVERIFIED: Refusal = (
    Code::LoginMisconfigured,
    "the token cannot be verified",
    "compare the issuer and the keys in config of the auth method with those of whoever signs the token",
);
/// kubernetes: a bare 403.
const TOKEN_REVIEW: Refusal = (
    Code::LoginMisconfigured,
    "the server could not have the token reviewed by the Kubernetes API",
    "three things to look at: whether the server reaches kubernetes_host; whether the reviewer (token_reviewer_jwt) has the role system:auth-delegator; whether kubernetes_ca_cert is the API server's own. It is the same answer when this address is not in token_bound_cidrs of the role",
);
const SERVICE_ACCOUNT: Refusal = (
    Code::LoginDenied,
    "the role does not name this service account",
    "add it to bound_service_account_names of the role, or ask for a token of an account named there",
);
const NAMESPACE: Refusal = (
    Code::LoginDenied,
    "the role does not name the namespace of this service account",
    "add it to bound_service_account_namespaces of the role",
);
const UNCONFIGURED: Refusal = (
    Code::LoginMisconfigured,
    "the auth method is not configured",
    "write config of this auth method",
);
/// oidc: state is kept in memory of the active node for ten minutes.
const STATE: Refusal = (
    Code::SignInExpired,
    "the server no longer knows this sign-in",
    "sign in again: a sign-in is good for ten minutes, once, and is lost when another node becomes active",
);
/// oidc: the exchange of the code for a token.
const EXCHANGE: Refusal = (
    Code::ProviderRefused,
    "the server could not redeem the sign-in at the identity provider",
    "compare oidc_client_id and oidc_client_secret with the client at the provider, and see whether the server reaches it",
);
/// oidc: the server's own request to the provider failed.
const PROVIDER_AWAY: Refusal = (
    Code::ProviderRefused,
    "the server could not ask the identity provider",
    "see whether the server reaches oidc_discovery_url, and whether the provider has a device flow where that is wanted; the server's log tells the cause",
);
/// Any method: a bare 403.
const DENIED: Refusal = (
    Code::LoginDenied,
    "denied before any credential was looked at",
    "see whether an auth method is mounted at this path, and whether this address is in token_bound_cidrs",
);

/// Starts of the 500s that mean the provider and not the server (openbao: path_oidc.go).
const OF_A_PROVIDER_AWAY: [&str; 4] = [
    "error authorizing device",
    "error decoding issuer response",
    "error polling for device authorization",
    "error getting provider",
];

/// The sentence for what the server answered to a login of this kind, or its own words.
pub(super) fn of(kind: &Kind, error: vault::Error) -> Problem {
    refusal(kind, error.status(), error.messages()).unwrap_or_else(|| unknown(error))
}

/// The server, or the way to it, failed in a way that is no refusal of a login.
pub(super) fn unknown(error: vault::Error) -> Problem {
    Problem {
        advice: error.advice(),
        status: error.status(),
        ..Problem::new(error.code(), error.to_string())
    }
}

/// The identity provider said no, with an error code of RFC 6749 and perhaps words of its own.
pub(super) fn of_the_provider(error: &str, description: Option<&str>) -> Problem {
    let description = description.map(|text| format!(" ({text})"));
    let advice = match error {
        "access_denied" => {
            "sign in as a person whom the provider lets use this client, and consent"
        }
        "unauthorized_client" | "invalid_client" => {
            "compare oidc_client_id and oidc_client_secret with the client at the provider"
        }
        "invalid_scope" => "compare oidc_scopes of the role with what the provider offers",
        "redirect_uri_mismatch" | "invalid_request" => {
            "register the redirect address for this client at the provider, port included"
        }
        "expired_token" => "the code ran out: run the command again",
        _ => "the provider's own log says more",
    };
    let description = description.unwrap_or_default();
    Problem::new(
        Code::ProviderRefused,
        format!("the identity provider refused: {error}{description}"),
    )
    .advise(advice)
}

pub(super) fn plain((code, what, advice): Refusal) -> Problem {
    Problem::new(code, what).advise(advice)
}

/// With the server's own words, which are bounded and without secrets.
fn detailed((code, what, advice): Refusal, detail: &str) -> Problem {
    Problem::new(code, format!("{what}: {detail}")).advise(advice)
}

/// Nothing but that it was denied.
fn is_bare(messages: &[String]) -> bool {
    let denied = |text: &String| {
        text.trim_end_matches(['\n', ' '])
            .ends_with("permission denied")
    };
    matches!(messages, [only] if denied(only)) || messages.is_empty()
}

/// Whether the server could not have the token of a service account reviewed, which is all that it tells.
pub(super) fn is_unreviewed(kind: &Kind, error: &vault::Error) -> bool {
    let kubernetes = matches!(kind, Kind::Kubernetes { .. });
    kubernetes && error.status() == Some(403) && is_bare(error.messages())
}

/// The refusal behind a status and the server's words; `None` when they say nothing known.
fn refusal(kind: &Kind, status: Option<u16>, messages: &[String]) -> Option<Problem> {
    let text = messages.join("; ");
    let has = |part: &str| text.contains(part);
    let bare = is_bare(messages);
    match (kind, status?) {
        (Kind::Kubernetes { .. }, 403) if bare => return Some(plain(TOKEN_REVIEW)),
        (_, 403) if bare => return Some(plain(DENIED)),
        (Kind::Kubernetes { .. }, 500) if has("could not load backend configuration") => {
            return Some(plain(UNCONFIGURED));
        }
        (Kind::Cert(_), 500) => return directory::of_verification(&text),
        (Kind::Ldap { .. }, 500) => return directory::of_directory(&text),
        (Kind::Oidc(_), 500) if OF_A_PROVIDER_AWAY.iter().any(|part| has(part)) => {
            return Some(plain(PROVIDER_AWAY));
        }
        (_, 400 | 403) => {}
        _ => return None,
    }
    if has("could not be found") || has("invalid role name") {
        let (code, what, advice) = ROLE_MISSING;
        let role = role_of(kind).unwrap_or("of that name");
        return Some(Problem::new(code, format!("{what} {role}")).advise(advice));
    }
    if has("could not load configuration") || has("not configured for this mount") {
        return Some(plain(UNCONFIGURED));
    }
    let known = match kind {
        Kind::Userpass { .. } => has("invalid username or password").then_some(PASSWORD),
        Kind::Ldap { .. } => return directory::of_directory(&text),
        Kind::Cert(_) => return directory::of_certificate(&text),
        Kind::Approle { .. } => (has("invalid role") || has("invalid secret")).then_some(APP_ROLE),
        Kind::Kubernetes { .. } if has("service account name not authorized") => {
            Some(SERVICE_ACCOUNT)
        }
        Kind::Kubernetes { .. } if has("namespace not authorized") => Some(NAMESPACE),
        Kind::Jwt { .. } | Kind::Kubernetes { .. } | Kind::Oidc(_) => {
            return of_token(kind, &text);
        }
    };
    known.map(plain)
}

fn role_of(kind: &Kind) -> Option<&str> {
    match kind {
        Kind::Jwt { role, .. } | Kind::Kubernetes { role, .. } => Some(role),
        Kind::Oidc(visit) => Some(&visit.role),
        Kind::Cert(shown) => shown.role.as_deref(),
        Kind::Userpass { .. } | Kind::Ldap { .. } | Kind::Approle { .. } => None,
    }
}

/// What the JWT library and the OIDC plugin say about the token itself.
fn of_token(kind: &Kind, text: &str) -> Option<Problem> {
    let any = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    let after = |mark: &str| {
        let (_, rest) = text.split_once(mark)?;
        Some(rest.trim().trim_end_matches('.'))
    };
    if any(&["Expired or missing OAuth state"]) {
        return Some(plain(STATE));
    }
    if let Some(claim) = after("error validating claims:") {
        let about_audience = claim.contains("aud") && claim.contains("audience");
        return Some(if about_audience {
            of_audience(kind)
        } else {
            detailed(claims_of(kind, claim), claim)
        });
    }
    if any(&["sub claim does not match", "(sub)", "invalid subject"]) {
        return Some(plain(match kind {
            Kind::Oidc(_) => SUBJECT_OF_A_PERSON,
            _ => SUBJECT,
        }));
    }
    if any(&["claim \""]) {
        // The product's own name stands before it: `OpenBao login failed. claim …`.
        let claim = after("login failed.").unwrap_or(text.trim());
        return Some(detailed(claims_of(kind, claim), claim));
    }
    if any(&["(aud)", "audience claim", "invalid audience"]) {
        return Some(of_audience(kind));
    }
    if any(&["(exp)", "(nbf)", "(iat)", "is expired", "token expired"]) {
        return Some(plain(EXPIRED));
    }
    if let Some(why) = after("Error exchanging oidc code:") {
        return Some(detailed(EXCHANGE, &unquoted(why)));
    }
    if let Some(code) = after("authorization failed:") {
        return Some(of_the_provider(code, None));
    }
    let (failed, invalid) = ("Token verification failed", "error validating token");
    if any(&[failed, invalid, "signature", "(iss)"]) {
        let why = after("Token verification failed.").or_else(|| after("error validating token:"));
        return Some(detailed(UNVERIFIED, why.unwrap_or(text.trim())));
    }
    ["access_denied", "unauthorized_client", "invalid_scope"]
        .into_iter()
        .find(|code| text.contains(code))
        .map(|code| of_the_provider(code, None))
}

/// What to compare of a token of this kind.
fn claims_of(kind: &Kind, claim: &str) -> Refusal {
    let other = claim.contains("does not match");
    match kind {
        Kind::Oidc(_) if other => SCOPED_CLAIMS,
        Kind::Oidc(_) => LACKING_CLAIMS,
        _ => CLAIMS,
    }
}

/// What the token is for, where it was asked for here, and the key by which the role says so.
fn of_audience(kind: &Kind) -> Problem {
    let Kind::Kubernetes { jwt, .. } = kind else {
        return plain(AUDIENCE);
    };
    match jwt {
        JwtSource::TokenRequest(request) if request.audience.is_some() => {
            let asked = request.audience.as_deref().unwrap_or_default();
            detailed(ITS_AUDIENCE, &format!("it was asked for {asked}"))
        }
        _ => plain(ITS_AUDIENCE),
    }
}

/// A text that the server has quoted, as it was before.
fn unquoted(text: &str) -> String {
    let inside = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inside.map_or_else(|| text.to_owned(), |text| text.replace("\\\"", "\""))
}

#[cfg(test)]
mod tests;
