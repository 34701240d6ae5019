//! The evidence of one ceremony, as a document for machines and a page for people. Public facts only.

use serde::Serialize;
use serde_json::{Value, json};

use super::ceremony::Ceremony;
use super::checkpoint::{self, Diary};
use super::step::ORDER;

/// Form of `report.json`.
pub(super) const VERSION: u32 = 1;

/// What a finished ceremony can show.
#[derive(Debug, Serialize)]
pub(super) struct EvidenceReport {
    version: u32,
    program: &'static str,
    written: String,
    cluster: Value,
    steps: Vec<Value>,
    findings: Vec<String>,
    break_glass: Value,
}

impl EvidenceReport {
    /// The report of what the diary and this run know.
    pub(super) fn of(ceremony: &Ceremony<'_>) -> Self {
        let checkpoint = ceremony.diary();
        let diary = checkpoint.diary();
        Self {
            version: VERSION,
            program: env!("CARGO_PKG_VERSION"),
            written: checkpoint::now(),
            cluster: serde_json::to_value(&diary.cluster).unwrap_or_default(),
            steps: steps(diary),
            findings: ceremony.findings.borrow().clone(),
            break_glass: break_glass(ceremony),
        }
    }

    /// For machines.
    pub(super) fn json(&self) -> String {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        format!("{text}\n")
    }

    /// For people: one page, 80 columns.
    pub(super) fn text(&self) -> String {
        let mut page = format!(
            "vault-bootstrap report, {}\n\ncluster  {}\naddress  {}\nid       {}\n\n",
            self.written,
            self.cluster["name"].as_str().unwrap_or("?"),
            self.cluster["address"].as_str().unwrap_or("?"),
            self.cluster["cluster_id"].as_str().unwrap_or("?"),
        );
        for step in &self.steps {
            let finished = match (step["step"].as_str(), step["finished"].as_str()) {
                (_, Some(finished)) => finished,
                (Some("hand-over"), None) => "with this report",
                (_, None) => "not finished",
            };
            page.push_str(&format!(
                "{:<22}{finished}\n",
                step["step"].as_str().unwrap_or("?")
            ));
            if let Some(facts) = step["evidence"].as_object() {
                for (name, fact) in facts {
                    page.push_str(&fact_lines(name, fact));
                }
            }
        }
        page.push_str("\nbreak-glass\n");
        page.push_str(&fact_lines("logins", &self.break_glass["logins"]));
        page.push_str(&fact_lines("rehearsed", &self.break_glass["rehearsed"]));
        page.push_str("\nfindings\n");
        for finding in &self.findings {
            page.push_str(&format!("  - {finding}\n"));
        }
        if self.findings.is_empty() {
            page.push_str("  none\n");
        }
        page
    }
}

fn steps(diary: &Diary) -> Vec<Value> {
    let known = ORDER
        .iter()
        .filter_map(|step| Some((step, diary.steps.get(step)?)));
    let line = |(step, entry): (&super::step::Step, &checkpoint::Entry)| {
        json!({
            "step": step.name(),
            "title": step.title(),
            "state": entry.state,
            "started": entry.started,
            "finished": entry.finished,
            "evidence": entry.evidence,
        })
    };
    known.map(line).collect()
}

fn break_glass(ceremony: &Ceremony<'_>) -> Value {
    match &ceremony.config.break_glass {
        crate::config::BreakGlass::Logins(logins) => json!({
            "logins": logins,
            "policy": super::grant::POLICY,
            "rehearsed": "not rehearsed",
        }),
        crate::config::BreakGlass::None { reason } => json!({
            "logins": [],
            "rehearsed": "no door, on purpose",
            "reason": reason,
        }),
    }
}

/// A fact under its step: short ones on the line, lists and objects below each other.
fn fact_lines(name: &str, fact: &Value) -> String {
    match fact {
        Value::Array(items) if items.is_empty() => String::new(),
        Value::Array(items) => {
            let lines = items.iter().map(|item| format!("    - {}\n", plain(item)));
            format!("  {name}:\n{}", lines.collect::<String>())
        }
        Value::Object(fields) => {
            let lines = fields
                .iter()
                .map(|(key, value)| format!("    {key}: {}\n", plain(value)));
            format!("  {name}:\n{}", lines.collect::<String>())
        }
        Value::Null => String::new(),
        other => format!("  {name}: {}\n", plain(other)),
    }
}

/// A value without the punctuation of JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let pairs = fields.iter().filter(|(_, value)| !value.is_null());
            pairs
                .map(|(key, value)| format!("{key} {}", plain(value)))
                .collect::<Vec<_>>()
                .join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_reads_without_the_punctuation_of_json() {
        assert_eq!(fact_lines("seal", &json!("static")), "  seal: static\n");
        assert_eq!(
            fact_lines(
                "custodians",
                &json!([{"name": "alice", "none": null, "at": ["a", "b"]}])
            ),
            "  custodians:\n    - name alice, at a, b\n"
        );
        assert_eq!(fact_lines("others", &json!([])), "");
    }
}
