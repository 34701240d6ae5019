//! The evidence of a run that makes root tokens.

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
pub(super) struct Evidence(RunEvidence, Vec<String>);

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

    /// Quorums of which the server made no root token.
    pub(super) fn refused(&mut self, quorums: Vec<String>) {
        if !quorums.is_empty() {
            self.set("refused_quorums", &quorums);
        }
        self.1 = quorums;
    }

    /// The same, as a finding.
    pub(super) fn refused_quorums(&self) -> Option<Finding> {
        (!self.1.is_empty()).then(|| Finding::QuorumsRefused(self.1.clone()))
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
