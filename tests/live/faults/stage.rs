//! One small ceremony with every kind of step, between two proxies that share a trap, on a disk that may fail.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::disk::Disk;
use super::point::{Kind, Point, Product};
use super::trap::{Side, Trap};
use crate::ceremony::{Ceremony, Run, Server};
use crate::support::{LocalStack, Proxy, Tool};

/// A run that takes longer hangs: the longest held answer is that of a service with three attempts.
const LONGEST_RUN: Duration = Duration::from_secs(60);
/// What is typed, each time.
const APPLY: [&str; 8] = [
    "apply",
    "--yes",
    "--report",
    COPY,
    "--identity",
    "alice.key",
    "--identity",
    "bob.key",
];
/// Where a copy of the report shall be.
pub const COPY: &str = "copy-of-the-report.json";
/// What a login for machines is given; a role's id is no secret.
pub const ROLE_ID: &str = "auditor-of-the-faults";

/// A server that nobody else knows, and the file for it.
pub struct Stage {
    /// Asked by the tests, past the proxy.
    pub server: Server,
    /// The tool's side.
    pub ceremony: Ceremony,
    /// Between the two.
    pub trap: Arc<Trap>,
    /// Below it.
    pub disk: Disk,
    point: Option<Point>,
    _proxies: [Proxy; 2],
}

impl Stage {
    /// Everything ready for the first run.
    pub fn set(product: Product, point: Option<Point>) -> Self {
        let mut stage = Self::with(product, point);
        stage.ceremony.prove_all();
        stage
    }

    /// Nobody has opened anything yet, and there is no checkpoint.
    pub fn unproved(product: Product) -> Self {
        Self::with(product, None)
    }

    fn with(product: Product, point: Option<Point>) -> Self {
        let server = product.start();
        let mut ceremony = small(&server);
        let trap = Arc::new(Trap::new(point));
        let server_proxy = between(&trap, Side::Server, &server.address());
        let aws_proxy = between(&trap, Side::Aws, &LocalStack::shared().endpoint());
        ceremony.set("/cluster/address", json!(server_proxy.address()));
        for (name, value) in &mut ceremony.environment {
            if name == "AWS_ENDPOINT_URL" {
                *value = aws_proxy.address();
            }
        }
        ceremony.save();
        let disk = Disk::at(&ceremony.path(""));
        Self {
            server,
            ceremony,
            trap,
            disk,
            point,
            _proxies: [server_proxy, aws_proxy],
        }
    }

    /// What leaks is counted in its place, and is no reason to stop.
    fn tool(&self) -> Tool {
        self.ceremony.tool().unwatched().limit(LONGEST_RUN)
    }

    /// The run that meets the fault, with the most talkative log.
    pub fn disturbed_run(&self) -> Run {
        self.trap.arm();
        let mut tool = self.tool();
        let kind = self.point.map(|point| point.kind);
        let kind = kind.filter(|kind| kind.is_of_the_disk());
        if self.point.is_none() || kind.is_some() {
            let number = self.point.map_or(0, |point| point.number);
            tool = tool.through(&self.disk.through(kind, number));
        }
        if kind == Some(Kind::Panic) {
            tool = tool.env("RUST_BACKTRACE", "full");
        }
        let run = tool.spawn(&[&APPLY[..], &["-vvv"]].concat());
        self.trap.aim_at(run.id());
        let run = Run::from(run.finish());
        self.trap.disarm();
        if run.code == -9 && matches!(kind, Some(Kind::PowerCut | Kind::PowerCutNames)) {
            self.disk.cut_power(kind == Some(Kind::PowerCutNames));
        }
        run
    }

    /// A run that nothing disturbs.
    pub fn run(&self) -> Run {
        let tool = self.tool();
        tool.run(&APPLY).into()
    }

    /// An undisturbed run, and how many files and directories each step synced.
    pub fn counted_run(&self) -> Vec<(String, usize, usize)> {
        let tool = self.tool();
        let tool = tool.through(&self.disk.through(None, 0));
        let run = tool.run(&[&APPLY[..], &["--output", "json"]].concat());
        run.expect_code(4);
        self.disk.syncs()
    }

    /// What was disturbed, if the run came so far.
    pub fn disturbed(&self) -> Option<String> {
        if self.point.is_some_and(|point| point.kind.is_of_the_disk()) {
            let writes = self.disk.writes();
            let found = writes.into_iter().find(|write| write.disturbed);
            return found.map(|write| write.label);
        }
        self.trap.disturbed()
    }
}

fn between(trap: &Arc<Trap>, side: Side, address: &str) -> Proxy {
    let (ruling, hearing) = (trap.clone(), trap.clone());
    Proxy::listening(
        address,
        move |request| ruling.rule(side, request),
        move |request, _| hearing.heard(side, request),
    )
}

/// Two `age` holders and one parameter, a checkpoint under KMS, one person by password and a machine by approle, and
/// writes of which one cannot be read back. Few passwords: the servers take their time over each.
fn small(server: &Server) -> Ceremony {
    let mut ceremony = Ceremony::unproved(server);
    let carol = ceremony.ssm_custodian("carol");
    ceremony.set("/init/custodians/2", carol);
    ceremony.kms_checkpoint();
    ceremony.set("/break_glass/drill", json!("before-revoke"));
    // One finding on every server, so that all end alike: some have another one of their own.
    ceremony.set("/break_glass/accept_one_auth_method", json!(false));
    ceremony.set(
        "/cluster/timeouts",
        json!({ "request": "2s", "init": "8s", "active": "20s" }),
    );
    let ada = json!({ "file": "ada.password" });
    let secret_id = json!({ "file": "audit.password" });
    ceremony.set(
        "/auth",
        json!({
            "userpass": { "users": { "ada": { "password": ada, "token_ttl": "15m" } } },
            "approle": { "roles": { "auditor": { "token_policies": ["auditor"], "token_ttl": "20m" } } },
        }),
    );
    let role = "auth/approle/role/auditor";
    ceremony.set(
        "/writes",
        json!([
            { "path": format!("{role}/role-id"), "data": { "role_id": ROLE_ID } },
            { "path": format!("{role}/custom-secret-id"), "data": { "secret_id": secret_id } },
        ]),
    );
    ceremony.set(
        "/logins",
        json!({
            "auditor": {
                "auth": "approle", "role_id": ROLE_ID, "secret_id": secret_id,
                "can": { "sys/audit": ["read"] }, "cannot": { "sys/audit/file": ["delete"] },
            },
            "ada": { "auth": "userpass", "username": "ada", "password": ada },
        }),
    );
    ceremony
}
