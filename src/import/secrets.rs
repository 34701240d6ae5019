//! Secrets engines with their tuning, and the documents in them whose reading shows no secret and makes none.

use serde_json::{Map, Value};

use crate::desired::mount::OF_SERVERS;
use crate::failure::Failure;
use crate::import::defaults::is_empty;
use crate::import::fields::{self, Shape};
use crate::import::found::{Entry, Found};
use crate::import::reader::Reader;
use crate::vault::mounts::{Mount, list_mounts};

/// Documents of an engine: where they are listed, or the one document.
struct Known {
    engine: &'static str,
    at: &'static str,
    /// Whether there are several of them below it.
    several: bool,
    shape: Shape,
}

const fn known(
    engine: &'static str,
    (at, several): (&'static str, bool),
    kind: &'static str,
    made: &'static [&'static str],
) -> Known {
    let of_schema = "";
    let shape = Shape {
        kind,
        made,
        of_schema,
    };
    Known {
        engine,
        at,
        several,
        shape,
    }
}

const KNOWN: [Known; 14] = [
    known("pki", ("roles", true), "pki/roles", &[]),
    known("pki", ("config/urls", false), "", &[]),
    known("pki", ("config/crl", false), "", &[]),
    known("pki", ("config/cluster", false), "", &[]),
    known("pki", ("config/auto-tidy", false), "pki/auto-tidy", &[]),
    known("ssh", ("roles", true), "ssh/roles", &["role_version"]),
    known("database", ("config", true), "database/config", &[]),
    known("database", ("roles", true), "database/role", &[]),
    known(
        "database",
        ("static-roles", true),
        "database/role",
        &["last_vault_rotation", "next_vault_rotation", "ttl"],
    ),
    known("transit", ("keys", true), "", &OF_KEYS),
    known("aws", ("roles", true), "", &[]),
    known("aws", ("config/root", false), "", &[]),
    known("aws", ("config/lease", false), "", &[]),
    known("rabbitmq", ("roles", true), "", &[]),
];

/// What a key of `transit` says of its versions, and what it can do.
const OF_KEYS: [&str; 14] = [
    "convergent_encryption_version",
    "hybrid_key_type_ec",
    "hybrid_key_type_pqc",
    "imported_key",
    "imported_key_allow_rotation",
    "kdf",
    "keys",
    "latest_version",
    "min_available_version",
    "name",
    "soft_deleted",
    "supports_decryption",
    "supports_derivation",
    "supports_encryption",
];
/// Engines of which all documents are known: of others it is said that they have more.
const WHOLE: [&str; 7] = [
    "kv", "pki", "ssh", "database", "transit", "rabbitmq", "totp",
];
/// What stands in an engine and is made by it: a list, and what it is called.
const MADE_THERE: [(&str, &str, &str); 3] = [
    ("pki", "issuers", "its issuers, with their keys"),
    ("totp", "keys", "its keys, which no read shows whole"),
    ("aws", "static-roles", "its static roles"),
];
/// Of a mount, what its tuning takes.
const TUNED: [&str; 9] = [
    "default_lease_ttl",
    "max_lease_ttl",
    "listing_visibility",
    "token_type",
    "audit_non_hmac_request_keys",
    "audit_non_hmac_response_keys",
    "passthrough_request_headers",
    "allowed_response_headers",
    "plugin_version",
];
/// Of a mount, what the server makes, or an entry of the file says in its own way.
const OF_MOUNT: [&str; 13] = [
    "accessor",
    "uuid",
    "type",
    "description",
    "options",
    "local",
    "seal_wrap",
    "deprecation_status",
    "running_plugin_version",
    "running_sha256",
    "trim_request_trailing_slashes",
    "plugin_name",
    "config",
];

/// All engines that the server does not make itself.
pub(super) async fn read(reader: &Reader<'_>, found: &mut Found) -> Result<(), Failure> {
    let mounts = list_mounts(&reader.client, reader.token).await;
    let Some(mounts) = reader.seen("sys/mounts", mounts)? else {
        return Ok(());
    };
    for (path, mount) in &mounts {
        if OF_SERVERS.contains(&mount.mount_type.as_str()) {
            continue;
        }
        let api_path = format!("sys/mounts/{path}");
        let mut value = mounted(found, &api_path, mount);
        value.shift_insert(0, "type".to_owned(), mount.mount_type.clone().into());
        if is_set(mount, "seal_wrap") {
            value.insert("seal_wrap".to_owned(), true.into());
        }
        let options = mount.fields.get("options").filter(|all| !is_empty(all));
        if let Some(options) = options {
            value.insert("options".to_owned(), options.clone());
        }
        config_of_kv(reader, found, (path, mount), &mut value).await?;
        found.secrets.push(Entry {
            key: path.clone(),
            path: api_path,
            value,
        });
        documents(reader, found, (path, &mount.mount_type)).await?;
    }
    Ok(())
}

fn is_set(mount: &Mount, name: &str) -> bool {
    mount.fields.get(name) == Some(&Value::Bool(true))
}

/// What secrets engines and auth methods have in common.
pub(super) fn mounted(found: &mut Found, path: &str, mount: &Mount) -> Map<String, Value> {
    let Value::Object(fields) = &mount.fields else {
        return Map::new();
    };
    let (mut value, mut tune) = (Map::new(), Map::new());
    if let Some(text) = fields.get("description").filter(|text| !is_empty(text)) {
        value.insert("description".to_owned(), text.clone());
    }
    if is_set(mount, "local") {
        value.insert("local".to_owned(), true.into());
    }
    let shape = Shape {
        kind: "",
        made: &OF_MOUNT,
        of_schema: "",
    };
    // As its tuning, whose defaults are known by that path.
    let at = format!("{path}/tune");
    for (name, own) in fields::of(found, &shape, &at, mount.fields.clone()) {
        if TUNED.contains(&name.as_str()) {
            tune.insert(name, own);
        } else {
            found.leave(path, format!("{name} of it has no place in the file"));
        }
    }
    if !tune.is_empty() {
        value.insert("tune".to_owned(), Value::Object(tune));
    }
    value
}

/// The config of a `kv` of version 2; the one of version 1 has none.
async fn config_of_kv(
    reader: &Reader<'_>,
    found: &mut Found,
    (path, mount): (&str, &Mount),
    value: &mut Map<String, Value>,
) -> Result<(), Failure> {
    if mount.mount_type != "kv" || mount.fields["options"]["version"] != "2" {
        return Ok(());
    }
    let path = format!("{path}/config");
    let Some(config) = reader.read(&path).await? else {
        return Ok(());
    };
    let shape = Shape {
        kind: "",
        made: &[],
        of_schema: "",
    };
    let config = fields::of(found, &shape, &path, config);
    if !config.is_empty() {
        value.insert("config".to_owned(), Value::Object(config));
    }
    Ok(())
}

async fn documents(
    reader: &Reader<'_>,
    found: &mut Found,
    (mount, engine): (&str, &str),
) -> Result<(), Failure> {
    for known in KNOWN.iter().filter(|known| known.engine == engine) {
        let at = format!("{mount}/{}", known.at);
        if known.several {
            for (name, answer) in reader.collection(&at).await? {
                document(found, known, &format!("{at}/{name}"), answer);
            }
        } else if let Some(answer) = reader.read(&at).await? {
            document(found, known, &at, answer);
        }
    }
    for (_, list, what) in MADE_THERE.iter().filter(|(of, ..)| *of == engine) {
        let names = reader.list(&format!("{mount}/{list}")).await?;
        if !names.is_empty() {
            let of = names.len();
            found.leave(format!("{mount}/{list}"), format!("{what}: {of}"));
        }
    }
    if engine == "ssh"
        && let Some(key) = reader.read(&format!("{mount}/config/ca")).await?
        && !is_empty(&key["public_key"])
    {
        found.leave(format!("{mount}/config/ca"), "the server made its key");
    }
    if !WHOLE.contains(&engine) {
        let text = format!("other documents of an engine of type {engine} were not looked at");
        found.leave(mount, text);
    }
    Ok(())
}

fn document(found: &mut Found, known: &Known, path: &str, answer: Value) {
    let single = !known.several;
    let mut data = match (known.engine, known.at) {
        ("database", "config") => connection(found, &known.shape, path, answer),
        ("transit", _) => key(found, &known.shape, path, answer),
        _ => fields::of(found, &known.shape, path, answer),
    };
    if single && data.is_empty() {
        // Nobody has set it.
        return;
    }
    if (known.engine, known.at) == ("aws", "config/root") {
        data.insert("secret_key".to_owned(), found.reference(path, "secret_key"));
    }
    found.write(path, data);
}

/// A connection is written flat, and answers with what it was given in a map of its own, but for its password.
fn connection(found: &mut Found, shape: &Shape, path: &str, answer: Value) -> Map<String, Value> {
    let Value::Object(mut all) = answer else {
        return Map::new();
    };
    if let Some(Value::Object(details)) = all.remove("connection_details") {
        all.extend(details);
    }
    if let Some(rotation) = all.remove("root_credentials_rotate_statements")
        && !is_empty(&rotation)
    {
        found.leave(path, "the statements that rotate its root password");
    }
    let has_user = all.get("username").is_some_and(|user| !is_empty(user));
    let mut data = fields::of(found, shape, path, Value::Object(all));
    if has_user {
        data.insert("password".to_owned(), found.reference(path, "password"));
    }
    data
}

/// Of a key, what can be asked for when it is made. Which of its versions may be used is about this key alone.
fn key(found: &mut Found, shape: &Shape, path: &str, answer: Value) -> Map<String, Value> {
    let mut data = fields::of(found, shape, path, answer);
    data.retain(|name, _| !name.starts_with("supports_"));
    for name in ["min_decryption_version", "min_encryption_version"] {
        if data.remove(name).is_some() {
            found.leave(
                path,
                format!("{name} is about the versions of this very key"),
            );
        }
    }
    data
}
