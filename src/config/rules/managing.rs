//! Rules of `manage: named`: what it may be said of. A write must leave what it does not name, and nobody else may change by
//! what the logins of this file come in.

use super::auth::{auth_type, members, mount_of};
use crate::code::Code;
use crate::config::reading::{Reading, under};
use crate::config::tree::Kind;

/// Auth methods whose roles and users stay as they are in what a write does not name.
const MERGED: [&str; 7] = [
    "jwt",
    "oidc",
    "kubernetes",
    "approle",
    "userpass",
    "cert",
    "token",
];
/// Auth methods whose config does.
const MERGED_CONFIGS: [&str; 3] = ["ldap", "radius", "cert"];
const MANAGE: &str = "manage";

/// The roles and users of which the file says so, with their type.
fn named<'a>(reading: &Reading<'a>) -> Vec<(&'a str, &'static str, &'a str)> {
    let mut all = members(reading);
    all.retain(|(mount, kind, name)| {
        let path = ["auth", mount, kind, name, MANAGE];
        let node = reading.find(&path);
        node.is_some_and(|node| !matches!(node.kind, Kind::Null))
    });
    all
}

/// What a login comes in by is the file's alone: whatever is not named there could let in more.
pub(super) fn doors_are_managed_whole(reading: &mut Reading) {
    for (mount, kind, name) in named(reading) {
        let path = ["auth", mount, kind, name, MANAGE];
        for login in reading.keys(&["logins"]).unwrap_or_default() {
            if mount_of(reading, login) != Some(mount) {
                continue;
            }
            let by = ["role", "username"].map(|key| reading.text(&["logins", login, key]));
            let mut by = by.into_iter().flatten().peekable();
            // A login by ids does not say of which role they are.
            let is_it = by.peek().is_none() || by.any(|by| by.eq_ignore_ascii_case(name));
            if is_it {
                let text = format!(
                    "the login `{login}` comes in here, so all of it is the file's: take `manage` out"
                );
                reading.refuse(Code::FileContradicts, &path, text);
                break;
            }
        }
    }
}

pub(super) fn what_is_not_named_can_be_left(reading: &mut Reading) {
    for (mount, kind, name) in named(reading) {
        let path = ["auth", mount, kind, name, MANAGE];
        let Some(of_type) = auth_type(reading, mount) else {
            continue;
        };
        if !MERGED.contains(&of_type) {
            let text = format!(
                "a write of {kind} of `{of_type}` resets what it does not name, or may: take `manage` out"
            );
            reading.refuse(Code::FileContradicts, &path, text);
        } else if reading.text(&path).is_some_and(|text| text != "named") {
            reading.refuse(Code::FileValueInvalid, &path, "expected `named`");
        }
    }
    for section in ["auth", "secrets"] {
        for mount in reading.keys(&[section]).unwrap_or_default() {
            let path = [section, mount];
            let said = reading.text(&under(&path, &[MANAGE])).is_some();
            let config = reading.keys(&under(&path, &["config"]));
            let empty = config.is_none_or(|keys| keys.is_empty());
            if !said || empty {
                continue;
            }
            let merged = match section {
                "auth" => auth_type(reading, mount).is_none_or(|of| MERGED_CONFIGS.contains(&of)),
                _ => reading
                    .text(&under(&path, &["type"]))
                    .is_some_and(|of| of.starts_with("kv")),
            };
            if !merged {
                let text = "a write of this `config` resets what it does not name, or may: take `manage` out, or name what is \
                            left to others in `unmanaged_fields`";
                reading.refuse(Code::FileContradicts, &under(&path, &[MANAGE]), text);
            }
        }
    }
}
