//! Rules between the keys of the file that no schema can say. Each rule is a function with its name.
//!
//! Only what is certain is refused; what is probably a mistake is a warning. Nothing here asks a server.

use std::collections::HashMap;

use url::{Host, Url};

use super::model::{
    AuditDevice, AuthMount, BreakGlass, Cluster, CustodianKind, Field, Fields, Init, Login,
    LoginKind, Policy, PolicySource, SecretsEngine, TokenSource, Write,
};
use super::reading::Reading;
use super::tree::step;

/// The policy that the program writes for the way back.
const GRANT: &str = "vault-bootstrap-break-glass";
/// Requests that a root generation takes: status, start, the shares of a quorum, a retry, proof, cancel.
const FEWEST_USES: u64 = 10;
/// Ends of field names whose values are secrets.
const SECRET_NAMES: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "private_key",
    "bindpass",
    "secret_key",
    "secret_id",
    "api_key",
    "client_key",
    "access_key",
];

/// Everything that could be read.
pub(super) struct Parts {
    pub(super) cluster: Option<Cluster>,
    pub(super) init: Option<Init>,
    pub(super) audit: Vec<AuditDevice>,
    pub(super) secrets: Vec<SecretsEngine>,
    pub(super) auth: Vec<AuthMount>,
    pub(super) policies: Vec<Policy>,
    pub(super) writes: Vec<Write>,
    pub(super) logins: Vec<Login>,
    pub(super) break_glass: Option<BreakGlass>,
}

type Rule = fn(&Parts, &mut Reading);

const RULES: [Rule; 19] = [
    plain_http_stays_on_this_machine,
    nodes_are_different,
    threshold_fits_the_shares,
    every_share_has_a_custodian,
    custodians_are_different,
    accepted_custodians_exist,
    recipients_are_public,
    mount_paths_are_plain,
    audit_files_are_different,
    audit_options_keep_secrets,
    policy_names_are_free,
    policies_have_a_text,
    policies_of_tokens_exist,
    oidc_is_complete,
    roles_of_people_are_bound,
    secrets_are_references,
    write_paths_are_plain,
    doors_exist,
    doors_can_open,
];

/// Holds `parts` against all rules.
pub(super) fn check(parts: &Parts, reading: &mut Reading) {
    for rule in RULES {
        rule(parts, reading);
    }
}

fn plain_http_stays_on_this_machine(parts: &Parts, reading: &mut Reading) {
    const TEXT: &str = "plain `http` would show every secret to the network; it is only accepted to 127.0.0.1, ::1 and localhost";
    if let Some(cluster) = &parts.cluster {
        if !private(&cluster.address) {
            reading.refuse(&["cluster", "address"], TEXT);
        }
        for (index, node) in cluster
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| !private(node))
        {
            let _ = node;
            reading.refuse(&["cluster", "nodes", &step(index)], TEXT);
        }
    }
    for login in &parts.logins {
        let (LoginKind::Jwt { with, .. } | LoginKind::Kubernetes { with, .. }) = &login.kind else {
            continue;
        };
        let TokenSource::TokenRequest(request) = with else {
            continue;
        };
        if request
            .api_server
            .as_ref()
            .is_some_and(|address| !private(address))
        {
            reading.refuse(
                &["logins", &login.name, "with", "token_request", "api_server"],
                TEXT,
            );
        }
    }
}

fn private(address: &Url) -> bool {
    address.scheme() == "https"
        || match address.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
}

fn nodes_are_different(parts: &Parts, reading: &mut Reading) {
    let nodes = parts
        .cluster
        .as_ref()
        .map(|cluster| cluster.nodes.as_slice())
        .unwrap_or_default();
    for (index, node) in nodes.iter().enumerate() {
        if nodes[..index].contains(node) {
            reading.refuse(
                &["cluster", "nodes", &step(index)],
                "this node stands in the list already",
            );
        }
    }
}

fn threshold_fits_the_shares(parts: &Parts, reading: &mut Reading) {
    let Some(init) = &parts.init else { return };
    if init.threshold > init.shares {
        let text = format!(
            "the threshold is {} and there are {} shares: nobody could ever open the cluster",
            init.threshold, init.shares
        );
        reading.refuse(&["init", "threshold"], text);
    } else if init.shares > 1 && init.threshold == 1 {
        reading.refuse(
            &["init", "threshold"],
            "with several shares the threshold is at least 2: the servers refuse 1",
        );
    }
}

fn every_share_has_a_custodian(parts: &Parts, reading: &mut Reading) {
    let Some(init) = &parts.init else { return };
    let (custodians, shares) = (init.custodians.len(), init.shares as usize);
    if custodians != shares {
        let text = format!(
            "{custodians} custodians for {shares} shares; every share needs one of its own"
        );
        reading.refuse(&["init", "custodians"], text);
    }
}

fn custodians_are_different(parts: &Parts, reading: &mut Reading) {
    let Some(init) = &parts.init else { return };
    let mut names = HashMap::new();
    let mut targets = HashMap::new();
    for (index, custodian) in init.custodians.iter().enumerate() {
        let here = step(index);
        if let Some(first) = names.insert(custodian.name.as_str(), index) {
            reading.refuse(
                &["init", "custodians", &here, "name"],
                format!("`custodians[{first}]` has this name already"),
            );
        }
        let (target, key) = match &custodian.kind {
            CustodianKind::Ssm { parameter, aws, .. } => {
                (format!("{parameter} {aws:?}"), ["ssm", "parameter"])
            }
            CustodianKind::Age { file, .. } => (file.display().to_string(), ["age", "file"]),
        };
        if let Some(first) = targets.insert(target, index) {
            let text = format!(
                "`custodians[{first}]` keeps its share there already; one would overwrite the other"
            );
            reading.refuse(&["init", "custodians", &here, key[0], key[1]], text);
        }
    }
}

fn accepted_custodians_exist(parts: &Parts, reading: &mut Reading) {
    let Some(init) = &parts.init else { return };
    for (index, name) in init.accept_unproved.iter().enumerate() {
        if !init
            .custodians
            .iter()
            .any(|custodian| custodian.name == *name)
        {
            reading.refuse(
                &["init", "accept_unproved", &step(index)],
                "no custodian has this name",
            );
        }
    }
}

fn recipients_are_public(parts: &Parts, reading: &mut Reading) {
    let Some(init) = &parts.init else { return };
    for (index, custodian) in init.custodians.iter().enumerate() {
        if let CustodianKind::Age { recipient, .. } = &custodian.kind
            && !recipient.starts_with("age1")
        {
            let text = "expected an age recipient, which starts with `age1`; `age-keygen -y KEYFILE` shows it";
            reading.refuse(
                &["init", "custodians", &step(index), "age", "recipient"],
                text,
            );
        }
    }
}

fn mount_paths_are_plain(parts: &Parts, reading: &mut Reading) {
    let audit = parts
        .audit
        .iter()
        .map(|device| ("audit", device.path.as_str()));
    let secrets = parts
        .secrets
        .iter()
        .map(|engine| ("secrets", engine.path.as_str()));
    let auth = parts.auth.iter().map(|mount| ("auth", mount.path.as_str()));
    for (section, path) in audit.chain(secrets).chain(auth) {
        if !plain_path(path) {
            reading.refuse(
                &[section, path],
                "a path has no `/` in front, and neither `//` nor `..` in it",
            );
        }
        let taken = match section {
            "secrets" => ["sys", "identity", "cubbyhole"].contains(&path),
            "auth" => path == "token",
            _ => false,
        };
        if taken {
            reading.refuse(&[section, path], "every server has this mount already");
        }
    }
}

fn plain_path(path: &str) -> bool {
    path.split('/').all(|part| {
        !part.is_empty() && part != "." && part != ".." && !part.contains(char::is_control)
    })
}

fn audit_files_are_different(parts: &Parts, reading: &mut Reading) {
    let mut files: HashMap<&str, &str> = HashMap::new();
    for device in parts
        .audit
        .iter()
        .filter(|device| device.device_type == "file")
    {
        match option(device, "file_path") {
            None => reading.refuse(
                &["audit", &device.path],
                "missing key `file_path` in `options`: a file device needs it",
            ),
            Some(file) => {
                if let Some(other) = files.insert(file, &device.path) {
                    let text = format!("`audit.{other}` writes to this file already");
                    reading.refuse(&["audit", &device.path, "options", "file_path"], text);
                }
            }
        }
    }
    if reading.names("audit").is_empty() {
        reading.warn(
            &["audit"],
            "no audit device: nothing would ever tell who read what",
        );
    }
}

fn audit_options_keep_secrets(parts: &Parts, reading: &mut Reading) {
    for device in &parts.audit {
        let truth = option(device, "log_raw").map(str::to_ascii_lowercase);
        if truth.is_some_and(|text| matches!(text.as_str(), "true" | "t" | "1")) {
            let text = "`log_raw` writes every secret in clear, the root token and the recovery keys first";
            reading.refuse(&["audit", &device.path, "options", "log_raw"], text);
        }
        if let Some(mode) = option(device, "mode") {
            let path = ["audit", &device.path, "options", "mode"];
            match u32::from_str_radix(mode, 8) {
                Ok(bits) if bits & 0o111 != 0 => {
                    reading.refuse(&path, "an audit file is never executable")
                }
                Ok(bits) if bits <= 0o777 => {}
                _ => reading.refuse(&path, "expected an octal mode such as \"0600\""),
            }
        }
    }
}

fn option<'d>(device: &'d AuditDevice, name: &str) -> Option<&'d str> {
    device
        .options
        .iter()
        .find(|(option, _)| option == name)
        .map(|(_, value)| value.as_str())
}

fn policy_names_are_free(_: &Parts, reading: &mut Reading) {
    for name in reading.names("policies") {
        let text = match name {
            "root" => "the policy `root` cannot be written",
            GRANT => "this name belongs to the policy that the program writes for `break_glass`",
            _ if name.is_empty() || name.contains(char::is_whitespace) => {
                "a policy needs a name without spaces"
            }
            _ if name.to_lowercase() != name => {
                "names of policies are lower case; the servers would change it"
            }
            _ => continue,
        };
        reading.refuse(&["policies", name], text);
    }
}

fn policies_have_a_text(parts: &Parts, reading: &mut Reading) {
    for policy in &parts.policies {
        if let PolicySource::Rules { text, file } = &policy.source
            && text.trim().is_empty()
        {
            let key = if file.is_some() { "file" } else { "rules" };
            reading.refuse(&["policies", &policy.name, key], "the policy is empty");
        }
    }
}

/// Every role and user, with its place.
fn members(parts: &Parts) -> impl Iterator<Item = (&AuthMount, &'static str, &str, &Fields)> {
    parts.auth.iter().flat_map(|mount| {
        let roles = mount
            .roles
            .iter()
            .map(move |(name, fields)| (mount, "roles", name.as_str(), fields));
        roles.chain(
            mount
                .users
                .iter()
                .map(move |(name, fields)| (mount, "users", name.as_str(), fields)),
        )
    })
}

fn policies_of_tokens_exist(parts: &Parts, reading: &mut Reading) {
    let known = reading.names("policies");
    for (mount, kind, name, fields) in members(parts) {
        let path = ["auth", &mount.path, kind, name, "token_policies"];
        for policy in fields
            .get("token_policies")
            .map(Field::strings)
            .unwrap_or_default()
        {
            if policy == "root" {
                reading.refuse(&path, "no login may have the policy `root`");
            } else if !known.contains(&policy)
                && policy != "default"
                && policy != GRANT
                && !policy.contains("{{")
            {
                let text = format!(
                    "the policy `{policy}` is not in this file; without it the token may do nothing by it"
                );
                reading.warn(&path, text);
            }
        }
    }
}

fn oidc_is_complete(parts: &Parts, reading: &mut Reading) {
    for mount in parts
        .auth
        .iter()
        .filter(|mount| matches!(mount.auth_type.as_str(), "oidc" | "jwt"))
    {
        if mount.config.is_empty() {
            continue;
        }
        let keys = [
            "oidc_discovery_url",
            "jwks_url",
            "jwks_pairs",
            "jwt_validation_pubkeys",
        ];
        if keys
            .iter()
            .filter(|key| mount.config.get(key).is_some())
            .count()
            != 1
        {
            let text = "exactly one of `oidc_discovery_url`, `jwks_url`, `jwks_pairs` and `jwt_validation_pubkeys` says where keys come from";
            reading.refuse(&["auth", &mount.path, "config"], text);
        }
        if mount.config.get("oidc_client_id").is_some()
            != mount.config.get("oidc_client_secret").is_some()
        {
            reading.refuse(
                &["auth", &mount.path, "config"],
                "`oidc_client_id` and `oidc_client_secret` go together",
            );
        }
    }
}

fn roles_of_people_are_bound(parts: &Parts, reading: &mut Reading) {
    for (mount, kind, name, fields) in members(parts) {
        if !matches!(mount.auth_type.as_str(), "oidc" | "jwt") {
            continue;
        }
        let path = ["auth", &mount.path, kind, name];
        let setting = |key: &str| fields.get(key).and_then(Field::as_str);
        let bound = [
            "bound_claims",
            "bound_subject",
            "bound_audiences",
            "token_bound_cidrs",
        ];
        let claims = |keys: &[&str]| keys.iter().any(|key| fields.get(key).is_some());
        if setting("role_type") == Some("jwt") {
            if !claims(&bound) {
                reading.refuse(&path, "a role for JWTs needs `bound_audiences`, `bound_subject`, `bound_claims` or `token_bound_cidrs`");
            }
            continue;
        }
        if !claims(&["allowed_redirect_uris"]) && setting("callback_mode") != Some("device") {
            let text = "missing key `allowed_redirect_uris`; for this program it is `[\"http://localhost:8250/oidc/callback\"]`";
            reading.refuse(&path, text);
        }
        if !claims(&bound[..2]) {
            reading.warn(
                &path,
                "no `bound_claims`: whoever has an account at the provider gets in",
            );
        }
    }
}

fn secrets_are_references(parts: &Parts, reading: &mut Reading) {
    for mount in &parts.auth {
        literals(reading, &["auth", &mount.path, "config"], &mount.config);
    }
    for (mount, kind, name, fields) in members(parts) {
        literals(reading, &["auth", &mount.path, kind, name], fields);
    }
    for engine in &parts.secrets {
        literals(
            reading,
            &["secrets", &engine.path, "config"],
            &engine.config,
        );
    }
    for (index, write) in parts.writes.iter().enumerate() {
        literals(reading, &["writes", &step(index), "data"], &write.data);
    }
}

/// Reports literal values of fields that are secrets by their name. Depth is bounded by that of the document.
fn literals(reading: &mut Reading, path: &[&str], fields: &Fields) {
    for (name, field) in fields.iter() {
        let mut here = path.to_vec();
        here.push(name);
        match field {
            Field::String(text) if !text.is_empty() && is_secret(name) => {
                reading.refuse(&here, "secret values are references: `{file: PATH}`, `{env: NAME}`, `{ssm: PARAMETER}` or `{prompt: TEXT}`");
            }
            Field::Map(fields) => literals(reading, &here, fields),
            _ => {}
        }
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|end| {
        name.strip_suffix(end)
            .is_some_and(|before| before.is_empty() || before.ends_with(['_', '-', '.']))
    })
}

fn write_paths_are_plain(parts: &Parts, reading: &mut Reading) {
    for (index, write) in parts.writes.iter().enumerate() {
        if !plain_path(&write.path) || write.path.starts_with("v1/") {
            let text = "an API path has neither `v1/` nor `/` in front, no `/` at the end, and neither `//` nor `..` in it";
            reading.refuse(&["writes", &step(index), "path"], text);
        }
    }
}

fn doors_exist(parts: &Parts, reading: &mut Reading) {
    let Some(BreakGlass::Logins(names)) = &parts.break_glass else {
        return;
    };
    let known = reading.names("logins");
    for (index, name) in names.iter().enumerate() {
        let here = step(index);
        if !known.contains(&name.as_str()) {
            reading.refuse(
                &["break_glass", "logins", &here],
                "no login of this file has this name",
            );
        } else if names[..index].contains(name) {
            reading.refuse(
                &["break_glass", "logins", &here],
                "this login stands in the list already",
            );
        }
    }
    let doors: Vec<&Login> = parts
        .logins
        .iter()
        .filter(|login| names.contains(&login.name))
        .collect();
    let first = doors.first().map(|door| &door.auth);
    if doors.len() == names.len() && doors.iter().all(|door| Some(&door.auth) == first) {
        reading.warn(
            &["break_glass", "logins"],
            "all doors hang on one auth method; a second one on another is advised",
        );
    }
}

fn doors_can_open(parts: &Parts, reading: &mut Reading) {
    let Some(BreakGlass::Logins(names)) = &parts.break_glass else {
        return;
    };
    if parts
        .cluster
        .as_ref()
        .is_some_and(|cluster| cluster.namespace.is_some())
    {
        let text = "root generation belongs to the root namespace, and so do its logins; leave `cluster.namespace` empty";
        reading.refuse(&["break_glass", "logins"], text);
    }
    for login in parts
        .logins
        .iter()
        .filter(|login| names.contains(&login.name))
    {
        let Some(mount) = parts.auth.iter().find(|mount| mount.path == login.auth) else {
            continue;
        };
        let (kind, name) = match &login.kind {
            LoginKind::Userpass { username, .. } => ("users", username),
            LoginKind::Jwt { role, .. }
            | LoginKind::Kubernetes { role, .. }
            | LoginKind::Oidc { role, .. } => ("roles", role),
            // Which role a role id belongs to is only known to the server.
            LoginKind::AppRole { .. } => continue,
        };
        let Some(fields) = (if kind == "users" {
            mount.user(name)
        } else {
            mount.role(name)
        }) else {
            continue;
        };
        door(reading, mount, kind, name, fields);
    }
}

fn door(reading: &mut Reading, mount: &AuthMount, kind: &str, name: &str, fields: &Fields) {
    let own = fields
        .get("token_type")
        .and_then(Field::as_str)
        .filter(|text| !matches!(*text, "" | "default"));
    let tuned = mount.tune.get("token_type").and_then(Field::as_str);
    let text = "a break-glass door needs service tokens: a batch token has no accessor and cannot be revoked";
    match (own, tuned) {
        (Some("batch"), _) => {
            reading.refuse(&["auth", &mount.path, kind, name, "token_type"], text)
        }
        (_, Some("batch")) | (None, Some("default-batch")) => {
            reading.refuse(&["auth", &mount.path, "tune", "token_type"], text);
        }
        _ => {}
    }
    if let Some(Field::Number(uses)) = fields.get("token_num_uses")
        && uses
            .as_u64()
            .is_some_and(|uses| uses > 0 && uses < FEWEST_USES)
    {
        let text = format!(
            "the token of a break-glass door would run out in the middle of a quorum; 0 (any number) or at least {FEWEST_USES}"
        );
        reading.refuse(&["auth", &mount.path, kind, name, "token_num_uses"], text);
    }
}
