//! The files of a checkpoint: whatever stands there is read, or refused by name.

use std::path::Path;

use proptest::prelude::*;
use vault_bootstrap::checkpoint::{Checkpoint, Kept, kept, read_diary};
use vault_bootstrap::envelope::{Key, Sealer};
use vault_bootstrap::evidence::facts::Evidence;
use vault_bootstrap::failure::Failure;
use vault_bootstrap::secret::{RootToken, SecretText, Token};
use vault_bootstrap::step::Step;

use crate::feed::{answers, damaged, for_a_while, write};
use crate::responder::runtime;

const WORDS: &[&str] = &[
    "version",
    "program",
    "cluster",
    "name",
    "address",
    "cluster_id",
    "asked",
    "shares",
    "threshold",
    "recovery",
    "steps",
    "initialize",
    "hand-over",
    "state",
    "started",
    "finished",
    "evidence",
    "proofs",
    "subject",
    "at",
    "number",
    "prepared",
    "stored",
    "digests",
    "done",
    "with",
    "wrapped",
    "identity",
    "recipient",
    "passphrase",
    "holds",
    "key",
    "init-answer",
    "root-token",
    "fffffffffffffffe",
    "0000000000400001",
    "2026-11-21T08:00:00Z",
];

const DIARY: &str = r#"{"version": 1, "program": "0.1.0",
    "cluster": {"name": "prod", "address": "https://vault:8200", "cluster_id": "6a"},
    "asked": {"shares": 3, "threshold": 2, "recovery": true},
    "steps": {"initialize": {"state": "done", "started": "2026-11-21T08:00:00Z", "finished": "2026-11-21T08:00:01Z",
        "evidence": {"initialized": true}}, "logins": {"state": "started", "started": "x", "evidence": {}}},
    "proofs": {"alice": {"subject": "age1", "at": "2026-11-21T08:00:00Z"}},
    "shares": {"alice": {"number": 0, "prepared": ["sha256:00"], "stored": {"address": "shares/alice.age"}}},
    "digests": {"auth/userpass/users/ada#password": "$argon2id$v=19$m=7168,t=5,p=1$c2FsdHNhbHQ$aGFzaA"}}"#;

fn checkpoint(directory: &Path) -> Result<(), Failure> {
    let mut checkpoint = Checkpoint::open(directory, "prod", "https://vault:8200")?;
    checkpoint.keeps_something()?;
    checkpoint.start(Step::Audit)?;
    checkpoint.finish(Step::Audit, Evidence::default())?;
    Ok(())
}

#[test]
fn any_diary_is_read_or_refused() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("checkpoint");
    checkpoint(&place)
        .map_err(|failure| failure.to_string())
        .unwrap();
    for_a_while(
        "diary",
        &answers(&[DIARY, "{\"version\": 1}"], WORDS),
        |bytes| {
            write(&place.join("diary.json"), &bytes);
            let _ = read_diary(&place).map_err(|error| error.advice());
            let _ = checkpoint(&place).map_err(|failure| failure.to_string());
        },
    );
}

/// What a true checkpoint has in `secrets` at each of its ages.
fn generations(place: &Path, key: &Key) -> Vec<Vec<u8>> {
    let file = || std::fs::read(place.join("secrets")).unwrap();
    runtime().block_on(async {
        let checkpoint = Checkpoint::open(place, "prod", "https://vault:8200").unwrap();
        let sealer = Sealer::create(key, "prod").await.unwrap();
        checkpoint.write_ahead(&sealer).unwrap();
        let ahead = file();
        let answer = SecretText::new("{\"root_token\": \"s.x\"}".into());
        checkpoint.keep_answer(&sealer, &answer).unwrap();
        let answered = file();
        let root = RootToken::new(Token::new("s.root".into()));
        checkpoint.keep_root_token(&sealer, &root).unwrap();
        vec![ahead, answered, file()]
    })
}

#[test]
fn any_encrypted_part_opens_as_it_was_or_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("checkpoint");
    let key = Key::passphrase_with_work(SecretText::new("correct horse".into()), 1);
    // Damage falls into the head of the file, where all that is not ciphertext stands; the room behind is cut off.
    let texts: Vec<Vec<u8>> = generations(&place, &key)
        .into_iter()
        .flat_map(|whole| {
            let end = whole.len().min(9000);
            [whole[..end].to_vec(), whole]
        })
        .collect();
    let runtime = runtime();
    for_a_while("secrets", &damaged(texts, WORDS), |bytes| {
        write(&place.join("secrets"), &bytes);
        match runtime.block_on(kept(&place, "prod", &key)) {
            Ok(Kept::RootToken(_) | Kept::InitAnswer(_) | Kept::Awaited | Kept::Nothing) => {}
            Err(error) => drop(Failure::from(error).to_string()),
        }
    });
}

#[test]
fn any_identity_file_is_read_or_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    let text = "# created: 2026-11-21T08:00:00Z\n# public key: age1x\nAGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n";
    let words: &[&str] = &["AGE-SECRET-KEY-1", "age1", "# ", "AGE-PLUGIN-X-1"];
    let cases = (
        damaged(vec![text.as_bytes().to_vec()], words),
        any::<bool>(),
    );
    for_a_while("identity", &cases, |(bytes, armored)| {
        write(&file, &bytes);
        let read = vault_bootstrap::custodian::IdentityFile::read(&file);
        if let Err(error) = read {
            assert!(!error.to_string().contains("AGE-SECRET-KEY-1G"));
            let _ = (error.advice(), armored);
        }
    });
}
