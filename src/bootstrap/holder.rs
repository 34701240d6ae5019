//! Who holds a claim at the second place: this directory, on this machine.

use rustix::system::uname;

use super::checkpoint::Checkpoint;
use crate::failure::Failure;

/// Who a claim is said to be of.
pub(super) fn owner(checkpoint: &Checkpoint) -> String {
    let machine = uname().nodename().to_string_lossy().into_owned();
    let directory = std::path::absolute(checkpoint.directory());
    let directory = directory.unwrap_or_else(|_| checkpoint.directory().to_owned());
    let user = rustix::process::geteuid().as_raw();
    format!("user {user} on {machine} in {}", directory.display())
}

/// Sixteen hexadecimal digits that no other directory has.
pub(super) fn chance() -> Result<String, Failure> {
    let mut bytes = [0; 8];
    let got = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    match got {
        Ok(length) if length == bytes.len() => {
            Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
        }
        _ => Err(Failure::failed("the system gives no random bytes")),
    }
}
