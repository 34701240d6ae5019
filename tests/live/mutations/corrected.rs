//! Any line that is corrected in the file is written, and the server then has what it would make of the file alone.

use serde_json::json;

use super::{Cluster, Places, Writer, top};
use crate::ceremony::{Ceremony, Server};
use crate::remembered::root;
use crate::support::{Setup, require};

/// Corrects one line of every document a round; each is written.
fn corrected(setup: Setup, writer: Writer) {
    let mut cluster = Cluster::start(setup, writer);
    let rounds = cluster.documents.iter().map(|one| one.edits.len()).max();
    let mut count = 0;
    for round in 0..rounds.expect("some") {
        let when = format!("{setup:?} {writer:?}, round {round}");
        let (mut expected, mut paths) = (Places::new(), Vec::new());
        for document in &mut cluster.documents {
            let Some(edit) = document.edits.get(round).cloned() else {
                continue;
            };
            document.correct(&mut cluster.ceremony, &edit);
            let field = match &*edit.0 {
                "rules" => "policy".to_owned(),
                place => top(&place.replace('/', ".")),
            };
            expected.insert((document.path.clone(), field));
            paths.push(document.changed_at());
        }
        count += expected.len();
        cluster.finds(&when, &expected);
        cluster.writes(&when, &paths);
        let api = cluster.root();
        for document in &cluster.documents {
            let Some(fresh) = document.fresh(&api) else {
                continue;
            };
            let have = document.read(&api);
            if have != fresh {
                cluster.problem(
                    &when,
                    format!("{}: {have}, and afresh {fresh}", document.path),
                );
            }
        }
        cluster.writes(&when, &[]);
    }
    cluster.ends(count, "corrected");
}

#[test]
fn every_line_that_is_corrected_is_written_to_openbao() {
    require!(["openbao-2.7.2"]);
    corrected(Setup::OpenBao272Static, Writer::Root);
}

#[test]
fn every_line_that_is_corrected_is_written_to_an_older_openbao() {
    require!(["openbao-2.6.2"]);
    corrected(Setup::OpenBao262StaticApiAudit, Writer::Root);
}

#[test]
fn every_line_that_is_corrected_is_written_to_vault() {
    require!(["vault-1.21.1"]);
    corrected(Setup::Vault1211Shamir, Writer::Root);
}

#[test]
fn every_line_that_is_corrected_after_the_hand_over_is_written_by_a_login() {
    require!(["openbao-2.7.2"]);
    corrected(Setup::OpenBao272Static, Writer::Login);
}

#[test]
fn a_config_whose_lines_are_all_taken_out_goes_back_to_the_defaults() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let keep = ["apply", "--yes", "--keep-root"];
    ceremony.set("/revoke_root", json!(false)).set(
        "/secrets/secret/config",
        json!({ "max_versions": 5, "cas_required": true }),
    );
    ceremony.run(&keep).exits(4);
    ceremony.remove("/secrets/secret/config");
    let log = server.audit().after_this();
    ceremony.run(&keep).exits(4);
    assert!(log.writes().contains(&"update secret/config".to_owned()));
    let config = root(&server, &ceremony).read("secret/config");
    assert_eq!(config["data"]["max_versions"], 0);
    assert_eq!(config["data"]["cas_required"], false);
    let log = server.audit().after_this();
    ceremony
        .run(&keep)
        .exits(4)
        .prints(&["nothing was written"]);
    assert_eq!(log.writes(), Vec::<String>::new());
}
