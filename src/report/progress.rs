//! Progress as lines for a person, 80 columns wide, or as narrow as the terminal.
//!
//! The line of a step is begun when the step begins, and ended in place when it ends. What it says meanwhile stands
//! below, indented. On a terminal the line that says what is waited for overwrites itself; elsewhere it comes every
//! few seconds.

use crate::event::{Event, StepOutcome};
use crate::printable;
use crate::prompt;
use crate::report::advice::{advice, invite};
use crate::report::style::{Painted, Style};
use crate::shell::ShellCommand;
use crate::span;
use crate::text_layout::{columns, wrapped};

/// Where stderr is no terminal, a wait is mentioned this often.
const MENTION_SECONDS: u64 = 5;
/// No line is laid out wider than this: columns that stand below each other are read together.
const WIDTH: usize = 80;
/// What a step on one line needs: number, title, outcome, time and requests.
const ONE_LINE: usize = 79;
/// Columns in front of what a step says, and of what a command says that has no steps.
const IN_STEP: usize = 6;
const WITHOUT_STEPS: usize = 2;
/// Width of number and title, so that outcome, time and requests stand below each other.
const TITLE: usize = 44;

pub(super) struct Progress {
    style: Style,
    width: usize,
    /// Columns of the line that a step has begun and nothing has ended yet.
    begun: Option<usize>,
    /// A line is on the terminal that the next one overwrites.
    overwriting: bool,
    mentioned: Option<u64>,
}

impl Progress {
    pub(super) fn new(style: Style, width: usize) -> Self {
        Self {
            style,
            width: width.min(WIDTH),
            begun: None,
            overwriting: false,
            mentioned: None,
        }
    }

    /// What to write on stderr for an event.
    pub(super) fn lines(&mut self, event: &Event) -> Painted {
        match event {
            Event::Begin {
                command,
                cluster,
                address,
                resumed,
            } => {
                let how = if *resumed {
                    "  (continues from its checkpoint)"
                } else {
                    ""
                };
                let line = format!("{command}  {cluster}  {address}{how}");
                self.style.bold(&line) + "\n"
            }
            Event::StepStarted { step, number, of } => {
                self.begin(&format!("{number:>2}/{of}"), step.title())
            }
            Event::Note { step, text } => {
                self.line(&printable::one_line(text), "", indent(step.is_some()))
            }
            Event::Warning { step, text } => self.line(
                &printable::one_line(text),
                "warning: ",
                indent(step.is_some()),
            ),
            Event::Waiting {
                step,
                text,
                seconds,
                limit,
            } => self.waiting((text, *seconds, *limit), indent(step.is_some())),
            Event::SignIn {
                step,
                login,
                url,
                code,
                seconds,
                port,
            } => {
                let typed = |code| format!("\n  and type there: {code}");
                let code = code.as_ref().map(typed).unwrap_or_default();
                let limit = span::of_seconds(*seconds);
                let led = port.map(led_here).unwrap_or_default();
                let text = format!("{login}: sign in within {limit} at\n  {url}{code}{led}");
                self.line(&text, "", indent(step.is_some()))
            }
            Event::Holders { step, invitation } => {
                let lines = invite(invitation, indent(step.is_some()), self.width);
                self.interrupted() + &lines
            }
            Event::StepFinished {
                outcome,
                requests,
                milliseconds,
                evidence,
                ..
            } => {
                let nothing = evidence.get::<String>("declared").as_deref() == Some("nothing");
                self.finished(word(*outcome, nothing), *requests, *milliseconds)
            }
            _ => match advice(event) {
                Some((text, whole)) => self.line(&text, "", WITHOUT_STEPS) + &whole,
                None => self.interrupted(),
            },
        }
    }

    /// Begins the line of a step, to be ended when it is done.
    fn begin(&mut self, number: &str, title: &str) -> Painted {
        let before = self.interrupted();
        self.mentioned = None;
        self.begun = Some(columns(number) + 1 + columns(title));
        if self.style.terminal {
            prompt::line_begun();
        }
        before + self.style.dim(number) + " " + title
    }

    /// The columns of the line that a step has begun, if it is still the last one on the terminal.
    fn take_begun(&mut self) -> Option<usize> {
        let still = !self.style.terminal || prompt::line_is_still_begun();
        self.begun.take().filter(|_| still)
    }

    /// Ends the line that a step has begun, or takes the overwriting line away.
    pub(super) fn interrupted(&mut self) -> Painted {
        let open = self.take_begun().is_some();
        match (std::mem::take(&mut self.overwriting), open) {
            (true, _) => self.style.rewound(),
            (false, true) => Painted::text("\n"),
            (false, false) => Painted::default(),
        }
    }

    /// A text with its further lines below the first one.
    fn line(&mut self, text: &str, mark: &str, indent: usize) -> Painted {
        let width = self.width.saturating_sub(indent + 2);
        let (space, further) = (" ".repeat(indent), " ".repeat(indent + 2));
        let whole = wrapped(&format!("{mark}{text}"), width);
        let whole = whole.join(&format!("\n{further}"));
        let (mark, rest) = whole.split_at(mark.trim_end().len());
        self.interrupted() + &space + self.style.warning(mark) + rest + "\n"
    }

    fn waiting(&mut self, (text, seconds, limit): (&str, u64, u64), indent: usize) -> Painted {
        let text = printable::one_line(&format!(
            "waiting {} of {} for {text}",
            span::of_seconds(seconds),
            span::of_seconds(limit)
        ));
        if self.style.terminal {
            let shown: String = text.chars().take(self.width - indent - 2).collect();
            let before = self.interrupted() + self.style.rewound();
            self.overwriting = true;
            return before + &" ".repeat(indent) + self.style.dim(&shown);
        }
        let last = self.mentioned;
        let due = last.is_none_or(|last| seconds >= last + MENTION_SECONDS) && seconds > 0;
        if !due {
            return Painted::default();
        }
        self.mentioned = Some(seconds);
        self.line(&text, "", indent)
    }

    fn finished(&mut self, (word, good): (&str, bool), requests: u64, millis: u64) -> Painted {
        let word = format!("{word:<13}");
        let word = if good {
            self.style.good(&word)
        } else {
            self.style.warning(&word)
        };
        let seconds = format!("{}.{} s", millis / 1000, millis % 1000 / 100);
        let requests = match requests {
            0 => String::new(),
            1 => "1 request".into(),
            many => format!("{many} requests"),
        };
        let tail = format!("{seconds:>7} {requests:>13}");
        let end = word + self.style.dim(tail.trim_end());
        let begun = self.take_begun();
        let narrow = self.width < ONE_LINE;
        let before = match begun {
            Some(columns) if !narrow => " ".repeat(TITLE.saturating_sub(columns)),
            // Below what it said the outcome stands alone, in the columns of the steps that had nothing to say.
            None if !narrow => " ".repeat(TITLE),
            Some(_) => format!("\n{}", " ".repeat(IN_STEP)),
            None => " ".repeat(IN_STEP),
        };
        self.interrupted() + &before + end + "\n"
    }
}

/// What brings the browser of another machine back to this port.
fn led_here(port: u16) -> String {
    let ports = format!("{port}:localhost:{port}");
    let command = ShellCommand::new("ssh -L").with(ports).and("THIS-MACHINE");
    format!("\nwith a browser on another machine, first type there\n  {command}")
}

fn indent(in_step: bool) -> usize {
    if in_step { IN_STEP } else { WITHOUT_STEPS }
}

/// An outcome in a word, and whether it is a good one.
fn word(outcome: StepOutcome, nothing_declared: bool) -> (&'static str, bool) {
    match outcome {
        _ if nothing_declared => ("none in file", true),
        StepOutcome::Applied => ("done", true),
        StepOutcome::Repaired => ("repaired", true),
        StepOutcome::Differs => ("differs", false),
        StepOutcome::Adopted => ("was there", true),
        StepOutcome::Unchanged => ("unchanged", true),
        StepOutcome::NotRechecked => ("not rechecked", false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::facts::Evidence;
    use crate::step::Step;

    impl Progress {
        fn shown(&mut self, event: &Event) -> String {
            self.lines(event).as_str().to_owned()
        }
    }

    fn progress(terminal: bool) -> Progress {
        narrow(terminal, WIDTH)
    }

    fn narrow(terminal: bool, width: usize) -> Progress {
        let style = Style {
            colored: false,
            terminal,
        };
        Progress::new(style, width)
    }

    fn started() -> Event {
        Event::StepStarted {
            step: Step::Audit,
            number: 5,
            of: 13,
        }
    }

    fn note() -> Event {
        Event::Note {
            step: Some(Step::Audit),
            text: "enabled".into(),
        }
    }

    fn finished() -> Event {
        let evidence = Evidence::default();
        Event::StepFinished {
            step: Step::Audit,
            outcome: StepOutcome::Applied,
            requests: 12,
            milliseconds: 1234,
            evidence,
        }
    }

    #[test]
    fn a_step_with_nothing_to_say_takes_one_line_of_at_most_80_columns() {
        let mut progress = progress(false);
        let text = progress.shown(&started()) + &progress.shown(&finished());
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        assert!(text.trim_end().chars().count() <= 80, "{text}");
        assert!(
            text.contains("audit first") && text.contains("1.2 s") && text.contains("12 requests")
        );
    }

    #[test]
    fn a_step_says_when_it_begins() {
        let text = progress(false).shown(&started());
        assert_eq!(text, " 5/13 audit first");
    }

    #[test]
    fn what_follows_a_question_does_not_count_on_the_line_that_the_question_ended() {
        let mut progress = progress(true);
        let begun = progress.shown(&started());
        assert!(!begun.ends_with('\n'), "{begun}");
        assert!(prompt::line_is_still_begun(), "a question ends it");
        let text = progress.shown(&finished());
        assert_eq!(text.find("done"), Some(TITLE), "{text}");
    }

    #[test]
    fn a_warning_of_a_command_without_steps_is_wrapped_below_itself() {
        let text = "carol does not answer: no terminal to ask on for the share that she keeps";
        let event = Event::Warning {
            step: None,
            text: text.into(),
        };
        let text = narrow(false, 40).shown(&event);
        assert!(text.starts_with("  warning: carol does not"), "{text}");
        assert!(text.lines().count() > 1);
        let fits = |line: &str| line.chars().count() <= 40 && line.starts_with("  ");
        assert!(text.lines().all(fits), "{text}");
    }

    #[test]
    fn a_note_stands_below_its_title_and_the_title_comes_once() {
        let mut progress = progress(false);
        let text = [started(), note(), note(), finished()]
            .map(|event| progress.shown(&event))
            .concat();
        assert_eq!(text.matches("audit first").count(), 1, "{text}");
        assert_eq!(text.matches('\n').count(), 4, "{text}");
    }

    #[test]
    fn the_outcome_stands_in_the_same_column_with_notes_and_without() {
        let mut progress = progress(false);
        let plain = progress.shown(&started()) + &progress.shown(&finished());
        let noted = [started(), note(), finished()].map(|event| progress.shown(&event));
        for word in ["done", "1.2 s", "12 requests"] {
            assert_eq!(plain.find(word), noted[2].find(word), "{plain}{}", noted[2]);
        }
    }

    #[test]
    fn on_a_narrow_terminal_no_line_is_wider_than_it() {
        let mut progress = narrow(true, 40);
        let wait = Event::Waiting {
            step: Some(Step::Audit),
            text: "all nodes to open (https://vault-2.internal:8200 is sealed)".into(),
            seconds: 1,
            limit: 60,
        };
        let text = progress.shown(&started()) + &progress.shown(&finished());
        let waited = progress.shown(&started()) + &progress.shown(&wait);
        let shown = waited.replace("\r\x1b[2K", "");
        for line in text.lines().chain(shown.lines()) {
            assert!(line.chars().count() <= 40, "{line:?}");
        }
    }

    #[test]
    fn a_wait_overwrites_itself_on_terminals_and_is_mentioned_now_and_then_elsewhere() {
        let wait = |seconds| Event::Waiting {
            step: Some(Step::Audit),
            text: "x".into(),
            seconds,
            limit: 60,
        };
        let mut there = progress(true);
        there.shown(&started());
        assert!(there.shown(&wait(1)).contains("waiting 1s of 1m for x"));
        assert!(there.shown(&finished()).starts_with("\r\x1b[2K"));
        let mut elsewhere = progress(false);
        elsewhere.shown(&started());
        let lines: String = (0..12)
            .map(|seconds| elsewhere.shown(&wait(seconds)))
            .collect();
        assert_eq!(lines.matches("of 1m for x").count(), 3, "{lines}");
    }
}
