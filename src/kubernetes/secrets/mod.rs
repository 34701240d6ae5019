//! Secrets of a Kubernetes API server: created once, read, and deleted; none is ever changed.
//!
//! The token is read anew for each request: that of a pod is replaced every hour. An answer counts only where it has the
//! form of one of an API server: what a proxy on the way says is nothing that is or is not there.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::code::Code;
use crate::failure::Problem;
use crate::kubernetes::access::Access;
use crate::kubernetes::api::{self, Answer};
use crate::kubernetes::reach::{self, Reached};
use crate::kubernetes::secret_name::{SecretName, role};
use crate::shell::ShellCommand;

/// Under which key of its data a Secret of ours keeps what it is for.
const KEY: &str = "share";

/// Labels and annotations of a Secret: everybody who may list Secrets sees them.
pub type Marks = Vec<(String, String)>;

/// One Secret, whether it is there or not.
#[derive(Debug)]
pub struct Secret {
    at: SecretName,
    access: Access,
}

/// Why something was not done, or is not known.
#[derive(Debug)]
pub enum Refusal {
    /// The API server knows who asks, and says no.
    Denied {
        /// What was asked for.
        what: String,
        /// Who asked, or what was said instead.
        why: String,
        /// The commands that give the right.
        advice: String,
    },
    /// There is one of this name already.
    Taken,
    /// Nobody answered, or nobody knows what came of it.
    Away(Problem),
    /// What the file says of the API server cannot be used.
    Misconfigured(Problem),
    /// Any other.
    Refused(Problem),
}

impl Secret {
    /// Nothing is read or asked for.
    pub fn new(at: SecretName, access: Access) -> Self {
        Self { at, access }
    }

    /// Its namespace and name.
    pub fn name(&self) -> &SecretName {
        &self.at
    }

    /// The API server, as far as that can be known here.
    pub fn api_server(&self) -> Option<Url> {
        let given = self.access.api_server.clone();
        given.or_else(reach::own_address)
    }

    /// Whether it could be created with this content: the API server goes all the way with it, and keeps nothing.
    ///
    /// # Errors
    /// Whatever would bar its creation, but that it is there already.
    pub async fn try_create(&self, content: &[u8], marks: &Marks) -> Result<(), Refusal> {
        match self.post("?dryRun=All", content, marks).await {
            Err(Refusal::Taken) => Ok(()),
            tried => tried,
        }
    }

    /// Creates it, and never replaces one.
    ///
    /// # Errors
    /// [`Refusal::Taken`], …
    pub async fn create(&self, content: &[u8], marks: &Marks) -> Result<(), Refusal> {
        self.post("", content, marks).await
    }

    /// What it keeps under our key, which may be nothing; `None` where there is no such Secret.
    pub async fn get(&self) -> Result<Option<Vec<u8>>, Refusal> {
        let asked = self.ask(Method::GET, &self.path(), None).await?;
        match asked.answer.status {
            200..=299 => {
                let found = asked.json();
                let ours = found["kind"] == "Secret" && found["metadata"]["name"] == self.at.name;
                if !ours {
                    return Err(asked.strange());
                }
                let content = found["data"][KEY].as_str();
                let content = content.and_then(|text| STANDARD.decode(text).ok());
                Ok(Some(content.unwrap_or_default()))
            }
            404 if asked.is_about("NotFound", &["secrets"]) => Ok(None),
            _ => Err(self.refused(&asked, "get")),
        }
    }

    /// Deletes it, and looks that it is gone; one that is not there is no error.
    pub async fn delete(&self) -> Result<(), Refusal> {
        let asked = self.ask(Method::DELETE, &self.path(), None).await?;
        match asked.answer.status {
            200..=299 => {}
            404 if asked.is_about("NotFound", &["secrets"]) => return Ok(()),
            _ => return Err(self.refused(&asked, "delete")),
        }
        let still = self.get().await?.is_some();
        let kept = || {
            let text = "it is being deleted and still there, as a finalizer keeps it";
            Problem::new(Code::KubernetesFailed, text).advise(self.at.delete_command())
        };
        if still {
            Err(Refusal::Refused(kept()))
        } else {
            Ok(())
        }
    }

    async fn post(&self, query: &str, content: &[u8], marks: &Marks) -> Result<(), Refusal> {
        let path = format!("{}{query}", self.parent());
        let body = self.body(content, marks);
        let asked = self.ask(Method::POST, &path, Some(&body)).await?;
        match asked.answer.status {
            // What the API server has made of it is what it keeps, or would keep.
            200..=299 if asked.json()["data"] == body["data"] => Ok(()),
            200..=299 => Err(asked.strange()),
            409 if asked.is_about("AlreadyExists", &["secrets"]) => Err(Refusal::Taken),
            404 if asked.is_about("NotFound", &["namespaces"]) => {
                let namespace = &self.at.namespace;
                let text = format!("there is no namespace {namespace} (404)");
                let create = ShellCommand::new("kubectl create namespace").with(namespace);
                let problem = Problem::new(Code::KubernetesFailed, text).advise(create);
                Err(Refusal::Refused(problem))
            }
            _ => Err(self.refused(&asked, "create")),
        }
    }

    fn body(&self, content: &[u8], marks: &Marks) -> Value {
        let annotations = marks
            .iter()
            .cloned()
            .map(|(key, value)| (key, value.into()));
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.at.name,
                "namespace": self.at.namespace,
                "labels": { "app.kubernetes.io/managed-by": "vault-bootstrap" },
                "annotations": annotations.collect::<serde_json::Map<_, _>>(),
            },
            "type": "Opaque",
            // Nobody changes it by mistake; whoever may delete it may still put another one there.
            "immutable": true,
            "data": { KEY: STANDARD.encode(content) },
        })
    }

    fn parent(&self) -> String {
        format!("/api/v1/namespaces/{}/secrets", self.at.namespace)
    }

    fn path(&self) -> String {
        format!("{}/{}", self.parent(), self.at.name)
    }

    /// Reads what is needed to ask, and asks.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Asked, Refusal> {
        let reached = self.access.reach().map_err(Refusal::of_the_file)?;
        let api = reached.api();
        let url = api.url(path).map_err(Refusal::of_the_file)?;
        match api.send(method, &url, body).await {
            Ok(answer) => Ok(Asked { reached, answer }),
            Err(none) if none.away => Err(Refusal::Away(none.problem)),
            Err(none) => Err(Refusal::of_the_file(none.problem)),
        }
    }

    fn refused(&self, asked: &Asked, verb: &'static str) -> Refusal {
        let said = asked.json();
        let status = asked.answer.status;
        if status == 403 && said["kind"] == "Status" {
            let user = api::user_of(&asked.answer.body);
            let why = match &user {
                Some(user) => format!("{user} has no such right (403)"),
                None => format!("{} (403)", message_of(&said)),
            };
            let named = match verb {
                "create" => format!("create of Secrets in namespace {}", self.at.namespace),
                _ => format!("{verb} of this Secret"),
            };
            // A quota and an admission plug-in say no with the same status.
            let by_right = user.is_some() || message_of(&said).contains(" cannot ");
            let advice = if by_right {
                role(&self.at, verb, user.as_deref()).into()
            } else {
                let quotas = self.at.quotas();
                format!("see which quota or admission plug-in refuses it: {quotas}")
            };
            return Refusal::Denied {
                what: named,
                why,
                advice,
            };
        }
        match status {
            429 | 500.. => Refusal::Away(asked.reached.api().judge(status)),
            400..=499 if status != 401 && said["kind"] == "Status" => {
                let text = format!("{verb} was refused: {} ({status})", message_of(&said));
                Refusal::Refused(Problem::new(Code::KubernetesFailed, text))
            }
            _ => Refusal::Refused(asked.reached.api().judge(status)),
        }
    }
}

/// An answer, and who gave it to whom.
struct Asked {
    reached: Reached,
    answer: Answer,
}

impl Asked {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.answer.body).unwrap_or_default()
    }

    /// Whether the API server itself says this of a thing of this kind.
    fn is_about(&self, reason: &str, kinds: &[&str]) -> bool {
        let said = self.json();
        let kind = said["details"]["kind"].as_str().unwrap_or_default();
        said["kind"] == "Status" && said["reason"] == reason && kinds.contains(&kind)
    }

    /// Something answered that is no API server, or one that makes another thing of a Secret.
    fn strange(&self) -> Refusal {
        let server = self.reached.api_server.origin().ascii_serialization();
        let text = "the answer is not the Secret that was asked for";
        Refusal::Away(Problem::new(Code::KubernetesFailed, text).advise(format!(
            "see what answers at {server}, and which admission webhooks change Secrets"
        )))
    }
}

impl Refusal {
    fn of_the_file(problem: Problem) -> Self {
        match problem.code {
            Code::FileKeyMissing | Code::FileValueInvalid => Self::Misconfigured(problem),
            _ => Self::Refused(problem),
        }
    }
}

/// What the API server says in words. Whoever shows it bounds it.
fn message_of(said: &Value) -> String {
    let message = said["message"].as_str().unwrap_or("without a reason");
    message.to_owned()
}

#[cfg(test)]
mod tests;
