//! Who holds a claim at the replica: this directory, on this machine.

use std::fs;

use rustix::system::uname;

use crate::checkpoint::Checkpoint;
use crate::failure::Failure;
use crate::hex;

/// What tells machines of one name apart. Not the id of the running kernel: after lost power the same directory on
/// the same machine just goes on. Where there is none, the name alone has to do.
const OF_THE_MACHINE: &str = "/etc/machine-id";

/// Who a claim is said to be of.
pub(crate) fn owner(checkpoint: &Checkpoint) -> String {
    let name = uname().nodename().to_string_lossy().into_owned();
    let machine = machine(&name, &fs::read(OF_THE_MACHINE).unwrap_or_default());
    let directory = std::path::absolute(checkpoint.directory());
    let directory = directory.unwrap_or_else(|_| checkpoint.directory().to_owned());
    let user = rustix::process::geteuid().as_raw();
    format!("user {user} on {machine} in {}", directory.display())
}

/// Its name, and a digest of its id, which is not for others to read.
fn machine(name: &str, id: &[u8]) -> String {
    let mut text = b"vault-bootstrap\0".to_vec();
    text.extend(id.trim_ascii());
    format!("{name} ({})", hex::short_sha256(&text, 8))
}

/// Sixteen hexadecimal digits that no other directory has.
pub(crate) fn chance() -> Result<String, Failure> {
    hex::random::<8>().ok_or_else(|| Failure::failed("the system gives no random bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_of_one_name_are_told_apart_and_none_shows_its_id() {
        let of = |id: &str| machine("runner", id.as_bytes());
        assert_ne!(of("a"), of("b"));
        assert_ne!(of("a"), of(""));
        assert!(of("a").starts_with("runner ("));
        assert_eq!(of("a").len(), "runner (01234567)".len());
        assert_eq!(of("a\n"), of("a"));
    }
}
