//! A Kubernetes API server: a short-lived JWT for one service account (TokenRequest), and Secrets that keep shares.
//!
//! A token is one request, `POST /api/v1/namespaces/NS/serviceaccounts/NAME/token`, with a credential that may
//! do exactly that. This room never reads a kubeconfig, never follows a redirect, and never sends the pod's
//! own credential to an API server that is not the pod's.

mod access;
mod api;
mod names;
mod pod;
mod reach;
mod reviewer;
mod secret_name;
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use crate::code::Code;
use crate::failure::Problem;
use crate::kubernetes::api::Api;
use crate::kubernetes::names::{is_object_name, to};
use crate::secret::SecretText;
use crate::shell::ShellCommand;

pub use crate::kubernetes::access::Access;
pub use crate::kubernetes::pod::Wanted;
pub use crate::kubernetes::reviewer::Reviewer;
pub use crate::kubernetes::secret_name::SecretName;
pub use crate::kubernetes::secrets::{Marks, Refusal, Secret};

/// The life that is asked for where none is given: the shortest that Kubernetes allows (kubernetes:
/// pkg/apis/authentication/validation).
pub const SHORTEST_EXPIRATION: Duration = Duration::from_secs(600);
const NAMES: [&str; 3] = [
    "token_request: api_server",
    "token_request: ca_cert",
    "token_request: credential",
];

/// One token to ask for.
#[derive(Debug)]
pub struct TokenRequest {
    /// `https://HOST:PORT`; plain `http` only to a loopback address.
    pub api_server: Url,
    /// PEM bundle. When given, nothing else is trusted.
    pub ca_cert: Option<Vec<u8>>,
    /// Bearer token that has `create` on `serviceaccounts/token`.
    pub credential: Arc<SecretText>,
    /// Namespace of the service account.
    pub namespace: String,
    /// Name of the service account.
    pub service_account: String,
    /// The audience the token is for; none means the API server's own.
    pub audience: Option<String>,
    /// Life of the token.
    pub expiration: Duration,
}

impl TokenRequest {
    /// Asks the API server for the token.
    pub async fn send(&self) -> Result<SecretText, Problem> {
        let url = self.url()?;
        let answer = self.api().post(&url, &self.body()).await;
        let answer = answer.map_err(|none| none.problem)?;
        self.judge(answer.status, &answer.body)
            .map_err(|problem| Problem {
                what: format!("{url}: {problem}"),
                ..problem
            })
    }

    fn api(&self) -> Api<'_> {
        Api {
            server: &self.api_server,
            ca_cert: self.ca_cert.as_deref(),
            credential: Some(&self.credential),
            names: NAMES,
        }
    }

    fn judge(&self, status: u16, body: &[u8]) -> Result<SecretText, Problem> {
        let (namespace, account) = (&self.namespace, &self.service_account);
        Err(match status {
            200..=299 => {
                let problem = Problem::new(
                    Code::KubernetesFailed,
                    "the answer is not a TokenRequest with a token",
                );
                return token_of(body).ok_or(problem);
            }
            403 => {
                let user = api::user_of(body);
                let who = user.as_deref().unwrap_or("the credential's user");
                Problem::new(
                    Code::KubernetesFailed,
                    format!(
                        "{who} may not create serviceaccounts/token in namespace {namespace} (403)"
                    ),
                )
                .advise(role_commands(user.as_deref(), namespace, account))
            }
            404 => Problem::new(
                Code::KubernetesFailed,
                format!("there is no service account {account} in namespace {namespace} (404)"),
            )
            .advise(format!(
                "correct service_account and namespace of token_request in the file; or, if it is to be made: {}",
                ShellCommand::new("kubectl create serviceaccount")
                    .with(account)
                    .and("-n")
                    .with(namespace)
            )),
            _ => self.api().judge(status),
        })
    }

    fn url(&self) -> Result<Url, Problem> {
        let names = [
            ("namespace", &self.namespace),
            ("service_account", &self.service_account),
        ];
        for (field, name) in names {
            if !is_object_name(name) {
                return Err(invalid(field, "is not a name of Kubernetes"));
            }
        }
        let (namespace, account) = (&self.namespace, &self.service_account);
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        self.api().url(&path)
    }

    fn body(&self) -> Value {
        let mut spec = json!({ "expirationSeconds": self.expiration.as_secs() });
        if let Some(audience) = &self.audience {
            spec["audiences"] = json!([audience]);
        }
        json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec })
    }
}

/// A value that cannot be used, by its name in the configuration.
fn invalid(field: &str, problem: &str) -> Problem {
    api::invalid(&format!("token_request: {field}"), problem)
}

/// The two commands that give the asking user this one right and no other.
fn role_commands(user: Option<&str>, namespace: &str, service_account: &str) -> ShellCommand {
    let role = ShellCommand::new("kubectl create role vault-bootstrap-token -n").with(namespace);
    let role = role.and("--verb=create --resource=serviceaccounts/token");
    let role = role.set("--resource-name=", service_account);
    let bind = ShellCommand::new("kubectl create rolebinding vault-bootstrap-token -n");
    let bind = bind.with(namespace).and("--role=vault-bootstrap-token");
    role.then(&to(bind, user))
}

fn token_of(body: &[u8]) -> Option<SecretText> {
    #[derive(serde::Deserialize)]
    struct Answer {
        status: Issued,
    }
    #[derive(serde::Deserialize)]
    struct Issued {
        token: SecretText,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    (!answer.status.token.is_empty()).then_some(answer.status.token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> TokenRequest {
        TokenRequest {
            api_server: Url::parse("https://10.0.0.1:6443").unwrap(),
            ca_cert: None,
            credential: Arc::new(SecretText::new("credential".into())),
            namespace: "production".into(),
            service_account: "payments".into(),
            audience: Some("vault".into()),
            expiration: SHORTEST_EXPIRATION,
        }
    }

    #[test]
    fn the_body_names_audience_and_life() {
        assert_eq!(
            request().body(),
            json!({
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"expirationSeconds": 600, "audiences": ["vault"]},
            })
        );
        let without = TokenRequest {
            audience: None,
            ..request()
        };
        assert_eq!(without.body()["spec"], json!({"expirationSeconds": 600}));
    }

    #[test]
    fn the_path_is_built_from_names_only() {
        let prefixed = TokenRequest {
            api_server: Url::parse("https://proxy/k8s/c1/").unwrap(),
            ..request()
        };
        assert_eq!(
            prefixed.url().unwrap().as_str(),
            "https://proxy/k8s/c1/api/v1/namespaces/production/serviceaccounts/payments/token"
        );
        for name in ["", "..", "a/b", "a?b", "Upper", "-a", "a%2fb"] {
            let wrong = TokenRequest {
                namespace: name.into(),
                ..request()
            };
            assert!(wrong.url().is_err(), "{name}");
        }
    }

    #[test]
    fn the_credential_goes_over_tls_or_to_this_machine() {
        for (address, fine) in [
            ("http://10.0.0.1:6443", false),
            ("http://127.0.0.1:8001", true),
            ("http://[::1]:8001", true),
            ("http://localhost.evil.example:8001", false),
        ] {
            let asked = TokenRequest {
                api_server: Url::parse(address).unwrap(),
                ..request()
            };
            assert_eq!(asked.url().is_ok(), fine, "{address}");
        }
    }

    #[test]
    fn a_403_names_the_one_missing_right() {
        let body = br#"{"kind":"Status","message":"serviceaccounts \"payments\" is forbidden: User \"system:serviceaccount:ci:runner\" cannot create resource \"serviceaccounts/token\""}"#;
        let error = request().judge(403, body).unwrap_err();
        assert!(error.what.contains("system:serviceaccount:ci:runner may not create serviceaccounts/token in namespace production"));
        let advice = error.advice.unwrap();
        assert!(
            advice.contains(
                "--verb=create --resource=serviceaccounts/token --resource-name=payments"
            )
        );
        assert!(advice.ends_with("--serviceaccount=ci:runner"));
        // A name that would not survive being pasted into a shell is not repeated.
        assert_eq!(
            api::user_of(br#"{"message":"User \"a;rm -rf ~\" cannot"}"#),
            None
        );
    }

    #[test]
    fn an_account_that_is_not_there_may_be_a_slip_before_it_is_one_to_make() {
        let advice = request().judge(404, b"").unwrap_err().advice.unwrap();
        assert!(
            advice.starts_with("correct service_account and namespace of token_request"),
            "{advice}"
        );
        assert!(
            advice.ends_with("to be made: kubectl create serviceaccount payments -n production"),
            "{advice}"
        );
    }

    #[test]
    fn an_answer_without_a_token_is_no_token() {
        for body in ["", "{}", r#"{"status":{"token":""}}"#, "<html>"] {
            assert!(request().judge(200, body.as_bytes()).is_err(), "{body}");
        }
        let token = request().judge(201, br#"{"status":{"token":"a.b.c"}}"#);
        assert_eq!(token.unwrap().len(), 5);
    }
}
