//! No secret anywhere it should not be: not at the highest verbosity, not in a failing run, and not by way of modes and links of the checkpoint's files.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use crate::ceremony::{Ceremony, Run, Server};
use crate::support::{
    Account, Action, Faults, OpenIdProvider, Proxy, RequestInfo, Running, Tool, require,
};

const HELD: Duration = Duration::from_secs(30);

/// What other processes see of the tool and of all that it started, collected while it works.
#[derive(Clone, Default)]
struct Seen {
    id: Arc<AtomicU32>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Seen {
    fn look(&self) {
        let id = self.id.load(Ordering::SeqCst);
        let mut bytes = self.bytes.lock().expect("no panic holds it");
        for process in family(id) {
            for name in ["environ", "cmdline"] {
                let path = format!("/proc/{process}/{name}");
                bytes.extend(std::fs::read(path).unwrap_or_default());
                bytes.push(b'\n');
            }
        }
    }
}

/// A process and its children, as far as they are alive.
fn family(id: u32) -> Vec<u32> {
    let children = format!("/proc/{id}/task/{id}/children");
    let children = std::fs::read_to_string(children).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|id| id.parse().ok());
    [id].into_iter().chain(children).collect()
}

/// A ceremony behind a proxy that hears every secret and looks at the processes at each request.
fn watched(
    rule: impl Fn(&RequestInfo) -> Action + Send + Sync + 'static,
) -> (Server, Ceremony, Proxy, Seen) {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let seen = Seen::default();
    let looking = seen.clone();
    let proxy = Proxy::before(&server.address(), move |request| {
        looking.look();
        rule(request)
    });
    ceremony.set("/cluster/address", json!(proxy.address()));
    (server, ceremony, proxy, seen)
}

fn start(ceremony: &Ceremony, seen: &Seen) -> (Tool, Running) {
    ceremony.save();
    let tool = ceremony.tool().env("RUST_BACKTRACE", "full");
    let run = tool.spawn(&["apply", "--yes", "-vvv", "--report", "copy.json"]);
    seen.id.store(run.id(), Ordering::SeqCst);
    (tool, run)
}

/// Ends a run, whose home is still there, and looks at what other processes saw of it.
#[track_caller]
fn quiet(ceremony: &Ceremony, seen: &Seen, (_tool, run): (Tool, Running)) -> Run {
    let run = Run::from(run.finish());
    let canaries = &ceremony.canaries;
    assert!(canaries.count("root_token") >= 1 && canaries.count("keys_base64") >= 3);
    let bytes = seen.bytes.lock().expect("no panic holds it");
    assert!(bytes.starts_with(b"PATH=") || bytes.windows(5).any(|some| some == b"apply"));
    canaries.are_not_in("environment or arguments", &bytes);
    run
}

#[test]
fn a_whole_ceremony_at_the_highest_verbosity_shows_no_secret_anywhere() {
    require!(["openbao-2.7.2", "oidc-provider-9.13.3"]);
    let (_server, mut ceremony, _proxy, seen) = watched(|_| Action::Pass);
    let provider = OpenIdProvider::start();
    ceremony.on_call_door(&provider);
    let (tool, run) = start(&ceremony, &seen);
    let address = run.wait_for_url(&provider.issuer());
    let page = provider.sign_in_and_deliver(&address, Account::Alice);
    let run = quiet(&ceremony, &seen, (tool, run));
    assert!(page.is_ok(), "{page:?}\n{run}");
    run.exits(4);
    assert!(
        run.stderr.contains("TRACE") || run.stderr.contains("DEBUG"),
        "{run}"
    );
    assert!(ceremony.canaries.count("client_token") >= 4);
    assert!(ceremony.path("copy.json").exists());
}

#[test]
fn a_ceremony_that_fails_in_the_middle_shows_no_secret_anywhere() {
    // A gateway that repeats what it was sent, token and all.
    let (_server, ceremony, _proxy, seen) = watched(|request| {
        let label = request.label();
        if request.method == "GET" || !label.contains(" auth/userpass/users/") {
            return Action::Pass;
        }
        let token = request.header("x-vault-token").unwrap_or_default();
        let body = String::from_utf8_lossy(&request.body);
        let page = json!({ "errors": [format!("{token} may not send {body}")] });
        Action::Respond(400, "application/json", page.to_string())
    });
    let started = start(&ceremony, &seen);
    quiet(&ceremony, &seen, started)
        .exits(1)
        .says(&["was answered with 400", "may not send"]);
}

fn number_in(id: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}

/// `vault-bootstrap apply -vv 2>&1 | head`: the log must not end the run, least of all while the one answer that
/// cannot be had again is on its way.
#[test]
fn a_log_that_nobody_reads_any_more_stops_nothing() {
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    ceremony.save();
    let tool = ceremony.tool();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut command = tool.command(&["apply", "--yes", "-vvv"]);
    command.stderr(writer).stdout(std::process::Stdio::null());
    drop(reader);
    let status = command.status().expect("it starts");
    assert_eq!(status.code(), Some(4), "{status}");
    assert!(!ceremony.keeps_secrets());
}

/// The mode of everything below a directory, itself included.
fn modes(path: &Path, found: &mut Vec<(String, u32)>) {
    let facts = path.symlink_metadata().expect("it is there");
    found.push((
        path.display().to_string(),
        facts.permissions().mode() & 0o7777,
    ));
    if facts.is_dir() {
        for entry in std::fs::read_dir(path).expect("a directory") {
            modes(&entry.expect("an entry").path(), found);
        }
    }
}

#[test]
fn whatever_the_umask_files_are_for_their_owner_alone() {
    for umask in ["000", "022", "777"] {
        let server = Server::in_memory();
        let mut ceremony = Ceremony::at(&server);
        ceremony.set("/checkpoint/path", json!("state/of/checkpoint"));
        ceremony.set("/init/accept_unproved", json!(["alice", "bob", "carol"]));
        let through = format!(r#"umask {umask}; exec "$0" "$@""#);
        ceremony.through = ["sh", "-c", &through].map(str::to_owned).to_vec();
        ceremony
            .run(&["apply", "--yes", "--report", "copy.json"])
            .exits(4);
        let mut found = Vec::new();
        for name in ["state", "shares", "copy.json"] {
            modes(&ceremony.path(name), &mut found);
        }
        assert!(found.len() > 8, "{found:?}");
        for (path, mode) in found {
            let wanted = if Path::new(&path).is_dir() {
                0o700
            } else {
                0o600
            };
            assert_eq!(mode, wanted, "{path} with umask {umask}: {mode:o}");
        }
    }
}

#[test]
fn a_checkpoint_that_others_can_write_to_or_lead_elsewhere_is_refused() {
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    let place = ceremony.path("checkpoint");
    for mode in [0o770, 0o720, 0o702, 0o777] {
        std::fs::set_permissions(&place, PermissionsExt::from_mode(mode)).expect("ours");
        ceremony
            .apply()
            .exits(3)
            .says(&["can be entered by others", "chmod 700"]);
    }
    std::fs::set_permissions(&place, PermissionsExt::from_mode(0o700)).expect("ours");
    let elsewhere = ceremony.path("elsewhere");
    std::fs::rename(&place, &elsewhere).expect("ours");
    symlink(&elsewhere, &place).expect("a link");
    ceremony.apply().exits(3).says(&["is a symbolic link"]);
    assert!(!server.api().initialised());
}

#[test]
fn memory_is_kept_from_swap_where_it_may_be_and_where_it_may_not_that_is_said() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let said = "memory cannot be locked here, so secrets may reach swap";
    let proxy;
    if rustix::process::geteuid().is_root() {
        let faults = Faults::new().first("*", Action::Hold);
        proxy = faults.before(&server.address());
        ceremony.set("/cluster/address", json!(proxy.address()));
        let run = ceremony.start();
        assert!(proxy.wait_for_held(HELD), "{}", run.stderr_so_far());
        assert!(
            number_in(run.id(), "VmLck:") > 1000,
            "hardly anything is locked"
        );
        let ended = Run::from(run.kill());
        ended.never_says(&[said]);
        ceremony.save();
        let give = Command::new("chown")
            .args(["-R", "65534"])
            .arg(ceremony.path(""))
            .status();
        assert!(give.expect("chown").success());
        let limited = r#"ulimit -l 64; exec 3<"$0"; exec setpriv --reuid=65534 --regid=65534 --clear-groups /proc/self/fd/3 "$@""#;
        ceremony.through = ["sh", "-c", limited].map(str::to_owned).to_vec();
    } else {
        ceremony.save();
        let limited = r#"ulimit -l 64; exec "$0" "$@""#;
        ceremony.through = ["sh", "-c", limited].map(str::to_owned).to_vec();
    }
    ceremony
        .run_as_is(&["apply", "--yes"])
        .exits(4)
        .says(&[said]);
}
