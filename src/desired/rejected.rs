//! What a server has refused to take, said with the place in the file.

use crate::desired::document::{Document, Read};
use crate::failure::Failure;
use crate::vault;

/// Where the file says what is written there: its sections have other names than the API.
fn place_in_file(path: &str) -> String {
    let parts: Vec<_> = path.split('/').collect();
    match parts[..] {
        ["sys", "auth", ref mount @ ..] => format!("auth.{}", without_tune(mount)),
        ["sys", "mounts", ref mount @ ..] => format!("secrets.{}", without_tune(mount)),
        ["sys", "plugins", "catalog", kind, name] => format!("plugins.{kind}.{name}"),
        ["identity", "mfa", "method", _, name] => format!("mfa.methods.{name}"),
        ["identity", "mfa", "login-enforcement", name] => format!("mfa.enforcements.{name}"),
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

/// How a server says that it does not run the file of a plugin: with 500, although it has decided (both products, measured).
const NOT_RUN: [&str; 4] = [
    NO_DIRECTORY,
    "error while validating the command path",
    "cannot execute files outside of configured plugin directory",
    "path cannot contain parent references",
];
const NO_DIRECTORY: &str = "plugin directory is not configured";
/// How it says that the file of a plugin is not the one whose digest was registered.
const OTHER_FILE: &str = "checksums did not match";
/// How it says that it has started the file, and that this is no plugin of it (go-plugin).
const NO_PLUGIN: [&str; 2] = ["Unrecognized remote plugin message", "unable to run plugin"];

/// Whether the server has said no, and not only that it could not.
pub(super) fn is_refusal(document: &Document, error: &vault::Error) -> bool {
    let said = |text: &String| NOT_RUN.iter().any(|words| text.contains(words));
    matches!(document.read, Read::Catalogue(_)) && error.messages().iter().any(said)
}

/// What to do about a plugin that a server does not run, where it is one.
fn advice_on_plugin(answer: &str) -> Option<&'static str> {
    let says = |words: &[&str]| words.iter().any(|words| answer.contains(words));
    Some(if answer.contains(NO_DIRECTORY) {
        "set plugin_directory in the configuration of every node, put the file there, restart the nodes"
    } else if says(&NOT_RUN) {
        "put the file of that name into the plugin_directory of every node: the file itself, no link and in no directory of its \
         own, and the server's user may run it"
    } else if answer.contains(OTHER_FILE) {
        "compare, on every node, sha256sum of the file in plugin_directory with sha256 under plugins of the file: one of the two is \
         not what was meant, and no node runs it until they agree; correct it"
    } else if says(&NO_PLUGIN) {
        "run the file in plugin_directory by hand, as the server's user: it is to say that it is a plugin; if it does not, it is built \
         for another machine, or is none; and its sha256 under plugins of the file is to be that of the file"
    } else {
        return None;
    })
}

/// What to do about a document that the server answered like this. Where it did not reach somebody else, the file may be right.
fn advice(path: &str, answer: &str) -> String {
    let place = place_in_file(path);
    let then = "then run apply again; what was written stands";
    if let Some(plugin) = advice_on_plugin(answer) {
        return format!("{plugin}; {then}");
    }
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
    let answer = error.messages().join("; ");
    let own = error.advice().filter(|_| !is_refusal(document, &error));
    let advice = own.unwrap_or_else(|| advice(&document.path, &answer));
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
        let factor = place_in_file("identity/mfa/method/pingid/ping");
        assert_eq!(factor, "mfa.methods.ping");
        let enforced = place_in_file("identity/mfa/login-enforcement/people");
        assert_eq!(enforced, "mfa.enforcements.people");
        assert_eq!(place_in_file("secret/config"), "secret/config");
    }
}
