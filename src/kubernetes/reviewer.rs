//! Whom the server asks with whose token it is: whether that account may ask.

use std::sync::Arc;

use serde_json::{Value, json};
use url::Url;

use crate::code::Code;
use crate::failure::Problem;
use crate::kubernetes::api::{self, Api};
use crate::kubernetes::names::to;
use crate::secret::SecretText;
use crate::shell::ShellCommand;

const PATH: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const NAMES: [&str; 3] = [
    "kubernetes_host",
    "kubernetes_ca_cert",
    "token_reviewer_jwt",
];

/// The reviewer of a `kubernetes` auth method, as its configuration has it.
#[derive(Debug)]
pub struct Reviewer {
    /// `kubernetes_host`.
    pub api_server: Url,
    /// `kubernetes_ca_cert`; without it the server trusts what is not known here.
    pub ca_cert: Option<Vec<u8>>,
    /// `token_reviewer_jwt`; without it the server asks with a token that is not known here.
    pub credential: Option<Arc<SecretText>>,
}

impl Reviewer {
    /// Lets its own token be reviewed, or where it has none, sees whether the API server is of the authority that is named. Says why that could not be tried from this machine, where the server may still
    /// reach what we do not.
    ///
    /// # Errors
    /// What would keep everybody out.
    pub async fn may_review(&self) -> Result<Option<String>, Problem> {
        let api = Api {
            server: &self.api_server,
            ca_cert: self.ca_cert.as_deref(),
            credential: self.credential.as_deref(),
            names: NAMES,
        };
        let url = api.url(PATH)?;
        let answer = match api.post(&url, &self.body()).await {
            Ok(answer) => answer,
            Err(none) if none.away || self.ca_cert.is_none() => {
                return Ok(Some(none.problem.to_string()));
            }
            Err(none) => return Err(none.problem),
        };
        if self.credential.is_none() {
            // It is the API server of that authority, and that is all that can be seen.
            return Ok(None);
        }
        let Err(problem) = judge(&api, answer.status, &answer.body) else {
            return Ok(None);
        };
        let problem = Problem {
            what: format!("{url}: {problem}"),
            ..problem
        };
        // What a proxy on our way says is nothing that the server would hear.
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if said["kind"] == "Status" && matches!(answer.status, 401 | 403) {
            return Err(problem);
        }
        Ok(Some(problem.to_string()))
    }

    fn body(&self) -> Value {
        json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": self.credential.as_ref().map(|token| token.expose())},
        })
    }
}

fn judge(api: &Api<'_>, status: u16, body: &[u8]) -> Result<(), Problem> {
    Err(match status {
        200..=299 => return Ok(()),
        403 => {
            let user = api::user_of(body);
            let who = user.as_deref().unwrap_or("the reviewer");
            let text = format!("{who} may not create tokenreviews (403)");
            Problem::new(Code::KubernetesFailed, text).advise(delegation(user.as_deref()))
        }
        _ => api.judge(status),
    })
}

/// The command that lets this user review tokens.
fn delegation(user: Option<&str>) -> ShellCommand {
    let bind = ShellCommand::new("kubectl create clusterrolebinding vault-reviewer");
    let bind = bind.and("--clusterrole=system:auth-delegator");
    to(bind, user)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    #[test]
    fn a_reviewer_without_the_right_is_named_with_the_command_that_gives_it() {
        let body = br#"{"kind":"Status","message":"tokenreviews.authentication.k8s.io is forbidden: User \"system:serviceaccount:vault:reviewer\" cannot create resource \"tokenreviews\""}"#;
        let server = Url::parse("https://k8s:6443").unwrap();
        let payload = r#"{"sub":"system:serviceaccount:vault:reviewer","exp":1000}"#;
        let token = SecretText::new(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload)));
        let api = Api {
            server: &server,
            ca_cert: None,
            credential: Some(&token),
            names: NAMES,
        };
        let judge = |status, body: &[u8]| judge(&api, status, body);
        let error = judge(403, body).unwrap_err();
        let who = "system:serviceaccount:vault:reviewer may not create tokenreviews (403)";
        assert_eq!(error.what, who);
        assert_eq!(
            error.advice.unwrap(),
            "kubectl create clusterrolebinding vault-reviewer --clusterrole=system:auth-delegator \
             --serviceaccount=vault:reviewer"
        );
        assert!(judge(201, b"{}").is_ok());
        let refused = judge(401, b"").unwrap_err();
        let which = "token_reviewer_jwt was not accepted (401): it is of system:serviceaccount:vault:reviewer, ended at ";
        assert!(refused.what.starts_with(which), "{}", refused.what);
        let advice = refused.advice.unwrap();
        let new = "make a new one there: kubectl create token reviewer -n vault";
        assert_eq!(advice, format!("the token has ended: {new}"));
    }

    #[test]
    fn a_token_whose_end_is_to_come_is_not_called_expired_and_its_audience_is_a_cause() {
        let server = Url::parse("https://k8s:6443").unwrap();
        let payload =
            r#"{"sub":"system:serviceaccount:vault:reviewer","aud":"sts","exp":99999999999}"#;
        let token = SecretText::new(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload)));
        let api = Api {
            server: &server,
            ca_cert: None,
            credential: Some(&token),
            names: NAMES,
        };
        let advice = judge(&api, 401, b"").unwrap_err().advice.unwrap();
        assert!(
            !advice.contains("expired") && !advice.contains("ended"),
            "{advice}"
        );
        assert!(
            advice.contains("audience that the API server does not take"),
            "{advice}"
        );
    }

    #[tokio::test]
    async fn what_cannot_be_reached_from_here_is_no_mistake_of_the_file() {
        let reviewer = Reviewer {
            api_server: Url::parse("https://127.0.0.1:1").unwrap(),
            ca_cert: None,
            credential: Some(Arc::new(SecretText::new("a.b.c".into()))),
        };
        let said = reviewer.may_review().await.unwrap().unwrap();
        assert!(said.starts_with("https://127.0.0.1:1/apis/"), "{said}");
    }
}
