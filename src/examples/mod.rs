//! Configurations to begin with, as `example` prints them: data, a file each.

/// Three holders and one person; the shortest that ends well.
pub const MINIMAL: &str = include_str!("minimal.yaml");
/// Passwords and an `AppRole`, a secrets engine, policies, two break-glass logins.
pub const USERPASS: &str = include_str!("userpass.yaml");
/// People of an `OpenID` provider.
pub const OIDC: &str = include_str!("oidc.yaml");
/// Service accounts.
pub const KUBERNETES: &str = include_str!("kubernetes.yaml");
/// People of a directory, machines with certificates.
pub const LDAP: &str = include_str!("ldap.yaml");
/// Shares, checkpoint and passwords in AWS.
pub const AWS: &str = include_str!("aws.yaml");

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{self, Config};

    const ALL: [(&str, &str); 6] = [
        ("minimal", MINIMAL),
        ("userpass", USERPASS),
        ("oidc", OIDC),
        ("kubernetes", KUBERNETES),
        ("aws", AWS),
        ("ldap", LDAP),
    ];
    const WHOLE: &str = include_str!("../../bootstrap.example.yaml");

    /// As a person has it: the text in a file of a directory, and nothing set in the environment.
    fn loaded(directory: &Path, text: &str) -> Config {
        let file = directory.join("bootstrap.yaml");
        std::fs::write(&file, text).unwrap();
        config::load(&file, &|_| None).unwrap_or_else(|problems| panic!("{problems}"))
    }

    #[test]
    fn every_example_passes_the_check_as_it_is_and_without_a_warning() {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in ALL {
            let config = loaded(directory.path(), text);
            assert_eq!(config.warnings, [], "{name}");
            assert_eq!(config.cluster.address.scheme(), "https", "{name}");
            assert!(!config.doors().is_empty() && config.may_rotate(), "{name}");
        }
    }

    #[test]
    fn what_an_example_has_as_a_comment_passes_the_check_too() {
        let directory = tempfile::tempdir().unwrap();
        let fields = [
            "anywhere:",
            "  user_claim",
            "  oidc_scopes",
            "  bound_claims",
            "  callback_mode",
            "  allowed_redirect_uris",
            "  token_ttl",
        ];
        for text in [
            OIDC,
            &WHOLE.replace("${OIDC_CLIENT_ID:?", "${OIDC_CLIENT_ID:-"),
        ] {
            let device = fields.iter().fold(text.to_owned(), |text, field| {
                text.replace(&format!("# {field}"), field)
            });
            let config = loaded(directory.path(), &device);
            assert!(config.login("anywhere").is_some());
            let mount = config.auth_mount("oidc").unwrap();
            let role = mount.role("anywhere").unwrap();
            assert!(role.get("callback_mode").is_some());
            assert!(role.get("allowed_redirect_uris").is_some());
        }
        for text in [MINIMAL, USERPASS] {
            let commented = text.replace("# tls:", "tls:").replace("# nodes:", "nodes:");
            assert!(
                loaded(directory.path(), &commented)
                    .cluster
                    .tls
                    .ca_cert
                    .is_some()
            );
        }
    }

    #[test]
    fn each_says_at_its_top_that_it_passes_and_what_to_change() {
        for (name, text) in ALL {
            let (top, rest) = text.split_once("\nversion: 1\n").unwrap();
            assert!(top.lines().all(|line| line.starts_with('#')), "{name}");
            assert!(
                top.contains("CHANGE") && rest.contains("# CHANGE"),
                "{name}"
            );
            assert!(
                text.lines().all(|line| line.chars().count() <= 125),
                "{name}"
            );
        }
        assert!(WHOLE.starts_with("# The whole configuration"));
    }
}
