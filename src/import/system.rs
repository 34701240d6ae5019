//! What belongs to the server itself: audit devices, policies, quotas, password policies, roles of tokens, groups and entities.

use serde_json::{Map, Value};

use crate::config::accessors::filled;
use crate::desired::grant;
use crate::failure::Failure;
use crate::hex::sha256;
use crate::import::defaults::is_empty;
use crate::import::fields::{self, Shape};
use crate::import::found::{Entry, Found};
use crate::import::reader::Reader;
use crate::vault::audit::list_audit;

/// The policy `default` as servers make it themselves (OpenBao 2.6.2 and 2.7.2): without blanks around it.
const DEFAULT_POLICIES: [&str; 1] =
    ["a51e90ea09a4e406735277286f84cda61143248397dc0713eb95eaaf794d0cc2"];
/// Of an OpenBao's policy, what the file cannot say.
const OF_POLICIES: [&str; 4] = [
    "allow_slashes_in_identity_templates",
    "allow_wildcards_in_identity_templates",
    "cas_required",
    "expiration",
];
/// What entities that a login makes are called.
const MADE_BY_LOGIN: &str = "entity_";

/// The devices.
pub(super) async fn audit(reader: &Reader<'_>, found: &mut Found) -> Result<(), Failure> {
    let devices = list_audit(&reader.client, reader.token).await;
    for device in reader.seen("sys/audit", devices)?.unwrap_or_default() {
        let mut value = Map::from_iter([("type".to_owned(), device.device_type.into())]);
        if !device.description.is_empty() {
            value.insert("description".to_owned(), device.description.into());
        }
        let options: Map<_, _> = device
            .options
            .into_iter()
            .map(|(name, value)| (name, Value::from(value)))
            .collect();
        if !options.is_empty() {
            value.insert("options".to_owned(), Value::Object(options));
        }
        if device.local {
            value.insert("local".to_owned(), true.into());
        }
        found.audit.push(Entry {
            path: format!("sys/audit/{}", device.path),
            key: device.path,
            value,
        });
    }
    Ok(())
}

/// The policies, in which the accessors of auth methods are called by the paths of these.
pub(super) async fn policies(
    reader: &Reader<'_>,
    found: &mut Found,
    accessors: &[(String, String)],
) -> Result<(), Failure> {
    const ALL: &str = "sys/policies/acl";
    for (name, answer) in reader.collection(ALL).await? {
        let path = format!("{ALL}/{name}");
        let Some(text) = answer["policy"].as_str() else {
            if name != "root" {
                reader.miss(path, "the answer has no text of it");
            }
            continue;
        };
        let made =
            name == "default" && DEFAULT_POLICIES.contains(&&*sha256(text.trim().as_bytes()));
        if name == "root" || made {
            continue;
        }
        if name == grant::POLICY {
            found.leave(path, "the program writes it itself, for break_glass");
            continue;
        }
        for field in OF_POLICIES {
            if !is_empty(&answer[field]) {
                found.leave(&path, format!("{field} of it has no place in the file"));
            }
        }
        let rules = by_path(text, accessors);
        found.policies.push(Entry {
            key: name,
            path,
            value: Map::from_iter([("rules".to_owned(), rules.into())]),
        });
    }
    Ok(())
}

/// The text with `accessor(auth/PATH)` in the place of accessors, where that comes back as it was.
fn by_path(text: &str, accessors: &[(String, String)]) -> String {
    let mut named = text.to_owned();
    for (accessor, path) in accessors {
        let of = |name: &str| format!("identity.entity.aliases.{name}");
        named = named.replace(&of(accessor), &of(&format!("accessor(auth/{path})")));
    }
    let accessor = |wanted: &str| {
        let found = accessors.iter().find(|(_, path)| path == wanted);
        found.map(|(accessor, _)| accessor.clone())
    };
    if filled(&named, &accessor) == text {
        named
    } else {
        text.to_owned()
    }
}

const fn shape(kind: &'static str, made: &'static [&'static str]) -> Shape {
    Shape {
        kind,
        made,
        of_schema: "",
    }
}

/// Lists of documents, and single ones, that `writes` says as they are.
const LISTS: [(&str, Shape); 4] = [
    ("sys/policies/password", shape("", &[])),
    (
        "sys/quotas/rate-limit",
        shape("rate-limit", &["name", "type", "inheritable"]),
    ),
    (
        "sys/quotas/lease-count",
        shape("", &["name", "type", "counter", "inheritable"]),
    ),
    ("auth/token/roles", shape("", &["name"])),
];

/// What stands under `sys`, and the roles of tokens.
pub(super) async fn documents(reader: &Reader<'_>, found: &mut Found) -> Result<(), Failure> {
    for (list, shape) in &LISTS {
        for (name, answer) in reader.collection(list).await? {
            let path = format!("{list}/{name}");
            // A quota of everything is for all namespaces below it, and one of a path is not.
            let inherits = answer["inheritable"] == true;
            let everywhere = answer["path"] == "";
            let mut data = fields::of(found, shape, &path, answer);
            if inherits != everywhere {
                data.insert("inheritable".to_owned(), inherits.into());
            }
            found.write(&path, data);
        }
    }
    let path = "sys/quotas/config";
    if let Some(answer) = reader.read(path).await? {
        let shape = shape("quota-config", &["absolute_rate_limit_exempt_paths"]);
        let data = fields::of(found, &shape, path, answer);
        if !data.is_empty() {
            found.write(path, data);
        }
    }
    let path = "sys/config/cors";
    if let Some(answer) = reader.read(path).await?
        && answer["enabled"] == true
    {
        // To those headers the server adds its own.
        let shape = shape("", &["enabled", "allowed_headers"]);
        let data = fields::of(found, &shape, path, answer);
        found.write(path, data);
    }
    for name in reader.list("sys/namespaces").await? {
        found.leave(
            format!("sys/namespaces/{name}"),
            "another namespace: import it by itself, with --namespace",
        );
    }
    Ok(())
}

/// Groups and entities by name, without what is said by ids.
pub(super) async fn identity(reader: &Reader<'_>, found: &mut Found) -> Result<(), Failure> {
    const GROUPS: &str = "identity/group/name";
    const ENTITIES: &str = "identity/entity/name";
    const IDS: &str = "aliases and members are ids of this server, and are not carried over";
    for (name, answer) in reader.collection(GROUPS).await? {
        let path = format!("{GROUPS}/{name}");
        let by_id = ["member_entity_ids", "member_group_ids", "alias"];
        if by_id.iter().any(|field| !is_empty(&answer[*field])) {
            found.leave(&path, IDS);
        }
        let data = only(found, &path, answer, &["type", "policies", "metadata"]);
        found.write(&path, data);
    }
    let (mut by_logins, mut with_aliases) = (0, 0);
    for (name, answer) in reader.collection(ENTITIES).await? {
        let path = format!("{ENTITIES}/{name}");
        let has_aliases = !is_empty(&answer["aliases"]);
        let data = only(found, &path, answer, &["policies", "metadata", "disabled"]);
        if data.is_empty() && name.starts_with(MADE_BY_LOGIN) {
            by_logins += 1;
            continue;
        }
        with_aliases += usize::from(has_aliases);
        found.write(&path, data);
    }
    if by_logins > 0 {
        let text = format!("{by_logins} that logins have made, with nothing of their own");
        found.leave(ENTITIES, text);
    }
    if with_aliases > 0 {
        found.leave(ENTITIES, format!("{IDS}: those of {with_aliases}"));
    }
    Ok(())
}

fn only(found: &mut Found, path: &str, answer: Value, names: &[&str]) -> Map<String, Value> {
    let Value::Object(mut all) = answer else {
        return Map::new();
    };
    all.retain(|name, _| names.contains(&name.as_str()));
    let kind = if path.starts_with("identity/group/") {
        "group"
    } else {
        ""
    };
    fields::of(found, &shape(kind, &[]), path, Value::Object(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accessor_in_a_policy_is_called_by_the_path_of_its_method() {
        let accessors = [("auth_oidc_1".to_owned(), "team/oidc".to_owned())];
        let text = "path \"a/{{identity.entity.aliases.auth_oidc_1.name}}\" {}";
        let named = by_path(text, &accessors);
        assert!(
            named.contains("aliases.accessor(auth/team/oidc).name"),
            "{named}"
        );
        let other = "path \"a/{{identity.entity.aliases.auth_oidc_2.name}}\" {}";
        assert_eq!(by_path(other, &accessors), other);
    }
}
