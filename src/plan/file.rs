//! Plans in files.

use std::path::Path;

use crate::changes::SavedPlan;
use crate::code::Code;
use crate::config::Config;
use crate::disk;
use crate::failure::Failure;

/// No plan is nearly as long.
const LONGEST: u64 = 256 << 20;

/// Writes a plan: the old plan or the new one, for its owner alone.
///
/// # Errors
/// It would not hold all that is to be sent, another kind of file is there, or the disk refuses.
pub fn write(config: &Config, plan: &SavedPlan, file: &Path) -> Result<(), Failure> {
    plan.is_whole(config)?;
    let before = disk::read::bytes(file, LONGEST);
    if before.is_ok_and(|bytes| SavedPlan::read(&bytes, "it").is_err() && !bytes.is_empty()) {
        let text = format!(
            "{} is there, and is no plan of this release",
            file.display()
        );
        return Err(
            Failure::usage(Code::FileFailed, text).advise("name another file, or remove it")
        );
    }
    let parent = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = parent.unwrap_or(Path::new("."));
    let name = file.file_name().unwrap_or(file.as_os_str());
    disk::replace(directory, name, plan.to_text().as_bytes()).map_err(|error| {
        let text = format!("cannot write {}: {error}", file.display());
        Failure::failed(Code::FileFailed, text).advise("name a file in a directory of your own")
    })
}

/// Reads one.
///
/// # Errors
/// It cannot be read, or is no plan of this release.
pub fn read(file: &Path) -> Result<SavedPlan, Failure> {
    let bytes = disk::read::bytes(file, LONGEST).map_err(|error| {
        let text = format!("cannot read {}: {error}", file.display());
        Failure::usage(Code::FileFailed, text).advise("make it: vault-bootstrap plan -o FILE")
    })?;
    SavedPlan::read(&bytes, &file.display().to_string())
}
