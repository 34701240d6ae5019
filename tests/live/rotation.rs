//! New shares in the place of the old ones: they hold once all of them were read back, and not before.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::ceremony::{
    Api, Ceremony, Run, Server, handed_over, handed_over_for_rotation, looks_like_a_share,
};
use crate::support::{Action, Faults, LocalStack, Proxy, RequestInfo, Running, Setup, require};

mod elsewhere;
mod evidence;
mod from_secrets_manager;
mod hindered;
mod killed;
mod known;
mod lost;
mod mistaken;
mod refused;

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const DIARY: &str = "checkpoint/diary.json";
const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster that was handed over, whose grant is for new shares too, and the file that asks for them.
struct Rotation {
    ceremony: Ceremony,
    /// The shares that hold before.
    old: Vec<String>,
}

impl Rotation {
    /// A copy of a cluster that was handed over for this, with three custodians in files.
    fn ready() -> (Server, Self) {
        let (server, ceremony) = handed_over_for_rotation(Setup::OpenBao272Static);
        (server, Self::of(ceremony))
    }

    /// Three custodians, the last of them in the parameter store where `ssm` says so.
    fn at(server: &Server, ssm: bool) -> Self {
        let carol = |ceremony: &mut Ceremony| ceremony.ssm_custodian("carol");
        Self::with(server, ssm.then_some(carol))
    }

    /// Three custodians, the last of them this one.
    fn with(server: &Server, carol: Option<impl FnOnce(&mut Ceremony) -> Value>) -> Self {
        let mut ceremony = Ceremony::at(server);
        if let Some(carol) = carol {
            let carol = carol(&mut ceremony);
            ceremony.set("/init/custodians/2", carol);
        }
        ceremony.set("/break_glass/rotation", json!(true));
        ceremony.apply().exits(4);
        Self::of(ceremony)
    }

    /// What is asked of a ceremony that was handed over.
    fn of(mut ceremony: Ceremony) -> Self {
        let old = NAMES.map(|name| ceremony.custody().share(name)).to_vec();
        ceremony.write("old.yaml", &ceremony.file.to_string());
        ceremony.set("/init/generation", json!(2));
        Self { ceremony, old }
    }

    fn words(&self) -> Vec<String> {
        let mut words = ["recovery", "rotate", "--from", "old.yaml", "--yes"]
            .map(str::to_owned)
            .to_vec();
        for name in ["alice", "bob", "carol", "dave", "erin"] {
            let key = format!("{name}.key");
            if self.ceremony.path(&key).exists() {
                words.extend(["--identity".to_owned(), key]);
            }
        }
        words
    }

    #[track_caller]
    fn rotate(&self) -> Run {
        let words = self.words();
        self.ceremony
            .run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn start(&self) -> Running {
        self.ceremony.save();
        let words = self.words();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        self.ceremony.tool().spawn(&words)
    }

    /// Starts through this proxy, and is killed there.
    #[track_caller]
    fn killed_at(&mut self, proxy: &Proxy) {
        self.ceremony
            .set("/cluster/address", json!(proxy.address()));
        let run = self.start();
        assert!(proxy.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
        run.kill();
    }

    fn ada<'a>(&self, server: &'a Server) -> Api<'a> {
        server.api().log_in("ada", &self.ceremony.secrets["ada"])
    }

    /// Every new share is with its custodian, any quorum of them opens, and the old ones open nothing and are gone.
    #[track_caller]
    fn is_done(&self, server: &Server, setup: Setup) {
        let (ceremony, init) = (&self.ceremony, &self.ceremony.file["init"]);
        let names = init["custodians"].as_array().expect("custodians").iter();
        let share = |one: &Value| {
            ceremony
                .custody()
                .share(one["name"].as_str().expect("a name"))
        };
        let new: Vec<String> = names.map(share).collect();
        assert!(new.iter().all(|share| looks_like_a_share(share)));
        let enough = usize::try_from(init["threshold"].as_u64().expect("a number")).expect("small");
        let ada = self.ada(server);
        assert!(opens(&ada, setup, &new[..enough]), "the first new ones");
        assert!(
            opens(&ada, setup, &new[new.len() - enough..]),
            "the last new ones"
        );
        assert!(!opens(&ada, setup, &self.padded(enough)), "the old ones");
        let seal = server.api().read("sys/seal-status");
        assert_eq!(
            (&seal["t"], &seal["n"]),
            (&init["threshold"], &init["shares"])
        );
        let base = base(setup);
        assert_eq!(data(ada.read(&format!("{base}/init")))["started"], false);
        for name in NAMES {
            assert!(
                !ceremony.path(&format!("shares/{name}.age")).exists(),
                "{name}"
            );
        }
        if let Some(parameter) = init["custodians"][2]["ssm"]["parameter"].as_str() {
            let left = LocalStack::shared().ssm_get(parameter);
            assert!(left.is_none(), "the old parameter is still there");
        }
        if let Some(secret) = init["custodians"][2]["secretsmanager"]["name"].as_str() {
            let left = LocalStack::shared().secret(secret);
            assert!(left.is_none(), "the old secret can still be read");
        }
        assert_eq!(self.state()["phase"], "done");
    }

    /// As many old shares as the server now wants.
    fn padded(&self, enough: usize) -> Vec<String> {
        self.old.iter().take(enough).cloned().collect()
    }

    /// The old shares hold, nothing is under way, and nobody has a new one.
    #[track_caller]
    fn nothing_happened(&self, server: &Server, setup: Setup) {
        let ada = self.ada(server);
        assert_eq!(
            data(ada.read(&format!("{}/init", base(setup))))["started"],
            false
        );
        assert!(opens(&ada, setup, &self.old[..2]), "the old shares");
        let files = self.ceremony.files_in("shares");
        assert!(!files.iter().any(|name| name.contains(".g2.")), "{files:?}");
    }

    fn state(&self) -> Value {
        let text = std::fs::read(self.ceremony.path(DIARY)).expect("a diary");
        let diary: Value = serde_json::from_slice(&text).expect("JSON");
        diary["rotation"].clone()
    }
}

fn data(answer: Value) -> Value {
    match answer.get("data") {
        Some(data) if data.is_object() => data.clone(),
        _ => answer,
    }
}

fn base(setup: Setup) -> &'static str {
    match setup {
        Setup::Vault1211Shamir => "sys/rekey",
        Setup::Vault1211AwsKms => "sys/rekey-recovery-key",
        _ => "sys/rotate/recovery",
    }
}

/// Whether these shares make a root token, which is ended again.
fn opens(ada: &Api, setup: Setup, shares: &[String]) -> bool {
    let path = if setup.is_openbao() {
        "generate-root-token"
    } else {
        "generate-root"
    };
    let attempt = format!("sys/{path}/attempt");
    let started = data(ada.write(&attempt, &json!({})));
    let mut complete = false;
    for share in shares {
        let body = json!({ "key": share, "nonce": started["nonce"] });
        let (status, answer) = ada.put(&format!("sys/{path}/update"), &body);
        complete = status == 200 && data(answer)["complete"] == true;
    }
    ada.delete(&attempt);
    complete
}

#[test]
fn new_recovery_keys_hold_on_openbao_272_with_more_shares_than_before() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let server = Server::of(Setup::OpenBao272Static);
    let mut rotation = Rotation::at(&server, true);
    let dave = rotation.ceremony.age_custodian("dave");
    let mut custodians = rotation.ceremony.file["init"]["custodians"]
        .as_array()
        .cloned()
        .expect("a list");
    custodians.push(dave);
    rotation.ceremony.set("/init/custodians", json!(custodians));
    rotation
        .ceremony
        .set("/init/shares", json!(4))
        .set("/init/threshold", json!(3));
    let run = rotation.rotate();
    run.exits(0).shows_no_token().prints(&[
        "generation 2 of the shares is in effect: any 3 of these 4",
        "dave: shares/dave.g2.age",
        "the shares that old.yaml names are no longer valid",
    ]);
    run.says(&[
        "all 4 new shares were read back",
        "removed shares/bob.age, the old share of bob",
    ]);
    rotation.is_done(&server, Setup::OpenBao272Static);
    after_it_all_is_as_the_file_says(&rotation, &server);
}

/// The ceremony's own looks know the new shares, and the file of the old ones is no longer that of the cluster.
fn after_it_all_is_as_the_file_says(rotation: &Rotation, server: &Server) {
    let log = server.audit().after_this();
    rotation
        .ceremony
        .apply()
        .exits(4)
        .never_says(&["the share of", "not re-checked: the share"]);
    assert_eq!(log.writes(), Vec::<String>::new());
    let again = rotation.rotate();
    again
        .exits(0)
        .prints(&["generation 2 of the shares is in effect already; nothing was written"]);
    assert_eq!(log.writes(), Vec::<String>::new());
    let old = rotation
        .ceremony
        .run_as_is(&["apply", "--yes", "-c", "old.yaml"]);
    old.exits(3).says(&[
        "says that generation 2 of the shares is in effect, and the file asks for generation 1",
    ]);
}

#[test]
fn new_recovery_keys_hold_on_openbao_262() {
    require!(Setup::OpenBao262AwsKms.components());
    rotated_on(Setup::OpenBao262AwsKms);
}

#[test]
fn new_recovery_keys_hold_on_vault() {
    require!(Setup::Vault1211AwsKms.components());
    rotated_on(Setup::Vault1211AwsKms);
}

#[test]
fn new_unseal_keys_hold_on_vault() {
    require!(Setup::Vault1211Shamir.components());
    rotated_on(Setup::Vault1211Shamir);
}

fn rotated_on(setup: Setup) {
    let server = Server::of(setup);
    let rotation = Rotation::at(&server, setup != Setup::Vault1211Shamir);
    rotation.rotate().exits(0).shows_no_token();
    rotation.is_done(&server, setup);
    rotation.ceremony.apply().exits(4);
}

/// The answer with the new shares, or the word that they hold, is lost on its way: the same run finds out and goes on.
#[test]
fn an_answer_that_is_lost_costs_nothing() {
    require!(["openbao-2.7.2"]);
    for (leaf, number) in [
        ("init", 1),
        ("update", 1),
        ("update", 2),
        ("verify", 1),
        ("verify", 2),
    ] {
        let (server, mut rotation) = Rotation::ready();
        let wanted = format!("POST sys/rotate/recovery/{leaf}");
        let faults = Faults::new().nth(number, wanted, Action::DropAnswer);
        let proxy = faults.before(&server.address());
        rotation
            .ceremony
            .set("/cluster/address", json!(proxy.address()));
        rotation.rotate().exits(0).says(&["starting it anew"]);
        rotation.is_done(&server, Setup::OpenBao272Static);
    }
}

#[test]
fn stopped_in_the_middle_nothing_is_under_way_and_the_next_run_goes_on() {
    require!(["openbao-2.7.2"]);
    for (leaf, signal, code) in [("update", Signal::INT, 130), ("verify", Signal::TERM, 143)] {
        let (server, mut rotation) = Rotation::ready();
        let wanted = format!("POST sys/rotate/recovery/{leaf}");
        let faults = Faults::new().first(wanted, Action::HoldAnswer);
        let proxy = faults.before(&server.address());
        rotation
            .ceremony
            .set("/cluster/address", json!(proxy.address()));
        let run = rotation.start();
        assert!(proxy.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
        run.signal(signal);
        // What is known of the shares is not hidden by the stop.
        let holds = match leaf {
            "update" => "which shares are in effect has not changed",
            _ => "of the shares is in effect is not known yet: keep both",
        };
        Run::from(run.finish())
            .exits(code)
            .says(&["interrupted by SIG", holds])
            .never_says(&["nothing is half done"]);
        let under_way = rotation.ada(&server).read("sys/rotate/recovery/init");
        assert_eq!(under_way["data"]["started"], false);
        rotation.rotate().exits(0);
        rotation.is_done(&server, Setup::OpenBao272Static);
    }
}
