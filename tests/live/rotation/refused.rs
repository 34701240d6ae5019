//! What is not done, and what is said then. The old shares hold as before.

use super::*;
use crate::support::set_mode;

const STARTS: &str = "POST sys/rotate/recovery/init";
const SETUP: Setup = Setup::OpenBao272Static;

#[test]
fn a_rotation_of_somebody_else_is_left_alone() {
    require!(["openbao-2.7.2"]);
    let (server, rotation) = Rotation::ready();
    let ada = rotation.ada(&server);
    let init = "sys/rotate/recovery/init";
    let theirs = json!({ "secret_shares": 3, "secret_threshold": 2, "require_verification": true });
    let nonce = ada.write(init, &theirs)["data"]["nonce"].clone();
    for given in [
        "0 of 2 shares given",
        "1 of 2 shares given",
        "its new shares are made and wait to be verified",
    ] {
        let run = rotation.rotate();
        run.exits(3).says(&[
            "a rotation of the shares by somebody else is under way",
            given,
            "which shares are in effect has not changed",
        ]);
        assert_eq!(ada.read(init)["data"]["nonce"], nonce, "it is still theirs");
        let share = rotation.old[usize::from(given.starts_with('1'))].clone();
        ada.put(
            "sys/rotate/recovery/update",
            &json!({ "key": share, "nonce": nonce }),
        );
    }
    ada.delete(init);
    rotation.nothing_happened(&server, SETUP);
    rotation.rotate().exits(0);
    rotation.is_done(&server, SETUP);
}

/// The program sees that it is free, and then somebody is faster.
#[test]
fn somebody_who_is_faster_is_left_alone() {
    require!(["openbao-2.7.2"]);
    let (server, mut rotation) = Rotation::ready();
    let server = Arc::new(server);
    let theirs = server.clone();
    let begins = move |request: &RequestInfo| {
        let token = request.header("x-vault-token").expect("a token");
        let body =
            json!({ "secret_shares": 3, "secret_threshold": 2, "require_verification": true });
        let (status, answer) = theirs.put("sys/rotate/recovery/init", token, body);
        assert_eq!(status, 200, "{answer}");
        Action::Pass
    };
    let faults = Faults::new().first(STARTS, begins);
    let proxy = faults.before(&server.address());
    rotation
        .ceremony
        .set("/cluster/address", json!(proxy.address()));
    for _ in 0..2 {
        rotation
            .rotate()
            .exits(3)
            .says(&["by somebody else is under way"]);
    }
    let ada = rotation.ada(&server);
    assert_eq!(
        ada.read("sys/rotate/recovery/init")["data"]["started"],
        true
    );
    ada.delete("sys/rotate/recovery/init");
    rotation.nothing_happened(&server, SETUP);
}

#[test]
fn old_shares_that_are_not_those_of_the_cluster_are_explained() {
    require!(["openbao-2.7.2"]);
    let (server, rotation) = Rotation::ready();
    let (bob, carol) = (
        rotation.ceremony.path("shares/bob.age"),
        rotation.ceremony.path("shares/carol.age"),
    );
    let whole = std::fs::read(&bob).expect("a share");
    // Whoever opens theirs elsewhere may type another one, and nobody else can be had.
    let away = carol.with_extension("away");
    std::fs::rename(&carol, &away).expect("moved");
    for (typed, says) in [
        (
            looks_right(),
            "the old shares of alice, bob do not make the key of this cluster",
        ),
        (
            rotation.old[0].clone(),
            "what was typed for alice and for bob is one and the same share",
        ),
        ("oops!".to_owned(), "what bob typed 3 times is not a share"),
    ] {
        let words = ["recovery", "rotate", "--from", "old.yaml", "--yes"];
        let mut terminal = rotation.ceremony.terminal(&words);
        let (alices, bobs) = match typed.as_str() {
            "oops!" => (1, 3),
            // Whose it is, nobody knows: both are asked again.
            twice if twice == rotation.old[0] => (3, 1),
            _ => (1, 1),
        };
        for _ in 0..alices {
            terminal.expect("The share of alice");
            terminal.type_line(&rotation.old[0]);
            for _ in 0..bobs {
                terminal.expect("The share of bob");
                terminal.type_line(&typed);
            }
        }
        let (code, shown) = terminal.finish();
        assert_eq!(code, 3, "{shown}");
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.contains(says), "{shown}");
        assert!(!shown.contains("is in effect as before"), "{shown}");
        rotation.nothing_happened(&server, SETUP);
    }
    std::fs::rename(&away, &carol).expect("moved");
    std::fs::remove_file(&bob).expect("gone");
    std::fs::rename(&carol, carol.with_extension("away")).expect("moved");
    rotation
        .rotate()
        .exits(1)
        .says(&["only 1 of the 2 old shares of a quorum are available"]);
    std::fs::rename(carol.with_extension("away"), &carol).expect("moved");
    rotation
        .rotate()
        .exits(0)
        .says(&["shares/bob.age, the old share of bob, was not there"]);
    std::fs::write(&bob, whole).expect("written");
    let ada = rotation.ada(&server);
    assert!(!opens(&ada, SETUP, &rotation.old[..2]), "the old shares");
}

/// 33 bytes that are of no cluster.
fn looks_right() -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode([7u8; 33])
}

#[test]
fn what_cannot_end_well_is_refused_before_anything_is_started() {
    require!(["openbao-2.7.2"]);
    let (server, mut rotation) = Rotation::ready();
    let proxy = Faults::new().before(&server.address());
    rotation
        .ceremony
        .set("/cluster/address", json!(proxy.address()));
    let file = rotation.ceremony.file.clone();
    rotation.ceremony.write("occupied", "a file, no directory");
    rotation
        .ceremony
        .set("/init/custodians/2/age/file", json!("occupied/carol.age"));
    rotation.rotate().exits(1).says(&["custodian carol:"]);
    rotation.ceremony.file = file.clone();
    let taken = rotation.ceremony.write("shares/bob.g2.age", "somebody's");
    rotation
        .rotate()
        .exits(3)
        .says(&["shares/bob.g2.age already holds something"]);
    assert_eq!(
        std::fs::read_to_string(&taken).expect("theirs"),
        "somebody's"
    );
    std::fs::remove_file(taken).expect("gone");
    let run = rotation.ceremony.run(&[
        "recovery",
        "rotate",
        "--from",
        "old.yaml",
        "--yes",
        "--identity",
        "bob.key",
    ]);
    run.exits(2).says(&["let alice's key open it here: vault-bootstrap recovery rotate --from old.yaml --identity KEYFILE"]);
    for (pointer, value, code, says) in [
        ("/init/generation", json!(1), 2, "write generation: 2"),
        (
            "/break_glass/rotation",
            json!(false),
            2,
            "lets no login make new shares",
        ),
        ("/cluster/name", json!("other"), 2, "are about two clusters"),
        (
            "/init/custodians/2/age/file",
            json!("checkpoint/carol.age"),
            2,
            "in the checkpoint's directory",
        ),
    ] {
        rotation.ceremony.set(pointer, value);
        rotation.rotate().exits(code).says(&[says]);
        rotation.ceremony.file = file.clone();
    }
    rotation
        .ceremony
        .apply()
        .exits(3)
        .says(&["make the new shares first"]);
    let mut other = file.clone();
    other["init"]["generation"] = json!(1);
    other["init"]["threshold"] = json!(3);
    let theirs = std::fs::read(rotation.ceremony.path("old.yaml")).expect("a file");
    rotation.ceremony.write("old.yaml", &other.to_string());
    let says = "says that any 2 of 3 shares open it, and old.yaml says any 3 of 3";
    rotation.rotate().exits(3).says(&[says]);
    std::fs::write(rotation.ceremony.path("old.yaml"), theirs).expect("written");
    assert_eq!(proxy.count(STARTS), 0);
    rotation.nothing_happened(&server, SETUP);
}

#[test]
fn without_the_grant_it_says_what_an_administrator_has_to_write() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let old = NAMES.map(|name| ceremony.custody().share(name)).to_vec();
    ceremony.write("old.yaml", &ceremony.file.to_string());
    ceremony.set("/init/generation", json!(2));
    ceremony.set("/break_glass/rotation", json!(true));
    let mut rotation = Rotation { ceremony, old };
    let policy = ["bao policy write", "path \"sys/rotate/recovery/init\" {"];
    // Whoever has forgotten it in the file learns both at once.
    rotation.ceremony.set("/break_glass/rotation", json!(false));
    rotation.rotate().exits(2).says(&[
        "under break_glass write rotation: true",
        policy[0],
        policy[1],
    ]);
    rotation.ceremony.set("/break_glass/rotation", json!(true));
    rotation.rotate().exits(3).says(&[
        "ada may not make new shares",
        "afterwards an administrator writes it, or who has none, in the shell of",
        "break-glass --reason WHY --env --expect sys/policies/acl/vault-bootstrap-break-glass",
        "bao policy write",
        "path \"sys/rotate/recovery/init\" {",
    ]);
    let ada = rotation.ada(&server);
    assert!(opens(&ada, SETUP, &rotation.old[..2]), "the old shares");
}

#[test]
fn a_cluster_that_is_not_handed_over_gets_no_new_shares() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/break_glass/rotation", json!(true));
    let old = ceremony.file.clone();
    ceremony.write("old.yaml", &old.to_string());
    ceremony.set("/init/generation", json!(2));
    let words = ["recovery", "rotate", "--from", "old.yaml", "--yes"];
    let first = "a new cluster has its ceremony first: vault-bootstrap -c old.yaml apply";
    ceremony.run(&words).exits(3).says(&[first]);
    assert!(!server.api().initialised());
    let faults = Faults::new().every("* sys/policies/acl/*", Action::Hold);
    let proxy = faults.before(&server.address());
    ceremony.file = old;
    ceremony.set("/cluster/address", json!(proxy.address()));
    let run = ceremony.start();
    assert!(proxy.wait_for_held(PATIENCE), "{}", run.stderr_so_far());
    run.kill();
    ceremony.write("old.yaml", &ceremony.file.to_string());
    ceremony.set("/init/generation", json!(2));
    ceremony.run(&words).exits(3).says(&["is not handed over"]);
}

#[test]
fn a_file_of_before_that_everybody_may_write_to_is_a_warning_and_a_finding() {
    require!(["openbao-2.7.2"]);
    let (_server, rotation) = Rotation::ready();
    set_mode(&rotation.ceremony.path("old.yaml"), 0o666);
    let text = "other users can modify old.yaml or its contents: every user may write to";
    let run = rotation.rotate();
    run.exits(4).says(&[text]);
}

#[test]
fn the_new_file_as_the_old_one_is_told_apart_before_and_after_a_rotation() {
    require!(["openbao-2.7.2"]);
    let (server, rotation) = Rotation::ready();
    let words = |from| ["recovery", "rotate", "--from", from, "--yes"];
    rotation
        .ceremony
        .run(&words("bootstrap.yaml"))
        .exits(2)
        .says(&["--from must be the file as it was before the rotation (generation 1,"])
        .never_says(&["write generation: 3"]);
    rotation.nothing_happened(&server, SETUP);
}
