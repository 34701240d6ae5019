//! Holders with PGP keys: the server encrypts to all of them, or this program to some; real gpg on both sides.

mod bad_keys;

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Server, looks_like_a_share};
use crate::support::{Action, Faults, Gpg, Proxy, RequestInfo, Setup, require};

/// A server, and three holders with keys of both kinds: `alice` by RSA, the others by Curve25519.
struct Stage {
    server: Server,
    gpg: Gpg,
    ceremony: Ceremony,
}

const HOLDERS: [&str; 3] = ["alice", "bob", "carol"];

impl Stage {
    fn of(server: Server) -> Self {
        let (gpg, mut ceremony) = (Gpg::new(), Ceremony::unproved(&server));
        let custodians = HOLDERS.map(|name| custodian(&gpg, &ceremony, name));
        ceremony.set("/init/custodians", json!(custodians));
        ceremony.read_by(&gpg);
        Self {
            server,
            gpg,
            ceremony,
        }
    }

    /// Every holder reads the word of a challenge on their own machine.
    fn prove_all(&self) {
        for custodian in self.ceremony.file["init"]["custodians"]
            .as_array()
            .expect("some")
        {
            if custodian.get("pgp").is_some() {
                prove(
                    &self.gpg,
                    &self.ceremony,
                    custodian["name"].as_str().expect("a name"),
                );
            }
        }
    }

    /// The drill goes with the keys at hand.
    fn with_the_keys_at_hand(&mut self) {
        self.ceremony
            .set("/break_glass/drill", json!("before-revoke"));
        let home = self.gpg.home().display().to_string();
        self.ceremony.environment.push(("GNUPGHOME".into(), home));
    }

    fn share(&self, name: &str) -> String {
        let file = self.ceremony.path(&format!("shares/{name}.pgp"));
        self.gpg.decrypt_file(&file)
    }
}

/// `alice` and `carol` armored, `bob` in binary; the file says no fingerprint of `bob`'s.
fn custodian(gpg: &Gpg, ceremony: &Ceremony, name: &str) -> Value {
    let (signs, encrypts) = match name {
        "alice" => ("rsa2048", "rsa2048"),
        _ => ("ed25519", "cv25519"),
    };
    let fingerprint = gpg.key(name, signs, encrypts);
    let key = match name {
        "bob" => gpg.binary(&fingerprint),
        _ => gpg.armored(&[&fingerprint]),
    };
    std::fs::write(ceremony.path(&format!("{name}.asc")), key).expect("written");
    let mut pgp =
        json!({ "public_key": format!("{name}.asc"), "file": format!("shares/{name}.pgp") });
    let (first, second) = fingerprint.split_at(20);
    if name != "bob" {
        pgp["fingerprint"] = json!(format!("{} {}", first.to_lowercase(), second));
    }
    json!({ "name": name, "pgp": pgp })
}

fn prove(gpg: &Gpg, ceremony: &Ceremony, name: &str) {
    let mut terminal = ceremony.terminal(&["custodian", "prove", name]);
    let shown = terminal.expect("-----END PGP MESSAGE-----");
    let begin = shown.find("-----BEGIN PGP").expect("an armored message");
    let word = gpg.decrypt(shown[begin..].replace('\r', "").as_bytes());
    terminal.expect(&format!("as {name} reads it"));
    terminal.expect("gpg --decrypt");
    terminal.type_line(word.trim());
    let (code, shown) = terminal.finish();
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains(word.trim()), "{shown}");
}

fn is_hexadecimal(text: &str) -> bool {
    text.len() == 66 && text.bytes().all(|letter| letter.is_ascii_hexdigit())
}

/// What was asked of `sys/init`, and what it answered.
fn asked_of(server: &Server, ceremony: &mut Ceremony) -> (Proxy, Arc<Mutex<Value>>) {
    let asked = Arc::new(Mutex::new(Value::Null));
    let kept = asked.clone();
    let faults = Faults::new().every("PUT sys/init", move |request: &RequestInfo| {
        let body = serde_json::from_slice(&request.body).expect("JSON");
        *kept.lock().expect("no panic holds it") = body;
        Action::Pass
    });
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    (proxy, asked)
}

fn nobody_but_the_holders_sees_a_share(setup: Setup) {
    require!([&setup.components()[..], &["gnupg"]].concat());
    let mut stage = Stage::of(Server::of(setup));
    let (_proxy, asked) = asked_of(&stage.server, &mut stage.ceremony);
    stage.prove_all();
    stage.with_the_keys_at_hand();
    let run = stage.ceremony.apply();
    run.exits(if setup.is_openbao() { 0 } else { 4 })
        .says(&["the file names no fingerprint: compare it with its holder"])
        .never_says(&["hands the shares out in clear", "not rehearsed"]);
    let asked = asked.lock().expect("no panic holds it").clone();
    let keys = asked["recovery_pgp_keys"].as_array().expect("keys");
    assert_eq!(keys.len(), 3, "{asked}");
    assert!(asked.get("root_token_pgp_key").is_none());
    assert_eq!(
        stage.ceremony.evidence("initialize")["encrypted_by_the_server"],
        true
    );
    assert_eq!(
        stage.ceremony.evidence("drill")["quorums"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    for name in HOLDERS {
        // As the server wrote it, without even a line end.
        assert!(is_hexadecimal(&stage.share(name)), "{name}");
    }
    let log = stage.server.audit().after_this();
    let again = stage.ceremony.apply();
    again.prints(&["nothing was written"]);
    assert_eq!(log.writes(), Vec::<String>::new());
}

#[test]
fn nobody_but_the_holders_ever_sees_a_share_on_openbao() {
    nobody_but_the_holders_sees_a_share(Setup::OpenBao272Static);
}

#[test]
fn nobody_but_the_holders_ever_sees_a_share_on_vault() {
    nobody_but_the_holders_sees_a_share(Setup::Vault1211AwsKms);
}

#[test]
fn a_run_that_was_stopped_with_encrypted_shares_in_hand_is_taken_up() {
    require!(["openbao-2.7.2", "gnupg"]);
    let mut stage = Stage::of(Server::in_memory());
    let precious = stage.ceremony.path("shares/carol.pgp");
    let (file, address) = (precious.clone(), stage.server.address());
    // Somebody takes the name after everything was looked at.
    let faults = Faults::new().every("PUT sys/init", move |_: &RequestInfo| {
        std::fs::create_dir_all(file.parent().expect("a directory")).expect("made");
        std::fs::write(&file, "precious").expect("written");
        Action::Pass
    });
    let proxy = faults.before(&address);
    stage
        .ceremony
        .set("/cluster/address", json!(proxy.address()));
    stage.prove_all();
    stage
        .ceremony
        .apply()
        .exits(3)
        .says(&["2 of 3 shares are with their custodians"]);
    std::fs::remove_file(&precious).expect("ours");
    // The share stays with the name that it was assigned to, and so with the key.
    let custodians = &mut stage.ceremony.file["init"]["custodians"];
    custodians.as_array_mut().expect("custodians").reverse();
    stage.ceremony.apply().exits(4);
    let shares = HOLDERS.map(|name| stage.share(name));
    assert!(shares.iter().all(|share| is_hexadecimal(share)));
}

#[test]
fn holders_of_every_kind_keep_shares_of_one_cluster() {
    require!(["openbao-2.7.2", "localstack-4.9.2", "gnupg"]);
    let mut stage = Stage::of(Server::in_memory());
    let alice = stage.ceremony.ssm_custodian("alice");
    let bob = stage.ceremony.age_custodian("bob");
    stage.ceremony.set("/init/custodians/0", alice);
    stage.ceremony.set("/init/custodians/1", bob);
    let (_proxy, asked) = asked_of(&stage.server, &mut stage.ceremony);
    stage.ceremony.prove_all();
    prove(&stage.gpg, &stage.ceremony, "carol");
    stage.ceremony.apply().exits(4).says(&[
        "warning: not all custodians have a PGP key: the server hands the shares out in clear",
    ]);
    assert!(
        asked
            .lock()
            .expect("no panic holds it")
            .get("recovery_pgp_keys")
            .is_none()
    );
    let custody = stage.ceremony.custody();
    let carol = stage.share("carol");
    for share in [
        &custody.share("alice"),
        &custody.share("bob"),
        carol.trim_end(),
    ] {
        assert!(looks_like_a_share(share));
    }
    assert!(carol.ends_with('\n'));
}

#[test]
fn with_unseal_keys_this_program_encrypts_and_says_so() {
    require!(["vault-1.21.1", "gnupg"]);
    let stage = Stage::of(Server::of(Setup::Vault1211Shamir));
    stage.prove_all();
    stage.ceremony.apply().exits(4).says(&[
        "the seal is shamir, and this program unseals with the shares: the server hands the shares out in clear",
    ]);
    for name in HOLDERS {
        assert!(looks_like_a_share(stage.share(name).trim_end()), "{name}");
    }
}

#[test]
fn why_gpg_did_not_open_a_share_is_said_in_its_own_words() {
    require!(["openbao-2.7.2", "gnupg"]);
    let mut stage = Stage::of(Server::in_memory());
    stage.prove_all();
    stage.with_the_keys_at_hand();
    stage.ceremony.apply().exits(0);
    // Somebody else's home, in which there is none of these keys.
    let other = Gpg::new();
    let home = other.home().display().to_string();
    stage
        .ceremony
        .environment
        .retain(|(name, _)| name != "GNUPGHOME");
    stage.ceremony.environment.push(("GNUPGHOME".into(), home));
    let run = stage.ceremony.run(&["rehearse"]);
    run.exits(1).says(&[
        "no share of alice: no terminal to ask on: gpg: decryption failed: No secret key. The share of alice",
    ]);
}

#[test]
fn where_gpg_has_no_key_the_holder_is_asked_and_types_what_it_showed_them() {
    require!(["openbao-2.7.2", "gnupg"]);
    let mut stage = Stage::of(Server::in_memory());
    stage.prove_all();
    stage
        .ceremony
        .set("/break_glass/drill", json!("before-revoke"));
    let nobody = stage.ceremony.apply();
    nobody.exits(2).says(&[
        "no terminal to ask on",
        "The share of alice, as alice reads it: gpg --decrypt shares/alice.pgp",
        "let gpg open it here",
    ]);
    assert!(!stage.server.api().initialised());
    let mut terminal = stage.ceremony.terminal(&["apply", "--yes"]);
    // Each holder is asked for one share, for whichever quorum; one that is none is asked for again.
    for (name, damaged) in [
        ("alice", false),
        ("bob", false),
        ("carol", true),
        ("carol", true),
        ("carol", true),
    ] {
        terminal.expect(&format!("as {name} reads it:\r\n  gpg --decrypt"));
        let share = stage.share(name);
        let share = if damaged {
            share[..20].to_owned()
        } else {
            share.to_uppercase()
        };
        terminal.type_line(&share);
    }
    let (code, shown) = terminal.finish();
    assert_eq!(code, 3, "{shown}");
    assert!(
        shown.contains("what carol typed 3 times is not a share"),
        "{shown}"
    );
    stage.with_the_keys_at_hand();
    stage.ceremony.apply().exits(0);
}

#[test]
fn an_identity_of_age_proves_no_pgp_custodian_and_neither_does_a_wrong_word() {
    require!(["openbao-2.7.2", "gnupg"]);
    let stage = Stage::of(Server::in_memory());
    let words = ["custodian", "prove", "bob", "--identity", "checkpoint.key"];
    stage
        .ceremony
        .run(&words)
        .exits(2)
        .says(&["leave out --identity"]);
    let mut terminal = stage.ceremony.terminal(&words[..3]);
    for guess in ["a-guess", "another", "the-last"] {
        terminal.expect("as bob reads it");
        terminal.expect("gpg --decrypt");
        terminal.type_line(guess);
    }
    let (code, shown) = terminal.finish();
    assert_eq!(code, 1, "{shown}");
    assert!(
        shown.contains("the answer is not the word of the challenge"),
        "{shown}"
    );
    assert!(!shown.contains("age -d"), "{shown}");
}

/// Months later a key file is gone and the keys have expired: what was encrypted then is opened all the same.
#[test]
fn shares_open_without_public_keys_and_after_these_have_expired() {
    require!(["openbao-2.7.2"]);
    let mut stage = Stage::of(Server::in_memory());
    stage.ceremony.set("/break_glass/rotation", json!(true));
    stage.prove_all();
    stage.with_the_keys_at_hand();
    stage.ceremony.apply().exits(0);
    let key = stage.ceremony.path("alice.asc");
    let away = key.with_extension("away");
    std::fs::rename(&key, &away).expect("moved");
    stage.ceremony.run(&["rehearse"]).exits(0);
    std::fs::rename(&away, &key).expect("moved");
    for name in HOLDERS {
        let key = stage.ceremony.path(&format!("{name}.asc"));
        std::fs::write(key, stage.gpg.expired(name)).expect("written");
    }
    let old = stage.ceremony.file.to_string();
    stage.ceremony.write("old.yaml", &old);
    let age = ["dora", "emil", "fred"].map(|name| stage.ceremony.age_custodian(name));
    stage
        .ceremony
        .set("/init/generation", json!(2))
        .set("/init/custodians", json!(age));
    stage
        .ceremony
        .run(&[
            "recovery",
            "rotate",
            "--from",
            "old.yaml",
            "--yes",
            "--identity",
            "dora.key",
            "--identity",
            "emil.key",
            "--identity",
            "fred.key",
        ])
        .exits(0);
}
