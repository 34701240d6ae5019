//! What there was before a command ran as root, for as long as it is not compared with what there is afterwards. It holds
//! no secret: names and digests of what is listed.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::checkpoint::directory::{destroy_beside, write_json};
use crate::checkpoint::journal::Journal;
use crate::checkpoint::journal::reading::read_within;
use crate::failure::Failure;

pub(super) const NAME: &str = "break-glass.before";
/// A cluster of 200,000 tokens has less.
const LONGEST: u64 = 256 * 1024 * 1024;

impl Journal {
    /// Keeps what was seen, for this run or the next one.
    pub(crate) fn keep_before(&self, seen: &impl Serialize) -> Result<(), Failure> {
        write_json(&self.directory, NAME, seen)?;
        Ok(())
    }

    /// What a run has seen whose command nobody has compared yet.
    ///
    /// # Errors
    /// It is there, and cannot be read.
    pub(crate) fn before<T: DeserializeOwned>(&self) -> Result<Option<T>, Failure> {
        let advice = "it is removed with the next comparison";
        read_within(&self.directory.join(NAME), LONGEST, advice)
    }

    /// It was compared, and the evidence says so; or no command ran.
    pub(crate) fn forget_before(&self) -> Result<(), Failure> {
        Ok(destroy_beside(&self.directory, NAME)?)
    }
}
