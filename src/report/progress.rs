//! Progress of a ceremony as lines for a person, 80 columns wide.
//!
//! A step that has nothing to say takes one line. Where it says something, its title comes first. On a
//! terminal the line that says what is waited for overwrites itself; elsewhere it comes every few seconds.

use super::Style;
use crate::bootstrap::event::{Event, Outcome};
use crate::bootstrap::step::Step;

/// Where stderr is no terminal, a wait is mentioned this often.
const MENTION_SECONDS: u64 = 5;
/// Columns of a terminal that nobody made wider.
const WIDTH: usize = 80;
/// Columns in front of a note's further lines.
const INDENT: usize = 8;
/// Width of the title, so that outcome, time and requests stand below each other.
const TITLE: usize = 38;

pub(super) struct Progress {
    style: Style,
    /// The step that began and was not titled yet.
    untitled: Option<(Step, usize, usize)>,
    number: String,
    /// A line is on the terminal that the next one overwrites.
    overwriting: bool,
    mentioned: Option<u64>,
}

impl Progress {
    pub(super) fn new(style: Style) -> Self {
        Self {
            style,
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
                self.untitled = Some((*step, *number, *of));
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
            Event::StepFinished {
                step,
                outcome,
                requests,
                milliseconds,
                evidence,
            } => {
                let nothing = evidence.get::<String>("declared").as_deref() == Some("nothing");
                self.finished(*step, word(*outcome, nothing), *requests, *milliseconds)
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

    fn title(&mut self) -> String {
        match self.untitled.take() {
            Some((step, ..)) => format!("{} {}\n", self.style.dim(&self.number), step.title()),
            None => String::new(),
        }
    }

    fn below_title(&mut self, text: &str, mark: &str) -> String {
        let indented = wrapped(text, WIDTH - INDENT - mark_width(mark)).join("\n        ");
        format!("{}{}      {mark}{indented}\n", self.clear(), self.title())
    }

    fn waiting(&mut self, text: &str, seconds: u64, limit: u64) -> String {
        let text = format!("waiting for {text}, {seconds} of {limit} s");
        if self.style.is_terminal() {
            let shown: String = text.chars().take(72).collect();
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

    fn finished(
        &mut self,
        step: Step,
        (word, good): (&str, bool),
        requests: u64,
        millis: u64,
    ) -> String {
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
        let line = if self.untitled.is_some() {
            let tail = self.style.dim(&format!("{seconds:>7} {requests:>13}"));
            let number = self.style.dim(&self.number);
            let word = paint(&format!("{word:<13}"));
            format!("{number} {:<TITLE$}{word}{}", step.title(), tail.trim_end())
        } else {
            let tail = self.style.dim(&format!("{seconds} {requests}"));
            format!("      {} {}", paint(word), tail.trim_end())
        };
        self.untitled = None;
        format!("{}{}\n", self.clear(), line.trim_end())
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

/// Lines of at most `width` columns; a word that is longer (an address) stays whole, so that it can be
/// pasted, and so do the lines that the text already has.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let indent: String = line.chars().take_while(|letter| *letter == ' ').collect();
        let mut current = indent.clone();
        for word in line.split_whitespace() {
            let full = current.chars().count() + 1 + word.chars().count() > width;
            if full && current.len() > indent.len() {
                lines.push(std::mem::replace(&mut current, format!("{indent}{word}")));
            } else if current.len() > indent.len() {
                current.push(' ');
                current.push_str(word);
            } else {
                current.push_str(word);
            }
        }
        lines.push(current);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(terminal: bool) -> Progress {
        Progress::new(Style {
            colored: false,
            terminal,
        })
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
    fn a_long_note_is_wrapped_and_an_address_stays_whole() {
        let address = "https://idp.example/".to_owned() + &"x".repeat(90);
        let lines = wrapped(&format!("one two three\n  {address} end"), 8);
        assert_eq!(
            lines,
            ["one two", "three", &format!("  {address}"), "  end"]
        );
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
        assert!(there.lines(&wait(1)).contains("waiting for x"));
        assert!(there.lines(&finished()).starts_with("\r\x1b[2K"));
        let mut elsewhere = progress(false);
        elsewhere.lines(&started());
        let lines: String = (0..12)
            .map(|seconds| elsewhere.lines(&wait(seconds)))
            .collect();
        assert_eq!(lines.matches("waiting for x").count(), 3, "{lines}");
    }
}
