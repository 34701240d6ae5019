//! Another program, run for what it prints: no shell, bounded in time and output. Where it is ended by us, so is all that
//! it started in its group; what it leaves behind when it ends by itself, as gpg does its agent, is left.
//!
//! What goes in and what comes out may be a secret: what comes out is wiped, what goes in is for its owner to wipe, and
//! neither is shown. Of standard error at most one line is shown, with everything that looks like a secret masked.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use zeroize::Zeroizing;

use crate::disk::trust;

/// How much of a complaint is shown.
const LONGEST_LINE: usize = 200;
/// A run of letters and digits this long is a token more often than a word.
const LONGEST_WORD: usize = 32;

/// How much of it is waited for and taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Until it is ended.
    pub(crate) time: Duration,
    /// Bytes that it may print.
    pub(crate) printed: usize,
    /// Bytes of standard error that are looked at; the rest is read and dropped.
    pub(crate) complaint: usize,
}

/// A program that came to its end.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) printed: Zeroizing<Vec<u8>>,
    pub(crate) complaint: Vec<u8>,
}

/// Why there is no end.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It cannot be started, or its pipes broke.
    Start(std::io::Error),
    /// Another user may put another one in its place: what it is, why, and what to do.
    Untrusted(String, String),
    /// It was ended.
    TimedOut,
    /// It printed more than it may, and was ended.
    TooMuch,
}

/// Runs it with this on standard input, or with none.
pub(crate) async fn run(
    mut command: Command,
    input: Option<&[u8]>,
    bounds: Bounds,
) -> Result<Ended, Fault> {
    let stdin = input.map_or_else(Stdio::null, |_| Stdio::piped());
    command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if let Some((program, doubt)) = trust::program(command.as_std().get_program()) {
        let what = format!("{} is not safe to run: {doubt}", program.display());
        return Err(Fault::Untrusted(what, doubt.advice()));
    }
    let child = command.spawn().map_err(Fault::Start)?;
    let mut running = Running {
        group: super::pid_of(&child),
        child,
    };
    let ended = running.finish(input.unwrap_or_default(), bounds);
    match tokio::time::timeout(bounds.time, ended).await {
        Err(_) => Err(Fault::TimedOut),
        Ok(ended) => ended,
    }
}

/// A program in a process group of its own, all of which ends with this value.
struct Running {
    child: Child,
    group: Option<Pid>,
}

impl Running {
    async fn finish(&mut self, input: &[u8], bounds: Bounds) -> Result<Ended, Fault> {
        let stdin = self.child.stdin.take();
        let (stdout, stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let printing = async {
            // Of its full size from the start: a buffer that grows leaves copies behind.
            let mut printed = Zeroizing::new(Vec::with_capacity(bounds.printed + 1));
            if let Some(stdout) = stdout {
                stdout
                    .take(bounds.printed as u64 + 1)
                    .read_to_end(&mut printed)
                    .await?;
            }
            Ok::<_, std::io::Error>((printed.len() <= bounds.printed).then_some(printed))
        };
        let (printed, complaint, ()) = tokio::join!(
            printing,
            complaint(stderr, bounds.complaint),
            hand_in(stdin, input)
        );
        let printed = printed.map_err(Fault::Start)?;
        if printed.is_none() {
            self.end();
        }
        // Still our child until waited for, so its group cannot be somebody else's before this line.
        let status = self.child.wait().await.map_err(Fault::Start)?;
        self.group = None;
        Ok(Ended {
            status,
            printed: printed.ok_or(Fault::TooMuch)?,
            complaint,
        })
    }

    fn end(&mut self) {
        if let Some(group) = self.group.take() {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// A program that does not want to hear it all says why at its end.
async fn hand_in(stdin: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input).await;
        let _ = stdin.shutdown().await;
    }
}

/// The start of it; the rest is read and dropped, so that the program does not wait for a reader.
async fn complaint<R: AsyncRead + Unpin>(stderr: Option<R>, most: usize) -> Vec<u8> {
    let mut start = Vec::new();
    if let Some(mut stderr) = stderr {
        let mut first = (&mut stderr).take(most as u64);
        if first.read_to_end(&mut start).await.is_ok() {
            let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        }
    }
    start
}

/// The first line that says something, bounded, control characters and secrets out.
pub(crate) fn first_line(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let clean: String = line.chars().filter(|c| !c.is_control()).collect();
    let is_word = |c: char| c.is_ascii_alphanumeric() || "+_=.-".contains(c);
    let pieces = clean.split_inclusive(|c| !is_word(c)).map(|piece| {
        let word = piece.trim_end_matches(|c| !is_word(c));
        let shown = if is_secret(word) { "…" } else { word };
        format!("{shown}{}", &piece[word.len()..])
    });
    let masked: String = pieces.collect();
    Some(masked.chars().take(LONGEST_LINE).collect())
}

fn is_secret(word: &str) -> bool {
    let starts = ["eyJ", "hvs.", "hvb.", "s.", "b."];
    word.len() > LONGEST_WORD
        || (word.len() > 8 && starts.iter().any(|start| word.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        time: Duration::from_secs(20),
        printed: 1 << 20,
        complaint: 100,
    };

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn what_goes_in_comes_out_also_where_it_fills_every_pipe() {
        let input = vec![7; 500_000];
        let script = "head -c 300000 /dev/zero >&2; cat";
        let ended = run(shell(script), Some(&input), BOUNDS).await.ok().unwrap();
        assert!(ended.status.success());
        assert_eq!(*ended.printed, input);
        assert_eq!(ended.complaint.len(), 100);
    }

    #[tokio::test]
    async fn who_does_not_want_to_hear_it_all_still_ends() {
        let ended = run(shell("exit 3"), Some(&vec![7; 500_000]), BOUNDS).await;
        assert_eq!(ended.ok().unwrap().status.code(), Some(3));
    }

    #[test]
    fn a_word_that_looks_like_a_secret_is_masked() {
        let said = b"\n denied for hvs.abcdefgh in /x\x1b\nsecond";
        assert_eq!(first_line(said).as_deref(), Some("denied for … in /x"));
        assert_eq!(first_line(b" \n"), None);
    }
}
