//! What a run of the program needs beside a server: its configuration, keys and passwords, and the
//! documents that the bare client writes in its place.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use age::secrecy::ExposeSecret;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};

use crate::Outcome;
use crate::children::Scratch;
use crate::server::{Product, Server};

/// Users of the ceremony with their policies: the break-glass door and the auditor.
const USERS: [(&str, &str); 2] = [("ada", ""), ("audit-reader", "auditor")];
/// Known to both sides; the server lives for seconds on loopback.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// One API write: path and body.
pub(crate) type Write1 = (String, Value);

/// How many policies and roles, apart from those that every ceremony has.
#[derive(Clone, Copy)]
pub(crate) struct Amount {
    pub(crate) policies: usize,
    pub(crate) roles: usize,
}

impl Amount {
    /// The bodies that belong to the step `policies`.
    pub(crate) fn policies(self) -> Vec<Write1> {
        let many = (0..self.policies).map(|n| (policy_name(n), rules(n)));
        // Two that the program writes by itself, of the same kind and size.
        let own = ["operator", "auditor", "vault-bootstrap-break-glass"]
            .map(|name| (name.to_owned(), rules(0)));
        let all = many.chain(own);
        all.map(|(name, rules)| (format!("sys/policies/acl/{name}"), json!({"policy": rules})))
            .collect()
    }

    /// The bodies that belong to the step `roles`.
    pub(crate) fn roles(self) -> Vec<Write1> {
        let many =
            (0..self.roles).map(|n| (format!("auth/approle/role/{}", role_name(n)), role(n)));
        let users = USERS.map(|(name, policy)| {
            let body =
                json!({"password": PASSWORD, "token_policies": [policy], "token_ttl": "15m"});
            (format!("auth/userpass/users/{name}"), body)
        });
        many.chain(users).collect()
    }
}

fn policy_name(number: usize) -> String {
    format!("team-{number:04}")
}

fn role_name(number: usize) -> String {
    format!("service-{number:04}")
}

fn rules(number: usize) -> String {
    format!(
        "path \"secret/data/team-{number:04}/*\" {{ capabilities = [\"create\", \"read\", \"update\"] }}\n\
         path \"secret/metadata/team-{number:04}/*\" {{ capabilities = [\"list\", \"read\"] }}\n"
    )
}

fn role(number: usize) -> Value {
    json!({"token_policies": [policy_name(number)], "token_ttl": "20m", "token_max_ttl": "1h"})
}

/// A directory with everything that one ceremony needs, against `address`.
pub(crate) fn prepare(server: &Server, address: &str, amount: Amount) -> Outcome<Scratch> {
    let scratch = Scratch::new()?;
    let directory = scratch.path();
    let identity = age::x25519::Identity::generate();
    private(
        directory,
        "checkpoint.agekey",
        identity.to_string().expose_secret(),
    )?;
    private(directory, "password", PASSWORD)?;
    // Custodians and checkpoint have a recipient each, as they should.
    let recipients = [(); 3].map(|()| age::x25519::Identity::generate().to_public().to_string());
    let mut text = head(server, address, &recipients);
    if amount.roles > 0 {
        text.push_str("  approle:\n    type: approle\n    roles:\n");
        for number in 0..amount.roles {
            text.push_str(&format!("      {}: {}\n", role_name(number), role(number)));
        }
    }
    text.push_str("policies:\n  auditor: {builtin: auditor}\n");
    text.push_str(&format!(
        "  operator: {{rules: {}}}\n",
        Value::from(rules(0))
    ));
    for number in 0..amount.policies {
        text.push_str(&format!(
            "  {}: {{rules: {}}}\n",
            policy_name(number),
            Value::from(rules(number))
        ));
    }
    text.push_str(TAIL);
    fs::write(directory.join("bootstrap.yaml"), text)?;
    Ok(scratch)
}

/// The same with custodians in the parameter store, below `prefix`, and a drill before root goes.
pub(crate) fn with_parameters(server: &Server, prefix: &str) -> Outcome<Scratch> {
    let none = Amount {
        policies: 0,
        roles: 0,
    };
    let scratch = prepare(server, &server.address(), none)?;
    let path = scratch.path().join("bootstrap.yaml");
    let mut text = String::new();
    let mut place = 0;
    for line in fs::read_to_string(&path)?.lines() {
        if line.trim_start().starts_with("- {name: ") {
            let name = ["alice", "bob", "carol"][place];
            text.push_str(&format!(
                "    - {{name: {name}, ssm: {{parameter: {prefix}/{place}}}}}\n"
            ));
            place += 1;
        } else if !line.contains("accept_unproved") {
            text.push_str(&line.replace(", drill: later", ", accept_one_auth_method: true"));
            text.push('\n');
        }
    }
    fs::write(&path, text)?;
    Ok(scratch)
}

/// A share as the servers take it for sure.
pub(crate) fn as_hex(share: &str) -> Outcome<String> {
    let bytes = STANDARD.decode(share.trim())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The token behind the one-time pad.
pub(crate) fn decoded(encoded: &str, otp: &str) -> Outcome<String> {
    let bytes = STANDARD_NO_PAD.decode(encoded.trim_end_matches('='))?;
    let plain = bytes
        .iter()
        .zip(otp.bytes())
        .map(|(one, other)| one ^ other);
    Ok(String::from_utf8(plain.collect())?)
}

fn head(server: &Server, address: &str, recipients: &[String; 3]) -> String {
    let seal = match server.product {
        Product::OpenBao => "auto",
        Product::Vault => "shamir",
    };
    let custodians = ["alice", "bob", "carol"].into_iter().zip(recipients).map(
        |(name, recipient)| {
            format!(
                "    - {{name: {name}, age: {{recipient: {recipient}, file: shares/{name}.age}}}}\n"
            )
        },
    );
    let custodians: String = custodians.collect();
    let users = USERS.map(|(name, policy)| {
        let policies = if policy.is_empty() {
            String::new()
        } else {
            format!("token_policies: [{policy}], ")
        };
        format!("      {name}: {{password: {{file: password}}, {policies}token_ttl: 15m}}\n")
    });
    format!(
        "version: 1
cluster: {{name: bench, address: {address:?}}}
init:
  shares: 3
  threshold: 2
  recovery: at-init
  seal: {seal}
  accept_unproved: [alice, bob, carol]
  custodians:
{custodians}checkpoint: {{path: checkpoint, key: {{identity: checkpoint.agekey}}}}
audit:
  file: {{type: file, options: {{file_path: \"{}\"}}}}
secrets:
  secret: {{type: kv, options: {{version: \"2\"}}}}
auth:
  userpass:
    type: userpass
    users:
{}",
        server.audit_file().display(),
        users.concat()
    )
}

const TAIL: &str = r#"logins:
  auditor:
    auth: userpass
    username: audit-reader
    password: {file: password}
    can: {"sys/policies/acl/operator": [read]}
    cannot: {"sys/audit/file": [delete]}
  ada: {auth: userpass, username: ada, password: {file: password}}
break_glass: {logins: [ada], drill: later}
"#;

fn private(directory: &Path, name: &str, text: &str) -> Outcome<()> {
    let path = directory.join(name);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}
