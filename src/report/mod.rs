//! The only writer to the terminal.
//!
//! Rules: stdout is the result, stderr is progress and advice. Progress lines begin lowercase and end
//! without a full stop. Colour, wrapping and the line that overwrites itself only where there is a terminal.
//! With `--output json` stdout is one event a line and nothing else.
//!
//! Texts are of servers, files and people, and may hold anything: only [`Painted`] is written, in which whatever a person
//! cannot see is written out. Terminals show the JSON too, so the same characters are escaped there.

mod advice;
mod problems;
mod progress;
mod results;
mod style;

use std::cell::{Cell, RefCell};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use clap::ColorChoice;
use rustix::termios::tcgetwinsize;

use crate::cli::OutputForm;
use crate::event::{self, Event};
use crate::failure::{Exit, Failure};
use progress::Progress;
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
    /// A report in this form. `no_color` is the environment variable of that name: when it is not empty, terminals get
    /// colour only where it is asked for. `codes` stand beside messages where they are asked for; JSON always has them.
    pub fn new(
        output: OutputForm,
        codes: bool,
        color: ColorChoice,
        no_color: Option<&str>,
    ) -> Self {
        let stderr_width = width(&io::stderr());
        let terminal = stderr_width.is_some();
        let colored = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && no_color.is_none_or(str::is_empty),
        };
        let style = Style { colored, terminal };
        Self {
            output,
            style,
            codes,
            stdout_width: width(&io::stdout()),
            stderr_width,
            progress: RefCell::new(Progress::new(style, stderr_width.unwrap_or(USUAL))),
            stdout_is_taken: Cell::new(false),
        }
    }

    /// One event of any command.
    pub fn event(&self, event: &Event) {
        if self.output == OutputForm::Json {
            return self.result(&Painted::ours(event::to_line(event)));
        }
        err(&self.progress.borrow_mut().lines(event));
        if let Some(text) = results::text(event, self.layout(self.stdout_width)) {
            self.result(&Painted::text(&text));
        }
    }

    /// How a command ended when it did not end well: all problems, each with what to do. Machines get the event, and
    /// whoever reads their log the words.
    pub fn failure(&self, failure: &Failure) {
        err(&self.progress.borrow_mut().interrupted());
        if self.output == OutputForm::Json {
            self.result(&Painted::ours(event::to_line(&failure.into())));
        }
        let word = if failure.exit == Exit::Refused {
            "refused"
        } else {
            "error"
        };
        let layout = self.layout(self.stderr_width);
        err(&problems::lines(
            word,
            &failure.problems,
            self.style,
            layout,
        ));
    }

    fn layout(&self, width: Option<usize>) -> Layout {
        let codes = self.codes;
        Layout { width, codes }
    }

    /// Leaves stdout to a command of the operator's: from now on results and failures go to stderr.
    pub fn leave_stdout(&self) {
        self.stdout_is_taken.set(true);
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

/// The columns to lay text out in, where a person reads it.
fn width(stream: &(impl IsTerminal + AsFd)) -> Option<usize> {
    if !stream.is_terminal() {
        return None;
    }
    let said = tcgetwinsize(stream.as_fd()).map_or(0, |size| usize::from(size.ws_col));
    let width = if said == 0 { USUAL } else { said };
    Some(width.clamp(NARROWEST, WIDEST))
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
