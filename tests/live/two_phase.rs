//! The first recovery keys of OpenBao, made once the server audits and verified once their custodians have them.

use serde_json::json;

use crate::ceremony::{Ceremony, Server, killed_or_ended, looks_like_a_share, root_from_shares};
use crate::support::{Action, Faults, LocalStack, RequestInfo, Setup, Sweep, require};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const INIT: &str = "sys/rotate/recovery/init";
/// What comes after the recovery keys.
const MOUNTS: &str = "* sys/mounts*";

/// As OpenBao does it by default; the last custodian in the parameter store where `ssm` says so.
fn by_default(server: &Server, ssm: bool) -> Ceremony {
    let mut ceremony = Ceremony::at(server);
    ceremony.remove("/init/recovery");
    if ssm {
        let carol = ceremony.ssm_custodian("carol");
        ceremony.set("/init/custodians/2", carol);
    }
    ceremony.save();
    ceremony
}

/// Any quorum of what the custodians hold makes a root token, and nothing is under way.
#[track_caller]
fn keys_hold(server: &Server, ceremony: &Ceremony) {
    let seal = server.api().read("sys/seal-status");
    assert_eq!((&seal["t"], &seal["n"]), (&json!(2), &json!(3)));
    let shares = NAMES.map(|name| ceremony.custody().share(name));
    assert!(shares.iter().all(|share| looks_like_a_share(share)));
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    for quorum in [&shares[..2], &shares[1..]] {
        let root = server
            .api()
            .with(&root_from_shares(&ada, "generate-root-token", quorum));
        assert_eq!(root.read(INIT)["data"]["started"], false);
        root.write("auth/token/revoke-self", &json!({}));
    }
    assert_eq!(ceremony.evidence("store-recovery-keys")["verified"], true);
    let files = ceremony.files_in("shares");
    assert!(files.iter().all(|name| !name.starts_with('.')), "{files:?}");
}

fn undisturbed_on(setup: Setup) {
    let server = Server::of(setup);
    let ceremony = by_default(&server, true);
    ceremony.apply().exits(4).shows_no_token();
    keys_hold(&server, &ceremony);
    // No login, method or policy exists before the keys hold, and audit is on before they are made.
    let log = server.audit();
    let verified = log.place("update sys/rotate/recovery/verify");
    assert!(log.place(&format!("update {INIT}")) < verified);
    for later in [
        "update sys/auth/",
        "update sys/policies/",
        "create auth/userpass/users/",
    ] {
        assert!(verified < log.place(later), "{later}");
    }
    let steps = ceremony.report()["steps"]
        .as_array()
        .cloned()
        .expect("steps");
    let place = |name: &str| {
        steps
            .iter()
            .position(|step| step["step"] == name)
            .expect("a step")
    };
    assert!(place("audit") < place("store-recovery-keys"));
    assert!(place("store-recovery-keys") < place("secrets"));
    let log = log.after_this();
    ceremony.apply().exits(4);
    assert_eq!(log.writes(), Vec::<String>::new());
}

#[test]
fn openbao_272_makes_its_first_recovery_keys_in_two_phases() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    undisturbed_on(Setup::OpenBao272Static);
}

#[test]
fn openbao_262_makes_its_first_recovery_keys_in_two_phases() {
    require!(Setup::OpenBao262AwsKms.components());
    undisturbed_on(Setup::OpenBao262AwsKms);
}

/// Each run is killed one request later than the one before, from the end of the initialisation on, before its request
/// arrives or before its answer does; then in the other way.
#[test]
fn killed_at_any_request_up_to_the_end_of_the_recovery_keys_it_converges() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    for heard_at_even in [false, true] {
        let server = Server::in_memory();
        let mut ceremony = by_default(&server, true);
        let sweep = Sweep::new().heard_at_even(heard_at_even);
        // The first run has its trial values at AWS before it initialises anything.
        let faults = Faults::new()
            .every("PUT sys/init", Action::Pass)
            .every("AmazonSSM.*", sweep.clone())
            .until(MOUNTS)
            .every("*", sweep.clone())
            .since(1, "PUT sys/init")
            .until(MOUNTS);
        let proxy = faults.before(&server.address());
        let aws = faults.before(&LocalStack::shared().endpoint());
        ceremony.set("/cluster/address", json!(proxy.address()));
        ceremony
            .environment
            .push(("AWS_ENDPOINT_URL".into(), aws.address()));
        let mut kills = 0;
        let last = loop {
            sweep.next_run();
            match killed_or_ended(ceremony.start(), &[&proxy, &aws]) {
                Some(run) => break run,
                None => kills += 1,
            }
            assert!(kills < 200, "it never comes to its end");
        };
        last.exits(4);
        assert!(kills > 8, "{kills} kills only");
        assert!(faults.seen(MOUNTS) > 0);
        assert_eq!(proxy.count("PUT sys/init"), 1);
        keys_hold(&server, &ceremony);
    }
}

#[test]
fn an_answer_that_is_lost_costs_nothing() {
    require!(["openbao-2.7.2"]);
    for (leaf, number) in [("init", 1), ("verify", 1), ("verify", 2)] {
        let server = Server::in_memory();
        let mut ceremony = by_default(&server, false);
        let wanted = format!("POST sys/rotate/recovery/{leaf}");
        let faults = Faults::new().nth(number, wanted, Action::DropAnswer);
        let proxy = faults.before(&server.address());
        ceremony.set("/cluster/address", json!(proxy.address()));
        ceremony.apply().exits(4);
        keys_hold(&server, &ceremony);
    }
}

/// What somebody else put under a name of ours is never taken away as an unverified share.
#[test]
fn a_name_that_is_taken_meanwhile_is_refused_and_left_alone() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = by_default(&server, false);
    let theirs = ceremony.path("shares/bob.age");
    let place = theirs.clone();
    let takes_it = move |_: &RequestInfo| {
        std::fs::create_dir_all(place.parent().expect("a directory")).expect("made");
        std::fs::write(&place, "somebody's").expect("written");
        Action::Pass
    };
    let faults = Faults::new().first("* sys/rotate/recovery/init", takes_it);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    for _ in 0..2 {
        ceremony.apply().exits(3).says(&["shares/bob.age"]);
        assert_eq!(
            std::fs::read_to_string(&theirs).expect("theirs"),
            "somebody's"
        );
        assert_eq!(server.api().read("sys/seal-status")["n"], 0);
    }
    std::fs::remove_file(&theirs).expect("gone");
    ceremony.apply().exits(4);
    keys_hold(&server, &ceremony);
}

#[test]
fn vault_and_a_shamir_seal_are_refused_in_two_phases_before_anything_is_written() {
    for (setup, says) in [
        (
            Setup::Vault1211AwsKms,
            "must specify a positive number of shares",
        ),
        (
            Setup::Vault1211Shamir,
            "its unseal keys come with initialisation",
        ),
    ] {
        require!(setup.components());
        let server = Server::of(setup);
        let mut ceremony = Ceremony::at(&server);
        ceremony.set("/init/recovery", json!("two-phase"));
        ceremony.apply().exits(3).says(&[says]);
        assert!(!server.api().initialised());
        ceremony.remove("/init/recovery");
        ceremony.apply().exits(4);
    }
}

#[test]
fn a_listener_that_lets_anybody_begin_new_keys_is_a_finding() {
    require!(["openbao-2.7.2"]);
    let open = "disable_unauthed_rekey_endpoints = false";
    let builder = crate::ceremony::builder(Setup::OpenBao272Static).in_memory();
    let server = Server::from(builder.listener_line(open).start());
    let ceremony = by_default(&server, false);
    ceremony
        .apply()
        .exits(4)
        .prints(&["lets anybody begin and end new recovery keys"]);
    keys_hold(&server, &ceremony);
}
