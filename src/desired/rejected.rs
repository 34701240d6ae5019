//! What a server has refused to take, said with the place in the file.

use crate::desired::document::Document;
use crate::failure::Failure;
use crate::vault;

/// Where the file says what is written there: its sections have other names than the API.
fn place_in_file(path: &str) -> String {
    let parts: Vec<_> = path.split('/').collect();
    match parts[..] {
        ["sys", "auth", ref mount @ ..] => format!("auth.{}", without_tune(mount)),
        ["sys", "mounts", ref mount @ ..] => format!("secrets.{}", without_tune(mount)),
        ["sys", "policies", "acl", name] => {
            format!("policies.{name}, or the file that its rules are in,")
        }
        ["auth", ref mount @ .., "config"] => format!("auth.{}.config", mount.join("/")),
        ["auth", ref mount @ .., "role", name] => format!("auth.{}.roles.{name}", mount.join("/")),
        ["auth", ref mount @ .., "users", name] => format!("auth.{}.users.{name}", mount.join("/")),
        _ => path.to_owned(),
    }
}

fn without_tune(mount: &[&str]) -> String {
    mount.strip_suffix(&["tune"]).unwrap_or(mount).join("/")
}

pub(super) fn rejected(document: &Document, error: vault::Error) -> Failure {
    let advice = error.advice().unwrap_or_else(|| {
        format!(
            "correct {} in the file, then run apply again; what was written stands",
            place_in_file(&document.path)
        )
    });
    Failure::failed(error.code(), error.to_string())
        .advise(advice)
        .answered(error.status())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_corrected_at_its_own_place_and_not_at_an_api_path() {
        assert_eq!(place_in_file("sys/auth/ldap"), "auth.ldap");
        assert_eq!(place_in_file("sys/auth/a/b/tune"), "auth.a/b");
        assert_eq!(place_in_file("auth/oidc/config"), "auth.oidc.config");
        assert_eq!(place_in_file("auth/a/b/role/x"), "auth.a/b.roles.x");
        assert_eq!(place_in_file("auth/up/users/ada"), "auth.up.users.ada");
        assert_eq!(place_in_file("sys/mounts/kv"), "secrets.kv");
        assert_eq!(
            place_in_file("sys/policies/acl/ops"),
            "policies.ops, or the file that its rules are in,"
        );
        assert_eq!(place_in_file("secret/config"), "secret/config");
    }
}
