//! Where the file goes, and how much of it is said on the terminal.

use std::path::Path;

use crate::code::Code;
use crate::disk;
use crate::event::Caller;
use crate::failure::Failure;

/// So many lines of one kind are said; all of them stand in the file.
pub(super) const SAID: usize = 20;

/// Says how many lines of a kind stand in the file alone.
pub(super) fn more(kind: &str, count: usize, caller: Caller<'_>) {
    if count > SAID {
        let more = count - SAID;
        caller.events.note(format!(
            "{kind}: {more} more, which stand at the head of the file"
        ));
    }
}

/// That nothing is there yet.
pub(super) fn is_free(out: &Path) -> Result<(), Failure> {
    if out.symlink_metadata().is_ok() {
        return Err(is_there(out));
    }
    Ok(())
}

fn is_there(out: &Path) -> Failure {
    let text = format!("{} is there, and is never overwritten", out.display());
    Failure::usage(Code::FileFailed, text).advise("name another file, or move it away")
}

/// Makes the file, for its owner alone.
pub(super) fn write(out: &Path, text: &str) -> Result<(), Failure> {
    match disk::create(out, text.as_bytes()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(is_there(out)),
        Err((what, error)) => Err(Failure::failed(
            Code::FileFailed,
            format!("cannot {what} {}: {error}", out.display()),
        )
        .advise("name a file in a directory of your own")),
    }
}
