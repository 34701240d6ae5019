//! Whose run holds a checkpoint just now: what it says of itself in the lock's file, and whether that process has a lock.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::disk;
use crate::evidence::operator::{in_words, operator};

/// The lock of whoever works with the checkpoint.
pub(super) const LOCK: &str = "lock";

/// A run that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    /// Process id of it, on its machine.
    pub(crate) process: u32,
    /// Its user and machine, as evidence names them.
    pub(crate) operator: Value,
    /// When it began, RFC 3339.
    pub(crate) since: String,
}

impl Running {
    /// Whose run it is, as a person reads it.
    pub(crate) fn in_words(&self) -> String {
        let user = in_words(&self.operator);
        format!("process {} of {user}, since {}", self.process, self.since)
    }
}

/// No run says more of itself.
const LONGEST: u64 = 4096;
/// Where Linux lists the locks that are held.
const LOCKS: &str = "/proc/locks";
/// A hundred thousand locks.
const LONGEST_LIST: u64 = 8 << 20;

/// Says whose run it is that has just taken this lock. Where the disk refuses, only that is missing.
pub(super) fn announce(lock: &File, since: String) {
    let running = Running {
        process: std::process::id(),
        operator: operator(),
        since,
    };
    let text = serde_json::to_vec(&running).unwrap_or_default();
    let _ = write(lock, &text);
}

fn write(mut lock: &File, text: &[u8]) -> io::Result<()> {
    lock.set_len(0)?;
    lock.write_all(text)
}

/// The run that holds the checkpoint in this directory, where one does. No lock is taken for the look, so that none is
/// in the way of a run that begins: it is Linux that tells who holds one, and elsewhere nothing is said.
pub(crate) fn running(directory: &Path) -> Option<Running> {
    let text = disk::read(&directory.join(LOCK), LONGEST).ok().flatten()?;
    let running: Running = serde_json::from_slice(&text).ok()?;
    let locks = disk::read::bytes(Path::new(LOCKS), LONGEST_LIST).ok()?;
    let locks = String::from_utf8_lossy(&locks);
    holds_a_lock(&locks, running.process).then_some(running)
}

/// Whether a list as `/proc/locks` has it (proc(5)) has a lock of this process:
/// `1: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE 0 EOF`. Numbers of devices are others in file systems that lie over
/// others, so they are not compared.
fn holds_a_lock(locks: &str, process: u32) -> bool {
    let process = process.to_string();
    let mut lines = locks.lines();
    lines.any(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        matches!(words[..], [_, "FLOCK", _, "WRITE", pid, ..] if pid == process)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;

    #[test]
    fn a_run_that_holds_the_checkpoint_is_told_and_one_that_has_ended_is_not() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("checkpoint");
        assert_eq!(running(&directory), None);
        let held = Checkpoint::open(&directory, "staging", "https://a").unwrap();
        let found = running(&directory).unwrap();
        assert_eq!(found.process, std::process::id());
        drop(held);
        // What stays in the file is of a process that has ended.
        let path = directory.join(LOCK);
        let text = std::fs::read_to_string(&path).unwrap();
        let other = text.replace(&std::process::id().to_string(), "4194999");
        std::fs::write(&path, other).unwrap();
        assert_eq!(running(&directory), None);
    }

    #[test]
    fn only_a_whole_lock_of_that_process_is_one() {
        let line = "3: FLOCK  ADVISORY  WRITE 708 08:01:2637 0 EOF\n";
        assert!(holds_a_lock(line, 708));
        assert!(!holds_a_lock(line, 70));
        assert!(!holds_a_lock(&line.replace("FLOCK", "POSIX"), 708));
        assert!(!holds_a_lock("", 708));
        assert!(!holds_a_lock("1: FLOCK", 708));
    }
}
