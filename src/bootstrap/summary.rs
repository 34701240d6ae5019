//! What the ceremony came to, for a ticket. Each fact is of this run's own looking, or of the record and then called so.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::next::next_after_the_end;
use crate::bootstrap::steps::revoke_root::revocation_proof::root_proof;
use crate::checkpoint::diary::QUORUMS;
use crate::checkpoint::{Diary, Rehearsed};
use crate::config::BreakGlass;
use crate::event::{
    AuditProof, BreakGlassState, RootState, SharesKept, Shown, StepOutcome, Summary,
};
use crate::evidence::facts::{Evidence, NOT_RECHECKED, NOT_SHOWN};
use crate::finding::Finding;
use crate::session::cluster_identity::key;
use crate::shares::exercised::Exercised;
use crate::step::Step;

/// How each step ended in this run.
#[derive(Default)]
pub(super) struct Ended(BTreeMap<Step, (StepOutcome, Evidence)>);

impl Ended {
    pub(super) fn add(&mut self, step: Step, outcome: StepOutcome, evidence: Evidence) {
        self.0.insert(step, (outcome, evidence));
    }

    /// Steps of which something was not looked at.
    pub(super) fn not_rechecked(&self) -> Vec<Step> {
        let unseen = |(_, (outcome, evidence)): &(&Step, &(StepOutcome, Evidence))| {
            *outcome == StepOutcome::NotRechecked
                || evidence.get::<Vec<String>>(NOT_RECHECKED).is_some()
        };
        let steps = self.0.iter().filter(unseen);
        steps.map(|(step, _)| *step).collect()
    }

    /// What of the documents no server shows, as they were looked at.
    fn not_shown(&self) -> Vec<String> {
        let looked = self.0.values();
        let looked = looked.filter(|(outcome, _)| *outcome != StepOutcome::Applied);
        let of = looked.filter_map(|(_, evidence)| evidence.get::<Vec<String>>(NOT_SHOWN));
        of.flatten().collect()
    }

    /// This run has done it, and shown what that shows.
    fn done(&self, step: Step) -> bool {
        let outcome = self.0.get(&step).map(|(outcome, _)| *outcome);
        matches!(outcome, Some(StepOutcome::Applied | StepOutcome::Repaired))
    }

    /// This run has looked at all of it.
    fn seen(&self, step: Step) -> bool {
        let outcome = self.0.get(&step).map(|(outcome, _)| *outcome);
        let looked = matches!(
            outcome,
            Some(StepOutcome::Adopted | StepOutcome::Unchanged | StepOutcome::WithFindings)
        );
        self.done(step) || (looked && !self.not_rechecked().contains(&step))
    }

    /// What was seen of a step in this run, else what was recorded.
    fn fact<T: DeserializeOwned>(&self, diary: &Diary, step: Step, name: &str) -> Option<T> {
        let seen = self.0.get(&step);
        seen.and_then(|(_, evidence)| evidence.get(name))
            .or_else(|| diary.fact(step, name))
    }
}

/// All of it.
pub(super) fn summary(ceremony: &Ceremony<'_>, ended: &Ended) -> Summary {
    let (config, diary) = (ceremony.config, ceremony.diary());
    // A record that cannot be read shows nothing; where it must be there, that was a failure before this.
    let rehearsed = Rehearsed::last(&config.checkpoint.path).ok().flatten();
    let root = root(ceremony, &diary, ended);
    let kept = matches!(root, RootState::Kept { .. });
    let break_glass = break_glass(&config.break_glass, (&diary, ended), rehearsed);
    let open = match &break_glass {
        BreakGlassState::NotExercised { .. } => true,
        BreakGlassState::Rehearsed { without, .. } => !without.is_empty(),
        BreakGlassState::NotDeclared { .. } | BreakGlassState::Exercised { .. } => false,
    };
    let (next, why) = next_after_the_end(
        config,
        &diary,
        (kept, open),
        ceremony.options.login.as_deref(),
        (&ceremony.findings.borrow(), ceremony.looked_as.as_deref()),
    );
    Summary {
        cluster: config.cluster.name.clone(),
        address: key(&config.cluster.address),
        cluster_id: diary.cluster.cluster_id.clone(),
        adopted: diary.adopted.clone(),
        shares: shares(&diary, ended),
        audit: audit(&diary, ended),
        logins: match (&diary.adopted, &ceremony.looked_as) {
            (Some(_), Some(name)) => Shown {
                facts: vec![name.clone()],
                in_this_run: true,
                at: None,
            },
            _ => logins(&diary, ended),
        },
        break_glass,
        root,
        not_shown: ended.not_shown(),
        apart: ceremony.apart.borrow().clone(),
        next,
        why,
    }
}

fn shown<T>(facts: T, diary: &Diary, step: Step, in_this_run: bool) -> Shown<T> {
    let entry = diary.steps.get(&step);
    Shown {
        facts,
        in_this_run,
        at: entry.and_then(|entry| entry.finished.clone()),
    }
}

fn shares(diary: &Diary, ended: &Ended) -> Option<SharesKept> {
    let asked = diary.asked?;
    let stored = diary.shares.iter().filter(|(_, one)| one.stored.is_some());
    let mut stored: Vec<_> = stored.collect();
    stored.sort_by_key(|(_, one)| one.number);
    let names = stored.into_iter().map(|(name, _)| name.clone()).collect();
    let seen = ended.seen(Step::StoreRecoveryKeys);
    let mut custodians = shown(names, diary, Step::StoreRecoveryKeys, seen);
    let since = diary
        .rotation
        .as_ref()
        .and_then(|rotation| rotation.since.clone());
    custodians.at = since.or(custodians.at);
    Some(SharesKept {
        recovery: asked.recovery,
        shares: asked.shares,
        threshold: asked.threshold,
        custodians,
    })
}

fn audit(diary: &Diary, ended: &Ended) -> Shown<Vec<AuditProof>> {
    let step = Step::Audit;
    let devices: Vec<String> = ended.fact(diary, step, "devices").unwrap_or_default();
    let proved: BTreeMap<String, String> = ended.fact(diary, step, "proved").unwrap_or_default();
    let proof = |device: String| AuditProof {
        proof: proved.get(&device).cloned(),
        device,
    };
    let proofs = devices.into_iter().map(proof).collect();
    // Of a cluster that was taken over nothing else is recorded.
    let seen = diary.adopted.is_some() && ended.seen(step);
    shown(proofs, diary, step, seen || ended.done(step))
}

fn logins(diary: &Diary, ended: &Ended) -> Shown<Vec<String>> {
    let step = Step::Logins;
    let opened: Vec<Value> = ended.fact(diary, step, "opened").unwrap_or_default();
    let name = |one: &Value| one["login"].as_str().map(str::to_owned);
    let names = opened.iter().filter_map(name).collect();
    shown(names, diary, step, ended.done(step))
}

/// The later one of the drill and the last rehearsal.
fn break_glass(
    declared: &BreakGlass,
    (diary, ended): (&Diary, &Ended),
    rehearsed: Option<Rehearsed>,
) -> BreakGlassState {
    if let BreakGlass::None { reason } = declared {
        return BreakGlassState::NotDeclared {
            reason: reason.clone(),
        };
    }
    let Exercised {
        drill, rehearsed, ..
    } = Exercised::of(diary, rehearsed);
    // Both are of one form, in which what is later is greater.
    let later = |one: &Rehearsed| drill.as_ref().is_none_or(|held| one.at >= *held);
    if let Some(rehearsed) = rehearsed.filter(later) {
        return BreakGlassState::Rehearsed {
            at: rehearsed.at,
            evidence: rehearsed.evidence.display().to_string(),
            without: rehearsed.without,
        };
    }
    if drill.is_none() {
        let since = diary.rotation.as_ref().and_then(|one| one.since.clone());
        return BreakGlassState::NotExercised { since };
    }
    let quorums: Vec<Value> = diary.fact(Step::Drill, QUORUMS).unwrap_or_default();
    let names = |one: &Value| serde_json::from_value(one["custodians"].clone()).ok();
    let quorums = quorums.iter().filter_map(names).collect();
    BreakGlassState::Exercised {
        login: diary.fact(Step::Drill, "login"),
        quorums: shown(quorums, diary, Step::Drill, ended.done(Step::Drill)),
    }
}

fn root(ceremony: &Ceremony<'_>, diary: &Diary, ended: &Ended) -> RootState {
    let step = Step::RevokeRoot;
    let findings = ceremony.findings.borrow();
    // Only a run that had it, and it was valid then, finds that it is kept; by now that run has let go of it.
    if findings
        .iter()
        .any(|one| matches!(one, Finding::RootIsKept))
    {
        return RootState::Kept { in_use: true };
    }
    let entry = diary.steps.get(&step);
    if let Some(proof) = entry.and_then(|entry| root_proof(&entry.evidence)) {
        let proof = shown(proof, diary, step, ended.done(step));
        return RootState::Revoked { proof };
    }
    let ended = findings
        .iter()
        .any(|one| matches!(one, Finding::RootEndedElsewhere));
    if ceremony.options.keeps_root(ceremony.config) && !ended {
        return RootState::Kept { in_use: false };
    }
    RootState::NotShown {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture() -> Diary {
        let text = include_bytes!("../../tests/fixtures/checkpoints/form-1/handed-over/diary.json");
        Diary::read(text, "diary.json").unwrap()
    }

    #[test]
    fn what_this_run_did_not_do_is_not_said_to_be_of_this_run() {
        let diary = fixture();
        let mut ended = Ended::default();
        for step in [Step::Audit, Step::Logins] {
            ended.add(step, StepOutcome::Unchanged, Evidence::default());
        }
        assert!(!audit(&diary, &ended).in_this_run);
        assert!(!logins(&diary, &ended).in_this_run);
        let names = logins(&diary, &ended).facts;
        assert!(names.contains(&"ada".to_owned()), "{names:?}");
        ended.add(Step::Logins, StepOutcome::Applied, Evidence::default());
        assert!(logins(&diary, &ended).in_this_run);
    }

    #[test]
    fn shares_are_seen_where_each_custodian_was_looked_at() {
        let diary = fixture();
        let mut ended = Ended::default();
        let seen = |ended: &Ended| shares(&diary, ended).unwrap().custodians.in_this_run;
        assert!(!seen(&ended));
        ended.add(
            Step::StoreRecoveryKeys,
            StepOutcome::NotRechecked,
            Evidence::default(),
        );
        assert!(!seen(&ended));
        ended.add(
            Step::StoreRecoveryKeys,
            StepOutcome::Unchanged,
            Evidence::default(),
        );
        assert!(seen(&ended));
        let kept = shares(&diary, &ended).unwrap();
        assert_eq!(kept.custodians.facts, ["alice", "bob", "carol"]);
    }

    #[test]
    fn what_was_exercised_last_is_said_of_break_glass() {
        let declared = BreakGlass::None {
            reason: "for a test".into(),
        };
        let ended = Ended::default();
        let mut diary = Diary::default();
        let said = break_glass(&declared, (&diary, &ended), None);
        assert!(matches!(said, BreakGlassState::NotDeclared { .. }));
        let declared = BreakGlass::Logins {
            names: vec!["ada".into()],
            drill: crate::config::Drill::Later,
            accept_one_auth_method: true,
            accept_admins: Vec::new(),
            rotation: false,
        };
        let said = break_glass(&declared, (&diary, &ended), None);
        assert_eq!(said, BreakGlassState::NotExercised { since: None });
        let quorums = serde_json::json!([{"custodians": ["alice", "bob"]}]);
        let evidence = Evidence::default()
            .with(QUORUMS, quorums)
            .with("login", "ada");
        diary.finish(Step::Drill, evidence, "2026-02-01T00:00:00Z".into());
        let rehearsed = |at: &str| {
            Some(Rehearsed {
                at: at.to_owned(),
                generation: None,
                evidence: "x.json".into(),
                without: Vec::new(),
                elsewhere: Vec::new(),
                put_back: BTreeMap::new(),
            })
        };
        for before in [None, rehearsed("2026-01-01T00:00:00Z")] {
            let said = break_glass(&declared, (&diary, &ended), before);
            let BreakGlassState::Exercised { login, quorums } = said else {
                panic!("{said:?}");
            };
            assert_eq!(login.as_deref(), Some("ada"));
            assert_eq!(quorums.facts, [["alice", "bob"]]);
            assert!(!quorums.in_this_run);
        }
        let after = rehearsed("2026-03-01T00:00:00Z");
        let said = break_glass(&declared, (&diary, &ended), after);
        assert!(
            matches!(said, BreakGlassState::Rehearsed { .. }),
            "{said:?}"
        );
        // Nobody has tried the shares that are in effect since.
        let text = include_str!("../../tests/fixtures/checkpoints/form-1/handed-over/diary.json");
        let mut with_rotation: Value = serde_json::from_str(text).unwrap();
        with_rotation["rotation"] = serde_json::json!({
            "generation": 2, "shares": 3, "threshold": 2, "phase": "done", "since": "2026-04-01T00:00:00Z",
            "before": {"generation": 1, "shares": 3, "threshold": 2},
        });
        let rotated: Diary = serde_json::from_value(with_rotation).unwrap();
        diary.rotation = rotated.rotation;
        let said = break_glass(
            &declared,
            (&diary, &ended),
            rehearsed("2026-03-01T00:00:00Z"),
        );
        let since = Some("2026-04-01T00:00:00Z".to_owned());
        assert_eq!(said, BreakGlassState::NotExercised { since });
        let said = break_glass(
            &declared,
            (&diary, &ended),
            rehearsed("2026-05-01T00:00:00Z"),
        );
        assert!(
            matches!(said, BreakGlassState::Rehearsed { .. }),
            "{said:?}"
        );
    }
}
