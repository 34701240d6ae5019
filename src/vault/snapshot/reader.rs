//! Reads lists and documents of one namespace, and tells what is not there from what could not be looked at.

use std::time::Duration;

use futures::future::join_all;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use crate::secret::Token;
use crate::vault::http::exchange::list_method;
use crate::vault::http::{Ask, Client, Error, Reply, field};
use crate::vault::snapshot::item::{Item, Kind, Snapshot, Unseen, digest};

/// How many requests are sent at a time.
pub(super) const CONCURRENCY: usize = 16;
/// Documents of one kind in one namespace that are read at the most.
pub(super) const DOCUMENTS: usize = 20_000;
/// What a document says of how the server is, and not of what was written.
pub(super) const PASSING: &[&str] = &[
    "deprecation_status",
    "modified",
    "running_plugin_version",
    "running_sha256",
    "status",
    "version",
];

/// A name and its document, or why that was not read.
pub(super) type Document = (String, Result<Option<Value>, Why>);

/// Why something was not seen.
#[derive(Clone)]
pub(super) struct Why {
    pub(super) text: String,
    pub(super) supported: bool,
}

impl From<Error> for Why {
    fn from(error: Error) -> Self {
        Self {
            text: error.to_string(),
            supported: true,
        }
    }
}

/// What is listed: a name, and what stands beside it.
#[derive(Deserialize)]
pub(super) struct Listed {
    #[serde(deserialize_with = "field::compared")]
    pub(super) keys: Vec<String>,
    #[serde(default, deserialize_with = "field::compared")]
    pub(super) key_info: Map<String, Value>,
}

/// One namespace, as a root token reads it.
pub(super) struct Reader<'a> {
    pub(super) client: Client,
    pub(super) token: &'a Token,
    pub(super) places: &'a Semaphore,
    pub(super) namespace: String,
}

/// It went between the two, or the server says one thing here and another there.
pub(super) fn listed_and_absent() -> Why {
    String::from("it is listed, but is not there when it is read").into()
}

impl From<String> for Why {
    fn from(text: String) -> Self {
        Self {
            text,
            supported: true,
        }
    }
}

impl Reader<'_> {
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Reply, Error> {
        // Nobody closes it.
        let _place = self.places.acquire().await;
        self.client.ask(ask).await
    }

    /// Names with what stands beside them. Only the server's own empty list is one.
    pub(super) async fn list(&self, path: &str) -> Result<Listed, Why> {
        let reply = self
            .ask(Ask::new(list_method(), path, Some(self.token)))
            .await?;
        if matches!(reply.status, 404 | 405) {
            let supported = reply.status == 404 && reply.messages().is_empty();
            if supported && reply.is_absent()? {
                return Ok(Listed {
                    keys: Vec::new(),
                    key_info: Map::new(),
                });
            }
            return Err(Why {
                text: reply.refusal().to_string(),
                supported: false,
            });
        }
        let listed: Listed = reply.ok()?.data()?;
        if listed.keys.len() > DOCUMENTS {
            let many = listed.keys.len();
            return Err(
                format!("there are {many}, more than the {DOCUMENTS} that are read").into(),
            );
        }
        Ok(listed)
    }

    /// A document, without what passes by itself; `None` where there is none.
    pub(super) async fn read(
        &self,
        path: &str,
        timeout: Option<Duration>,
    ) -> Result<Option<Value>, Why> {
        let mut ask = Ask::get(path, Some(self.token));
        ask.timeout = timeout;
        let reply = self.ask(ask).await?;
        if reply.is_absent()? {
            return Ok(None);
        }
        let mut document: Map<String, Value> = reply.ok()?.data()?;
        document.retain(|field, _| !PASSING.contains(&field.as_str()));
        Ok(Some(Value::Object(document)))
    }

    /// All documents that are listed at one path, each read below another one.
    pub(super) async fn listed(&self, list: &str, read: &str) -> Result<Vec<Document>, Why> {
        let reads = self
            .list(list)
            .await?
            .keys
            .into_iter()
            .map(|name| async move {
                let document = if name.ends_with('/') {
                    Err(String::from("what is below it is not listed").into())
                } else {
                    self.read(&format!("{read}/{name}"), None).await
                };
                (name, document)
            });
        Ok(join_all(reads).await)
    }

    pub(super) async fn documents(&self, kind: Kind, list: &str, read: &str) -> Snapshot {
        let listed = match self.listed(list, read).await {
            Ok(listed) => listed,
            Err(why) => return self.unseen(kind, &format!("{read}/"), why),
        };
        let mut found = Snapshot::default();
        for (name, document) in listed {
            let path = format!("{read}/{name}");
            match document {
                Ok(None) => found.join(self.unseen(kind, &path, listed_and_absent())),
                Ok(Some(document)) => {
                    let whole = kind == Kind::AuthEntry;
                    let name = if whole { path.clone() } else { name };
                    found.items.push(self.item(kind, (name, path), &document));
                }
                Err(why) => found.join(self.unseen(kind, &path, why)),
            }
        }
        found
    }

    pub(super) fn item(
        &self,
        kind: Kind,
        (name, path): (String, String),
        document: &Value,
    ) -> Item {
        Item {
            kind,
            namespace: self.namespace.clone(),
            name,
            path,
            about: String::new(),
            identity: String::new(),
            digest: digest(document),
        }
    }

    pub(super) fn unseen(&self, kind: Kind, path: &str, why: Why) -> Snapshot {
        Snapshot {
            items: Vec::new(),
            unseen: vec![Unseen {
                kind,
                namespace: self.namespace.clone(),
                path: path.to_owned(),
                why: why.text,
                supported: why.supported,
            }],
        }
    }
}
