//! What went wrong, told by name: what happened, what is known, what to type. The others are where their
//! cause is: the lost answer in `killed`, a wrong passphrase in `passphrase`, foreign clusters in `refusals`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Server, looks_like_a_share, root_from_shares};
use crate::support::{Action, Faults, Gate, LocalStack, Proxy, RequestInfo, eventually, require};

/// The one request that is never repeated.
const INIT: &str = "PUT sys/init";
/// The first thing that root asks.
const FIRST: &str = "GET auth/token/lookup-self";

/// A ceremony that stops before root is revoked, because a door does not open.
fn at_a_closed_door() -> (Server, Ceremony) {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.write("wrong.password", "this is not the password");
    ceremony.set(
        "/logins/operator/password",
        json!({ "file": "wrong.password" }),
    );
    ceremony.apply().exits(1).says(&["login operator"]);
    ceremony.set(
        "/logins/operator/password",
        json!({ "file": "operator.password" }),
    );
    (server, ceremony)
}

/// Somebody with a quorum and the grant makes a root token of their own, and revokes every other one.
fn revoke_root_by_hand(server: &Server, ceremony: &Ceremony) {
    let two = ["alice", "bob"].map(|name| ceremony.custody().share(name));
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let root = server
        .api()
        .with(&root_from_shares(&ada, "generate-root-token", &two));
    let own = root.read("auth/token/lookup-self")["data"]["accessor"].clone();
    for accessor in root.roots() {
        if accessor != own {
            root.write(
                "auth/token/revoke-accessor",
                &json!({ "accessor": accessor }),
            );
        }
    }
    root.write("auth/token/revoke-self", &json!({}));
}

const DEAD: [&str; 4] = [
    "the root token in the checkpoint is no longer valid at",
    "no run recorded in this checkpoint revoked it",
    "who revoked the token",
    "vault-bootstrap apply --abandon",
];

#[test]
fn a_root_token_that_somebody_else_revoked_between_two_runs() {
    let (server, ceremony) = at_a_closed_door();
    revoke_root_by_hand(&server, &ceremony);
    let log = server.audit().after_this();
    for _ in 0..2 {
        ceremony.apply().exits(3).says(&DEAD);
    }
    assert_eq!(log.writes(), Vec::<String>::new());
    assert!(ceremony.keeps_secrets());
}

#[test]
fn a_root_token_that_somebody_else_revoked_while_the_question_stood() {
    let server = Server::in_memory();
    let ceremony = Ceremony::at(&server);
    let mut terminal = ceremony.terminal(&["apply"]);
    terminal.expect("Revoke the root token now?");
    revoke_root_by_hand(&server, &ceremony);
    terminal.type_line("y");
    let (code, shown) = terminal.finish();
    assert_eq!(code, 3, "{shown}");
    assert!(
        shown.contains("no run recorded in this checkpoint revoked it") || shown.contains(DEAD[0]),
        "{shown}"
    );
    assert!(ceremony.keeps_secrets());
}

fn initialise_by_hand(server: &Server) {
    let body = json!({ "recovery_shares": 1, "recovery_threshold": 1 });
    server.api().write("sys/init", &body);
    let active = || server.api().get("sys/health").0 == 200;
    assert!(eventually(Duration::from_secs(30), active), "it is active");
}

#[test]
fn another_cluster_of_the_same_name_at_the_same_address_is_shown_neither_token_nor_password() {
    for finished in [false, true] {
        let (server, other) = (Server::in_memory(), Server::in_memory());
        let mut ceremony = Ceremony::at(&server);
        let (faults, stranger) = (Faults::new(), Faults::new().before(&other.address()));
        let proxy = faults.before(&server.address());
        ceremony.set("/cluster/address", json!(proxy.address()));
        if !finished {
            ceremony.write("wrong.password", "this is not the password");
            ceremony.set("/logins/ada/password", json!({ "file": "wrong.password" }));
        }
        ceremony.apply().exits(if finished { 4 } else { 1 });
        initialise_by_hand(&other);
        let log = other.audit().after_this();
        faults.every("*", Action::Lead(stranger.address()));
        let ids = [&server, &other].map(|server| {
            let id = server.api().get("sys/health").1["cluster_id"].clone();
            id.as_str().expect("an id").to_owned()
        });
        let run = ceremony.apply();
        run.exits(3).says(&[
            &format!("is cluster {}, and not", ids[1]),
            &format!("{}, which the file or the checkpoint names", ids[0]),
            "correct cluster.address",
        ]);
        assert!(stranger.total() > 0, "{run}");
        assert_eq!(log.requests(), Vec::<String>::new(), "{run}");
        faults.lift();
        ceremony.set("/logins/ada/password", json!({ "file": "ada.password" }));
        ceremony.apply().exits(4);
    }
}

/// Starts a run, and kills it when its first request as root is held: all is initialised, nothing configured.
fn killed_as_root(server: &Server, ceremony: &mut Ceremony) -> Proxy {
    let faults = Faults::new().first(FIRST, Action::Hold);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    let run = ceremony.start();
    assert!(
        proxy.wait_for_held(Duration::from_secs(60)),
        "{}",
        run.stderr_so_far()
    );
    run.kill();
    proxy
}

#[test]
fn an_answer_on_disk_whose_key_is_another_one_is_kept_until_the_right_one_comes() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let _proxy = killed_as_root(&server, &mut ceremony);
    let other = age_identity();
    let right = std::fs::read_to_string(ceremony.path("checkpoint.key")).expect("a key");
    ceremony.write("checkpoint.key", &other);
    for _ in 0..2 {
        ceremony.apply().exits(3).says(&[
            "checkpoint/secrets cannot be opened: identity",
            "does not open this checkpoint",
            "give the key or the passphrase that checkpoint.key named",
        ]);
    }
    ceremony.write("checkpoint.key", &right);
    ceremony.apply().exits(4);
}

fn age_identity() -> String {
    use age::secrecy::ExposeSecret;
    let identity = age::x25519::Identity::generate();
    format!("{}\n", identity.to_string().expose_secret())
}

#[test]
fn an_answer_on_disk_whose_kms_key_was_disabled_since_is_kept_until_it_is_enabled() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let key = ceremony.kms_checkpoint();
    let _proxy = killed_as_root(&server, &mut ceremony);
    LocalStack::shared().kms_disable(&key);
    ceremony.apply().exits(1).says(&[
        "cannot be opened",
        &key,
        "is Disabled",
        "aws kms enable-key",
    ]);
    assert!(ceremony.keeps_secrets());
    LocalStack::shared().kms_enable(&key);
    ceremony.apply().exits(4);
}

#[test]
fn shares_that_are_stored_in_part_are_counted_and_the_rest_follows() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/init/custodians/1/age/file", json!("elsewhere/bob.age"));
    // Free in preflight, and taken away while the cluster is initialised.
    let place = ceremony.path("elsewhere");
    let blocked = place.clone();
    let faults = Faults::new().every(INIT, move |_: &RequestInfo| {
        std::fs::write(&blocked, "in the way").expect("ours");
        Action::Pass
    });
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.apply().exits(1).says(&[
        "elsewhere",
        "2 of 3 shares are with their custodians (alice, carol)",
        "all of them are still in",
        "then continue: vault-bootstrap apply --yes",
    ]);
    std::fs::remove_file(&place).expect("ours");
    ceremony.apply().exits(4);
    for name in ["alice", "bob", "carol"] {
        assert!(
            looks_like_a_share(&ceremony.custody().share(name)),
            "{name}"
        );
    }
    assert_eq!(proxy.count(INIT), 1);
}

/// What a run says of a checkpoint whose file was changed so, and that nothing was changed by that.
fn refused_with(ceremony: &Ceremony, file: &str, content: &[u8], texts: &[&str]) {
    let path = ceremony.path("checkpoint").join(file);
    let before = std::fs::read(&path).expect("a file");
    std::fs::write(&path, content).expect("ours");
    ceremony.apply().exits(3).says(texts);
    assert_eq!(std::fs::read(&path).expect("a file"), content);
    std::fs::write(&path, before).expect("ours");
}

#[test]
fn a_checkpoint_of_a_later_release_or_damaged_is_refused_and_left_as_it_is() {
    let (server, ceremony) = at_a_closed_door();
    let log = server.audit().after_this();
    let text = std::fs::read_to_string(ceremony.path("checkpoint/diary.json")).expect("a diary");
    let mut later: Value = serde_json::from_str(&text).expect("JSON");
    later["version"] = json!(99);
    refused_with(
        &ceremony,
        "diary.json",
        later.to_string().as_bytes(),
        &[
            "diary.json has form 99, this program reads up to 1",
            "use the release that wrote it, or a later one",
        ],
    );
    refused_with(
        &ceremony,
        "diary.json",
        &text.as_bytes()[..text.len() / 2],
        &[
            "diary.json is damaged",
            "restore the checkpoint directory from where it was copied last",
        ],
    );
    let secrets = std::fs::read(ceremony.path("checkpoint/secrets")).expect("secrets");
    refused_with(
        &ceremony,
        "secrets",
        &secrets[..100],
        &["secrets is damaged"],
    );
    let mut flipped = secrets.clone();
    flipped[8192 + 16 + 200] ^= 1;
    refused_with(
        &ceremony,
        "secrets",
        &flipped,
        &["secrets cannot be opened"],
    );
    assert_eq!(log.requests(), Vec::<String>::new());
    ceremony.apply().exits(4);
}

/// Two machines have passed their checks; both ask for the one initialisation, and share one place for the shares.
#[test]
fn two_machines_at_one_cluster_initialise_it_once_and_the_later_one_says_whose_it_is() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let server = Server::in_memory();
    let (mut one, mut two) = (Ceremony::at(&server), Ceremony::at(&server));
    let alice = one.ssm_custodian("alice");
    two.environment = one.environment.clone();
    for machine in [&mut one, &mut two] {
        machine.set("/init/custodians/0", alice.clone());
    }
    let may_go = Gate::default();
    let faults = Faults::new().every(INIT, Action::Await(may_go.clone()));
    let proxy = faults.before(&server.address());
    two.set("/cluster/address", json!(proxy.address()));
    let late = two.start();
    assert!(eventually(Duration::from_secs(60), || faults.struck(INIT) > 0));
    one.apply().exits(4);
    may_go.open();
    let late = crate::ceremony::Run::from(late.finish());
    // From where it stands, it may have been its own request that was repeated.
    let both = ["somebody else did it in between", "they hold the keys"];
    late.exits(3).says(&["was answered with 400"]).says(&both);
    two.apply().exits(3).says(&both);
    two.run(&["apply", "--abandon", "test"])
        .exits(0)
        .prints(&["unless somebody else initialised it"]);
    two.apply()
        .exits(3)
        .says(&["is initialised, but not by this checkpoint", "a colleague"]);
    assert_eq!(two.files_in("shares"), Vec::<String>::new());
    let shares = ["alice", "bob"].map(|name| one.custody().share(name));
    let ada = server.api().log_in("ada", &one.secrets["ada"]);
    root_from_shares(&ada, "generate-root-token", &shares);
}

/// Two clusters, and one place for a share by mistake: the second finds it taken after its checks.
#[test]
fn a_custodian_that_another_run_filled_after_our_checks_is_never_overwritten() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let alice = ceremony.ssm_custodian("alice");
    ceremony.set("/init/custodians/0", alice);
    let name = format!("{}/alice", ceremony.prefix());
    let taken = name.clone();
    let faults = Faults::new().every(INIT, move |_: &RequestInfo| {
        let put = LocalStack::shared().ssm_put(&taken, "of another cluster", false);
        put.expect("it was free");
        Action::Pass
    });
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.apply().exits(3).says(&[
        &name,
        "custodian name already taken",
        "2 of 3 shares are with their custodians (bob, carol)",
    ]);
    let there = LocalStack::shared().ssm_get(&name);
    assert_eq!(there.as_deref(), Some("of another cluster"));
    ceremony.set(
        "/init/custodians/0/ssm/parameter",
        json!(format!("{name}-2")),
    );
    ceremony.apply().exits(4);
    assert!(looks_like_a_share(&ceremony.custody().share("alice")));
}
