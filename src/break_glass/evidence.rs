//! The evidence of a run that makes root tokens.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::json;

use crate::break_glass::session::BreakGlassSession;
use crate::checkpoint::replica::evidence;
use crate::checkpoint::{Rehearsed, now};
use crate::evidence::run::{RunEvidence, Written};
use crate::evidence::signing::SigningKey;
use crate::failure::Failure;
use crate::finding::Finding;
use crate::shares::quorum::Gathered;

/// What a run has shown so far.
pub(super) struct Evidence(RunEvidence, Vec<Finding>);

impl Evidence {
    pub(super) fn begin(session: &BreakGlassSession<'_>, kind: &'static str) -> Self {
        let health = &session.health;
        let cluster = json!({
            "name": session.config.cluster.name,
            "id": health.cluster_id,
            "node": session.client.address(),
            "product": health.product.name(),
            "version": health.version,
        });
        let mut evidence = Self(RunEvidence::begin(kind, &cluster, now()), Vec::new());
        if let Ok(login) = session.login() {
            let answer = &login.answer;
            let facts = json!({
                "name": login.name, "accessor": answer.accessor, "policies": answer.policies,
            });
            evidence.set("login", facts);
        }
        let rules = session.rules;
        evidence.set(
            "root_generation",
            json!({"paths": rules.dialect.base(), "open_to_anybody": rules.open}),
        );
        evidence
    }

    pub(super) fn set(&mut self, name: &str, value: impl Serialize) {
        self.0.set(name, value);
    }

    /// Quorums of which the server made no root token, beside the one of which it made one.
    pub(super) fn refused(&mut self, quorums: Vec<Vec<String>>, good: &[String]) {
        let named: Vec<_> = quorums.iter().map(|names| names.join(", ")).collect();
        if !named.is_empty() {
            self.set("refused_quorums", &named);
        }
        self.1 = of_refused(&quorums, good);
    }

    /// The same, as findings.
    pub(super) fn refused_quorums(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.1)
    }

    /// Who answered, and who did not.
    pub(super) fn gathered(&mut self, gathered: &Gathered) {
        let mut all = Vec::new();
        for name in gathered.names() {
            all.push(json!({"name": name, "answered": true}));
        }
        for name in &gathered.elsewhere {
            all.push(json!({"name": name, "asked": "elsewhere"}));
        }
        for (name, why) in &gathered.away {
            all.push(json!({"name": name, "answered": false, "why": why.to_string()}));
        }
        self.set("custodians", all);
    }

    /// Writes what is known of a run that failed: who was missing, for a start. What goes wrong with that is said and
    /// no more: the failure itself, which is given back, says more. It stays on this machine: what the run has left open is
    /// to be ended first.
    pub(super) fn of_a_failure(
        &mut self,
        session: &BreakGlassSession<'_>,
        key: Option<&SigningKey>,
        why: Failure,
    ) -> Failure {
        self.set("failed", why.to_string());
        match self.write_here(session, key, &[]) {
            Ok(written) => {
                let path = written.path.display();
                session.note(format!("evidence of what was tried: {path}"));
            }
            Err(failure) => session.warn(
                failure.code(),
                format!("no evidence of what was tried: {failure}"),
            ),
        }
        why
    }

    /// Writes both forms beside the checkpoint, signs the one for machines, and puts them at the replica, where there is
    /// one; what keeps them from that is one more finding. Where they are. `passed` is a rehearsal that did.
    pub(super) async fn write(
        &mut self,
        session: &BreakGlassSession<'_>,
        key: Option<&SigningKey>,
        findings: &mut Vec<Finding>,
        passed: Option<&mut Rehearsed>,
    ) -> Result<PathBuf, Failure> {
        let written = self.write_here(session, key, findings)?;
        let passed = passed.map(|passed| {
            passed.evidence.clone_from(&written.path);
            &*passed
        });
        let kept = evidence::keep(session.config, &written, passed).await;
        if let Err(failure) = kept {
            let path = written.path.display().to_string();
            findings.push(Finding::EvidenceHereOnly(path, failure.to_string()));
            self.write_here(session, key, findings)?;
        }
        Ok(written.path)
    }

    fn write_here(
        &mut self,
        session: &BreakGlassSession<'_>,
        key: Option<&SigningKey>,
        findings: &[Finding],
    ) -> Result<Written, Failure> {
        let journal = &session.journal;
        let put = |name: &str, bytes: &[u8]| journal.put(name, bytes);
        let findings = session.config.judged(Finding::all_reported(findings));
        self.0
            .write(journal.directory(), put, (key, now(), &findings))
    }
}

/// Whose share must be wrong, since all others of its quorum made a root token; and quorums of which that is not known.
fn of_refused(quorums: &[Vec<String>], good: &[String]) -> Vec<Finding> {
    let suspects: Vec<Vec<&String>> = quorums
        .iter()
        .map(|names| names.iter().filter(|name| !good.contains(name)).collect())
        .collect();
    let wrong: BTreeSet<&String> = suspects
        .iter()
        .filter(|names| names.len() == 1)
        .flatten()
        .copied()
        .collect();
    let open = quorums.iter().zip(&suspects);
    let open = open.filter(|(_, suspects)| !suspects.iter().any(|name| wrong.contains(name)));
    let open: Vec<_> = open.map(|(names, _)| names.join(", ")).collect();
    let wrong = wrong.into_iter().cloned().map(Finding::ShareWrong);
    let unnamed = Some(open)
        .filter(|open| !open.is_empty())
        .map(Finding::QuorumsRefused);
    wrong.chain(unnamed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_whose_whole_quorum_is_good_but_for_it_is_the_wrong_one() {
        let names = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let said = |quorums: &[&str], good: &str| -> Vec<String> {
            let quorums: Vec<_> = quorums.iter().map(|one| names(one)).collect();
            let found = of_refused(&quorums, &names(good));
            found.iter().map(ToString::to_string).collect()
        };
        let wrong = |name: &str| Finding::ShareWrong(name.to_owned()).to_string();
        let open = |names: &str| Finding::QuorumsRefused(vec![names.to_owned()]).to_string();
        for (quorums, good, expected) in [
            (
                vec!["alice bob", "alice carol"],
                "bob carol",
                vec![wrong("alice")],
            ),
            (vec!["alice bob"], "alice carol", vec![wrong("bob")]),
            (vec!["alice bob"], "carol dave", vec![open("alice, bob")]),
            (
                vec!["alice bob", "bob carol", "eve frank"],
                "carol dave",
                vec![wrong("bob"), open("eve, frank")],
            ),
            (vec![], "alice bob", vec![]),
        ] {
            assert_eq!(said(&quorums, good), expected, "{quorums:?}");
        }
    }
}
