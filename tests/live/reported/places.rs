//! Paths that a server answers with an error while nothing is there: written once, by whomever, and known from then on.

use serde_json::{Value, json};

use super::{Cluster, EACH, write};
use crate::support::{Setup, require};

/// Nobody has its key any more.
const CRL: &str = "-----BEGIN X509 CRL-----\n\
    MIGpMFECAQEwCgYIKoZIzj0EAwIwEDEOMAwGA1UEAwwFdGVzdHMXDTI2MTEzMDIx\n\
    NDk0M1oYDzIxMjUwNjI0MjE0OTQzWqAOMAwwCgYDVR0UBAMCAQEwCgYIKoZIzj0E\n\
    AwIDSAAwRQIgMb9YHh1EtSO+X38e//z1PF5Evgkb+Eqjzy89b4ToDsgCIQC+8Q+L\n\
    ELUTS6Y1mwi7XTqk9hZE1fiNom1qszDrcjKdnw==\n\
    -----END X509 CRL-----\n";

/// A path below mounts of `NAME`, where a read is answered with an error before, and what is sent.
type Place = (&'static str, Value);

/// In the order in which they need each other.
fn everywhere() -> Vec<Place> {
    vec![
        (
            "pki-NAME/root/generate/internal",
            json!({ "common_name": "tests", "issuer_name": "root", "key_name": "own" }),
        ),
        (
            "pki-NAME/issuer/root",
            json!({ "issuer_name": "root", "leaf_not_after_behavior": "truncate" }),
        ),
        ("pki-NAME/key/own", json!({ "key_name": "own" })),
        (
            "ssh-NAME/config/ca",
            json!({ "generate_signing_key": true }),
        ),
        (
            "ssh-NAME/roles/otp",
            json!({ "key_type": "otp", "default_user": "u", "cidr_list": "10.0.0.0/8" }),
        ),
        ("ssh-NAME/config/zeroaddress", json!({ "roles": ["otp"] })),
        (
            "rabbitmq-NAME/config/connection",
            json!({ "connection_uri": "http://127.0.0.1:1", "username": "u", "password": { "file": "database.password" },
                "verify_connection": false }),
        ),
        (
            "rabbitmq-NAME/config/lease",
            json!({ "ttl": "1h", "max_ttl": "2h" }),
        ),
        ("transit-NAME/keys/k", json!({ "type": "aes256-gcm96" })),
        (
            "transit-NAME/keys/k/config",
            json!({ "deletion_allowed": true }),
        ),
        ("auth/cert-NAME/crls/revoked", json!({ "crl": CRL })),
        ("auth/approle-NAME/role/r", json!({ "token_ttl": "5m" })),
        (
            "auth/approle-NAME/role/r/role-id",
            json!({ "role_id": "fixed-NAME" }),
        ),
        (
            "sys/config/auditing/request-headers/x-NAME",
            json!({ "hmac": true }),
        ),
        ("sys/config/ui/headers/X-NAME", json!({ "values": ["a"] })),
        (
            "sys/policies/password/NAME",
            json!({ "policy": "length = 20\nrule \"charset\" { charset = \"abcdefghij\" }\n" }),
        ),
    ]
}

/// What the file mounts for them.
fn mount(cluster: &mut Cluster, name: &str) {
    let mut engines = vec!["pki", "ssh", "rabbitmq", "transit"];
    if !cluster.setup().is_openbao() {
        engines.extend(["consul", "mongodbatlas", "nomad"]);
    }
    for engine in engines {
        let place = format!("/secrets/{engine}-{name}");
        cluster.ceremony.set(&place, json!({ "type": engine }));
    }
    for method in ["approle", "cert"] {
        let place = format!("/auth/{method}-{name}");
        cluster.ceremony.set(&place, json!({ "type": method }));
    }
}

/// Documents of this product, for mounts of this name.
fn places(setup: Setup, name: &str) -> Vec<(String, Value)> {
    let mut all = everywhere();
    if setup.is_openbao() {
        all.push((
            "sys/namespaces/NAME",
            json!({ "custom_metadata": { "a": "b" } }),
        ));
    } else {
        let token = json!({ "file": "database.password" });
        all.extend([
            (
                "consul-NAME/config/access",
                json!({ "address": "127.0.0.1:8500", "token": token }),
            ),
            (
                "nomad-NAME/config/access",
                json!({ "address": "http://127.0.0.1:4646", "token": token }),
            ),
            (
                "mongodbatlas-NAME/config",
                json!({ "public_key": "a", "private_key": token }),
            ),
        ]);
    }
    let named = |text: String| text.replace("NAME", name);
    let all = all.into_iter().map(|(path, body)| {
        let body = serde_json::from_str(&named(body.to_string())).expect("JSON");
        (named(path.to_owned()), body)
    });
    all.collect()
}

/// Nothing is there, then all of it is written, and then nothing.
fn written(cluster: &mut Cluster, name: &str) {
    mount(cluster, name);
    cluster.apply().exits(4);
    let places = places(cluster.setup(), name);
    let admin = cluster.admin();
    for (path, _) in &places {
        let (status, answer) = admin.get(path);
        assert!(status >= 400, "{path}: {status} {answer}");
    }
    drop(admin);
    let file = &mut cluster.ceremony.file["writes"];
    let mut writes = file.as_array().cloned().unwrap_or_default();
    writes.extend(places.iter().map(|(path, data)| write(path, data)));
    *file = Value::Array(writes);
    let paths: Vec<_> = places.into_iter().map(|(path, _)| path).collect();
    cluster.writes(name, &paths);
    cluster.writes(&format!("{name}, again"), &[]);
}

#[test]
fn where_a_read_fails_while_nothing_is_there_it_is_written_once_by_root_and_by_a_login() {
    for setup in EACH {
        require!(setup.components());
        let mut cluster = Cluster::of(setup);
        written(&mut cluster, "early");
        cluster.hand_over();
        written(&mut cluster, "late");
        cluster.ends();
    }
}
