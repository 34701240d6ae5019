//! The only writer to the terminal.
//!
//! Rules: stdout is the result, stderr is progress and advice. Progress lines begin lowercase and end
//! without a full stop. Colour, wrapping and the line that overwrites itself only where there is a terminal.
//! With `--output json` stdout is one event a line and nothing else.
//!
//! Texts are of servers, files and people, and may hold anything: only [`Painted`] is written, in which whatever a person
//! cannot see is written out. Terminals show the JSON too, so the same characters are escaped there.

mod advice;
mod headline;
mod imported;
mod plan;
mod problems;
mod progress;
mod results;
mod style;
mod summary;

use std::cell::{Cell, RefCell};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::time::Instant;

use clap::ColorChoice;
use rustix::termios::tcgetwinsize;

use crate::cli::OutputForm;
use crate::event::{self, Event};
use crate::failure::{Exit, Failure};
use progress::{Progress, Size};
use results::Layout;
use style::{Painted, Style};

/// Longer lines are hard to read, however wide the terminal.
const WIDEST: usize = 100;
/// On less, nothing can be laid out.
const NARROWEST: usize = 40;
/// Columns of a terminal that does not say how many it has.
const USUAL: usize = 80;

/// Writes results and progress in the form that was asked for.
pub struct Report {
    output: OutputForm,
    style: Style,
    /// Whether codes are shown to people.
    codes: bool,
    /// Columns to wrap results and advice at; none where no person reads along.
    stdout_width: Option<usize>,
    stderr_width: Option<usize>,
    progress: RefCell<Progress>,
    /// A command of the operator's has it.
    stdout_is_taken: Cell<bool>,
}

impl Report {
    /// A report in this form. `env` is what the environment says: where `NO_COLOR` is not empty, terminals get colour only
    /// where it is asked for, and what is not ASCII is for terminals of UTF-8. `codes` stand beside messages where they are
    /// asked for; JSON always has them.
    pub fn new(
        output: OutputForm,
        codes: bool,
        color: ColorChoice,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Self {
        let stderr_width = width(&io::stderr());
        let terminal = stderr_width.is_some();
        let colored = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && env("NO_COLOR").is_none_or(|text| text.is_empty()),
        };
        let style = Style {
            colored,
            // With `-v`, lines of the log come in between.
            terminal: terminal && !codes && env("TERM").as_deref() != Some("dumb"),
            unicode: is_utf8(env),
        };
        let mut progress = Progress::new(style, stderr_width.unwrap_or(USUAL));
        progress.codes = codes;
        Self {
            output,
            style,
            codes,
            stdout_width: width(&io::stdout()),
            stderr_width,
            progress: RefCell::new(progress),
            stdout_is_taken: Cell::new(false),
        }
    }

    /// Whether something is to be shown of time that passes.
    pub fn ticks(&self) -> bool {
        self.output != OutputForm::Json && self.style.terminal
    }

    /// Shows that a step runs, and for how long.
    pub fn tick(&self) {
        let mut progress = self.progress.borrow_mut();
        progress.resize(size(&io::stderr()));
        let text = progress.tick(Instant::now());
        if !text.as_str().is_empty() {
            err(&text);
        }
    }

    /// One event of any command.
    pub fn event(&self, event: &Event) {
        if self.output == OutputForm::Json {
            return self.result(&Painted::ours(event::to_line(event)));
        }
        self.progress.borrow_mut().resize(size(&io::stderr()));
        let lines = self.progress.borrow_mut().lines(event);
        err(&self.style.shown(lines));
        if let Some(text) = results::text(event, self.layout(self.stdout_width)) {
            let text = match event {
                Event::Plan(_) if self.stdout_width.is_some() => plan::painted(&text, self.style),
                // However long, and written out where nobody would see it.
                Event::Imported(found) if found.text.is_some() => Painted::ours(text),
                Event::Converted(made) if made.text.is_some() => Painted::ours(text),
                _ => Painted::text(&text),
            };
            // What goes into a file is as it is.
            let shown = self.stdout_width.is_some() || self.stdout_is_taken.get();
            self.result(&if shown { self.style.shown(text) } else { text });
        }
    }

    /// How a command ended when it did not end well: all problems, each with what to do. It stands in one place only.
    pub fn failure(&self, failure: &Failure) {
        self.progress.borrow_mut().resize(size(&io::stderr()));
        err(&self.progress.borrow_mut().stopped());
        if self.output == OutputForm::Json {
            return self.result(&Painted::ours(event::to_line(&failure.into())));
        }
        let word = if failure.exit == Exit::Refused {
            "refused"
        } else {
            "error"
        };
        let layout = self.layout(self.stderr_width);
        let lines = problems::lines(word, &failure.problems, self.style, layout);
        err(&self.style.shown(lines));
    }

    fn layout(&self, width: Option<usize>) -> Layout {
        let codes = self.codes;
        Layout { width, codes }
    }

    /// Leaves stdout to a command of the operator's: from now on results and failures go to stderr.
    pub fn leave_stdout(&self) {
        self.stdout_is_taken.set(true);
    }

    /// Whether what is written to stdout is read by a person, over whose shoulder others may look.
    #[cfg(feature = "throwaway")]
    pub fn is_read_by_a_person(&self) -> bool {
        self.stdout_width.is_some()
    }

    /// A result as it is: a schema, a completion script, an armored challenge.
    pub fn plain(&self, text: &str) {
        out(&Painted::ours(text.to_owned()));
    }

    fn result(&self, text: &Painted) {
        if self.stdout_is_taken.get() {
            err(text);
        } else {
            out(text);
        }
    }
}

/// Whether what is shown may be more than ASCII: the first of these that says anything says it (POSIX, 8.2).
fn is_utf8(env: &dyn Fn(&str) -> Option<String>) -> bool {
    let said = ["LC_ALL", "LC_CTYPE", "LANG"].map(env);
    let mut said = said.into_iter().flatten().filter(|text| !text.is_empty());
    let locale = said.next().unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// The columns to lay text out in, where a person reads it.
fn width(stream: &(impl IsTerminal + AsFd)) -> Option<usize> {
    if !stream.is_terminal() {
        return None;
    }
    let columns = size(stream).map_or(USUAL, |size| size.columns);
    Some(columns.clamp(NARROWEST, WIDEST))
}

/// How large a terminal is, if it says so.
fn size(stream: &impl AsFd) -> Option<Size> {
    let said = tcgetwinsize(stream.as_fd()).ok()?;
    let (columns, rows) = (usize::from(said.ws_col), usize::from(said.ws_row));
    (columns > 0 && rows > 0).then_some(Size { columns, rows })
}

/// Writes to stdout. A reader that went away is no failure of ours: the work goes on.
fn out(text: &Painted) {
    let mut stdout = io::stdout().lock();
    let _ = stdout
        .write_all(text.as_str().as_bytes())
        .and_then(|()| stdout.flush());
}

fn err(text: &Painted) {
    let mut stderr = io::stderr().lock();
    let _ = stderr
        .write_all(text.as_str().as_bytes())
        .and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ascii_is_for_who_says_utf_8() {
        let utf8 = |said: &[(&str, &str)]| {
            is_utf8(&|name| {
                let found = said.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(utf8(&[("LANG", "de_CH.UTF-8")]));
        assert!(utf8(&[
            ("LC_ALL", ""),
            ("LC_CTYPE", "C.utf8"),
            ("LANG", "C")
        ]));
        assert!(!utf8(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]));
        assert!(!utf8(&[("LANG", "en_US.ISO-8859-1")]));
        assert!(!utf8(&[]));
    }
}
