//! Other programs: run for what they print, or attended until they end.

pub(crate) mod attended;
pub(crate) mod captured;
#[cfg(feature = "throwaway")]
pub(crate) mod forwarded;

use rustix::process::Pid;
use tokio::process::Child;

/// Its number, for as long as it was not waited for.
fn pid_of(child: &Child) -> Option<Pid> {
    child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw)
}
