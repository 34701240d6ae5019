//! Keys that a share would be lost to, or that are somebody else's: refused before initialisation.

use super::Stage;
use crate::ceremony::{Ceremony, Run, Server};
use crate::support::{Gpg, require};

/// A name, what stands in the file instead of a key, if there is one, and what is said of it.
type BadKey = (&'static str, Option<Vec<u8>>, Vec<&'static str>);

/// Each in the place of carol's key.
fn bad_keys(gpg: &Gpg, ceremony: &Ceremony) -> Vec<BadKey> {
    let carol = ceremony.path("carol.asc");
    let good = std::fs::read(&carol).expect("a key");
    let (signs, old, revoked, other) = (
        gpg.signing_key("signs", "ed25519"),
        gpg.expired_key("old"),
        gpg.key("revoked", "ed25519", "cv25519"),
        gpg.key("other", "ed25519", "cv25519"),
    );
    gpg.revoke(&revoked);
    let one = |fingerprint: &str| Some(gpg.armored(&[fingerprint]));
    vec![
        (
            "signs",
            one(&signs),
            vec![
                "custodian carol: ",
                "has no subkey for encryption",
                "gpg --quick-add-key",
            ],
        ),
        (
            "old",
            one(&old),
            vec![
                "custodian carol: ",
                "expired on 2020-01-31",
                "gpg --quick-set-expire",
            ],
        ),
        (
            "revoked",
            one(&revoked),
            vec![
                "custodian carol: ",
                "is revoked",
                "gpg --quick-generate-key",
            ],
        ),
        (
            "two",
            Some(gpg.armored(&[&signs, &other])),
            vec!["carol.asc: holds 2 keys", "gpg --armor --export"],
        ),
        (
            "secret",
            Some(gpg.secret(&other)),
            vec!["carol.asc: holds a secret key", "gpg --armor --export"],
        ),
        (
            "no key",
            Some(b"hello\n".to_vec()),
            vec!["carol.asc: holds no PGP public key"],
        ),
        (
            "cut",
            Some(good[..good.len() / 2].to_vec()),
            vec!["carol.asc: "],
        ),
        (
            "missing",
            None,
            vec!["carol.asc: cannot be read", "gpg --armor --export"],
        ),
    ]
}

#[test]
fn a_key_that_a_share_would_be_lost_to_is_refused_before_initialisation() {
    require!(["openbao-2.7.2", "gnupg"]);
    let mut stage = Stage::of(Server::in_memory());
    stage.prove_all();
    let named = stage.ceremony.file["init"]["custodians"][2]["pgp"]["fingerprint"].take();
    stage.ceremony.remove("/init/custodians/2/pgp/fingerprint");
    let (carol, good) = (
        stage.ceremony.path("carol.asc"),
        stage.gpg.home().join("good"),
    );
    std::fs::copy(&carol, &good).expect("copied");
    let refused = |ceremony: &Ceremony, what: &str, texts: &[&str]| {
        let run: Run = ceremony.apply();
        assert_eq!(run.code, 2, "{what}\n{run}");
        run.says(texts).says(&["what to do:"]);
        assert!(!stage.server.api().initialised(), "{what}\n{run}");
        assert_eq!(ceremony.files_in("shares"), Vec::<String>::new(), "{run}");
        assert!(!ceremony.keeps_secrets(), "{run}");
    };
    for (what, key, texts) in bad_keys(&stage.gpg, &stage.ceremony) {
        match key {
            Some(key) => std::fs::write(&carol, key).expect("written"),
            None => std::fs::remove_file(&carol).expect("ours"),
        }
        refused(&stage.ceremony, what, &texts);
    }
    let other = stage.gpg.armored(&["other"]);
    std::fs::write(&carol, other).expect("written");
    stage
        .ceremony
        .set("/init/custodians/2/pgp/fingerprint", named);
    refused(
        &stage.ceremony,
        "other",
        &["carol.asc: is key", "and the file wants", "ask the holder"],
    );
    std::fs::copy(&good, &carol).expect("copied");
    stage.ceremony.environment = vec![("PATH".into(), "/nonexistent".into())];
    refused(
        &stage.ceremony,
        "no gpg",
        &["gpg, which is not on the PATH", "apt-get install gnupg"],
    );
    stage.ceremony.environment.clear();
    stage.ceremony.apply().exits(4);
}
