//! Whose a directory or a process is: a process id is given again to others, so its start, and the machine and the
//! namespace in which it is counted, stand beside it.

use std::fmt;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::disk::read;

/// Longest of the files of `/proc` that are read here.
const LONGEST: u64 = 64 * 1024;

/// So many digits of the machine's start tell one from another.
const BOOT: usize = 16;

/// A process, among all that there ever were on any machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    /// The start of the machine, as its kernel names it.
    boot: String,
    /// The namespace in which its id is counted.
    namespace: u64,
    id: i32,
    /// When it began, in ticks of the kernel's clock.
    start: u64,
}

impl Owner {
    /// This process.
    pub(super) fn this() -> Option<Self> {
        Self::of(rustix::process::getpid().as_raw_nonzero().get())
    }

    /// A process of this machine that is there.
    pub(super) fn of(id: i32) -> Option<Self> {
        let boot = text(Path::new("/proc/sys/kernel/random/boot_id"))?;
        let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
        Some(Self {
            boot: boot.trim().replace('-', "").get(..BOOT)?.to_owned(),
            namespace: number_of(&namespace.to_string_lossy())?,
            id,
            start: start_of(id)?,
        })
    }

    /// As it was written.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('.');
        let owner = Self {
            boot: parts.next()?.to_owned(),
            namespace: parts.next()?.parse().ok()?,
            id: parts.next()?.parse().ok()?,
            start: parts.next()?.parse().ok()?,
        };
        let plain =
            owner.boot.len() == BOOT && owner.boot.bytes().all(|one| one.is_ascii_hexdigit());
        (plain && owner.id > 0 && parts.next().is_none()).then_some(owner)
    }

    /// Whether its id means anything to us: of another machine, or another namespace, it is anybody's.
    pub(super) fn is_of_here(&self) -> bool {
        Self::this().is_some_and(|this| this.boot == self.boot && this.namespace == self.namespace)
    }

    /// Whether it is there. One that has ended and was not waited for yet is not.
    pub(super) fn lives(&self) -> bool {
        self.is_of_here() && start_of(self.id) == Some(self.start)
    }

    /// Ends it with all that is in its process group, if it is the leader of one.
    pub(super) fn kill(&self) {
        // Between this look and the signal its id cannot come round again.
        if self.lives()
            && let Some(group) = Pid::from_raw(self.id)
        {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = rustix::process::kill_process(group, Signal::KILL);
        }
    }

    /// Its process id.
    pub(super) fn id(&self) -> i32 {
        self.id
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            boot,
            namespace,
            id,
            start,
        } = self;
        write!(formatter, "{boot}.{namespace}.{id}.{start}")
    }
}

/// When a process began; `None` where it is not there, or has ended.
fn start_of(id: i32) -> Option<u64> {
    started(&text(Path::new(&format!("/proc/{id}/stat")))?)
}

/// The 22nd field; the second may hold anything, blanks and brackets among it.
fn started(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ended = matches!(*fields.first()?, "Z" | "X");
    (!ended).then_some(fields.get(19)?.parse().ok())?
}

/// `pid:[4026531836]`
fn number_of(link: &str) -> Option<u64> {
    link.strip_prefix("pid:[")?.strip_suffix(']')?.parse().ok()
}

fn text(path: &Path) -> Option<String> {
    String::from_utf8(read::bytes(path, LONGEST).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_one_of_another_start_boot_or_namespace_does_not() {
        let this = Owner::this().unwrap();
        assert!(this.lives() && this.is_of_here());
        assert_eq!(Owner::parse(&this.to_string()), Some(this.clone()));
        let earlier = Owner {
            start: this.start - 1,
            ..this.clone()
        };
        assert!(!earlier.lives() && earlier.is_of_here());
        let elsewhere = Owner {
            boot: "0".repeat(BOOT),
            ..this.clone()
        };
        assert!(!elsewhere.lives() && !elsewhere.is_of_here());
        let inside = Owner {
            namespace: 1,
            ..this
        };
        assert!(!inside.lives() && !inside.is_of_here());
    }

    #[test]
    fn what_was_not_written_by_us_is_nobodys() {
        for text in ["", "a.b.c.d", "x.1.2.3", "0123.1.2.3"] {
            assert_eq!(Owner::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_start_is_found_behind_any_name_and_an_ended_process_has_none() {
        let fields = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        assert_eq!(started(&format!("7 (a) b (c) {fields}")), Some(4711));
        assert_eq!(
            started(&format!("7 (a) {}", fields.replacen('S', "Z", 1))),
            None
        );
    }
}
