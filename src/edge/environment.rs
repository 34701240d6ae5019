//! What a child of ours finds in its environment about the cluster.

use std::ffi::OsString;

use tokio::process::Command;

use super::references::environment_secrets;
use crate::config::{Config, SecretRef};

/// The server, as both command lines know it. What was in the environment for another one, and what the file reads
/// from it, is taken away.
pub(crate) fn environment(config: &Config, address: &str, child: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("VAULT_") || text.starts_with("BAO_") {
            child.env_remove(&name);
        }
    }
    for name in environment_secrets(config) {
        child.env_remove(name);
    }
    let tls = &config.cluster.tls;
    let file = |reference: &Option<SecretRef>| match reference {
        Some(SecretRef::File(path)) => Some(path.clone().into_os_string()),
        _ => None,
    };
    let values = [
        ("ADDR", Some(OsString::from(address))),
        ("CACERT", file(&tls.ca_cert)),
        (
            "TLS_SERVER_NAME",
            tls.server_name.clone().map(OsString::from),
        ),
        ("CLIENT_CERT", file(&tls.client_cert)),
        ("CLIENT_KEY", file(&tls.client_key)),
    ];
    for (name, value) in values {
        let Some(value) = value else { continue };
        for product in ["VAULT", "BAO"] {
            child.env(format!("{product}_{name}"), &value);
        }
    }
}
