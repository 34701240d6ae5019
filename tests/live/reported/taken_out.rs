//! Whole entries of `writes` that are taken out of the file.

use serde_json::{Value, json};

use super::{Cluster, EACH, write, written};
use crate::support::require;

/// What can be removed on the server, and is told until it is.
const STAYS: [&str; 4] = [
    "pki/roles/r",
    "identity/group/name/g",
    "sys/quotas/rate-limit/q",
    "database/config/my",
];
/// What nobody can remove: it goes back to the defaults.
const GOES_BACK: [&str; 4] = [
    "pki/config/urls",
    "sys/quotas/config",
    "identity/oidc/config",
    "secret/metadata/m",
];

fn writes() -> Vec<Value> {
    let connection = json!({ "plugin_name": "mysql-database-plugin", "username": "r", "password": { "file": "database.password" },
        "connection_url": "{{username}}:{{password}}@tcp(127.0.0.1:3306)/", "verify_connection": false });
    vec![
        write("pki/roles/r", &json!({ "allowed_domains": "localhost" })),
        write("identity/group/name/g", &json!({ "policies": "a" })),
        write(
            "sys/quotas/rate-limit/q",
            &json!({ "path": "secret", "rate": 100_000 }),
        ),
        write("database/config/my", &connection),
        write(
            "pki/config/urls",
            &json!({ "issuing_certificates": "http://127.0.0.1/ca" }),
        ),
        write(
            "sys/quotas/config",
            &json!({ "enable_rate_limit_response_headers": true }),
        ),
        write(
            "identity/oidc/config",
            &json!({ "issuer": "https://vault.example.com" }),
        ),
        write(
            "secret/metadata/m",
            &json!({ "max_versions": 3, "custom_metadata": { "a": "b" } }),
        ),
        // Of these nothing is said: what was done once, and what holds values of others by now.
        write("ssh/config/ca", &json!({ "generate_signing_key": true })),
        write("secret/data/m", &json!({ "data": { "a": "b" } })),
    ]
}

#[test]
fn a_whole_entry_that_is_taken_out_goes_back_to_the_defaults_or_is_told_while_it_is_there() {
    for setup in EACH {
        require!(setup.components());
        for by_root in [true, false] {
            let mut cluster = Cluster::of(setup);
            cluster.ceremony.set("/writes", json!(writes()));
            cluster.apply().exits(4);
            if !by_root {
                cluster.hand_over();
            }
            cluster.ceremony.remove("/writes");
            let paths = GOES_BACK.map(str::to_owned);
            let log = cluster.server.audit().after_this();
            let told = cluster.apply();
            let expected = paths.iter().cloned().collect();
            assert_eq!(written(&log), expected, "{told}");
            let admin = cluster.admin();
            let read = |path: &str| admin.read(path)["data"].clone();
            assert_eq!(read("pki/config/urls")["issuing_certificates"], json!([]));
            assert_eq!(
                read("sys/quotas/config")["enable_rate_limit_response_headers"],
                false
            );
            assert_eq!(read("identity/oidc/config")["issuer"], "");
            assert_eq!(read("secret/metadata/m")["max_versions"], 0);
            assert_eq!(read("secret/data/m")["data"], json!({ "a": "b" }));
            let root = crate::remembered::root(&cluster.server, &cluster.ceremony);
            for path in STAYS {
                cluster
                    .apply()
                    .exits(4)
                    .prints(&[&format!("{path} is not in the file any more")]);
                root.delete(path);
                cluster.apply().exits(4).never_says(&[path]);
            }
            drop(admin);
            cluster.writes("afterwards", &[]);
            cluster.ends();
        }
    }
}
