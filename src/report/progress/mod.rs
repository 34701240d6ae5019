//! Progress as lines for a person, 80 columns wide, or as narrow as the terminal.
//!
//! The line of a step is written when the step begins. On a terminal it is finished in place, however much was said below
//! it: rows are counted, since lines are wrapped here. Where they cannot be, because somebody else wrote there, the
//! terminal has another size or the line has left it, the line is begun anew. Elsewhere it is written twice. On a terminal
//! the line that says what is waited for overwrites itself; elsewhere it comes every few seconds.

mod rows;
mod step_line;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::event::Event;
use crate::printable;
use crate::report::advice::{advice, invite, sign_in};
use crate::report::plan;
use crate::report::problems::mark;
use crate::report::style::{Mark, Painted, Style};
use crate::screen;
use crate::span;
use crate::text_layout::{columns, wrapped};
pub(super) use rows::Size;
use rows::rows;
use step_line::{StepLine, Tail};

/// Where stderr is no terminal, a wait is mentioned this often.
const MENTION_SECONDS: u64 = 5;
/// What takes longer is seen to run.
const SOON: Duration = Duration::from_secs(1);
/// No line is laid out wider than this: columns that stand below each other are read together.
const WIDTH: usize = 80;
/// Columns in front of what a step says, and of what a command says that has no steps.
const IN_STEP: usize = 6;
const WITHOUT_STEPS: usize = 2;
pub(super) struct Progress {
    style: Style,
    /// Whether codes are shown.
    pub(super) codes: bool,
    width: usize,
    /// None where the terminal does not say.
    size: Option<Size>,
    step: Option<Running>,
    cursor: Cursor,
    /// How often the terminal was lent when it was last written here.
    lent: u64,
    mentioned: Option<u64>,
}

/// A step that has begun.
struct Running {
    line: StepLine,
    began: Instant,
    /// How many rows its line stands above the cursor; none where nobody knows.
    above: Option<usize>,
    /// The terminal when its line was written.
    size: Option<Size>,
}

/// Where the cursor of a terminal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cursor {
    /// At the beginning of a line.
    AtMargin,
    /// At the end of the line of the step.
    OnStep,
    /// At the end of a line of so many columns that the next one overwrites.
    OnWait(usize),
}

impl Progress {
    pub(super) fn new(style: Style, width: usize) -> Self {
        Self {
            style,
            codes: false,
            width: width.min(WIDTH),
            size: None,
            step: None,
            cursor: Cursor::AtMargin,
            lent: screen::times_lent(),
            mentioned: None,
        }
    }

    /// The terminal is this large just now.
    pub(super) fn resize(&mut self, size: Option<Size>) {
        self.size = size;
    }

    /// What to write on stderr for an event.
    pub(super) fn lines(&mut self, event: &Event) -> Painted {
        let before = self.taken_back();
        let text = before + self.text(event);
        self.leave();
        text
    }

    /// What to write because time has passed.
    pub(super) fn tick(&mut self, now: Instant) -> Painted {
        let Some(step) = self.step.as_ref().filter(|_| self.style.terminal) else {
            return Painted::default();
        };
        let running = now.saturating_duration_since(step.began);
        if running < SOON || self.size.is_none() || screen::is_lent() {
            return Painted::default();
        }
        let before = self.taken_back();
        let tail = Tail::Running(running.as_millis());
        let text = match self.reach() {
            Some(rows) => before + self.in_place(rows, tail),
            None => before + self.begun_anew(tail),
        };
        self.leave();
        text
    }

    /// What to write where the command ends in the middle.
    pub(super) fn stopped(&mut self) -> Painted {
        let before = self.taken_back();
        let text = match &self.step {
            Some(step) => {
                let millis = u64::try_from(step.began.elapsed().as_millis());
                self.finished(Tail::Ended {
                    word: "stopped",
                    mark: Mark::Open,
                    requests: 0,
                    millis: millis.unwrap_or(u64::MAX),
                })
            }
            None => self.interrupted(),
        };
        self.leave();
        before + text
    }

    fn text(&mut self, event: &Event) -> Painted {
        match event {
            Event::Begin {
                command,
                cluster,
                address,
                resumed,
            } => {
                let how = resumed.then_some("  (continues from its checkpoint)");
                let how = how.unwrap_or_default();
                let line = format!("{command}  {cluster}  {address}{how}");
                self.style.bold(&line) + "\n"
            }
            Event::StepStarted { step, number, of } => {
                self.begin(format!("{number:>2}/{of}"), step.title())
            }
            Event::Note { step, text, asks } => {
                let text = printable::one_line(text);
                self.line(&text, "", (step.is_some(), step.is_some() && !asks))
            }
            Event::Warning { step, code, text } => {
                let mark = mark("warning", *code, self.codes);
                self.line(&printable::one_line(text), &mark, (step.is_some(), false))
            }
            Event::Waiting {
                step,
                text,
                seconds,
                limit,
            } => self.waiting((text, *seconds, *limit), step.is_some()),
            Event::SignIn {
                step,
                login,
                url,
                code,
                port,
                seconds,
            } => {
                let text = sign_in((login, url), (code.as_deref(), *port), *seconds);
                self.line(&text, "", (step.is_some(), false))
            }
            Event::Changes(changes) => {
                self.below(plan::to_be_written(changes, self.width, self.style))
            }
            Event::Holders { step, invitation } => {
                let lines = invite(invitation, indent(step.is_some()), self.width);
                self.below(Painted::text(&lines))
            }
            Event::StepFinished {
                step,
                outcome,
                requests,
                milliseconds,
                evidence,
                ..
            } => {
                let nothing = evidence.get::<String>("declared").as_deref() == Some("nothing");
                let figures = (*requests, *milliseconds);
                self.finished(Tail::ended((*step, *outcome), nothing, figures))
            }
            _ => match advice(event) {
                Some((text, whole)) => self.line(&text, "", (false, false)) + &whole,
                None => self.interrupted(),
            },
        }
    }

    /// Begins the line of a step, to be finished when it is done.
    fn begin(&mut self, number: String, title: &'static str) -> Painted {
        let before = self.interrupted();
        self.mentioned = None;
        self.step = Some(Running {
            line: StepLine { number, title },
            began: Instant::now(),
            above: None,
            size: None,
        });
        if self.style.terminal {
            return before + self.begun_anew(Tail::Nothing);
        }
        before + self.rewritten(Tail::Nothing).0 + "\n"
    }

    /// The line of the step where the cursor is, from its beginning.
    fn begun_anew(&mut self, tail: Tail) -> Painted {
        let before = self.interrupted();
        if let Some(step) = &mut self.step {
            step.above = Some(0);
            step.size = self.size;
        }
        self.cursor = Cursor::OnStep;
        before + self.rewritten(tail).0
    }

    /// The line of the step with this at its end, and its columns.
    fn rewritten(&self, tail: Tail) -> (Painted, usize) {
        let written = |step: &Running| step.line.painted(tail, self.width, self.style);
        self.step.as_ref().map(written).unwrap_or_default()
    }

    /// How many rows the cursor goes up to the line of the step; none where it would not find it.
    fn reach(&self) -> Option<usize> {
        let (step, size) = (self.step.as_ref()?, self.size?);
        let above = step.above?;
        let same = step.size == self.size && size.columns >= self.width;
        (same && above < size.rows && !screen::is_lent()).then_some(above)
    }

    /// Writes the line of the step again where it stands; the cursor comes back to where it was.
    fn in_place(&self, rows: usize, tail: Tail) -> Painted {
        let line = self.style.rewound() + self.rewritten(tail).0;
        if rows == 0 {
            return line;
        }
        let column = match self.cursor {
            Cursor::OnWait(columns) => columns,
            Cursor::AtMargin | Cursor::OnStep => 0,
        };
        self.style.up(rows) + line + self.style.down(rows, column)
    }

    /// After somebody else had the terminal: the line that was begun is ended, nobody knows where the cursor is, and what
    /// comes next stands below its step again.
    fn taken_back(&mut self) -> Painted {
        let times = screen::times_lent();
        if self.lent == times {
            return Painted::default();
        }
        self.lent = times;
        let left = screen::take_ending().is_some();
        let begun = std::mem::replace(&mut self.cursor, Cursor::AtMargin) != Cursor::AtMargin;
        let before = Painted::text(if left && begun { "\n" } else { "" });
        let Some(step) = &mut self.step else {
            return before;
        };
        step.above = None;
        if self.size.is_none() || !self.style.terminal || screen::is_lent() {
            return before;
        }
        before + self.begun_anew(Tail::Nothing)
    }

    /// Says what ends the line that is begun, for whoever writes next: without a time that would stand still.
    fn leave(&self) {
        if !self.style.terminal {
            return;
        }
        let line = self.reach().map(|rows| self.in_place(rows, Tail::Nothing));
        let line = line.unwrap_or_default();
        let ending = match self.cursor {
            Cursor::AtMargin => line,
            Cursor::OnStep => line + "\n",
            Cursor::OnWait(_) => line + self.style.rewound(),
        };
        let ending = ending.as_str();
        screen::begun((!ending.is_empty()).then(|| ending.to_owned()));
    }

    /// Ends the line that a step has begun, or takes the overwriting line away.
    fn interrupted(&mut self) -> Painted {
        match std::mem::replace(&mut self.cursor, Cursor::AtMargin) {
            Cursor::AtMargin => Painted::default(),
            Cursor::OnStep => {
                if let Some(step) = &mut self.step {
                    step.above = step.above.map(|rows| rows + 1);
                }
                Painted::text("\n")
            }
            Cursor::OnWait(_) => self.style.rewound(),
        }
    }

    /// Whole lines below the line of the step, if there is one.
    fn below(&mut self, lines: Painted) -> Painted {
        let before = self.interrupted();
        let lines = self.style.shown(lines);
        let taken = self
            .size
            .and_then(|size| rows(lines.as_str(), size.columns));
        if let Some(step) = &mut self.step {
            step.above = step.above.zip(taken).map(|(above, taken)| above + taken);
        }
        before + lines
    }

    /// A text with its further lines below the first one.
    fn line(&mut self, text: &str, mark: &str, (in_step, dim): (bool, bool)) -> Painted {
        let indent = indent(in_step);
        let width = self.width.saturating_sub(indent + 2);
        let (space, further) = (" ".repeat(indent), " ".repeat(indent + 2));
        let whole = wrapped(&format!("{mark}{text}"), width);
        let whole = whole.join(&format!("\n{further}"));
        let (mark, rest) = whole.split_at(mark.trim_end().len());
        let rest = if dim {
            self.style.dim(rest)
        } else {
            Painted::text(rest)
        };
        let lines = Painted::text(&space) + self.style.warning(mark) + rest + "\n";
        self.below(lines)
    }

    fn waiting(&mut self, (text, seconds, limit): (&str, u64, u64), in_step: bool) -> Painted {
        let text = printable::one_line(&format!(
            "waiting {} of {} for {text}",
            span::of_seconds(seconds),
            span::of_seconds(limit)
        ));
        if self.style.terminal {
            let indent = indent(in_step);
            let shown: String = text.chars().take(self.width - indent - 2).collect();
            let before = self.interrupted() + self.style.rewound();
            if let Some(step) = &mut self.step {
                step.above = step.above.filter(|_| rows(&shown, WIDTH).is_some());
            }
            self.cursor = Cursor::OnWait(indent + columns(&shown));
            let shown = self.style.dim(&shown);
            return before + &" ".repeat(indent) + self.style.shown(shown);
        }
        let last = self.mentioned;
        let due = last.is_none_or(|last| seconds >= last + MENTION_SECONDS) && seconds > 0;
        if !due {
            return Painted::default();
        }
        self.mentioned = Some(seconds);
        self.line(&text, "", (in_step, false))
    }

    /// Finishes the line of the step where it stands, or says it again.
    fn finished(&mut self, tail: Tail) -> Painted {
        let reach = self.reach().filter(|_| self.style.terminal);
        let text = match reach {
            Some(0) => self.in_place(0, tail) + "\n",
            Some(rows) => self.interrupted() + self.in_place(rows, tail),
            None => self.interrupted() + self.rewritten(tail).0 + "\n",
        };
        self.cursor = Cursor::AtMargin;
        self.step = None;
        text
    }
}

fn indent(in_step: bool) -> usize {
    if in_step { IN_STEP } else { WITHOUT_STEPS }
}
