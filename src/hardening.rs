//! Keeps what the process has to itself: no core file, no tracing by others of the same user, no swap, no file
//! that others can read.

use std::sync::OnceLock;

use rustix::fs::Mode;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

/// What files were made with before.
static UMASK: OnceLock<u32> = OnceLock::new();

/// What whoever started this process wants of its files, for a command of theirs.
pub fn umask_before() -> Option<u32> {
    UMASK.get().copied()
}

/// Does what is allowed here. Returns what to tell a person where memory cannot be locked.
pub fn harden() -> Option<String> {
    // Modes are given where files are made; a umask could still take the owner's own rights away.
    let before = rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let _ = UMASK.set(before.as_raw_mode());
    // Neither needs a right of its own; a system that refuses both has nothing better to offer.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    );
    // With a limit, later allocations would fail once it is reached; so all or nothing. Pages are
    // locked as they are touched, which keeps the process small.
    let unlimited =
        getrlimit(Resource::Memlock).current.is_none() || rustix::process::geteuid().is_root();
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    if unlimited && mlockall(flags).is_ok() {
        return None;
    }
    Some(
        "memory cannot be locked here, so secrets may reach swap (ulimit -l unlimited allows it)"
            .into(),
    )
}
