//! What other processes of the machine see of a run: its arguments, its environment, those of what it starts, and
//! what is left of it when it crashes.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::ceremony::{Ceremony, Run, Server};
use crate::support::{
    Account, Action, Faults, Kubernetes, OpenIdProvider, Proxy, RequestInfo, Running, eventually,
    require,
};

const HELD: Duration = Duration::from_secs(30);
/// Tokens of somebody else that lie around in an environment.
const LYING_AROUND: [(&str, &str); 2] = [
    ("VAULT_TOKEN", "hvs.lies-around-in-the-environment"),
    ("BAO_TOKEN", "s.lies-around-as-well"),
];
/// Nobody: no file of a test is theirs until it is given to them.
const NOBODY: u32 = 65534;

/// A run that is stopped in the middle of its configuration, when it holds all that it ever holds.
struct Stopped {
    _server: Server,
    _proxy: Proxy,
    run: Running,
    /// The root token, as the server was shown it.
    root: String,
}

/// Stops at the write of a policy. `prepare` has the last word about the ceremony.
fn stopped(prepare: impl FnOnce(&mut Ceremony)) -> (Ceremony, Stopped) {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let seen = Arc::new(Mutex::new(String::new()));
    let root = seen.clone();
    let faults = Faults::new()
        .every(
            "* sys/policies/acl/operator*",
            move |request: &RequestInfo| {
                let token = request.header("x-vault-token").unwrap_or_default();
                token.clone_into(&mut root.lock().expect("no panic holds it"));
                Action::Hold
            },
        )
        .when(RequestInfo::writes);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    prepare(&mut ceremony);
    let run = ceremony.start();
    assert!(proxy.wait_for_held(HELD), "{}", run.stderr_so_far());
    let root = seen.lock().expect("no panic holds it").clone();
    assert!(root.len() > 20, "a root token");
    let stopped = Stopped {
        _server: server,
        _proxy: proxy,
        run,
        root,
    };
    (ceremony, stopped)
}

/// What stands in a file of `/proc`.
fn seen_of(id: u32, name: &str) -> String {
    let path = format!("/proc/{id}/{name}");
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[track_caller]
fn shows_none_of(what: &str, text: &str, secrets: &[String]) {
    assert!(!text.is_empty(), "{what} was not seen");
    for secret in secrets {
        assert!(!text.contains(secret.as_str()), "{what} shows a secret");
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn neither_arguments_nor_environment_show_a_secret_of_the_ceremony() {
    let (ceremony, stopped) = stopped(|_| {});
    let shares = ["alice", "bob", "carol"].map(|name| ceremony.custody().share(name));
    let mut secrets: Vec<String> = ceremony.secrets.values().cloned().chain(shares).collect();
    secrets.push(stopped.root.clone());
    let id = stopped.run.id();
    let arguments = seen_of(id, "cmdline");
    assert!(arguments.ends_with("apply\0--yes\0"), "{arguments:?}");
    shows_none_of("cmdline", &arguments, &secrets);
    // Its environment is closed to others of its user, and so to this test unless it is root.
    if is_root() {
        shows_none_of("environ", &seen_of(id, "environ"), &secrets);
    }
    for task in std::fs::read_dir(format!("/proc/{id}/task")).expect("tasks") {
        let name = task.expect("a task").path().join("comm");
        let name = std::fs::read_to_string(name).unwrap_or_default();
        assert!(secrets.iter().all(|secret| !name.contains(secret.as_str())));
    }
}

/// Runs the tool as nobody where the test is root, since root may look at everything.
fn as_somebody(ceremony: &mut Ceremony) {
    if !is_root() {
        return;
    }
    let directory = ceremony.path("");
    let mut give = Command::new("chown");
    give.args(["-R", &NOBODY.to_string()]).arg(&directory);
    assert!(give.status().expect("chown").success());
    // The program is opened before: nobody may not come by where it lies.
    let become_nobody = format!(
        r#"exec 3<"$0"; exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups /proc/self/fd/3 "$@""#
    );
    ceremony.through = ["sh", "-c", &become_nobody].map(str::to_owned).to_vec();
}

/// Reads a file as the user that the tool runs as.
fn read_as_its_user(path: &str) -> bool {
    if !is_root() {
        return std::fs::read(path).is_ok();
    }
    let user = [NOBODY.to_string(), NOBODY.to_string()];
    let mut read = Command::new("setpriv");
    read.args(["--clear-groups", "--reuid", &user[0], "--regid", &user[1]]);
    let output = read.args(["cat", path]).output().expect("setpriv");
    output.status.success()
}

#[test]
fn a_program_of_the_same_user_cannot_look_into_a_run() {
    let (_ceremony, stopped) = stopped(as_somebody);
    let id = stopped.run.id();
    let status = seen_of(id, "status");
    let uid = status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .and_then(|ids| ids.split_whitespace().next())
        .expect("a user");
    assert_ne!(uid, "0", "{status}");
    for name in ["environ", "mem", "maps", "fd"] {
        let path = format!("/proc/{id}/{name}");
        let owner = Path::new(&path).metadata().expect("it is there").uid();
        assert_eq!(owner, 0, "{name} belongs to its user, so it can be dumped");
    }
    assert!(read_as_its_user(&format!("/proc/{id}/cmdline")));
    assert!(!read_as_its_user(&format!("/proc/{id}/environ")));
    assert!(!read_as_its_user(&format!("/proc/{id}/maps")));
}

/// Lets the tool leave a core file as far as this machine allows one.
const CORE_ALLOWED: &str = r#"ulimit -c unlimited 2>/dev/null; exec "$0" "$@""#;

/// Whether a program that does not care leaves a core file here.
fn a_crash_leaves_a_core_file() -> bool {
    use std::os::unix::process::ExitStatusExt;
    let directory = tempfile::tempdir().expect("a directory");
    let mut crash = Command::new("sh");
    let crash = crash.args(["-c", "ulimit -c unlimited 2>/dev/null; kill -ABRT $$"]);
    let status = crash.current_dir(&directory).status().expect("sh");
    assert_eq!(status.signal(), Some(6));
    if !status.core_dumped() {
        println!(
            "not seen here: this machine makes no core files, so a run leaves none in any case"
        );
    }
    status.core_dumped()
}

#[test]
fn a_run_that_crashes_leaves_no_core_file() {
    a_crash_leaves_a_core_file();
    for (signal, code) in [
        (Signal::ABORT, -6),
        (Signal::SEGV, -11),
        (Signal::QUIT, 131),
    ] {
        let (ceremony, stopped) = stopped(|ceremony| {
            ceremony.through = ["sh", "-c", CORE_ALLOWED].map(str::to_owned).to_vec();
        });
        let limits = seen_of(stopped.run.id(), "limits");
        let core = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max core file size"))
            .expect("a limit");
        let core: Vec<&str> = core.split_whitespace().collect();
        assert_eq!(core, ["0", "0", "bytes"]);
        let mut run = stopped.run;
        run.signal(signal);
        if signal == Signal::SEGV {
            // Rust's own handler takes the first one: it sees that no access failed, and gives way to the system's.
            let ended = eventually(HELD, || {
                run.has_ended() || {
                    run.signal(signal);
                    false
                }
            });
            assert!(ended, "{}", run.stderr_so_far());
        }
        let ended = run.finish();
        assert_eq!(ended.code, code, "{}", ended.stderr);
        assert!(!ended.core_dumped, "{signal:?}");
        let files = ceremony.files_in("");
        assert!(
            files.iter().all(|name| !name.starts_with("core")),
            "{files:?}"
        );
    }
}

/// A script that notes what can be seen of itself in `seen`, then goes on with `then`.
fn script_that_looks(ceremony: &Ceremony, then: &str) -> String {
    let text = format!("#!/bin/sh\ncat /proc/$$/environ /proc/$$/cmdline > seen\n{then}\n");
    let path = ceremony.write("look", &text);
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(&path, mode).expect("ours");
    path.display().to_string()
}

/// Gives the operator's password in the environment, among tokens that lie around there.
fn fill_the_environment(ceremony: &mut Ceremony) {
    let reference = json!({ "env": "OPERATOR_PASSWORD" });
    ceremony
        .set("/auth/userpass/users/operator/password", reference.clone())
        .set("/logins/operator/password", reference);
    let password = ceremony.secrets["operator"].clone();
    let given = [("OPERATOR_PASSWORD", password.as_str())];
    for (name, value) in given.into_iter().chain(LYING_AROUND) {
        ceremony.environment.push((name.into(), value.into()));
    }
}

/// What the script saw of itself: an environment, and nothing in it that is a secret.
fn saw_no_secret(ceremony: &Ceremony, run: &Run) {
    run.exits(4);
    let shares = ["alice", "bob", "carol"].map(|name| ceremony.custody().share(name));
    let given = ceremony.secrets.values().cloned().chain(shares);
    let lying = LYING_AROUND.map(|(_, value)| value.to_owned());
    let secrets: Vec<String> = given.chain(lying).collect();
    let seen = std::fs::read(ceremony.path("seen")).expect("the script was started");
    let seen = String::from_utf8_lossy(&seen);
    assert!(seen.contains("PATH="), "{seen:?}");
    assert!(!seen.contains("_TOKEN=") && !seen.contains("OPERATOR_PASSWORD"));
    shows_none_of("the child", &seen, &secrets);
    for start in ["hvs.", "s.", "hvb."] {
        let word = |word: &str| word.starts_with(start) && word.len() > 20;
        let part = |c: char| c.is_alphanumeric() || "._-".contains(c);
        assert!(!seen.split(|c| !part(c)).any(word), "a token: {start}…");
    }
}

#[test]
fn a_command_that_prints_a_token_is_started_without_any_secret() {
    require!(["openbao-2.7.2", "kubeapi-1.34.2"]);
    let server = Server::in_memory();
    let kubernetes = Kubernetes::shared();
    let mut ceremony = Ceremony::at(&server);
    let workload = ceremony.workload_door(kubernetes);
    let token =
        kubernetes.token_request(&workload.namespace, "payments", crate::ceremony::AUDIENCE);
    ceremony.write("payments.jwt", &token);
    ceremony.secrets.insert("payments".into(), token);
    let script = script_that_looks(&ceremony, "cat payments.jwt");
    ceremony.set("/logins/payments/with", json!({ "command": [script] }));
    fill_the_environment(&mut ceremony);
    let run = ceremony.apply();
    saw_no_secret(&ceremony, &run);
}

#[test]
fn the_browser_is_started_without_any_secret() {
    require!(["openbao-2.7.2", "oidc-provider-9.13.3"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let provider = OpenIdProvider::start();
    ceremony.on_call_door(&provider);
    ceremony.set("/logins/on-call/with", json!("browser"));
    let script = script_that_looks(&ceremony, "exit 0");
    ceremony.environment.push(("BROWSER".into(), script));
    fill_the_environment(&mut ceremony);
    let run = ceremony.apply_with(&provider, Account::Alice);
    saw_no_secret(&ceremony, &run);
}
