//! `hand_out` of an entry of `writes`: where the secrets of the server's answer go.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::forms::Span;
use crate::config::model::init::{AgeCustodian, SecretsManagerCustodian, SsmCustodian};
use crate::config::section::section;

section! {
    /// Where secrets of the server's answer go, once: one of `file`, `age`, `ssm` and `secretsmanager`.
    #[schemars(extend("oneOf" = [{"required": ["file"]}, {"required": ["age"]}, {"required": ["ssm"]}, {"required": ["secretsmanager"]}]))]
    pub struct HandOut {
        /// The file to create, for its owner alone (0600), in clear; it must not exist yet.
        #[schemars(length(min = 1))]
        pub file: Option<PathBuf>,
        /// A file encrypted to an age recipient.
        pub age: Option<AgeCustodian>,
        /// A `SecureString` of AWS Systems Manager Parameter Store.
        pub ssm: Option<SsmCustodian>,
        /// A secret of AWS Secrets Manager.
        pub secretsmanager: Option<SecretsManagerCustodian>,
        /// Fields of the answer, where it is not the secret one of this path: one as it is, several as JSON.
        #[schemars(with = "Option<Vec<String>>")]
        pub fields: Vec<String>,
        /// Instead of the secret a token that gives the whole answer, once and within this time: `vault unwrap`.
        #[schemars(with = "Option<Span>")]
        pub wrap: Option<Duration>,
    }
}

/// The field of an answer that is handed out where the file does not say which, by the path of the write (API
/// documentation of the engines).
pub(in crate::config) fn secret_of(path: &str) -> Option<&'static str> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        ["auth", .., "role", _, "secret-id"] => Some("secret_id"),
        [.., "generate" | "rotate", "exported"] | [.., "issue", _] => Some("private_key"),
        [.., "datakey", "plaintext", _] => Some("plaintext"),
        _ => None,
    }
}

impl fmt::Display for HandOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, &self.age, &self.ssm, &self.secretsmanager) {
            (Some(file), ..) => write!(formatter, "{}", file.display()),
            (_, Some(age), ..) => {
                let (file, recipient) = (age.file.display(), &age.recipient);
                write!(formatter, "{file}, encrypted to {recipient}")
            }
            (.., Some(ssm), _) => write!(formatter, "the SSM parameter {}", ssm.parameter),
            (.., Some(secret)) => {
                write!(
                    formatter,
                    "the secret {} of AWS Secrets Manager",
                    secret.name
                )
            }
            (None, None, None, None) => formatter.write_str("nowhere"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::secret_of;

    #[test]
    fn what_is_secret_of_an_answer_is_known_by_the_path() {
        for (path, field) in [
            ("auth/approle/role/ci/secret-id", Some("secret_id")),
            ("auth/approle/role/ci/custom-secret-id", None),
            ("pki/issue/web", Some("private_key")),
            ("pki/root/generate/exported", Some("private_key")),
            ("pki/root/rotate/exported", Some("private_key")),
            ("pki/root/generate/internal", None),
            ("transit/datakey/plaintext/k", Some("plaintext")),
            ("transit/datakey/wrapped/k", None),
            ("secret/config", None),
        ] {
            assert_eq!(secret_of(path), field, "{path}");
        }
    }
}
