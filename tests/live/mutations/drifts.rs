//! Any field that somebody has changed on the server is found, whether the file names it or not, and is put back.

use super::{Cluster, Places, Writer};
use crate::support::{Setup, require};

/// Changes one field of every document a round; each is put back.
fn planted(setup: Setup, writer: Writer) {
    let cluster = Cluster::start(setup, writer);
    let api = cluster.root();
    let documents = &cluster.documents;
    let rounds = documents.iter().map(|one| one.drifts.len()).max();
    let mut count = 0;
    for round in 0..rounds.expect("some") {
        let when = format!("{setup:?} {writer:?}, round {round}");
        let before: Vec<_> = documents.iter().map(|one| one.read(&api)).collect();
        let (mut expected, mut paths) = (Places::new(), Vec::new());
        for document in documents {
            let Some(drift) = document.drifts.get(round) else {
                continue;
            };
            let answer = document.answer(&api);
            if let Err(refused) = document.plant(&api, drift) {
                cluster.problem(&when, refused);
                continue;
            }
            // A server that takes it and leaves the field as it was.
            if document.answer(&api) == answer {
                cluster.problem(&when, format!("not planted: {} {}", document.path, drift.0));
                continue;
            }
            expected.insert((document.path.clone(), drift.0.clone()));
            paths.push(document.changed_at());
        }
        count += expected.len();
        cluster.finds(&when, &expected);
        cluster.writes(&when, &paths);
        for (document, before) in documents.iter().zip(before) {
            let after = document.read(&api);
            if after != before {
                cluster.problem(
                    &when,
                    format!("{}: {after}, and was {before}", document.path),
                );
            }
        }
        cluster.writes(&when, &[]);
    }
    cluster.ends(count, "planted");
}

#[test]
fn every_field_that_is_changed_on_openbao_is_put_back() {
    require!(["openbao-2.7.2"]);
    planted(Setup::OpenBao272Static, Writer::Root);
}

#[test]
fn every_field_that_is_changed_on_an_older_openbao_is_put_back() {
    require!(["openbao-2.6.2"]);
    planted(Setup::OpenBao262StaticApiAudit, Writer::Root);
}

#[test]
fn every_field_that_is_changed_on_vault_is_put_back() {
    require!(["vault-1.21.1"]);
    planted(Setup::Vault1211Shamir, Writer::Root);
}

#[test]
fn every_field_that_is_changed_after_the_hand_over_is_put_back_by_a_login() {
    require!(["openbao-2.7.2"]);
    planted(Setup::OpenBao272Static, Writer::Login);
}
