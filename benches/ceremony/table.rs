//! The result: tables in Markdown, printed and, when asked for, written into a page.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::Outcome;

const BEGIN: &str = "<!-- bench -->";
const END: &str = "<!-- /bench -->";

/// The least disturbed one: what else the machine does, and a server's random election, only add time.
pub(crate) fn best(times: &[Duration]) -> Duration {
    times.iter().min().copied().unwrap_or_default()
}

/// The middle one.
pub(crate) fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// One comparison with its target.
pub(crate) struct Row {
    what: String,
    program: String,
    measure: String,
    result: String,
    target: String,
    holds: bool,
}

impl Row {
    /// How much longer than the bare client.
    pub(crate) fn at_most(what: String, program: Duration, bare: Duration, target: f64) -> Self {
        let ratio = program.as_secs_f64() / bare.as_secs_f64();
        Self {
            what,
            program: time(program),
            measure: time(bare),
            result: format!("{ratio:.2}"),
            target: format!("≤ {target}"),
            holds: ratio <= target,
        }
    }

    /// How many times faster.
    pub(crate) fn at_least(what: String, program: Duration, slow: Duration, target: f64) -> Self {
        let ratio = slow.as_secs_f64() / program.as_secs_f64();
        Self {
            what,
            program: time(program),
            measure: time(slow),
            result: format!("{ratio:.1} times faster"),
            target: format!("≥ {target}"),
            holds: ratio >= target,
        }
    }

    /// A size or a time by itself.
    pub(crate) fn below(what: &str, value: f64, limit: f64, unit: &str) -> Self {
        Self {
            what: what.to_owned(),
            program: format!("{value:.1} {unit}"),
            measure: String::new(),
            result: String::new(),
            target: format!("< {limit} {unit}"),
            holds: value < limit,
        }
    }
}

/// A step of the small ceremony.
pub(crate) struct StepRow {
    pub(crate) name: String,
    pub(crate) requests: usize,
    pub(crate) program: Duration,
    pub(crate) bare: Duration,
}

/// Everything that was measured.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    pub(crate) steps: Vec<StepRow>,
    /// Machine and versions.
    pub(crate) facts: String,
}

impl Table {
    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Whether each target was met.
    pub(crate) fn holds(&self) -> bool {
        self.rows.iter().all(|row| row.holds)
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("{}\n\n", self.facts);
        text.push_str("| measured | vault-bootstrap | bare client | ratio | target | |\n");
        text.push_str("|---|--:|--:|--:|--:|---|\n");
        for row in &self.rows {
            let Row {
                what,
                program,
                measure,
                result,
                target,
                holds,
            } = row;
            let word = if *holds { "met" } else { "missed" };
            text.push_str(&format!(
                "| {what} | {program} | {measure} | {result} | {target} | {word} |\n"
            ));
        }
        if !self.steps.is_empty() {
            text.push_str("\n| step of the small ceremony | requests | vault-bootstrap | bare client | ratio |\n");
            text.push_str("|---|--:|--:|--:|--:|\n");
        }
        for StepRow {
            name,
            requests,
            program,
            bare,
        } in &self.steps
        {
            let (bare, ratio) = if *requests == 0 {
                (String::new(), String::new())
            } else {
                (
                    time(*bare),
                    format!("{:.2}", program.as_secs_f64() / bare.as_secs_f64()),
                )
            };
            text.push_str(&format!(
                "| {name} | {requests} | {} | {bare} | {ratio} |\n",
                time(*program)
            ));
        }
        text
    }
}

fn time(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    if milliseconds < 10.0 {
        format!("{milliseconds:.1} ms")
    } else if milliseconds < 10_000.0 {
        format!("{milliseconds:.0} ms")
    } else {
        format!("{:.1} s", milliseconds / 1000.0)
    }
}

/// Puts the text between the markers of `file`. Without markers nothing is changed.
pub(crate) fn write_between_markers(file: &Path, text: &str) -> Outcome<bool> {
    let old = fs::read_to_string(file)?;
    let (Some(begin), Some(end)) = (old.find(BEGIN), old.find(END)) else {
        return Ok(false);
    };
    let from = begin + BEGIN.len();
    if end < from {
        return Ok(false);
    }
    fs::write(file, format!("{}\n{text}{}", &old[..from], &old[end..]))?;
    Ok(true)
}
