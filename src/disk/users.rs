//! What the system calls its users.

use std::path::Path;

use crate::disk::read;
use crate::printable;

/// Characters of a name at the most.
const LONGEST: usize = 100;

/// Where the system names its users.
const USERS: &str = "/etc/passwd";
/// Bytes of that at the most.
const LONGEST_USERS: u64 = 1024 * 1024;

/// The name of the user of this number, where it is one of the system's own.
pub(crate) fn name_of(uid: u32) -> Option<String> {
    let mut bytes = Vec::new();
    let users = read::open(Path::new(USERS));
    let read = users.and_then(|users| users.into_bytes(LONGEST_USERS, &mut bytes));
    read.ok()?;
    named(&String::from_utf8_lossy(&bytes), uid)
}

/// The name of a user in the form of `/etc/passwd`.
fn named(users: &str, uid: u32) -> Option<String> {
    let mut users = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    users.find_map(|user| match user[..] {
        [name, _, number, ..] if number.parse() == Ok(uid) => Some(printable::line(name, LONGEST)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_by_the_system() {
        let users = "root:x:0:0:root:/root:/bin/sh\nada:x:7:7::/:/bin/sh\n\nbroken\n";
        assert_eq!(named(users, 7).as_deref(), Some("ada"));
        assert_eq!(named(users, 0).as_deref(), Some("root"));
        assert_eq!(named(users, 8), None);
    }
}
