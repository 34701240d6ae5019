//! The evidence of a run: one document for machines and one page for people, signed where a key was named.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::break_glass::session::BreakGlassSession;
use crate::checkpoint::now;
use crate::evidence::page;
use crate::evidence::signing::SigningKey;
use crate::evidence::verification::{VERSION, file_stem, signed_comment};
use crate::failure::Failure;
use crate::finding::Finding;
use crate::printable;
use crate::shares::quorum::Gathered;

/// What a run has shown so far.
pub(super) struct Evidence {
    kind: &'static str,
    facts: Map<String, Value>,
    began: String,
}

impl Evidence {
    pub(super) fn begin(session: &BreakGlassSession<'_>, kind: &'static str) -> Self {
        let mut evidence = Self {
            kind,
            facts: Map::new(),
            began: now(),
        };
        let health = &session.health;
        let cluster = json!({
            "name": session.config.cluster.name,
            "id": health.cluster_id,
            "node": session.client.address(),
            "product": health.product.name(),
            "version": health.version,
        });
        evidence.set("version", VERSION);
        evidence.set("kind", kind);
        evidence.set("program", env!("CARGO_PKG_VERSION"));
        evidence.set("cluster", cluster);
        evidence.set("began", evidence.began.clone());
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
        self.facts.insert(name.to_owned(), json!(value));
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

    /// Writes what is known of a run that failed: who was missing, for a start. What goes wrong with that is left
    /// alone: the failure itself, which is given back, says more.
    pub(super) fn of_a_failure(
        &mut self,
        session: &BreakGlassSession<'_>,
        key: Option<&SigningKey>,
        why: Failure,
    ) -> Failure {
        self.set("failed", why.to_string());
        if let Ok(path) = self.write(session, key, &[]) {
            session.note(format!("evidence of what was tried: {}", path.display()));
        }
        why
    }

    /// Writes both forms beside the checkpoint and signs the one for machines. Where they are.
    pub(super) fn write(
        &mut self,
        session: &BreakGlassSession<'_>,
        key: Option<&SigningKey>,
        findings: &[Finding],
    ) -> Result<PathBuf, Failure> {
        self.set("ended", now());
        self.set("findings", Finding::all_reported(findings));
        let (kind, began, cluster) = (self.kind, &self.began, &session.config.cluster.name);
        let journal = &session.journal;
        let name = unused(journal.directory(), &file_stem(kind, began));
        let text = serde_json::to_string_pretty(&self.facts).unwrap_or_default();
        let mut text = printable::json(&text);
        text.push('\n');
        let title = format!("{kind} of {cluster}, {began}");
        let line = "=".repeat(title.chars().count());
        let page = format!("{title}\n{line}\n\n{}", page::facts(&self.facts, 0));
        let path = journal.put(&format!("{name}.json"), text.as_bytes())?;
        journal.put(&format!("{name}.txt"), printable::text(&page).as_bytes())?;
        if let Some(key) = key {
            let comment = signed_comment(kind, cluster, began);
            let signature = key.sign(text.as_bytes(), &comment)?;
            journal.put(&format!("{name}.json.minisig"), signature.as_bytes())?;
        }
        Ok(path)
    }
}

/// Two runs within a second have two names.
fn unused(directory: &Path, name: &str) -> String {
    let mut candidate = name.to_owned();
    let mut number = 2;
    while directory.join(format!("{candidate}.json")).exists() && number < 1000 {
        candidate = format!("{name}-{number}");
        number += 1;
    }
    candidate
}
