//! Any line that is corrected in the file is written, and the server then has what it would make of the file alone.

use super::{Cluster, Places, top};
use crate::support::{Setup, require};

/// Corrects one line of every document a round; each is written.
fn corrected(setup: Setup) {
    let mut cluster = Cluster::start(setup);
    let rounds = cluster.documents.iter().map(|one| one.edits.len()).max();
    let mut count = 0;
    for round in 0..rounds.expect("some") {
        let when = format!("{setup:?}, round {round}");
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
                cluster.problem(&when, format!("{}: {have}, and afresh {fresh}", document.path));
            }
        }
        cluster.writes(&when, &[]);
    }
    cluster.ends(count, "corrected");
}

#[test]
fn every_line_that_is_corrected_is_written_to_openbao() {
    require!(["openbao-2.7.2"]);
    corrected(Setup::OpenBao272Static);
}

#[test]
fn every_line_that_is_corrected_is_written_to_an_older_openbao() {
    require!(["openbao-2.6.2"]);
    corrected(Setup::OpenBao262StaticApiAudit);
}

#[test]
fn every_line_that_is_corrected_is_written_to_vault() {
    require!(["vault-1.21.1"]);
    corrected(Setup::Vault1211Shamir);
}
