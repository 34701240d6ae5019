//! Reads a snapshot: each namespace and each kind at once, and never more than a few requests at a time.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::secret::Token;
use crate::vault::audit::{audit_hash, list_audit};
use crate::vault::auth::scan::{LOOKS, NEWBORN, PAUSE};
use crate::vault::auth::token::{list_accessors, lookup_accessor};
use crate::vault::http::Client;
use crate::vault::snapshot::identity::{entity, group};
use crate::vault::snapshot::item::{Item, Kind, LOCKED, Snapshot, of_token};
use crate::vault::snapshot::reader::{CONCURRENCY, Reader, Why, listed_and_absent};

/// Namespaces that are read at the most.
const NAMESPACES: usize = 500;
/// What each audit device writes in its own way.
const MARK: &str = "vault-bootstrap compares";

/// Reads all of it as `token`, which must be a root token, but the tokens of the root namespace. What cannot be read
/// stands in it as unseen.
pub async fn take(client: &Client, token: &Token) -> Snapshot {
    let places = Semaphore::new(CONCURRENCY);
    let reader = |namespace: &str| Reader {
        client: client.in_namespace(Some(namespace)),
        token,
        places: &places,
        namespace: namespace.to_owned(),
    };
    let root = reader("");
    let (mut snapshot, devices, (namespaces, below)) =
        tokio::join!(root.contents(), root.audit_devices(), namespaces(&reader));
    snapshot.join(devices);
    snapshot.join(namespaces);
    let readers: Vec<_> = below.iter().map(|namespace| reader(namespace)).collect();
    let inside = readers.iter().map(|reader| async move {
        let (mut contents, tokens) = tokio::join!(reader.contents(), reader.tokens());
        contents.join(tokens);
        contents
    });
    for contents in join_all(inside).await {
        snapshot.join(contents);
    }
    snapshot
}

/// All namespaces below the root namespace, and which of them are to be read.
async fn namespaces<'a>(reader: &impl Fn(&str) -> Reader<'a>) -> (Snapshot, Vec<String>) {
    let (mut snapshot, mut all, mut next) = (Snapshot::default(), Vec::new(), vec![String::new()]);
    while !next.is_empty() {
        let readers: Vec<_> = next.iter().map(|namespace| reader(namespace)).collect();
        let found = join_all(readers.iter().map(Reader::children)).await;
        next = found
            .iter()
            .flat_map(|found| found.items.iter().map(below))
            .collect();
        for found in found {
            snapshot.join(found);
        }
        all.extend(next.iter().cloned());
        if all.len() > NAMESPACES {
            let why = format!("there are more than the {NAMESPACES} that are read");
            let root = reader("");
            return (
                root.unseen(Kind::Namespace, "sys/namespaces/", why.into()),
                Vec::new(),
            );
        }
    }
    (snapshot, all)
}

/// The namespace that this item is.
fn below(item: &Item) -> String {
    let path = format!("{}/{}", item.namespace, item.name);
    path.trim_matches('/').to_owned()
}

impl Reader<'_> {
    /// All of it but namespaces and tokens.
    async fn contents(&self) -> Snapshot {
        let policies = self.documents(Kind::Policy, "sys/policies/acl", "sys/policies/acl");
        let roles = self.documents(Kind::TokenRole, "auth/token/roles", "auth/token/roles");
        let (mut all, roles, engines, methods, entities, groups) = tokio::join!(
            policies,
            roles,
            self.mounts("sys/mounts", Kind::SecretsEngine),
            self.auth_methods(),
            self.identities([Kind::Entity, Kind::EntityAlias], "identity/entity/id"),
            self.identities([Kind::Group, Kind::GroupAlias], "identity/group/id"),
        );
        for part in [roles, engines, methods, entities, groups] {
            all.join(part);
        }
        all
    }

    /// Entities or groups, and their aliases, which stand in them.
    async fn identities(&self, kinds: [Kind; 2], path: &str) -> Snapshot {
        let unseen = |why: Why| {
            let [whole, alias] = kinds.map(|kind| self.unseen(kind, "", why.clone()));
            let mut both = whole;
            both.join(alias);
            both
        };
        let listed = match self.listed(path, path).await {
            Ok(listed) => listed,
            Err(why) => return unseen(why),
        };
        let mut found = Snapshot::default();
        for (id, document) in listed {
            match document {
                Ok(Some(Value::Object(document))) if kinds[0] == Kind::Entity => {
                    found.items.extend(entity(&self.namespace, &id, document));
                }
                Ok(Some(Value::Object(document))) => {
                    found.items.extend(group(&self.namespace, &id, document));
                }
                Ok(_) => found.join(unseen(listed_and_absent())),
                // Nobody knows what it is called.
                Err(why) => found.join(unseen(why)),
            }
        }
        found
    }

    /// Audit devices. One that was made anew writes the same in another way.
    async fn audit_devices(&self) -> Snapshot {
        let devices = match list_audit(&self.client, self.token).await {
            Ok(devices) => devices,
            Err(error) => return self.unseen(Kind::AuditDevice, "", error.into()),
        };
        let items = devices.into_iter().map(|mut device| async move {
            let path = format!("sys/audit/{}", device.path);
            let hash = audit_hash(&self.client, self.token, &device.path, MARK).await;
            let identity = match hash {
                Ok(hash) => hash,
                Err(error) => return self.unseen(Kind::AuditDevice, &path, error.into()),
            };
            // They may hold a password; a device is only ever changed by making it anew.
            device.options.remove("headers");
            let says = json!([
                device.device_type,
                device.description,
                device.local,
                device.options
            ]);
            let item = Item {
                about: device.device_type,
                identity,
                ..self.item(Kind::AuditDevice, (device.path, path), &says)
            };
            Snapshot::of(vec![item])
        });
        let mut found = Snapshot::default();
        for device in join_all(items).await {
            found.join(device);
        }
        found
    }

    /// The namespaces in this one.
    async fn children(&self) -> Snapshot {
        let listed = match self.list("sys/namespaces").await {
            Ok(listed) => listed,
            Err(why) => return self.unseen(Kind::Namespace, "sys/namespaces/", why),
        };
        let items = listed.keys.iter().map(|key| {
            let name = key.trim_matches('/').to_owned();
            let info = listed.key_info.get(key);
            let field = |field: &str| {
                info.and_then(|info| info.get(field))
                    .unwrap_or(&Value::Null)
            };
            let id = [field("uuid"), field("id")]
                .into_iter()
                .find_map(Value::as_str);
            let locked = *field("locked") == true;
            Item {
                identity: id.unwrap_or_default().to_owned(),
                about: if locked { LOCKED.into() } else { String::new() },
                ..self.item(
                    Kind::Namespace,
                    (name.clone(), format!("sys/namespaces/{name}")),
                    // Whoever locks one takes it from everybody.
                    &json!([field("custom_metadata"), locked]),
                )
            }
        });
        Snapshot::of(items.collect())
    }

    /// Its tokens, where it is not the root namespace. Whoever makes one, ends it and makes the next slips through one look:
    /// one looks until the same are gone twice, which are the rests of revocations that were cut off.
    async fn tokens(&self) -> Snapshot {
        let mut gone = BTreeSet::new();
        for _ in 0..LOOKS {
            let (found, now_gone) = self.tokens_once().await;
            if now_gone.is_subset(&gone) {
                return found;
            }
            gone = now_gone;
            tokio::time::sleep(PAUSE).await;
        }
        let why = format!("in each of {LOOKS} searches one was gone before it could be looked up");
        self.unseen(Kind::Token, "", why.into())
    }

    /// What one look shows, and the accessors whose token was gone by then.
    async fn tokens_once(&self) -> (Snapshot, BTreeSet<String>) {
        let accessors = match list_accessors(&self.client, self.token).await {
            Ok(accessors) => accessors,
            Err(error) => return (self.unseen(Kind::Token, "", error.into()), BTreeSet::new()),
        };
        if !accessors.is_empty() {
            tokio::time::sleep(NEWBORN).await;
        }
        let looks = accessors.into_iter().map(|accessor| async move {
            let _place = self.places.acquire().await;
            let info = lookup_accessor(&self.client, self.token, &accessor).await;
            (accessor, info)
        });
        let (mut found, mut gone) = (Snapshot::default(), BTreeSet::new());
        for (accessor, info) in join_all(looks).await {
            match info {
                Ok(Some(info)) => found
                    .items
                    .push(of_token(&self.namespace, &accessor, &info)),
                Ok(None) => drop(gone.insert(accessor)),
                Err(error) if error.is_forbidden() => drop(gone.insert(accessor)),
                Err(error) => found.join(self.unseen(Kind::Token, "", error.into())),
            }
        }
        (found, gone)
    }
}
