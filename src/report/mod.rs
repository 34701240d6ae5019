//! The only writer to the terminal.
//!
//! Rules: stdout is the result, stderr is progress and advice. Progress lines begin lowercase and end
//! without a full stop. Colour, wrapping and the line that overwrites itself only where there is a terminal.
//! With `--output json` stdout is one document, or one event a line for `apply`; nothing else.

mod breaking_glass;
mod problems;
mod progress;

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::termios::tcgetwinsize;
use serde::Serialize;
use serde_json::json;

use crate::bootstrap::decide::Recorded;
use crate::bootstrap::event::{self, Event};
use crate::bootstrap::{Abandoned, Status};
use crate::break_glass::event::{Event as Moment, VERSION as MOMENTS};
use crate::failure::{Exit, Failure};
use crate::layout::hanging;
use progress::Progress;

/// Longer lines are hard to read, however wide the terminal.
const WIDEST: usize = 100;
/// On less, nothing can be laid out.
const NARROWEST: usize = 40;
/// Columns of a terminal that does not say how many it has.
const USUAL: usize = 80;

/// Form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// On terminals, unless `NO_COLOR` is set and not empty.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Writes results and progress in the form that was asked for.
pub struct Report {
    output: Output,
    style: Style,
    /// Columns to wrap results and advice at; none where no person reads along.
    stdout_width: Option<usize>,
    stderr_width: Option<usize>,
    progress: std::cell::RefCell<Progress>,
    /// A command of the operator's has it.
    stdout_is_taken: std::cell::Cell<bool>,
}

/// Escape sequences, or none of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    colored: bool,
    terminal: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colored {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    pub(crate) fn warning(self, text: &str) -> String {
        self.paint("33", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn is_terminal(self) -> bool {
        self.terminal
    }
}

impl Report {
    /// A report in this form. `no_color` is the environment variable of that name.
    #[must_use]
    pub fn new(output: Output, color: Color, no_color: Option<&str>) -> Self {
        let stderr_width = width(&io::stderr());
        let terminal = stderr_width.is_some();
        let colored = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && no_color.is_none_or(str::is_empty),
        };
        let style = Style { colored, terminal };
        Self {
            output,
            style,
            stdout_width: width(&io::stdout()),
            stderr_width,
            progress: std::cell::RefCell::new(Progress::new(style, stderr_width.unwrap_or(USUAL))),
            stdout_is_taken: std::cell::Cell::new(false),
        }
    }

    /// One event of a ceremony.
    pub fn event(&self, event: &Event) {
        match self.output {
            Output::Json => out(&versioned(event::VERSION, event)),
            Output::Text => {
                let lines = self.progress.borrow_mut().lines(event);
                err(&lines);
                if let Event::End {
                    unchanged,
                    findings,
                    report,
                } = event
                {
                    out(&self.end(*unchanged, findings, report.as_deref()));
                }
            }
        }
    }

    /// Leaves stdout to a command of the operator's: from now on results and failures go to stderr.
    pub fn leave_stdout(&self) {
        self.stdout_is_taken.set(true);
    }

    fn result_out(&self, text: &str) {
        if self.stdout_is_taken.get() {
            err(text);
        } else {
            out(text);
        }
    }

    /// One event of `rehearse` or `break-glass`.
    pub fn moment(&self, moment: &Moment) {
        let result = |text: &str| self.result_out(text);
        if self.output == Output::Json {
            return result(&versioned(MOMENTS, moment));
        }
        let width = self.stderr_width.unwrap_or(USUAL);
        err(&breaking_glass::lines(moment, self.style, width));
        if let Some(text) = breaking_glass::result(moment) {
            result(&text);
        }
        if let Moment::End {
            text,
            findings,
            evidence,
            ..
        } = moment
        {
            let within = |text: &str, indent| within(text, indent, self.stdout_width);
            let end = (text.as_str(), findings.as_slice(), from_here(evidence));
            result(&breaking_glass::end(end, within));
        }
    }

    /// How a command ended when it did not end well: all problems, each with what to do.
    pub fn failure(&self, failure: &Failure) {
        err(&self.progress.borrow_mut().clear());
        if self.output == Output::Json {
            let problems = &failure.problems;
            let exit = failure.exit.code();
            self.result_out(&line(&json!({
                "version": event::VERSION, "event": "failed", "exit": exit, "problems": problems,
            })));
        }
        let word = if failure.exit == Exit::Refused {
            "refused"
        } else {
            "error"
        };
        err(&problems::lines(
            word,
            &failure.problems,
            self.style,
            self.stderr_width,
        ));
    }

    /// Where the ceremony stands.
    pub fn status(&self, status: &Status) {
        if self.output == Output::Json {
            out(&format!(
                "{}\n",
                serde_json::to_string_pretty(status).unwrap_or_default()
            ));
            return;
        }
        let server = within(&status.server, 9, self.stdout_width);
        let mut text = format!(
            "cluster  {}\naddress  {}\nserver   {server}\n",
            status.cluster, status.address
        );
        if let Some(place) = &status.replica {
            let place = within(place, 9, self.stdout_width);
            text.push_str(&format!("replica  {place}\n"));
        }
        text.push('\n');
        for step in &status.steps {
            let (mark, when) = match step.state {
                Recorded::Done => ("done", step.finished.as_deref().unwrap_or("")),
                Recorded::Started => ("begun", ""),
                Recorded::Nothing => ("-", ""),
            };
            text.push_str(&format!("{:<46} {mark:<6} {when}\n", step.title));
        }
        out(&format!("{text}\nnext: {}\n", status.next));
        if let Some(why) = &status.why {
            out(&format!("      {}\n", within(why, 6, self.stdout_width)));
        }
    }

    /// What was destroyed of a ceremony that was given up, and what a person must still do.
    pub fn abandoned(&self, abandoned: &Abandoned) {
        if self.output == Output::Json {
            return out(&line(abandoned));
        }
        let mut text = format!("abandoned: {}\n", abandoned.cluster);
        for (title, lines) in [
            ("destroyed", &abandoned.destroyed),
            ("to be done by you", &abandoned.remains),
        ] {
            text.push_str(&format!("{title}:\n"));
            for line in lines {
                text.push_str(&format!("  - {}\n", within(line, 4, self.stdout_width)));
            }
        }
        out(&text);
    }

    /// A result as it is: a schema, a completion script, an armored challenge.
    pub fn plain(&self, text: &str) {
        out(text);
    }

    /// A short result with its facts, in the form that was asked for.
    pub fn result(&self, text: &str, facts: &impl Serialize) {
        match self.output {
            Output::Text => out(&format!("{text}\n")),
            Output::Json => out(&line(facts)),
        }
    }

    /// A line of advice beside the result.
    pub fn advice(&self, text: &str) {
        err(&format!("{text}\n"));
    }

    fn end(&self, unchanged: bool, findings: &[String], report: Option<&str>) -> String {
        let mut text = String::new();
        let headline = match (unchanged, findings.is_empty()) {
            (true, true) => "everything is as the file says; nothing was written",
            (true, false) => "nothing was written; findings:",
            (false, true) => "done: every promise kept",
            (false, false) => "done, with findings:",
        };
        text.push_str(&format!("{headline}\n"));
        for finding in findings {
            let finding = within(finding, 4, self.stdout_width);
            text.push_str(&format!("  - {finding}\n"));
        }
        if let Some(report) = report {
            text.push_str(&format!("report: {}\n", from_here(report)));
        }
        text
    }
}

/// Wrapped where there is a terminal, and as it is for machines, which search in lines.
fn within(text: &str, indent: usize, width: Option<usize>) -> String {
    match width {
        Some(width) => hanging(text, indent, width),
        None => text.to_owned(),
    }
}

/// The columns to lay text out in, where a person reads it.
fn width(stream: &(impl IsTerminal + AsFd)) -> Option<usize> {
    if !stream.is_terminal() {
        return None;
    }
    let said = tcgetwinsize(stream.as_fd()).map_or(0, |size| usize::from(size.ws_col));
    let width = if said == 0 { USUAL } else { said };
    Some(width.clamp(NARROWEST, WIDEST))
}

/// A path below the working directory as a person would type it.
fn from_here(path: &str) -> &str {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| Path::new(path).strip_prefix(here).ok());
    below.and_then(Path::to_str).unwrap_or(path)
}

/// The event as a line of JSON, with the version of the form in front.
fn versioned(version: u32, event: &impl Serialize) -> String {
    let mut whole = json!({ "version": version });
    if let (Some(whole), Ok(serde_json::Value::Object(fields))) =
        (whole.as_object_mut(), serde_json::to_value(event))
    {
        whole.extend(fields);
    }
    line(&whole)
}

fn line(facts: &impl Serialize) -> String {
    format!("{}\n", serde_json::to_string(facts).unwrap_or_default())
}

/// Writes to stdout. A reader that went away is no failure of ours: the work goes on.
fn out(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

fn err(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrap::step::Step;

    #[test]
    fn every_event_is_one_line_of_json_with_its_version_first() {
        let event = Event::Note {
            step: Step::Audit,
            text: "two\nlines".into(),
        };
        let text = versioned(event::VERSION, &event);
        assert_eq!(text.matches('\n').count(), 1);
        assert!(
            text.starts_with(r#"{"version":1,"event":"note","step":"audit""#),
            "{text}"
        );
    }

    #[test]
    fn a_path_below_the_working_directory_is_shown_as_it_would_be_typed() {
        let here = std::env::current_dir().unwrap();
        let below = here.join("checkpoint/report.json");
        assert_eq!(from_here(below.to_str().unwrap()), "checkpoint/report.json");
        assert_eq!(from_here("/somewhere/else"), "/somewhere/else");
    }

    #[test]
    fn without_colour_nothing_but_text_is_written() {
        let style = Style {
            colored: false,
            terminal: false,
        };
        assert_eq!(style.bad("x"), "x");
        assert_eq!(
            Style {
                colored: true,
                terminal: true
            }
            .good("x"),
            "\x1b[32mx\x1b[0m"
        );
    }
}
