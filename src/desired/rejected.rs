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

/// How a server says that it did not reach what a document names (Go: net).
const AWAY: [&str; 6] = [
    "connection refused",
    "connection reset",
    "i/o timeout",
    "no such host",
    "no route to host",
    "deadline exceeded",
];

/// What to do about a document that the server answered like this. Where it did not reach somebody else, the file may be right.
fn advice(path: &str, answer: &str) -> String {
    let place = place_in_file(path);
    let then = "then run apply again; what was written stands";
    if answer.contains("error checking jwks URL") {
        return format!(
            "the server, not this machine, asks jwks_url, and without credentials: see with curl on its machine what it is \
             answered; a Kubernetes API shows its keys to nobody before kubectl create clusterrolebinding \
             service-account-keys --clusterrole=system:service-account-issuer-discovery --group=system:unauthenticated; or \
             give the keys themselves, as jwt_validation_pubkeys; if the address is wrong, correct {place} in the file; {then}"
        );
    }
    if AWAY.iter().any(|words| answer.contains(words)) {
        return format!(
            "if the address in {place} of the file is right, start what answers there, or let the server, not this machine, \
             reach it; else correct it; {then}"
        );
    }
    format!("correct {place} in the file, {then}")
}

pub(super) fn rejected(document: &Document, error: vault::Error) -> Failure {
    let advice = error
        .advice()
        .unwrap_or_else(|| advice(&document.path, &error.messages().join("; ")));
    Failure::failed(error.code(), error.to_string())
        .advise(advice)
        .answered(error.status())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_could_not_be_reached_by_the_server_is_not_called_a_mistake_of_the_file() {
        for (answer, begins) in [
            (
                "NewProvider: Get \"http://idp/\": dial tcp 10.0.0.1:443: connect: connection refused",
                "if the address in auth.oidc.config of the file is right, start what answers there, or let the server, not this machine, reach it",
            ),
            (
                "lookup idp: no such host",
                "if the address in auth.oidc.config of the file is right",
            ),
            (
                "error checking jwks URL",
                "the server, not this machine, asks jwks_url, and without credentials",
            ),
            (
                "oidc: issuer did not match",
                "correct auth.oidc.config in the file, then run apply again; what was written stands",
            ),
        ] {
            let said = advice("auth/oidc/config", answer);
            assert!(said.starts_with(begins), "{said}");
            assert!(
                said.ends_with("run apply again; what was written stands"),
                "{said}"
            );
        }
    }

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
