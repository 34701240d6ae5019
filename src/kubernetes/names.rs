//! Names of Kubernetes, and who is meant by one.

use crate::shell::ShellCommand;

/// A binding for this user.
pub(super) fn to(bind: ShellCommand, user: Option<&str>) -> ShellCommand {
    let user = user.unwrap_or("USER");
    match user.strip_prefix("system:serviceaccount:") {
        Some(account) => bind.set("--serviceaccount=", account),
        None => bind.set("--user=", user),
    }
}

/// Whether something of Kubernetes can be called so.
pub(super) fn is_object_name(name: &str) -> bool {
    let inside = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'.';
    let edge = |c: Option<&u8>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let bytes = name.as_bytes();
    bytes.len() <= 253
        && bytes.iter().copied().all(inside)
        && edge(bytes.first())
        && edge(bytes.last())
}
