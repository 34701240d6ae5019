//! The evidence of one ceremony, as a document for machines and a page for people. Public facts only.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bootstrap::ceremony::Ceremony;
use crate::checkpoint::directory::read_json;
use crate::checkpoint::{self, Diary, Entry, Rehearsed, TakeOver};
use crate::code::Reported;
use crate::config::BreakGlass;
use crate::desired::grant;
use crate::event::Adopted;
use crate::evidence::operator::{in_words, operator};
use crate::evidence::page::{self, WIDTH, paragraph};
use crate::failure::Failure;
use crate::finding::Finding;
use crate::printable;
use crate::shares::exercised::Exercised;
use crate::step::decide::Recorded;
use crate::step::{Step, order};
use crate::text_layout::columns;

/// Form of `report.json`.
pub(super) const VERSION: u32 = 2;

/// What a finished ceremony can show.
#[derive(Debug, Serialize)]
pub(super) struct EvidenceReport {
    version: u32,
    program: &'static str,
    written: String,
    operator: Value,
    cluster: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    adopted: Option<Adopted>,
    steps: Vec<Value>,
    findings: Vec<Reported>,
    take_overs: Vec<TakeOver>,
    break_glass: Value,
}

/// What the report of a directory says of itself.
#[derive(Debug, Deserialize)]
pub(crate) struct Said {
    /// When it was written, RFC 3339.
    pub(crate) written: String,
    /// What was found.
    pub(crate) findings: Vec<Reported>,
}

/// What the report in this directory says; none where there is none that can be read.
pub(crate) fn said(directory: &Path) -> Option<Said> {
    read_json(directory, JSON).ok().flatten()
}

/// The name of the one for machines.
const JSON: &str = "report.json";

/// The report of the hand-over. A machine that has the checkpoint from its replica makes it anew from what is recorded,
/// and so does a run that has found something else than the report says.
pub(super) fn renewed(ceremony: &Ceremony<'_>, findings: &[Reported]) -> Result<PathBuf, Failure> {
    let directory = ceremony.records.borrow().directory().to_owned();
    let report = directory.join("report.json");
    if ceremony.diary().recorded(Step::HandOver) != Recorded::Done {
        return Ok(report);
    }
    let why = match said(&directory) {
        None => "from what the checkpoint has recorded",
        Some(_) if ceremony.written.get() > 0 && ceremony.begun_after_hand_over => {
            "with what this run has written"
        }
        Some(said) if !same(&said.findings, findings) => "with what this run has found",
        Some(_) => return Ok(report),
    };
    let made = EvidenceReport::of(ceremony);
    let checkpoint = ceremony.checkpoint();
    // The one that the next run looks at comes last.
    checkpoint.write_public("report.txt", &made.text())?;
    checkpoint.write_public("report.json", &made.json())?;
    drop(checkpoint);
    ceremony.note(format!("the report was made anew, {why}"));
    Ok(report)
}

/// In whatever order they were found.
fn same(said: &[Reported], found: &[Reported]) -> bool {
    let within =
        |one: &[Reported], other: &[Reported]| one.iter().all(|found| other.contains(found));
    said.len() == found.len() && within(said, found) && within(found, said)
}

impl EvidenceReport {
    /// The report of what the diary and this run know.
    pub(super) fn of(ceremony: &Ceremony<'_>) -> Self {
        let diary = ceremony.diary();
        Self {
            version: VERSION,
            program: env!("CARGO_PKG_VERSION"),
            written: checkpoint::now(),
            operator: operator(),
            cluster: serde_json::to_value(&diary.cluster).unwrap_or_default(),
            adopted: diary.adopted.clone(),
            steps: steps(&diary),
            findings: ceremony
                .config
                .judged(Finding::all_reported(&ceremony.findings.borrow())),
            take_overs: diary.take_overs.clone(),
            break_glass: break_glass(ceremony),
        }
    }

    /// For machines.
    pub(super) fn json(&self) -> String {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        format!("{}\n", printable::json(&text))
    }

    /// For people: 80 columns, what is promised first, then each step with its evidence.
    pub(super) fn text(&self) -> String {
        let mut page = format!(
            "vault-bootstrap report, {}\n\nwritten by  {}\ncluster  {}\naddress  {}\nid       {}\n",
            self.written,
            in_words(&self.operator),
            self.cluster["name"].as_str().unwrap_or("?"),
            self.cluster["address"].as_str().unwrap_or("?"),
            self.cluster["cluster_id"].as_str().unwrap_or("?"),
        );
        if let Some(Adopted { at, login }) = &self.adopted {
            let line = format!(
                "taken over  {at} as {login}, initialised by somebody else: what the steps below do not name is not known"
            );
            page.push_str(&format!("{}\n", paragraph(&line, 12)));
        }
        page.push_str("\nfindings\n");
        for finding in &self.findings {
            page.push_str(&format!("  - {}\n", paragraph(&finding.to_string(), 4)));
        }
        if self.findings.is_empty() {
            page.push_str("  none\n");
        }
        if !self.take_overs.is_empty() {
            page.push_str("\nruns of other machines that were taken over\n");
        }
        for one in &self.take_overs {
            let line = format!("{}: {}", one.at, one.in_words());
            page.push_str(&format!("  - {}\n", paragraph(&line, 4)));
        }
        if let Some(facts) = self.break_glass.as_object() {
            page.push_str(&format!("\nbreak-glass\n{}", page::facts(facts, 2)));
        }
        for step in &self.steps {
            page.push_str(&format!("\n{}\n", heading(step)));
            if let Some(facts) = step["evidence"].as_object() {
                page.push_str(&page::facts(facts, 2));
            }
        }
        printable::text(&page)
    }
}

/// A step's name, what it does, and when it was finished at the right margin.
fn heading(step: &Value) -> String {
    let finished = match (step["step"].as_str(), step["finished"].as_str()) {
        (_, Some(finished)) => finished,
        (Some("hand-over"), None) => "with this report",
        (_, None) => "not finished",
    };
    let text = |key: &str| step[key].as_str().unwrap_or("?");
    let what = format!("{}: {}", text("step"), text("title"));
    let gap = WIDTH - columns(finished);
    format!("{what:<gap$}{finished}")
}

fn steps(diary: &Diary) -> Vec<Value> {
    let known = order(diary.two_phase())
        .into_iter()
        .filter_map(|step| Some((step, diary.steps.get(&step)?)));
    let line = |(step, entry): (Step, &Entry)| {
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
        BreakGlass::Logins { names: logins, .. } => json!({
            "logins": logins,
            "policy": grant::POLICY,
            "rehearsed": rehearsed(ceremony),
        }),
        BreakGlass::None { reason } => json!({
            "logins": [],
            "rehearsed": "no break-glass login, on purpose",
            "reason": reason,
        }),
    }
}

/// When break-glass was last exercised, as far as this directory knows.
fn rehearsed(ceremony: &Ceremony<'_>) -> String {
    let Ok(last) = Rehearsed::last(&ceremony.config.checkpoint.path) else {
        return "unknown: the record of the last rehearsal cannot be read".to_owned();
    };
    let exercised = Exercised::of(&ceremony.diary(), last);
    match (&exercised.drill, &exercised.rehearsed) {
        (Some(_), _) => "in this ceremony, before root was revoked".to_owned(),
        (None, Some(last)) => format!("{}: {}", last.at, last.evidence.display()),
        (None, None) => "not rehearsed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::ORDER;

    #[test]
    fn no_heading_is_wider_than_the_page() {
        for step in ORDER {
            let line = json!({
                "step": step.name(), "title": step.title(), "finished": checkpoint::now(),
            });
            let heading = heading(&line);
            assert_eq!(columns(&heading), WIDTH, "{heading}");
            assert!(heading.contains(&format!("{} ", step.title())), "{heading}");
        }
        let open = json!({"step": Step::HandOver.name(), "title": "hand over", "finished": null});
        assert!(heading(&open).ends_with("with this report"));
    }
}
