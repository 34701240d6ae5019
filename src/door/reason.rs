//! The server's refusals of a login, turned into sentences.
//!
//! Its texts are terse and sometimes wrong about the cause: the Kubernetes method answers a bare
//! `permission denied` when it cannot reach the API server (kubernetes auth: token_review.go).

use crate::door::model::Kind;

/// A refusal with a sentence of its own. Texts inside are the server's, bounded and without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// userpass.
    #[error("wrong user name or password, or no such user")]
    Password,
    /// approle.
    #[error("the server does not accept this role_id with this secret_id")]
    AppRole,
    /// Any method with roles.
    #[error("there is no role {0}")]
    RoleMissing(String),
    /// jwt and oidc: `bound_claims`, `bound_subject`, `user_claim`.
    #[error("the person or workload is known, but the role does not let it in: {0}")]
    Claims(String),
    /// jwt, kubernetes: `aud`.
    #[error("the token is for another audience than the role's")]
    Audience,
    /// jwt, kubernetes: `exp`, `nbf`.
    #[error("the token is not valid at this time")]
    Expired,
    /// jwt: signature, issuer.
    #[error("the token cannot be verified: {0}")]
    Unverified(String),
    /// kubernetes: a bare 403.
    #[error("the server could not have the token reviewed by the Kubernetes API")]
    TokenReview,
    /// kubernetes: `bound_service_account_names`.
    #[error("the role does not name this service account")]
    ServiceAccount,
    /// kubernetes: `bound_service_account_namespaces`.
    #[error("the role does not name the namespace of this service account")]
    Namespace,
    /// kubernetes, jwt, oidc: nothing was written to `config`.
    #[error("the auth method is not configured")]
    Unconfigured,
    /// oidc: state is kept in memory of the active node for ten minutes.
    #[error("the server does not know this sign-in any more")]
    State,
    /// oidc: the exchange of the code for a token.
    #[error("the server could not redeem the sign-in at the identity provider: {0}")]
    Exchange(String),
    /// oidc: the provider's code, told by the server.
    #[error("the identity provider refused: {0}")]
    Provider(String),
    /// oidc: the server's own request to the provider failed.
    #[error("the server could not ask the identity provider")]
    ProviderAway,
    /// Any method: a bare 403.
    #[error("denied before any credential was looked at")]
    Denied,
}

/// Starts of the 500s that mean the provider and not the server (openbao: path_oidc.go).
const PROVIDER_AWAY: [&str; 4] = [
    "error authorizing device",
    "error decoding issuer response",
    "error polling for device authorization",
    "error getting provider",
];

impl Refusal {
    /// The refusal behind a status and the server's words; `None` when they say nothing known.
    pub(super) fn read(kind: &Kind, status: Option<u16>, messages: &[String]) -> Option<Self> {
        let text = messages.join("; ");
        let has = |part: &str| text.contains(part);
        let bare = matches!(messages, [only] if only.trim_end_matches(['\n', ' ']).ends_with("permission denied"))
            || messages.is_empty();
        match (kind, status?) {
            (Kind::Kubernetes { .. }, 403) if bare => return Some(Self::TokenReview),
            (_, 403) if bare => return Some(Self::Denied),
            (Kind::Kubernetes { .. }, 500) if has("could not load backend configuration") => {
                return Some(Self::Unconfigured);
            }
            (Kind::Oidc { .. }, 500) if PROVIDER_AWAY.iter().any(|part| has(part)) => {
                return Some(Self::ProviderAway);
            }
            (_, 400 | 403) => {}
            _ => return None,
        }
        if has("could not be found") || has("Role could not be found") || has("invalid role name") {
            return Some(Self::RoleMissing(
                role_of(kind).unwrap_or("of that name").to_owned(),
            ));
        }
        if has("could not load configuration") || has("not configured for this mount") {
            return Some(Self::Unconfigured);
        }
        match kind {
            Kind::Userpass { .. } => has("invalid username or password").then_some(Self::Password),
            Kind::Approle { .. } => {
                (has("invalid role") || has("invalid secret")).then_some(Self::AppRole)
            }
            Kind::Kubernetes { .. } if has("service account name not authorized") => {
                Some(Self::ServiceAccount)
            }
            Kind::Kubernetes { .. } if has("namespace not authorized") => Some(Self::Namespace),
            Kind::Jwt { .. } | Kind::Kubernetes { .. } | Kind::Oidc { .. } => of_token(&text),
        }
    }

    /// What to do, and where.
    #[must_use]
    pub fn advice(&self) -> String {
        let text = match self {
            Self::Password => {
                "compare the login's username and password with auth.PATH.users of the file"
            }
            Self::AppRole => {
                "read the role_id again, make a new secret_id, and look at secret_id_ttl, secret_id_num_uses and secret_id_bound_cidrs of the role"
            }
            Self::RoleMissing(_) => "compare role of the login with the roles of this auth method",
            Self::Claims(_) => {
                "compare bound_claims, user_claim and groups_claim of the role with what the provider puts into its token (oidc_scopes decides that)"
            }
            Self::Audience => {
                "give the token request the role's audience, or bound_audiences of the role the token's"
            }
            Self::Expired => {
                "make a new token, and compare the clocks of this machine, the issuer and the server"
            }
            Self::Unverified(_) => {
                "compare the issuer and the keys in config of the auth method with those of whoever signs the token"
            }
            Self::TokenReview => {
                "three things to look at: whether the server reaches kubernetes_host; whether the reviewer (token_reviewer_jwt) has the role system:auth-delegator; whether kubernetes_ca_cert is the API server's own. It is the same answer when this address is not in token_bound_cidrs of the role"
            }
            Self::ServiceAccount => {
                "add it to bound_service_account_names of the role, or ask for a token of an account named there"
            }
            Self::Namespace => "add it to bound_service_account_namespaces of the role",
            Self::Unconfigured => "write config of this auth method",
            Self::State => {
                "sign in again: a sign-in is good for ten minutes, once, and is lost when another node becomes active"
            }
            Self::Exchange(_) => {
                "compare oidc_client_id and oidc_client_secret with the client at the provider, and see whether the server reaches it"
            }
            Self::Provider(_) => {
                "sign in as a person whom the provider lets use this client, and consent"
            }
            Self::ProviderAway => {
                "see whether the server reaches oidc_discovery_url, and whether the provider has a device flow where that is wanted; the server's log tells the cause"
            }
            Self::Denied => {
                "see whether an auth method is mounted at this path, and whether this address is in token_bound_cidrs"
            }
        };
        text.to_owned()
    }
}

fn role_of(kind: &Kind) -> Option<&str> {
    match kind {
        Kind::Jwt { role, .. } | Kind::Oidc { role, .. } => role.as_deref(),
        Kind::Kubernetes { role, .. } => Some(role),
        Kind::Userpass { .. } | Kind::Approle { .. } => None,
    }
}

/// What the JWT library and the OIDC plugin say about the token itself.
fn of_token(text: &str) -> Option<Refusal> {
    let has = |part: &str| text.contains(part);
    let after = |mark: &str| {
        text.split_once(mark)
            .map(|(_, rest)| rest.trim().trim_end_matches('.').to_owned())
    };
    if has("Expired or missing OAuth state") {
        return Some(Refusal::State);
    }
    if let Some(claim) = after("error validating claims:") {
        return Some(if claim.contains("aud") && claim.contains("audience") {
            Refusal::Audience
        } else {
            Refusal::Claims(claim)
        });
    }
    if has("sub claim does not match") || has("claim \"") {
        // The product's own name stands before it: `OpenBao login failed. claim …`.
        let why = after("login failed.").unwrap_or_else(|| text.trim().to_owned());
        return Some(Refusal::Claims(why));
    }
    if has("(aud)") || has("audience claim") || has("invalid audience") {
        return Some(Refusal::Audience);
    }
    if has("(exp)") || has("(nbf)") || has("(iat)") || has("is expired") || has("token expired") {
        return Some(Refusal::Expired);
    }
    if let Some(why) = after("Error exchanging oidc code:") {
        return Some(Refusal::Exchange(why.trim_matches('"').to_owned()));
    }
    if let Some(code) = after("authorization failed:") {
        return Some(Refusal::Provider(code));
    }
    if has("Token verification failed")
        || has("error validating token")
        || has("signature")
        || has("(iss)")
    {
        let why = after("Token verification failed.").or_else(|| after("error validating token:"));
        return Some(Refusal::Unverified(
            why.unwrap_or_else(|| text.trim().to_owned()),
        ));
    }
    ["access_denied", "unauthorized_client", "invalid_scope"]
        .into_iter()
        .find(|code| has(code))
        .map(|code| Refusal::Provider(code.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::{JwtSource, Screen};
    use crate::secret::SecretText;
    use std::sync::Arc;

    fn source() -> JwtSource {
        JwtSource::TokenFile("/t".into())
    }

    fn kubernetes() -> Kind {
        Kind::Kubernetes {
            role: "app".into(),
            jwt: source(),
        }
    }

    fn oidc() -> Kind {
        Kind::Oidc {
            role: Some("operator".into()),
            with: Screen::Url,
            redirect_uris: vec![],
            wait: crate::door::DEFAULT_WAIT,
        }
    }

    fn read(kind: &Kind, status: u16, text: &str) -> Option<Refusal> {
        Refusal::read(kind, Some(status), &[text.to_owned()])
    }

    fn refusals(kind: &Kind, table: &[(u16, &str, Refusal)]) {
        for (status, text, expected) in table {
            let found = read(kind, *status, text);
            assert_eq!(found.as_ref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn each_known_answer_about_a_workload_has_its_sentence() {
        use Refusal as R;
        let user = Kind::Userpass {
            username: "ada".into(),
            password: Arc::new(SecretText::new("x".into())),
        };
        let user_table = [
            (400, "invalid username or password", R::Password),
            (403, "permission denied", R::Denied),
        ];
        refusals(&user, &user_table);
        let audience = "invalid audience (aud) claim: audience claim found in JWT does not match any expected audience";
        let bare = "1 error occurred:\n\t* permission denied\n\n";
        let kubernetes_table = [
            (403, "permission denied", R::TokenReview),
            (403, bare, R::TokenReview),
            (
                403,
                "service account name not authorized",
                R::ServiceAccount,
            ),
            (403, "namespace not authorized", R::Namespace),
            (403, audience, R::Audience),
            (
                400,
                "invalid role name \"app\"",
                R::RoleMissing("app".into()),
            ),
            (500, "could not load backend configuration", R::Unconfigured),
        ];
        refusals(&kubernetes(), &kubernetes_table);
    }

    #[test]
    fn each_known_answer_about_a_token_has_its_sentence() {
        use Refusal as R;
        let claims = |text: &str| R::Claims(text.to_owned());
        let hd = "error validating claims: claim \"hd\" is missing";
        let hd_bao = "OpenBao login failed. error validating claims: claim \"hd\" is missing";
        let email = "OpenBao login failed. claim \"email\" not found in token";
        let state = "Vault login failed. Expired or missing OAuth state.";
        let away = "error decoding issuer response to device auth: unexpected end of JSON input;";
        let no_role = "role \"operator\" could not be found";
        let denied = "authorization failed: access_denied";
        let oidc_table = [
            (400, hd, claims("claim \"hd\" is missing")),
            (400, hd_bao, claims("claim \"hd\" is missing")),
            (400, email, claims("claim \"email\" not found in token")),
            (400, state, R::State),
            (400, no_role, R::RoleMissing("operator".into())),
            (400, denied, R::Provider("access_denied".into())),
            (500, away, R::ProviderAway),
        ];
        refusals(&oidc(), &oidc_table);
        let jwt = Kind::Jwt {
            role: None,
            jwt: source(),
        };
        let expired =
            "error validating token: invalid expiration time (exp) claim: token is expired";
        let issuer = "error validating token: invalid issuer (iss) claim";
        let jwt_table = [
            (400, expired, R::Expired),
            (
                400,
                issuer,
                R::Unverified("invalid issuer (iss) claim".into()),
            ),
        ];
        refusals(&jwt, &jwt_table);
    }

    #[test]
    fn an_unknown_answer_keeps_the_servers_words() {
        assert_eq!(read(&oidc(), 400, "something new"), None);
        assert_eq!(read(&kubernetes(), 503, "Vault is sealed"), None);
        assert_eq!(Refusal::read(&kubernetes(), None, &[]), None);
    }
}
