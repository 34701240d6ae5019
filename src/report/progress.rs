//! Progress of a ceremony as lines for a person, 80 columns wide, or as narrow as the terminal.
//!
//! A step that has nothing to say takes one line. Where it says something, its title comes first. On a
//! terminal the line that says what is waited for overwrites itself; elsewhere it comes every few seconds.

use super::Style;
use crate::bootstrap::event::{Event, Outcome};
use crate::bootstrap::step::Step;
use crate::layout::wrapped;

/// Where stderr is no terminal, a wait is mentioned this often.
const MENTION_SECONDS: u64 = 5;
/// No line is laid out wider than this: columns that stand below each other are read together.
const WIDTH: usize = 80;
/// What a step on one line needs: number, title, outcome, time and requests.
const ONE_LINE: usize = 79;
/// Columns in front of a note's further lines.
const INDENT: usize = 8;
/// Width of the title, so that outcome, time and requests stand below each other.
const TITLE: usize = 38;

pub(super) struct Progress {
    style: Style,
    width: usize,
    /// The step that began and was not titled yet.
    untitled: Option<Step>,
    number: String,
    /// A line is on the terminal that the next one overwrites.
    overwriting: bool,
    mentioned: Option<u64>,
}

impl Progress {
    pub(super) fn new(style: Style, width: usize) -> Self {
        Self {
            style,
            width: width.min(WIDTH),
            untitled: None,
            number: String::new(),
            overwriting: false,
            mentioned: None,
        }
    }

    /// What to write for an event.
    pub(super) fn lines(&mut self, event: &Event) -> String {
        match event {
            Event::Begin {
                cluster,
                address,
                resumed,
            } => {
                let how = if *resumed {
                    "  (goes on from its checkpoint)"
                } else {
                    ""
                };
                format!(
                    "{}\n",
                    self.style.bold(&format!("{cluster}  {address}{how}"))
                )
            }
            Event::StepStarted { step, number, of } => {
                self.untitled = Some(*step);
                self.number = format!("{number:>2}/{of}");
                self.mentioned = None;
                self.clear()
            }
            Event::Note { text, .. } => self.below_title(text, ""),
            Event::Warning { text, .. } => {
                let mark = self.style.warning("warning: ");
                self.below_title(text, &mark)
            }
            Event::Waiting {
                text,
                seconds,
                limit,
                ..
            } => self.waiting(text, *seconds, *limit),
            Event::SignIn {
                login,
                url,
                code,
                seconds,
            } => self.sign_in(login, url, code.as_deref(), *seconds),
            Event::Holders { invitation, .. } => {
                let title = self.title();
                let lines = super::breaking_glass::invitation(invitation, INDENT - 2, self.width);
                format!("{}{title}{lines}", self.clear())
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
            Event::End { .. } => self.clear(),
        }
    }

    /// Takes the overwriting line away.
    pub(super) fn clear(&mut self) -> String {
        if std::mem::take(&mut self.overwriting) {
            "\r\x1b[2K".into()
        } else {
            String::new()
        }
    }

    /// Number and title of the step, once.
    fn title_line(&mut self) -> Option<(String, &'static str)> {
        let step = self.untitled.take()?;
        Some((self.style.dim(&self.number), step.title()))
    }

    fn title(&mut self) -> String {
        match self.title_line() {
            Some((number, title)) => format!("{number} {title}\n"),
            None => String::new(),
        }
    }

    fn below_title(&mut self, text: &str, mark: &str) -> String {
        let indented = wrapped(text, self.width - INDENT - mark_width(mark)).join("\n        ");
        format!("{}{}      {mark}{indented}\n", self.clear(), self.title())
    }

    fn waiting(&mut self, text: &str, seconds: u64, limit: u64) -> String {
        let text = format!("waiting {seconds} of {limit} s for {text}");
        if self.style.is_terminal() {
            let shown: String = text.chars().take(self.width - INDENT).collect();
            let title = self.title();
            let line = format!(
                "{}{title}\r\x1b[2K      {}",
                self.clear(),
                self.style.dim(&shown)
            );
            self.overwriting = true;
            return line;
        }
        let due = self
            .mentioned
            .is_none_or(|last| seconds >= last + MENTION_SECONDS)
            && seconds > 0;
        if !due {
            return String::new();
        }
        self.mentioned = Some(seconds);
        self.below_title(&text, "")
    }

    fn sign_in(&mut self, login: &str, url: &str, code: Option<&str>, seconds: u64) -> String {
        let code = code
            .map(|code| format!("\n  and type there: {code}"))
            .unwrap_or_default();
        let text = format!(
            "{login}: sign in within {} min at\n  {url}{code}",
            seconds.div_ceil(60)
        );
        self.below_title(&text, "")
    }

    fn finished(&mut self, (word, good): (&str, bool), requests: u64, millis: u64) -> String {
        let paint = |text: &str| {
            if good {
                self.style.good(text)
            } else {
                self.style.warning(text)
            }
        };
        let seconds = format!("{}.{} s", millis / 1000, millis % 1000 / 100);
        let requests = match requests {
            0 => String::new(),
            1 => "1 request".into(),
            many => format!("{many} requests"),
        };
        let tail = format!("{seconds:>7} {requests:>13}");
        let tail = self.style.dim(tail.trim_end());
        let end = format!("{}{tail}", paint(&format!("{word:<13}")));
        let title = self.title_line();
        // Below notes the outcome stands alone, in the columns of the steps that had nothing to say.
        let line = match (title, self.width < ONE_LINE) {
            (Some((number, title)), false) => format!("{number} {title:<TITLE$}{end}"),
            (Some((number, title)), true) => format!("{number} {title}\n      {end}"),
            (None, false) => format!("      {:TITLE$}{end}", ""),
            (None, true) => format!("      {end}"),
        };
        format!("{}{line}\n", self.clear())
    }
}

/// An outcome in a word, and whether it is a good one.
fn word(outcome: Outcome, nothing_declared: bool) -> (&'static str, bool) {
    match outcome {
        _ if nothing_declared => ("none in file", true),
        Outcome::Applied => ("done", true),
        Outcome::Repaired => ("repaired", true),
        Outcome::Adopted => ("was there", true),
        Outcome::Unchanged => ("unchanged", true),
        Outcome::NotRechecked => ("not rechecked", false),
    }
}

/// Columns that a mark takes, its colour not counted.
fn mark_width(mark: &str) -> usize {
    if mark.is_empty() {
        0
    } else {
        "warning: ".len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(terminal: bool) -> Progress {
        let style = Style {
            colored: false,
            terminal,
        };
        Progress::new(style, WIDTH)
    }

    fn started() -> Event {
        Event::StepStarted {
            step: Step::Audit,
            number: 5,
            of: 13,
        }
    }

    fn finished() -> Event {
        let evidence = crate::bootstrap::evidence::Evidence::default();
        Event::StepFinished {
            step: Step::Audit,
            outcome: Outcome::Applied,
            requests: 12,
            milliseconds: 1234,
            evidence,
        }
    }

    #[test]
    fn a_step_with_nothing_to_say_takes_one_line_of_at_most_80_columns() {
        let mut progress = progress(false);
        let text = progress.lines(&started()) + &progress.lines(&finished());
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        assert!(text.trim_end().chars().count() <= 80, "{text}");
        assert!(
            text.contains("audit first") && text.contains("1.2 s") && text.contains("12 requests")
        );
    }

    #[test]
    fn a_note_stands_below_its_title_and_the_title_comes_once() {
        let mut progress = progress(false);
        let note = Event::Note {
            step: Step::Audit,
            text: "enabled".into(),
        };
        let text = [started(), note.clone(), note, finished()]
            .map(|event| progress.lines(&event))
            .concat();
        assert_eq!(text.matches("audit first").count(), 1, "{text}");
        assert_eq!(text.matches('\n').count(), 4, "{text}");
    }

    #[test]
    fn the_outcome_stands_in_the_same_column_with_notes_and_without() {
        let note = Event::Note {
            step: Step::Audit,
            text: "enabled".into(),
        };
        let mut progress = progress(false);
        let plain = progress.lines(&started()) + &progress.lines(&finished());
        let noted = [started(), note, finished()].map(|event| progress.lines(&event));
        for word in ["done", "1.2 s", "12 requests"] {
            assert_eq!(plain.find(word), noted[2].find(word), "{plain}{}", noted[2]);
        }
    }

    #[test]
    fn on_a_narrow_terminal_no_line_is_wider_than_it() {
        let style = Style {
            colored: false,
            terminal: true,
        };
        let mut progress = Progress::new(style, 40);
        let wait = Event::Waiting {
            step: Step::Audit,
            text: "all nodes to open (https://vault-2.internal:8200 is sealed)".into(),
            seconds: 1,
            limit: 60,
        };
        let text = progress.lines(&started()) + &progress.lines(&finished());
        let waited = progress.lines(&started()) + &progress.lines(&wait);
        let shown = waited.replace("\r\x1b[2K", "");
        for line in text.lines().chain(shown.lines()) {
            assert!(line.chars().count() <= 40, "{line:?}");
        }
    }

    #[test]
    fn a_wait_overwrites_itself_on_terminals_and_is_mentioned_now_and_then_elsewhere() {
        let wait = |seconds| Event::Waiting {
            step: Step::Audit,
            text: "x".into(),
            seconds,
            limit: 60,
        };
        let mut there = progress(true);
        there.lines(&started());
        assert!(there.lines(&wait(1)).contains("waiting 1 of 60 s for x"));
        assert!(there.lines(&finished()).starts_with("\r\x1b[2K"));
        let mut elsewhere = progress(false);
        elsewhere.lines(&started());
        let lines: String = (0..12)
            .map(|seconds| elsewhere.lines(&wait(seconds)))
            .collect();
        assert_eq!(lines.matches("of 60 s for x").count(), 3, "{lines}");
    }
}
