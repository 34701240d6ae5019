//! The evidence of a run: one document for machines and one page for people, signed where a key was named.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::break_glass::session::BreakGlassSession;
use crate::checkpoint::now;
use crate::evidence::page;
use crate::evidence::signing::SigningKey;
use crate::failure::Failure;
use crate::shares::quorum::Gathered;

/// Form of the document.
const VERSION: u32 = 1;

/// What a run has shown so far.
pub(super) struct Evidence {
    facts: Map<String, Value>,
    began: String,
}

impl Evidence {
    pub(super) fn begin(session: &BreakGlassSession<'_>, kind: &str) -> Self {
        let mut evidence = Self {
            facts: Map::new(),
            began: now(),
        };
        let health = &session.health;
        evidence.set("version", json!(VERSION));
        evidence.set("kind", json!(kind));
        evidence.set("program", json!(env!("CARGO_PKG_VERSION")));
        evidence.set(
            "cluster",
            json!({
                "name": session.config.cluster.name,
                "id": health.cluster_id,
                "node": session.client.address(),
                "product": health.product.name(),
                "version": health.version,
            }),
        );
        evidence.set("began", json!(evidence.began));
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

    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.facts.insert(name.to_owned(), value);
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.facts.get(name)
    }

    /// Who answered, and who did not.
    pub(super) fn gathered(&mut self, gathered: &Gathered) {
        let answered = gathered.names().into_iter();
        let answered = answered.map(|name| json!({"name": name, "answered": true}));
        let away = gathered.away.iter();
        let away = away
            .map(|(name, why)| json!({"name": name, "answered": false, "why": why.to_string()}));
        let elsewhere = gathered.elsewhere.iter();
        let elsewhere = elsewhere.map(|name| json!({"name": name, "asked": "elsewhere"}));
        let all = answered.chain(elsewhere).chain(away);
        self.set("custodians", all.collect());
    }

    /// Writes what is known of a run that failed: who was missing, for a start. What goes wrong with that is left
    /// alone: the failure itself says more.
    pub(super) fn of_a_failure(
        mut self,
        session: &BreakGlassSession<'_>,
        key: Option<&SigningKey>,
        why: &Failure,
    ) {
        self.set("failed", json!(why.to_string()));
        if let Ok(path) = self.write(session, key, &[]) {
            session.note(format!("evidence of what was tried: {}", path.display()));
        }
    }

    /// Writes both forms beside the checkpoint and signs the one for machines. Where they are.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn write(
        mut self,
        session: &BreakGlassSession<'_>,
        key: Option<&SigningKey>,
        findings: &[String],
    ) -> Result<PathBuf, Failure> {
        self.set("ended", json!(now()));
        self.set("findings", json!(findings));
        let kind = self
            .facts
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or("run");
        let name = format!("{kind}-{}", self.began.replace([':', '-'], ""));
        let name = unused(session.journal.directory(), &name);
        let mut text = serde_json::to_string_pretty(&self.facts).unwrap_or_default();
        text.push('\n');
        let page = page(&self.facts);
        let path = session
            .journal
            .put(&format!("{name}.json"), text.as_bytes())?;
        session
            .journal
            .put(&format!("{name}.txt"), page.as_bytes())?;
        if let Some(key) = key {
            let comment = format!(
                "{kind} of {}, began {}",
                session.config.cluster.name, self.began
            );
            let signature = key.sign(text.as_bytes(), &comment)?;
            session
                .journal
                .put(&format!("{name}.json.minisig"), signature.as_bytes())?;
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

fn page(facts: &Map<String, Value>) -> String {
    let text = |name: &str| facts.get(name).and_then(Value::as_str).unwrap_or_default();
    let cluster = facts.get("cluster").and_then(|cluster| cluster.get("name"));
    let cluster = cluster.and_then(Value::as_str).unwrap_or_default();
    let title = format!("{} of {cluster}, {}", text("kind"), text("began"));
    let line = "=".repeat(title.chars().count());
    format!("{title}\n{line}\n\n{}", page::facts(facts, 0))
}
