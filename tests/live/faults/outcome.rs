//! What came of one point: the fault, then runs that nothing disturbs, then a look at everything.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use serde_json::{Value, json};

use super::point::{Kind, Point};
use super::stage::{COPY, Stage};
use super::trap::INIT;
use super::{end, leaks};
use crate::ceremony::Run;

/// How often it is run again at most.
const RUNS_AGAIN: usize = 3;
/// What brings the one answer to the disk: where this fails, nobody has it.
const ANSWER: [&str; 3] = [
    "open checkpoint/secrets",
    "pwrite checkpoint/secrets",
    "fsync checkpoint/secrets",
];
/// What a loss is explained with at most.
const LONGEST_REASON: usize = 6000;

/// What became of a ceremony.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It ended like an undisturbed one.
    Converged,
    /// The one answer was lost, and the tool says so.
    Refused,
    /// Anything else.
    Lost,
}

impl Verdict {
    const ALL: [(Self, &str); 3] = [
        (Self::Converged, "converged"),
        (Self::Refused, "refused"),
        (Self::Lost, "lost"),
    ];

    fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(verdict, _)| *verdict == self);
        found.expect("all are there").1
    }
}

/// One line of the table's ground.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Where and what.
    pub point: Point,
    /// The request that was disturbed; none where the run ended before.
    pub request: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// Why it is lost.
    pub why: String,
    /// In how many places a secret was found.
    pub leaked: usize,
    /// How many trial values were left with custodians.
    pub trial_values: usize,
    /// How many runs it took, the disturbed one included.
    pub runs: usize,
    /// How long it took.
    pub seconds: f64,
}

impl Outcome {
    /// A ceremony that came to its end before its point tells nothing.
    pub fn counts(&self) -> bool {
        self.request.is_some() || self.verdict == Verdict::Lost
    }

    /// As one line of the progress file.
    pub fn to_line(&self) -> String {
        json!({
            "point": self.point.to_string(), "request": self.request, "verdict": self.verdict.name(),
            "why": self.why, "leaked": self.leaked, "trial_values": self.trial_values,
            "runs": self.runs, "seconds": self.seconds,
        })
        .to_string()
    }

    /// Back from such a line; nothing for one that was cut off.
    pub fn from_line(line: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        let number = |name: &str| usize::try_from(line[name].as_u64()?).ok();
        let verdict = Verdict::ALL
            .iter()
            .find(|(_, name)| line["verdict"] == *name)?;
        Some(Self {
            point: line["point"].as_str()?.parse().ok()?,
            request: line["request"].as_str().map(str::to_owned),
            verdict: verdict.0,
            why: line["why"].as_str()?.to_owned(),
            leaked: number("leaked")?,
            trial_values: number("trial_values")?,
            runs: number("runs")?,
            seconds: line["seconds"].as_f64()?,
        })
    }
}

/// Disturbs a ceremony at this point, and compares its end with that of an undisturbed one.
pub fn of(point: Point, undisturbed: &Value) -> Outcome {
    let begun = Instant::now();
    let mut outcome = Outcome {
        point,
        request: None,
        verdict: Verdict::Lost,
        why: String::new(),
        leaked: 0,
        trial_values: 0,
        runs: 0,
        seconds: 0.0,
    };
    let mut runs = Vec::new();
    let played = catch_unwind(AssertUnwindSafe(|| {
        let stage = Stage::set(point.product, Some(point));
        // What a panic says of the end must not hide what leaked before it.
        let judged = caught(|| judge(&stage, point.kind, &mut runs, undisturbed));
        outcome.request = stage.disturbed();
        outcome.trial_values = end::trial_values(&stage);
        let leaks = leaks::found(&stage, &runs);
        outcome.leaked = leaks.len();
        (judged, leaks)
    }));
    outcome.runs = runs.len();
    let (judged, leaks) = played.unwrap_or_else(|panic| (Err(text_of(&*panic)), Vec::new()));
    match judged {
        Ok(verdict) => outcome.verdict = verdict,
        Err(why) => outcome.why = explained(&why, &runs),
    }
    if !leaks.is_empty() {
        outcome.why = format!("leaked: {}\n{}", leaks.join("\n"), outcome.why);
    }
    outcome.seconds = begun.elapsed().as_secs_f64();
    outcome
}

/// The runs, and what they come to; an error is a loss.
fn judge(
    stage: &Stage,
    kind: Kind,
    runs: &mut Vec<Run>,
    undisturbed: &Value,
) -> Result<Verdict, String> {
    runs.push(stage.disturbed_run());
    let met = stage.disturbed().is_some();
    after_the_fault(kind, met, &runs[0])?;
    // What the disk refused is not the last word.
    let first_is_not_the_end = |runs: usize| runs == 1 && met && kind.is_of_the_disk();
    while !ended(&runs[runs.len() - 1]) || first_is_not_the_end(runs.len()) {
        if runs.len() > RUNS_AGAIN {
            return Err(format!("not at its end after {} runs", runs.len()));
        }
        runs.push(stage.run());
    }
    let last = &runs[runs.len() - 1];
    if last.code == 3 {
        return refused(stage, kind, last);
    }
    let end = end::read(stage);
    if end == *undisturbed {
        return Ok(Verdict::Converged);
    }
    Err(format!(
        "another end: {}",
        difference("", undisturbed, &end).join("; ")
    ))
}

/// Done, or refused; what failed may be tried again.
fn ended(run: &Run) -> bool {
    matches!(run.code, 0 | 2 | 3 | 4)
}

/// How the disturbed run itself may end.
fn after_the_fault(kind: Kind, met: bool, run: &Run) -> Result<(), String> {
    let says = |text: &str| run.stderr.contains(text);
    let right = match (kind, run.code) {
        _ if !met => run.code == 4,
        (Kind::KillBefore | Kind::KillAfter, code) => code == -9,
        (Kind::PowerCut | Kind::PowerCutNames, code) => code == -9,
        (Kind::Panic, code) => code == 101 && says("panicked at") && says("stack backtrace:"),
        // Nobody may notice.
        (Kind::ShortWrite, code) => code == 4,
        // What is no promise, such as the end of a trial value, does not stop it.
        (Kind::DiskFull | Kind::ReadOnly | Kind::ShortThenFull, 4) => true,
        (Kind::DiskFull | Kind::ReadOnly | Kind::ShortThenFull, 1..=3) => {
            let said = said(run);
            let why = ["No space left", "Read-only", "read-only"];
            says("what to do:")
                && why.iter().any(|why| said.contains(why))
                && ["checkpoint", "shares", COPY]
                    .iter()
                    .any(|path| said.contains(path))
        }
        (Kind::Interrupt, 130) | (Kind::Terminate, 143) => {
            says("nothing is half done") && says("run the same command again")
        }
        (_, 0 | 4) => true,
        // It failed, and says what to do.
        (Kind::Interrupt | Kind::Terminate, _) => false,
        (_, 1 | 3) => says("what to do:"),
        _ => false,
    };
    let how = format!(
        "the disturbed run ended with {} and no right words",
        run.code
    );
    right.then_some(()).ok_or(how)
}

/// Only the answer of the one request that is never repeated may be lost, and only if it is true.
fn refused(stage: &Stage, kind: Kind, run: &Run) -> Result<Verdict, String> {
    let request = stage.disturbed().unwrap_or_default();
    let at_the_answer = if kind.is_of_the_disk() {
        kind != Kind::ShortWrite && ANSWER.contains(&request.as_str())
    } else {
        request == INIT && kind.loses_the_answer()
    };
    if !at_the_answer {
        return Err(format!("refused after a fault at {request}"));
    }
    if !run.stderr.contains("its answer never reached") || !run.stderr.contains("what to do:") {
        return Err("refused without the diagnosis".into());
    }
    let initialised = stage.server.api().initialised();
    let arrived = stage.trap.initialisations();
    if !initialised || arrived != 1 {
        return Err(format!(
            "the diagnosis is not true: initialised {initialised}, {arrived} requests arrived"
        ));
    }
    Ok(Verdict::Refused)
}

/// Where two values differ, by path.
fn difference(path: &str, want: &Value, have: &Value) -> Vec<String> {
    match (want, have) {
        (Value::Object(one), Value::Object(other)) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            let parts = names
                .into_iter()
                .flat_map(|name| difference(&format!("{path}/{name}"), &want[name], &have[name]));
            parts.collect()
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let pairs = one.iter().zip(other).enumerate();
            pairs
                .flat_map(|(place, (one, other))| {
                    difference(&format!("{path}/{place}"), one, other)
                })
                .collect()
        }
        _ if want == have => Vec::new(),
        _ => vec![format!("{path} is {have}, undisturbed {want}")],
    }
}

fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(text_of(&*panic)))
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic without words".to_owned())
}

/// The reason with what the runs said, without their logs.
fn explained(why: &str, runs: &[Run]) -> String {
    let mut text = why.to_owned();
    for (number, run) in runs.iter().enumerate() {
        let said = said(run);
        let said: Vec<_> = said.lines().collect();
        let said = said[said.len().saturating_sub(14)..].join("\n");
        text += &format!("\n--- run {}: exit {}\n{said}", number + 1, run.code);
    }
    text.chars().take(LONGEST_REASON).collect()
}

/// What a run said, without its log.
fn said(run: &Run) -> String {
    let levels = ["TRACE", "DEBUG", " INFO"];
    let lines = run.stderr.lines();
    let lines = lines.filter(|line| !levels.iter().any(|level| line.starts_with(level)));
    lines.collect::<Vec<_>>().join("\n")
}
