//! Auth methods with their tuning, config, roles and users.

use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::import::defaults::is_empty;
use crate::import::fields::{self, Shape};
use crate::import::found::{Entry, Found, Method};
use crate::import::reader::Reader;
use crate::import::secrets::mounted;
use crate::vault::mounts::{Mounts, list_auth};

/// What is known of the methods of a type.
struct Type {
    name: &'static str,
    /// Its config, where it has one, and the field that no answer shows, with the one that tells that it is set.
    config: Option<(Shape, Option<(&'static str, &'static str)>)>,
    /// The list that the file calls `roles`, and theirs.
    roles: Option<(&'static str, Shape)>,
    /// The list that the file calls `users`, and theirs.
    users: Option<(&'static str, Shape)>,
}

/// What a provider of `oidc` is asked with.
const PROVIDER: &str = "provider_config";

const fn shape(kind: &'static str, of_schema: &'static str) -> Shape {
    Shape {
        kind,
        made: &["name", "status", "token_reviewer_jwt_set", PROVIDER],
        of_schema,
    }
}

const JWT: Type = Type {
    name: "jwt",
    config: Some((
        shape("config/jwt", "OidcConfig"),
        Some(("oidc_client_secret", "oidc_client_id")),
    )),
    roles: Some(("role", shape("jwt/role", "OidcRole"))),
    users: None,
};
const TYPES: [Type; 7] = [
    JWT,
    Type {
        name: "oidc",
        ..JWT
    },
    Type {
        name: "kubernetes",
        config: Some((
            shape("config/kubernetes", "KubernetesConfig"),
            Some(("token_reviewer_jwt", "token_reviewer_jwt_set")),
        )),
        roles: Some(("role", shape("", "KubernetesRole"))),
        users: None,
    },
    Type {
        name: "approle",
        config: None,
        roles: Some(("role", shape("", "AppRole"))),
        users: None,
    },
    Type {
        name: "userpass",
        config: None,
        roles: None,
        users: Some(("users", shape("", "User"))),
    },
    Type {
        name: "cert",
        config: Some((shape("", ""), None)),
        roles: Some(("certs", shape("", ""))),
        users: None,
    },
    Type {
        name: "ldap",
        config: Some((shape("", ""), Some(("bindpass", "binddn")))),
        roles: Some(("groups", shape("", ""))),
        users: Some(("users", shape("", ""))),
    },
];

/// All methods, and the path of each by its accessor.
pub(super) async fn read(
    reader: &Reader<'_>,
    found: &mut Found,
) -> Result<Vec<(String, String)>, Failure> {
    let mounts = list_auth(&reader.client, reader.token).await;
    let Some(mounts) = reader.seen("sys/auth", mounts)? else {
        return Ok(Vec::new());
    };
    for (path, mount) in &mounts {
        if matches!(mount.mount_type.as_str(), "token" | "ns_token") {
            continue;
        }
        let mount_path = format!("sys/auth/{path}");
        let mut value = mounted(found, &mount_path, mount);
        if mount.fields["seal_wrap"] == true {
            found.leave(&mount_path, "seal_wrap of it has no place in the file");
        }
        if mount.mount_type != *path {
            value.shift_insert(0, "type".to_owned(), mount.mount_type.clone().into());
        }
        let known = TYPES.iter().find(|known| known.name == mount.mount_type);
        let (mut roles, mut users) = (Vec::new(), Vec::new());
        if let Some(known) = known {
            if let Some(config) = config(reader, found, (path, known)).await? {
                value.insert("config".to_owned(), Value::Object(config));
            }
            roles = members(reader, found, (path, known.roles.as_ref())).await?;
            users = members(reader, found, (path, known.users.as_ref())).await?;
        } else {
            let text = format!(
                "config, roles and users of a method of type {} were not looked at",
                mount.mount_type
            );
            found.leave(format!("auth/{path}"), text);
        }
        found.auth.push(Method {
            mount: Entry {
                key: path.clone(),
                path: mount_path,
                value,
            },
            roles,
            users,
        });
    }
    Ok(accessors(&mounts))
}

fn accessors(mounts: &Mounts) -> Vec<(String, String)> {
    let accessors = mounts.iter().filter_map(|(path, mount)| {
        let accessor = mount.fields["accessor"].as_str()?;
        Some((accessor.to_owned(), path.clone()))
    });
    accessors.collect()
}

async fn config(
    reader: &Reader<'_>,
    found: &mut Found,
    (mount, known): (&str, &Type),
) -> Result<Option<Map<String, Value>>, Failure> {
    let Some((shape, secret)) = &known.config else {
        return Ok(None);
    };
    let path = format!("auth/{mount}/config");
    let Some(answer) = reader.read(&path).await? else {
        return Ok(None);
    };
    let set = secret.filter(|(_, tells)| match &answer[*tells] {
        Value::Bool(set) => *set,
        Value::String(text) => !text.is_empty(),
        _ => false,
    });
    if !is_empty(&answer[PROVIDER]) {
        found.leave(&path, "provider_config, which may hold a key");
    }
    let mut fields = fields::of(found, shape, &path, answer);
    if let Some((name, _)) = set {
        fields.insert(name.to_owned(), found.reference(&path, name));
    }
    Ok((!fields.is_empty()).then_some(fields))
}

async fn members(
    reader: &Reader<'_>,
    found: &mut Found,
    (mount, known): (&str, Option<&(&str, Shape)>),
) -> Result<Vec<Entry>, Failure> {
    let Some((list, shape)) = known else {
        return Ok(Vec::new());
    };
    let at = format!("auth/{mount}/{list}");
    let mut entries = Vec::new();
    for (name, answer) in reader.collection(&at).await? {
        let path = format!("{at}/{name}");
        let mut value = fields::of(found, shape, &path, answer);
        if shape.of_schema == "User" {
            let password = found.reference(&path, "password");
            value.shift_insert(0, "password".to_owned(), password);
        }
        entries.push(Entry {
            key: name,
            path,
            value,
        });
    }
    Ok(entries)
}
