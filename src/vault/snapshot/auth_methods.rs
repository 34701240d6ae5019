//! Auth methods, and who may log in there.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Map, Value};

use crate::vault::http::{Ask, Error};
use crate::vault::snapshot::item::{Item, Kind, Snapshot, Unseen};
use crate::vault::snapshot::reader::{PASSING, Reader, Why};

/// Some servers ask somebody else before they say how an auth method is configured.
const CONFIGURATION: Duration = Duration::from_secs(5);
/// Type of an auth method, what is listed below it, and where each name of that is read.
const ENTRIES: &[(&str, &str, &str)] = &[
    ("approle", "role", "role"),
    ("aws", "roles", "role"),
    ("azure", "role", "role"),
    ("cert", "certs", "certs"),
    ("gcp", "roles", "role"),
    ("jwt", "role", "role"),
    ("kerberos", "groups", "groups"),
    ("kubernetes", "role", "role"),
    ("ldap", "groups", "groups"),
    ("ldap", "users", "users"),
    ("oidc", "role", "role"),
    ("okta", "groups", "groups"),
    ("okta", "users", "users"),
    ("radius", "users", "users"),
    ("userpass", "users", "users"),
];
/// Type of an auth method, and where its configuration is read.
const CONFIGURATIONS: &[(&str, &str)] = &[
    ("aws", "config/client"),
    ("azure", "config"),
    ("gcp", "config"),
    ("jwt", "config"),
    ("kerberos", "config"),
    ("kubernetes", "config"),
    ("ldap", "config"),
    ("oidc", "config"),
    ("okta", "config"),
    ("radius", "config"),
];

impl Reader<'_> {
    /// Mounts, and what they are said to be.
    pub(super) async fn mounts(&self, path: &str, kind: Kind) -> Snapshot {
        let read = async {
            let ask = Ask::get(path, Some(self.token));
            let found: BTreeMap<String, Map<String, Value>> = self.ask(ask).await?.ok()?.data()?;
            Ok::<_, Error>(found)
        };
        let found = match read.await {
            Ok(found) => found,
            Err(error) => return self.unseen(kind, "", error.into()),
        };
        let text = |mount: &Map<String, Value>, name: &str| {
            mount
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let items = found.into_iter().map(|(path, mut mount)| {
            mount.retain(|field, _| !PASSING.contains(&field.as_str()));
            let name = path.trim_end_matches('/').to_owned();
            let path = match kind {
                Kind::AuthMethod => format!("auth/{name}/"),
                _ => format!("{name}/"),
            };
            let (about, identity) = (text(&mount, "type"), text(&mount, "accessor"));
            Item {
                about,
                identity,
                ..self.item(kind, (name, path), &Value::Object(mount))
            }
        });
        Snapshot::of(items.collect())
    }

    /// Auth methods, and who may log in there.
    pub(super) async fn auth_methods(&self) -> Snapshot {
        let mut found = self.mounts("sys/auth", Kind::AuthMethod).await;
        // Whoever does not know the methods has not looked into any.
        let unseen = found.unseen.clone();
        found.unseen.extend(unseen.into_iter().map(|unseen| Unseen {
            kind: Kind::AuthEntry,
            ..unseen
        }));
        let entries = found.items.iter().map(|method| self.entries(method));
        let entries = join_all(entries).await;
        for entries in entries {
            found.join(entries);
        }
        found
    }

    async fn entries(&self, method: &Item) -> Snapshot {
        let (path, name) = (method.path.trim_end_matches('/'), method.about.as_str());
        // Its roles are told apart from those.
        if ["token", "ns_token"].contains(&name) {
            return Snapshot::default();
        }
        let lists = ENTRIES.iter().filter(|(of, ..)| *of == name);
        let lists: Vec<_> = lists
            .map(|(_, list, read)| (format!("{path}/{list}"), format!("{path}/{read}")))
            .collect();
        if lists.is_empty() {
            let why = Why {
                text: format!("roles and users of auth methods of type {name} are not read"),
                supported: false,
            };
            return self.unseen(Kind::AuthEntry, &method.path, why);
        }
        let lists = lists
            .iter()
            .map(|(list, read)| self.documents(Kind::AuthEntry, list, read));
        let configuration = CONFIGURATIONS.iter().find(|(of, _)| *of == name);
        let configuration = async {
            match configuration {
                Some((_, at)) => self.configuration(&format!("{path}/{at}")).await,
                None => Snapshot::default(),
            }
        };
        let (lists, mut found) = tokio::join!(join_all(lists), configuration);
        for list in lists {
            found.join(list);
        }
        found
    }

    async fn configuration(&self, path: &str) -> Snapshot {
        match self.read(path, Some(CONFIGURATION)).await {
            Ok(None) => Snapshot::default(),
            Ok(Some(document)) => {
                let names = (path.to_owned(), path.to_owned());
                Snapshot::of(vec![self.item(Kind::AuthEntry, names, &document)])
            }
            Err(why) => self.unseen(Kind::AuthEntry, path, why),
        }
    }
}
