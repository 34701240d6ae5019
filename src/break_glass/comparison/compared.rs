//! The comparison itself, and what is said of it. Never more than was looked at.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::break_glass::comparison::Before;
use crate::break_glass::comparison::expected::Expectation;
use crate::break_glass::session::BreakGlassSession;
use crate::code::Code;
use crate::finding::{Finding, Left};
use crate::shell::quoted;
use crate::vault::snapshot::{Difference, Kind, Snapshot, Unseen, differences};

/// Differences that are findings of their own at the most.
const SHOWN: usize = 50;
/// Differences that the evidence names at the most.
const IN_EVIDENCE: usize = 10_000;
/// No server says which of them there are.
const BATCH_TOKENS: &str = "batch tokens, which no server lists";
/// No server reads them out.
const SECRETS: &str = "passwords, keys and secret IDs";
/// Nobody looks at these.
const OTHERS: &str = "leases, quotas, plugins, identity providers, MFA, settings below sys/config, what the secrets engines hold, and anything \
     that docs/break-glass.md does not list as compared";

/// What came of a comparison.
pub(in crate::break_glass) struct Compared {
    /// What is not as it was, and what could not be compared.
    pub(in crate::break_glass) findings: Vec<Finding>,
    /// For the evidence.
    pub(in crate::break_glass) facts: Value,
    /// For the last line: what can be said of it, with a semicolon before; nothing where nothing was compared.
    pub(in crate::break_glass) clause: String,
    /// Nothing would come of looking again.
    pub(in crate::break_glass) over: bool,
    notes: Vec<String>,
    warnings: Vec<String>,
}

/// What is different, apart by what was expected.
struct Judged<'a> {
    unexpected: Vec<Difference>,
    expected: Vec<(&'a str, Difference)>,
    did_not_happen: Vec<&'a str>,
}

impl Compared {
    pub(super) fn of(
        before: &Before,
        after: Result<Snapshot, String>,
        own: &BTreeSet<String>,
        program: &str,
    ) -> Self {
        let lost = before.lost.iter();
        let lost = lost.map(|why| Left::NotCompared(why.clone()).into());
        let mut compared = match (&before.seen, after) {
            (Ok(was), Ok(now)) => {
                let all = differences((was, &now), own, program);
                Self::seen(before, (was, &now), judged(&before.expect, all))
            }
            (seen, Err(why)) => Self::not_compared(before, why, seen.is_err()),
            (Err(why), Ok(_)) => Self::not_compared(before, why.clone(), true),
        };
        compared.findings.extend(lost);
        compared
    }

    fn not_compared(before: &Before, why: String, over: bool) -> Self {
        Self {
            facts: json!({"since": before.since, "compared": false, "why": why}),
            findings: vec![Left::NotCompared(why).into()],
            clause: String::new(),
            over,
            notes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn seen(before: &Before, (was, now): (&Snapshot, &Snapshot), judged: Judged<'_>) -> Self {
        let (unseen, unsupported) = unseen(was, now);
        let clause = clause(&judged, unseen.is_empty());
        let unsupported = unsupported.iter();
        let unsupported: Vec<_> = unsupported
            .map(|one| format!("{} ({})", one.what(), one.why))
            .collect();
        let mut not_looked_at = [BATCH_TOKENS, SECRETS, OTHERS].map(str::to_owned).to_vec();
        not_looked_at.extend(unsupported.iter().cloned());
        let facts = json!({
            "since": before.since,
            "with_an_earlier_command": before.killed,
            "compared": true,
            "before": was.counts(),
            "after": now.counts(),
            "differences": judged.unexpected.iter().take(IN_EVIDENCE).collect::<Vec<_>>(),
            "more_differences": judged.unexpected.len().saturating_sub(IN_EVIDENCE),
            "expected": judged.expected.iter().take(IN_EVIDENCE).map(|(typed, difference)| {
                json!({"expectation": typed, "change": difference.change, "what": difference.what()})
            }).collect::<Vec<_>>(),
            "did_not_happen": judged.did_not_happen,
            "not_compared": not_looked_at,
        });
        // What is never compared stands in the evidence, and a verdict that is looked for does not stand below it.
        let mut notes = Vec::new();
        if !unsupported.is_empty() {
            notes.push(format!("not compared here: {}", unsupported.join("; ")));
        }
        for (_, difference) in judged.expected.iter().take(SHOWN) {
            notes.push(format!("as expected: {}", in_short(difference)));
        }
        let warnings = judged.did_not_happen.iter();
        let warnings =
            warnings.map(|typed| format!("expected, but nothing there has changed: {typed}"));
        let warnings = warnings.collect();
        let more = judged.unexpected.len().saturating_sub(SHOWN);
        let shown = judged.unexpected.into_iter().take(SHOWN);
        let mut findings: Vec<Finding> = shown.map(|one| Left::Different(one).into()).collect();
        findings.extend((more > 0).then(|| Left::More(more).into()));
        findings.extend(unseen.into_iter().map(Finding::from));
        Self {
            findings,
            facts,
            clause,
            over: true,
            notes,
            warnings,
        }
    }

    /// Says what is no finding, and how what is one is undone.
    pub(super) fn said(&self, session: &BreakGlassSession<'_>) {
        let different = |finding: &Finding| matches!(finding, Finding::Left(Left::Different(_)));
        if self.findings.iter().any(different) {
            let typed = &session.config.typed;
            let verb = match typed.reason {
                Some(_) => "break-glass --expect PATH",
                None => "break-glass --reason WHY --expect PATH",
            };
            let again = session.config.command(verb);
            let again = if typed.works {
                again
            } else {
                again.and("-- CMD")
            };
            session.note(format!(
                "each undo command takes root again, as CMD of: {again}"
            ));
        }
        for note in &self.notes {
            session.note(note);
        }
        for warning in &self.warnings {
            session.warn(Code::ExpectationUnmet, warning);
        }
    }
}

/// What of an auth method or namespace that came or went is in it, goes without saying; unless that was expected.
fn judged(expect: &[String], all: Vec<Difference>) -> Judged<'_> {
    let expectations: Vec<_> = expect.iter().map(|typed| Expectation::new(typed)).collect();
    let (mut unexpected, mut expected, mut happened) = (Vec::new(), Vec::new(), BTreeSet::new());
    for difference in all {
        let met = expectations.iter().filter(|one| one.is(&difference));
        let met: Vec<&str> = met.map(Expectation::typed).collect();
        happened.extend(met.iter().copied());
        match met.first() {
            Some(first) => expected.push((*first, difference)),
            None => unexpected.push(difference),
        }
    }
    let whole: Vec<Difference> = unexpected
        .iter()
        .filter(|one| matches!(one.item.kind, Kind::AuthMethod | Kind::Namespace))
        .cloned()
        .collect();
    unexpected.retain(|one| !whole.iter().any(|whole| whole.holds(&one.item)));
    let typed: BTreeSet<&str> = expect.iter().map(String::as_str).collect();
    Judged {
        unexpected,
        expected,
        did_not_happen: typed.difference(&happened).copied().collect(),
    }
}

/// What was not seen though it is there: findings; and what this server or this program cannot list.
fn unseen(was: &Snapshot, now: &Snapshot) -> (Vec<Left>, Vec<Unseen>) {
    let all = was.unseen.iter().chain(&now.unseen);
    let all: BTreeMap<_, &Unseen> = all.map(|one| ((one.supported, one.what()), one)).collect();
    let closed = closed(all.values().copied());
    let (mut findings, mut unsupported, mut more) = (Vec::new(), Vec::new(), 0);
    for (namespace, why) in &closed {
        let what = format!("namespace {}", quoted(namespace));
        findings.push(Left::Unseen(
            what,
            format!("{why}; nothing in it was compared"),
        ));
    }
    for ((supported, what), one) in all {
        if closed.contains_key(one.namespace.as_str()) {
            continue;
        }
        match (supported, findings.len() < SHOWN) {
            (false, _) => unsupported.push(one.clone()),
            (true, true) => findings.push(Left::Unseen(what, why(one))),
            (true, false) => more += 1,
        }
    }
    if more > 0 {
        let why = "as those above".to_owned();
        findings.push(Left::Unseen(format!("{more} more"), why));
    }
    (findings, unsupported)
}

/// Namespaces of which nothing was seen, such as sealed and locked ones, and why.
fn closed<'u>(all: impl Iterator<Item = &'u Unseen> + Clone) -> BTreeMap<&'u str, &'u str> {
    let inside = |one: &&Unseen| one.supported && !one.namespace.is_empty();
    let of = |namespace: &str, kind: Kind| {
        let mut all = all.clone();
        all.any(|one| one.supported && one.namespace == namespace && one.kind == kind)
    };
    let nothing = |one: &&Unseen| READ.iter().all(|kind| of(&one.namespace, *kind));
    let closed = all.clone().filter(inside).filter(nothing);
    closed
        .map(|one| (one.namespace.as_str(), one.why.as_str()))
        .collect()
}

/// What is read in each namespace.
const READ: [Kind; 6] = [
    Kind::Policy,
    Kind::AuthMethod,
    Kind::SecretsEngine,
    Kind::Entity,
    Kind::Group,
    Kind::Token,
];

/// Why, and all that was left for it.
fn why(unseen: &Unseen) -> String {
    let why = &unseen.why;
    match unseen.kind {
        Kind::Namespace if unseen.namespace.is_empty() => {
            format!("{why}; nothing in any namespace was compared but the root")
        }
        Kind::Namespace => format!("{why}; nothing in the namespaces below it was compared"),
        _ => why.clone(),
    }
}

fn in_short(difference: &Difference) -> String {
    let how = match difference.change {
        crate::vault::snapshot::Change::New => "is new",
        crate::vault::snapshot::Change::Changed => "has changed",
        crate::vault::snapshot::Change::Gone => "is gone",
        crate::vault::snapshot::Change::MadeAnew => "was created anew",
    };
    format!("{} {how}", difference.what())
}

fn clause(judged: &Judged<'_>, all_seen: bool) -> String {
    let many = judged.unexpected.len();
    let text = match (many, judged.expected.is_empty()) {
        (0, _) if !all_seen => return "; not everything could be compared".to_owned(),
        (0, true) => {
            "nothing that was compared has changed (the evidence lists what was not compared)"
                .to_owned()
        }
        (0, false) => "of what was compared, only what was expected has changed".to_owned(),
        (1, _) => "one thing has changed".to_owned(),
        (many, _) => format!("{many} things have changed"),
    };
    let rest = if all_seen {
        ""
    } else {
        ", and not everything could be compared"
    };
    format!("; {text}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::snapshot::Item;

    fn words(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    }

    fn policies(names: &[&str]) -> Snapshot {
        let item = |name: &&str| Item {
            kind: Kind::Policy,
            namespace: String::new(),
            name: (*name).into(),
            path: format!("sys/policies/acl/{name}"),
            about: String::new(),
            identity: String::new(),
            digest: "a".into(),
        };
        Snapshot {
            items: names.iter().map(item).collect(),
            unseen: Vec::new(),
        }
    }

    fn before(seen: Result<Snapshot, String>, expect: &[&str]) -> Before {
        Before {
            since: "t".into(),
            seen,
            expect: expect.iter().map(ToString::to_string).collect(),
            killed: false,
            lost: Vec::new(),
        }
    }

    fn of(before: &Before, after: Result<Snapshot, String>) -> Compared {
        Compared::of(before, after, &BTreeSet::new(), "bao")
    }

    #[test]
    fn nothing_is_said_to_be_the_same_that_was_not_compared() {
        for (seen, after) in [
            (Err("x".to_owned()), Ok(policies(&[]))),
            (Ok(policies(&[])), Err("x".to_owned())),
        ] {
            let compared = of(&before(seen, &[]), after);
            assert_eq!(compared.clause, "");
            assert_eq!(compared.facts["compared"], false);
            assert_eq!(compared.findings.len(), 1);
        }
        let same = of(&before(Ok(policies(&["a"])), &[]), Ok(policies(&["a"])));
        assert!(same.findings.is_empty());
        let clause =
            "; nothing that was compared has changed (the evidence lists what was not compared)";
        assert_eq!(same.clause, clause);
        let named = same.facts["not_compared"].to_string();
        assert!(
            named.contains("batch tokens") && same.notes.is_empty(),
            "{named}"
        );
        let mut part = policies(&["a"]);
        part.add_tokens(Err("x".into()));
        let part = of(&before(Ok(policies(&["a"])), &[]), Ok(part));
        assert_eq!(part.clause, "; not everything could be compared");
        let said = words(&part.findings);
        assert_eq!(said, ["each token could not be compared: x"]);
    }

    #[test]
    fn what_was_expected_is_no_finding_and_what_did_not_happen_is_said() {
        let expect = ["sys/policies/acl/ops*", "sys/policies/acl/never"];
        let compared = of(
            &before(Ok(policies(&["a"])), &expect),
            Ok(policies(&["a", "ops-1", "eve"])),
        );
        let said = words(&compared.findings);
        assert_eq!(
            said,
            ["policy eve is new; to undo it: bao policy delete eve"]
        );
        assert!(
            compared
                .notes
                .iter()
                .any(|note| note.contains("as expected: policy ops-1"))
        );
        assert!(compared.warnings[0].contains("sys/policies/acl/never"));
        assert_eq!(compared.clause, "; one thing has changed");
    }

    #[test]
    fn many_differences_are_shown_in_part_and_counted() {
        let names: Vec<String> = (0..SHOWN + 7).map(|number| format!("p{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let compared = of(&before(Ok(policies(&[])), &[]), Ok(policies(&names)));
        let said = words(&compared.findings);
        assert_eq!(said.len(), SHOWN + 1);
        assert!(
            said[SHOWN].starts_with("7 more differences"),
            "{}",
            said[SHOWN]
        );
        assert_eq!(
            compared.facts["differences"].as_array().unwrap().len(),
            SHOWN + 7
        );
    }
}
