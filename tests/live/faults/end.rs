//! How a ceremony ended: what the server, the custodians and the report say, without what differs by chance or by
//! the clock. Two ceremonies of one file have equal ends.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::stage::{COPY, ROLE_ID, Stage};
use crate::ceremony::{Api, looks_like_a_share, root_from_shares};
use crate::support::LocalStack;

/// What of a mount or of an audit device the file determines.
const OF_A_MOUNT: [&str; 6] = [
    "type",
    "description",
    "options",
    "config",
    "local",
    "seal_wrap",
];

/// Reads all of it. A promise that does not hold is a panic that says which.
pub fn read(stage: &Stage) -> Value {
    let (api, ceremony) = (stage.server.api(), &stage.ceremony);
    let ids = json!({ "role_id": ROLE_ID, "secret_id": ceremony.secrets["audit"] });
    let opened = api.write("auth/approle/login", &ids);
    let auditor = api.with(opened["auth"]["client_token"].as_str().expect("a token"));
    auditor.no_root_is_left();
    assert!(
        !ceremony.keeps_secrets(),
        "secrets are left in the checkpoint"
    );
    assert_eq!(
        stage.trap.initialisations(),
        1,
        "requests to initialise that arrived"
    );
    let read = |name: &str| std::fs::read_to_string(ceremony.path(name)).expect("a report");
    assert_eq!(read(COPY), read("checkpoint/report.json"));
    let shares = ["alice", "bob", "carol"].map(|name| ceremony.custody().share(name));
    assert!(shares.iter().all(|share| looks_like_a_share(share)));
    assert_eq!(shares.iter().collect::<BTreeSet<_>>().len(), 3);
    let ada = api.log_in("ada", &ceremony.secrets["ada"]);
    let server = with_root(stage, &ada, [&shares[0], &shares[2]], |root| {
        server(root, stage)
    });
    with_root(stage, &ada, [&shares[1], &shares[2]], |_| Value::Null);
    auditor.no_root_is_left();
    json!({ "server": server, "report": report(&ceremony.report()) })
}

/// Makes root from a quorum, looks with it, and ends it.
fn with_root(
    stage: &Stage,
    login: &Api<'_>,
    shares: [&String; 2],
    look: impl Fn(&Api<'_>) -> Value,
) -> Value {
    let path = if stage.server.setup().is_openbao() {
        "generate-root-token"
    } else {
        "generate-root"
    };
    let token = root_from_shares(login, path, &shares.map(Clone::clone));
    let root = stage.server.api().with(&token);
    let seen = look(&root);
    root.write("auth/token/revoke-self", &Value::Null);
    assert_eq!(root.get("auth/token/lookup-self").0, 403);
    seen
}

fn server(root: &Api<'_>, stage: &Stage) -> Value {
    let keys = |path: &str| -> Vec<String> {
        let (status, answer) = root.list(path);
        assert_eq!(status, 200, "LIST {path}: {answer}");
        let keys = answer["data"]["keys"].as_array().expect("keys").iter();
        keys.map(|key| key.as_str().expect("a name").to_owned())
            .collect()
    };
    // A policy also says when it was changed last.
    let by_chance = |mut data: Value| {
        for name in ["modified", "version"] {
            data.as_object_mut().expect("a map").shift_remove(name);
        }
        data
    };
    let each = |path: &str| -> BTreeMap<String, Value> {
        let names = keys(path).into_iter();
        names
            .map(|name| {
                let data = root.read(&format!("{path}/{name}"))["data"].clone();
                (name, by_chance(data))
            })
            .collect()
    };
    let role = "auth/approle/role/auditor";
    json!({
        "sealed": stage.server.is_sealed(),
        "policies": each("sys/policies/acl"),
        "users": each("auth/userpass/users"),
        "roles": each("auth/approle/role"),
        "role_id": root.read(&format!("{role}/role-id"))["data"]["role_id"],
        "secret_ids": keys(&format!("{role}/secret-id")).len(),
        "mounts": mounts(root, "sys/mounts"),
        "auth": mounts(root, "sys/auth"),
        "audit": audit(root),
        "parameters": shares_in_the_store(stage),
    })
}

fn mounts(root: &Api<'_>, path: &str) -> BTreeMap<String, Value> {
    let listing = root.read(path)["data"].clone();
    let mounts = listing.as_object().expect("mounts").iter();
    mounts
        .map(|(name, mount)| (name.clone(), only(mount, &OF_A_MOUNT)))
        .collect()
}

/// The file of a device is the server's own.
fn audit(root: &Api<'_>) -> BTreeMap<String, Value> {
    let mut devices = mounts(root, "sys/audit");
    for device in devices.values_mut() {
        device["options"]["file_path"] = Value::Null;
    }
    devices
}

fn only(value: &Value, names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| ((*name).to_owned(), value[*name].clone()))
        .collect()
}

/// Trial values of a run that was killed before it could take them back have names of their own; a share has not.
fn shares_in_the_store(stage: &Stage) -> Vec<String> {
    let prefix = stage.ceremony.prefix();
    let names = LocalStack::shared().ssm_names_under(&prefix);
    let names = names
        .into_iter()
        .map(|name| name.replace(&prefix, ""))
        .filter(|name| !is_trial(name));
    names.collect()
}

/// How many trial values were left behind.
pub fn trial_values(stage: &Stage) -> usize {
    let prefix = stage.ceremony.prefix();
    let names = LocalStack::shared().ssm_names_under(&prefix);
    let parameters = names.iter().filter(|name| is_trial(name)).count();
    let files = stage.ceremony.files_in("shares");
    parameters + files.iter().filter(|name| name.starts_with('.')).count()
}

fn is_trial(name: &str) -> bool {
    !name.ends_with("/carol")
}

/// Steps with their states and the names of what they can show.
fn report(report: &Value) -> Value {
    let steps = report["steps"].as_array().expect("steps").iter();
    let steps = steps.map(|step| {
        json!({
            "step": step["step"], "state": step["state"],
            "finished": step["finished"].is_string(), "evidence": evidence(&step["evidence"]),
        })
    });
    json!({
        "steps": steps.collect::<Vec<_>>(),
        "findings": report["findings"],
        "break_glass": report["break_glass"],
    })
}

/// The names of the evidence. Four differ by right: what was written now was there already then, and is then seen
/// with its tuning, or with what no server shows of it; an answer that was taken up says so; and of root's end either
/// the proof is there or how the next run found it.
fn evidence(evidence: &Value) -> Value {
    let fields = evidence.as_object().expect("evidence");
    let mut names: BTreeSet<&str> = fields.keys().map(String::as_str).collect();
    names.remove("taken_up");
    // A run that was cut off remembers nothing of its last write, and the next one says how it compared it.
    names.remove("by_meaning");
    names.remove("not_shown");
    if names.remove("after") || names.contains("proof") {
        for name in ["proof", "control"] {
            names.remove(name);
        }
        names.insert("the end of root");
    }
    let mut documents: BTreeSet<String> = BTreeSet::new();
    for name in ["documents", "not_read_back", "written", "written_before"] {
        names.remove(name);
        let paths = evidence[name].as_array().into_iter().flatten();
        let paths = paths.map(|path| path.as_str().expect("a path"));
        documents.extend(paths.map(|path| path.trim_end_matches("/tune").to_owned()));
    }
    json!({ "names": names, "documents": documents })
}
