//! Reads files beside the checkpoint, each no longer than this program writes it.

use std::io;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::checkpoint::directory::check;
use crate::code::Code;
use crate::disk::{self, read::Unfit};
use crate::failure::Failure;

/// No journal and no kept token of ours is nearly as long.
const LONGEST: u64 = 1024 * 1024;

/// What this file says, if there is one.
///
/// # Errors
/// It cannot be read, or it is damaged: what to do then is said in `advice`.
pub(super) fn read<T: DeserializeOwned>(path: &Path, advice: &str) -> Result<Option<T>, Failure> {
    read_within(path, LONGEST, advice)
}

/// As [`read`], of a file that is no longer than `limit`.
pub(super) fn read_within<T: DeserializeOwned>(
    path: &Path,
    limit: u64,
    advice: &str,
) -> Result<Option<T>, Failure> {
    let cannot = |error: io::Error| {
        Failure::failed(
            Code::FileFailed,
            format!("cannot read {}: {error}", path.display()),
        )
    };
    let refuse = |why: &str| {
        Failure::refused(Code::CheckpointDamaged, format!("{} {why}", path.display()))
            .advise(advice)
    };
    check(disk::above(path))?;
    let bytes = match disk::read(path, limit) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        Err(error) => match Unfit::of(&error) {
            Some(Unfit::TooLong(_)) => {
                return Err(refuse("is longer than any that this program writes"));
            }
            _ => return Err(cannot(error)),
        },
    };
    let parsed = serde_json::from_slice(&bytes);
    parsed
        .map(Some)
        .map_err(|error| refuse(&format!("is damaged: {error}")))
}
