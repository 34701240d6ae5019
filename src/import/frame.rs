//! What stands around the documents in the file: what was not read, the cluster, and what no server tells.

use serde_json::{Map, Value};

use crate::config::{Config, SecretRef, yaml};
use crate::event::Told;
use crate::import::found::{Found, file_of};
use crate::import::yaml::map;
use crate::printable::one_line;
use crate::vault::SealStatus;

/// What the file begins with.
pub(super) struct Head<'a> {
    pub(super) config: &'a Config,
    /// Product and version.
    pub(super) server: &'a str,
    pub(super) cluster_id: Option<&'a str>,
    /// How many shares there are, and how many of them open it.
    pub(super) seal: &'a SealStatus,
    pub(super) unseen: &'a [Told],
}

/// Kinds of documents that are never asked for.
const NOT_ASKED: &str = "values of KV, credentials and role ids, whose reading shows or makes a secret; the OIDC provider,\n\
                         # headers of the UI and of the audit log, raft, tokens and leases";

pub(super) fn begin(head: &Head<'_>, found: &Found) -> String {
    let address = head.config.cluster.address.as_str().trim_end_matches('/');
    let mut text = format!(
        "# What vault-bootstrap import read at {}, {}. A field that is as the server has it by\n\
         # default is left out. Nothing was written on the server, and no document was asked for whose reading is known to\n\
         # show a secret.\n\
         #\n# Not asked for: {NOT_ASKED}.\n",
        one_line(address),
        one_line(head.server),
    );
    let to_fill = found.to_fill.iter();
    let to_fill: Vec<_> = to_fill
        .map(|one| {
            Told::new(
                &one.path,
                format!("{}, {}", one.field, file_of(&one.path, &one.field)),
            )
        })
        .collect();
    for (title, all) in [
        (
            "To be filled: no server shows these, and nothing of them is written until they are there",
            to_fill.as_slice(),
        ),
        ("Not carried over", found.left_out.as_slice()),
        (
            "NOT SEEN by this login, so that it is not known what is there",
            head.unseen,
        ),
    ] {
        if all.is_empty() {
            continue;
        }
        text.push_str(&format!("#\n# {title}:\n"));
        for one in all {
            text.push_str(&format!("#   {}\n", one_line(&one.to_string())));
        }
    }
    text
}

/// The section of the cluster, as it was typed or stands in the configuration.
pub(super) fn cluster(config: &Config, id: Option<&str>) -> String {
    let cluster = &config.cluster;
    let mut own = Map::from_iter([("name".to_owned(), Value::from(cluster.name.as_str()))]);
    let url = |url: &url::Url| Value::from(url.as_str().trim_end_matches('/'));
    own.insert("address".to_owned(), url(&cluster.address));
    if !cluster.nodes.is_empty() {
        own.insert("nodes".to_owned(), cluster.nodes.iter().map(url).collect());
    }
    if let Some(id) = id {
        own.insert("id".to_owned(), id.into());
    }
    if let Some(namespace) = &cluster.namespace {
        own.insert("namespace".to_owned(), namespace.as_str().into());
    }
    let tls = &cluster.tls;
    let mut trust = Map::new();
    for (name, given) in [
        ("ca_cert", &tls.ca_cert),
        ("client_cert", &tls.client_cert),
        ("client_key", &tls.client_key),
    ] {
        if let Some(SecretRef::File(file)) = given {
            let file = serde_json::json!({"file": file.display().to_string()});
            trust.insert(name.to_owned(), file);
        }
    }
    if let Some(name) = &tls.server_name {
        trust.insert("server_name".to_owned(), name.as_str().into());
    }
    if !trust.is_empty() {
        own.insert("tls".to_owned(), Value::Object(trust));
    }
    let mut plain = Map::new();
    if let Some(uid) = cluster.plain_http.server_uid {
        plain.insert("server_uid".to_owned(), uid.into());
    }
    if cluster.plain_http.unchecked {
        plain.insert("unchecked".to_owned(), true.into());
    }
    if !plain.is_empty() {
        own.insert("plain_http".to_owned(), Value::Object(plain));
    }
    let mut text = "\ncluster:\n".to_owned();
    map(&own, 2, &mut text);
    text
}

/// What no server tells.
pub(super) fn end(head: &Head<'_>) -> String {
    let name = &head.config.cluster.name;
    let (shares, threshold) = (head.seal.n, head.seal.t);
    let own = cluster(head.config, head.cluster_id);
    format!(
        "{own}\n# TO BE FILLED: what no server tells. Take the # away and write what is yours; vault-bootstrap example has more.\n\
         #\n\
         # init:\n\
         #   shares: {shares}\n\
         #   threshold: {threshold}\n\
         #   custodians: # {shares} of them\n\
         #     - {{name: alice, age: {{recipient: age1…, file: shares/alice.age}}}}\n\
         #\n\
         # checkpoint: {{path: {}, key: {{identity: keys/checkpoint.key}}}}\n\
         #\n\
         # logins: # whoever looks at the cluster; plan and apply take one of them\n\
         #   operator: {{auth: userpass, username: operator, password: {{prompt: password of operator}}}}\n\
         #\n\
         # break_glass: {{logins: [operator]}} # or {{none: \"reason\"}}\n",
        yaml(&format!(".vault-bootstrap/{name}")),
    )
}
