//! The only reader of the terminal: hidden input, a yes or no, one visible line.
//!
//! Hidden input goes through `rpassword` on `/dev/tty`, which leaves no copy behind; `dialoguer`'s
//! password prompt keeps one in the buffer of standard input for the life of the process, so it is
//! used for the visible questions only. A prompt never waits where nobody can answer: without a
//! terminal it refuses and says what to write instead. However it ends, also by Ctrl-C or a
//! termination signal, the terminal is left as it was found: echo on, cursor shown.
//!
//! Reading blocks a thread that cannot be called back. After [`Error::Interrupted`] a caller ends the
//! process (or shuts its runtime down in the background) instead of waiting for that thread.

use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use dialoguer::console::Term;
use rustix::fs::OFlags;
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr,
    tcgetpgrp, tcgetwinsize, tcsetattr,
};
use zeroize::Zeroizing;

use crate::interrupt::Signals;
use crate::printable;
use crate::screen;
use crate::secret::{SecretText, wiped};
use crate::text_layout::wrapped;

/// Where people sit, whatever standard input and output are connected to.
const TERMINAL: &str = "/dev/tty";
/// The sequence that shows the cursor again (DECTCEM), which `dialoguer` hides while it asks.
const SHOW_CURSOR: &[u8] = b"\x1b[?25h";
/// The longest line that is pasted; an address with a code is a few kilobytes.
const LONGEST_PASTE: usize = 16 * 1024;
/// The time between two looks whether something was pasted.
const PASTE_PAUSE: Duration = Duration::from_millis(50);

/// Columns of a terminal that does not say how many it has, and the most that a question is laid out in.
const USUAL: usize = 80;
const WIDEST: usize = 100;
/// Room behind a question: for a colon, or for ` [y/N] `.
const BEHIND: usize = 8;

/// SIGINT.
const CONTROL_C: u8 = 2;

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody can be asked here: a pipeline, a service, `ssh` without `-t`.
    #[error("no terminal to ask on: {question}")]
    NoTerminal {
        /// What would have been asked.
        question: String,
        /// What to write or type so that nothing has to be asked.
        instead: String,
    },
    /// Ctrl-C, or a signal that ends the process.
    #[error("interrupted at a question")]
    Interrupted(u8),
    /// The person pressed Enter without typing anything.
    #[error("nothing was typed: {0}")]
    Empty(String),
    /// The two inputs of a new secret differ.
    #[error("the two inputs differ: {0}")]
    Different(String),
    /// The terminal went away or cannot be set up.
    #[error("cannot read from {TERMINAL}: {0}")]
    Terminal(#[source] std::io::Error),
}

impl Error {
    /// The second half of the message: what to do.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::NoTerminal { instead, .. } => Some(instead.clone()),
            Self::Different(_) | Self::Empty(_) => Some("run the command again".to_owned()),
            Self::Interrupted(_) | Self::Terminal(_) => None,
        }
    }
}

/// Checks that a person can be asked this, before anything is shown for it.
///
/// # Errors
/// As when it is asked: there is no terminal.
pub fn can_ask(question: &str, instead: &str) -> Result<(), Error> {
    terminal_for(question, instead).map(drop)
}

/// Asks for a secret without showing it. `instead` says how to answer without a terminal.
pub async fn hidden(label: &str, instead: &str) -> Result<SecretText, Error> {
    let text = asked(label, instead, Echo::Off, |question| {
        rpassword::prompt_password(format!("{question}: "))
    })
    .await?;
    let secret = SecretText::new(text);
    if secret.is_empty() {
        return Err(Error::Empty(last_line(label).to_owned()));
    }
    Ok(secret)
}

/// Asks for a new secret twice, because one that was typed wrong can never be given again.
pub async fn hidden_twice(label: &str, instead: &str) -> Result<SecretText, Error> {
    let first = hidden(label, instead).await?;
    let second = hidden(&format!("{label}, once more"), instead).await?;
    // Both were typed here by the same person: there is nobody to time the comparison.
    if first.expose() == second.expose() {
        Ok(first)
    } else {
        Err(Error::Different(label.to_owned()))
    }
}

/// Asks yes or no; Enter alone is no. `instead` says how to answer without a terminal.
pub async fn confirm(text: &str, instead: &str) -> Result<bool, Error> {
    asked(text, instead, Echo::On, |question| {
        dialoguer::Confirm::new()
            .with_prompt(question)
            .default(false)
            .wait_for_newline(true)
            .interact_on(&terminal()?)
            .map_err(into_io)
    })
    .await
}

/// Asks for one visible line, for a word that must be typed on purpose. Never for a secret.
pub async fn word(label: &str, instead: &str) -> Result<String, Error> {
    asked(label, instead, Echo::On, |question| {
        dialoguer::Input::<String>::new()
            .with_prompt(question)
            .allow_empty(true)
            .interact_on(&terminal()?)
            .map_err(into_io)
    })
    .await
    .map(|line| line.trim().to_owned())
}

/// One line that a person may paste while something else may make it needless, unseen. Whoever waits for it may stop at
/// any time: nothing goes on to read behind the next question. `None` where nobody can be asked: standard input is no
/// terminal, another program has it, or it is gone.
pub async fn pasted(label: &str) -> Option<Zeroizing<String>> {
    if !std::io::stdin().is_terminal() {
        return None;
    }
    let paste = Paste::begin(label).ok()??;
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST_PASTE));
    loop {
        match paste.take(&mut line) {
            Ok(Pasted::Line) => break,
            Ok(Pasted::Part) => {}
            Ok(Pasted::End) => return None,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                tokio::time::sleep(PASTE_PAUSE).await;
            }
            Err(_) => return None,
        }
    }
    let text = std::str::from_utf8(&line).unwrap_or_default();
    Some(Zeroizing::new(text.trim().to_owned()))
}

/// How far a line is.
enum Pasted {
    Part,
    Line,
    End,
}

/// The terminal, while a line may be pasted there.
struct Paste {
    terminal: File,
    /// Put back behind [`Paste::drop`].
    _as_found: AsFound,
    _lent: screen::Lent,
}

impl Paste {
    /// `None` where this process is not the one that the terminal listens to: it would be stopped.
    fn begin(label: &str) -> std::io::Result<Option<Self>> {
        // Opened anew, so that nobody else's reading becomes one that does not wait.
        let never_waits = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let terminal = File::options()
            .read(true)
            .write(true)
            .custom_flags(never_waits)
            .open(TERMINAL)?;
        if tcgetpgrp(&terminal)? != getpgrp() {
            return Ok(None);
        }
        let lent = screen::lend();
        if let Some(ending) = screen::take_ending() {
            (&terminal).write_all(ending.as_bytes())?;
        }
        let as_found = AsFound::capture(terminal.try_clone()?)?;
        // Line by line the terminal would cut an address at 1024 or 4096 letters.
        let mut settings = as_found.settings.clone();
        settings.local_modes -= LocalModes::ECHO | LocalModes::ICANON;
        settings.special_codes[SpecialCodeIndex::VMIN] = 1;
        settings.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal, OptionalActions::Now, &settings)?;
        let paste = Self {
            terminal,
            _as_found: as_found,
            _lent: lent,
        };
        (&paste.terminal).write_all(format!("{}: ", printable::text(label)).as_bytes())?;
        Ok(Some(paste))
    }

    /// Adds what is there to the line.
    fn take(&self, line: &mut Vec<u8>) -> std::io::Result<Pasted> {
        let mut piece = Zeroizing::new([0_u8; 1024]);
        // A run that was put into the background would be stopped by reading.
        if tcgetpgrp(&self.terminal)? != getpgrp() {
            return Err(std::io::ErrorKind::WouldBlock.into());
        }
        let got = (&self.terminal).read(&mut *piece)?;
        if got == 0 {
            return Ok(Pasted::End);
        }
        for letter in &piece[..got] {
            match letter {
                b'\n' | b'\r' => return Ok(Pasted::Line),
                // Backspace, and the key that takes the line away.
                0x08 | 0x7f => drop(line.pop()),
                0x15 => line.clear(),
                letter if letter.is_ascii_control() || line.len() == LONGEST_PASTE => {}
                letter => line.push(*letter),
            }
        }
        Ok(Pasted::Part)
    }
}

impl Drop for Paste {
    fn drop(&mut self) {
        // What else was pasted is nobody's answer to the next question, nor is it to be seen there.
        let _ = tcflush(&self.terminal, QueueSelector::IFlush);
        let _ = (&self.terminal).write_all(b"\n");
    }
}

fn into_io(error: dialoguer::Error) -> std::io::Error {
    let dialoguer::Error::IO(error) = error;
    error
}

/// Whether the terminal shows what is typed.
enum Echo {
    On,
    Off,
}

/// Runs one question on a thread of its own, and comes back early when the process is told to end.
async fn asked<T, F>(question: &str, instead: &str, echo: Echo, read: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce(String) -> std::io::Result<T> + Send + 'static,
{
    let terminal = terminal_for(question, instead)?;
    // Signals first: both libraries raise SIGINT before they put the terminal back, and with the
    // default action the process would be gone by then.
    let mut signals = Signals::listen().map_err(Error::Terminal)?;
    let _lent = screen::lend();
    let mut as_found = AsFound::capture(terminal).map_err(Error::Terminal)?;
    if let Echo::Off = echo {
        // Before anything is shown: `rpassword` asks first and hides then, and somebody types at once.
        as_found.hide().map_err(Error::Terminal)?;
    }
    let (above, label) = laid_out(question, &as_found.terminal);
    for text in [screen::take_ending().unwrap_or_default(), above] {
        let written = as_found.terminal.write_all(text.as_bytes());
        written.map_err(Error::Terminal)?;
    }
    let reading = tokio::task::spawn_blocking(move || wiped(|| read(label)));
    let answer = tokio::select! {
        biased;
        signal = signals.next() => {
            // What is said next does not stand behind the question.
            let _ = as_found.terminal.write_all(b"\n");
            return Err(Error::Interrupted(signal));
        }
        answer = reading => answer,
    };
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::Interrupted => {
            Err(Error::Interrupted(CONTROL_C))
        }
        Ok(Err(error)) => Err(Error::Terminal(error)),
        Err(_) => Err(Error::Terminal(std::io::Error::other("the prompt failed"))),
    }
}

/// What is asked: the lines above it say how it is answered.
fn last_line(question: &str) -> &str {
    question.lines().last().unwrap_or_default()
}

/// The lines that stand above a question, and the one that it is answered on.
fn laid_out(question: &str, terminal: &File) -> (String, String) {
    let columns = tcgetwinsize(terminal).map_or(0, |size| usize::from(size.ws_col));
    let width = match columns {
        0 => USUAL,
        columns => columns.min(WIDEST),
    };
    let mut lines = wrapped(&printable::text(question), width.saturating_sub(BEHIND));
    let label = lines.pop().unwrap_or_default();
    let above = lines.into_iter().map(|line| line + "\n").collect();
    (above, label)
}

/// What else was pasted is no answer to the next question.
pub fn forget_the_rest() {
    if let Ok(terminal) = open_terminal() {
        let _ = tcflush(&terminal, QueueSelector::IFlush);
    }
}

fn terminal_for(question: &str, instead: &str) -> Result<File, Error> {
    let terminal = open_terminal().ok().filter(IsTerminal::is_terminal);
    terminal.ok_or_else(|| Error::NoTerminal {
        question: last_line(question).to_owned(),
        instead: instead.to_owned(),
    })
}

fn open_terminal() -> std::io::Result<File> {
    File::options().read(true).write(true).open(TERMINAL)
}

/// The terminal for `dialoguer`, also where standard error goes into a file.
fn terminal() -> std::io::Result<Term> {
    let terminal = open_terminal()?;
    Ok(Term::read_write_pair(terminal.try_clone()?, terminal))
}

/// Puts the terminal back as it was found when it goes out of scope.
struct AsFound {
    terminal: File,
    settings: Termios,
}

impl AsFound {
    fn capture(terminal: File) -> std::io::Result<Self> {
        let settings = tcgetattr(&terminal)?;
        Ok(Self { terminal, settings })
    }

    /// Nothing that is typed is shown any more.
    fn hide(&self) -> std::io::Result<()> {
        let mut settings = self.settings.clone();
        settings.local_modes -= LocalModes::ECHO | LocalModes::ECHONL;
        Ok(tcsetattr(&self.terminal, OptionalActions::Now, &settings)?)
    }
}

impl Drop for AsFound {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.settings);
        let _ = self.terminal.write_all(SHOW_CURSOR);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_terminal_says_what_to_write_instead() {
        let error = Error::NoTerminal {
            question: "checkpoint passphrase".into(),
            instead: "give the passphrase as {file: …}".into(),
        };
        assert_eq!(
            error.to_string(),
            "no terminal to ask on: checkpoint passphrase"
        );
        assert_eq!(
            error.advice().as_deref(),
            Some("give the passphrase as {file: …}")
        );
    }
}
