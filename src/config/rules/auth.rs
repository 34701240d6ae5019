//! What several rules ask about auth methods, their roles and users.

use crate::config::auth_types::{TYPED, mount_path};
use crate::config::reading::{Reading, under};
use crate::config::tree::Kind;

/// The type of an auth method, by default its path. `None` where nobody knows.
pub(super) fn auth_type<'a>(reading: &Reading<'a>, mount: &'a str) -> Option<&'a str> {
    let path = ["auth", mount, "type"];
    match reading.has(&path) {
        Some(true) => match &reading.node(&path)?.kind {
            Kind::Null => Some(mount),
            _ => reading.text(&path),
        },
        Some(false) => Some(mount),
        // The shape took the path for the type as well.
        None => TYPED.contains(&mount).then_some(mount),
    }
}

/// Every role and user: its auth method, which of the two it is, and its name.
pub(super) fn members<'a>(reading: &Reading<'a>) -> Vec<(&'a str, &'static str, &'a str)> {
    let mut members = Vec::new();
    for mount in reading.keys(&["auth"]).unwrap_or_default() {
        for kind in ["roles", "users"] {
            let names = reading.keys(&["auth", mount, kind]).unwrap_or_default();
            members.extend(names.into_iter().map(|name| (mount, kind, name)));
        }
    }
    members
}

/// The auth method of a login, as its key stands in `auth`.
pub(super) fn mount_of<'a>(reading: &Reading<'a>, login: &str) -> Option<&'a str> {
    let wanted = mount_path(reading.text(&["logins", login, "auth"])?);
    let mounts = reading.keys(&["auth"])?;
    mounts.into_iter().find(|mount| mount_path(mount) == wanted)
}

/// A text of a role, empty where it is not given. `None` where nobody knows.
pub(super) fn setting<'a>(reading: &Reading<'a>, role: &[&str], key: &str) -> Option<&'a str> {
    let path = under(role, &[key]);
    if reading.has(&path)? {
        Some(reading.node(&path)?.text().unwrap_or_default())
    } else {
        Some("")
    }
}
