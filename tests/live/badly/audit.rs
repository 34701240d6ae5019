//! An audit device on a full disk: the server refuses everything, and names no reason.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::ceremony::{Ceremony, Server, builder, declared};
use crate::support::{
    Action, DeclaredAudit, Disk, Faults, Proxy, RequestInfo, Scratch, Setup, require, skip,
};

/// What nobody waits longer for: a server that answers at once is asked a few times, and no more.
const BOUND: Duration = Duration::from_secs(30);
/// Blocks that are kept free by nobody are gone after this many requests: what is left of the last one.
const LAST_BLOCK: usize = 50;

/// A server whose log has a small disk of its own, and a ceremony in which that is full from the `nth` request with
/// this label on.
struct Full {
    server: Server,
    ceremony: Ceremony,
    proxy: Proxy,
    ballast: PathBuf,
    log: PathBuf,
    _disk: Disk,
    _scratch: Scratch,
}

fn full_from(label: &'static str, nth: usize) -> Option<Full> {
    let scratch = Scratch::new();
    let disk = match Disk::over(&scratch.file("small"), "size=1m,mode=0700") {
        Ok(disk) => disk,
        Err(why) => {
            skip(&format!("no file system may be mounted here: {why}"));
            return None;
        }
    };
    let (log, ballast) = (disk.file("audit.log"), disk.file("ballast"));
    let device = DeclaredAudit {
        file: Some(log.clone()),
        ..declared(false)
    };
    let builder = builder(Setup::OpenBao272Static).in_memory();
    let server = Server::from(builder.declared_audit(Some(device)).start());
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/audit/file/options/file_path", json!(log));
    ceremony.set("/cluster/timeouts", json!({ "active": "6s" }));
    let (address, filled) = (server.address(), ballast.clone());
    let upstream = address.clone();
    let faults = Faults::new().nth(nth, label, move |request: &RequestInfo| {
        fill(&filled);
        let token = request.header("x-vault-token").expect("a token");
        let client = crate::support::HttpClient::default();
        let url = format!("{address}/v1/auth/token/lookup-self");
        let refused = (0..LAST_BLOCK).any(|_| {
            let answer = client.call("GET", &url, &[("X-Vault-Token", token)], None);
            answer.expect("an answer").status == 500
        });
        assert!(refused, "the disk is not full");
        Action::Pass
    });
    let proxy = faults.before(&upstream);
    ceremony.set("/cluster/address", json!(proxy.address()));
    Some(Full {
        server,
        ceremony,
        proxy,
        ballast,
        log,
        _disk: disk,
        _scratch: scratch,
    })
}

/// Writes until there is no room.
fn fill(path: &PathBuf) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).expect("a file");
    while file.write_all(&[0; 4096]).is_ok() {}
}

impl Full {
    /// It stops soon, says where to look, and root stands; with room again the same command ends well.
    fn is_explained(&self) {
        let begun = Instant::now();
        let run = self.ceremony.apply();
        assert!(begun.elapsed() < BOUND, "{:?}\n{run}", begun.elapsed());
        let place = format!("sys/audit/file ({})", self.log.display());
        run.exits(1).says(&[
            "was answered with 500",
            "none of its audit devices can write",
            &place,
            "the server's log",
            "apply --yes",
        ]);
        run.shows_no_token();
        assert!(self.ceremony.keeps_secrets(), "root is in the checkpoint");
        let before = self.proxy.total();
        self.ceremony
            .apply()
            .exits(1)
            .says(&["none of its audit devices can write"]);
        assert!(self.proxy.total() - before < 200, "it asks for ever");
        std::fs::remove_file(&self.ballast).expect("ours");
        self.ceremony.apply().exits(4);
        assert!(!self.ceremony.keeps_secrets());
        let auditor = &self.ceremony.secrets["audit"];
        let auditor = self.server.api().log_in("audit-reader", auditor);
        auditor.no_root_is_left();
    }
}

#[test]
fn an_audit_device_on_a_full_disk_is_suspected_and_named() {
    require!(["openbao-2.7.2"]);
    let Some(full) = full_from("POST sys/policies/acl/operator", 1) else {
        return;
    };
    full.is_explained();
}

/// Three doors are closed before root's own revocation.
#[test]
fn a_disk_that_is_full_when_root_is_to_go_leaves_root_alive() {
    require!(["openbao-2.7.2"]);
    let Some(full) = full_from("POST auth/token/revoke-self", 4) else {
        return;
    };
    full.is_explained();
}
