//! Places that keep a value, a share or a part of a checkpoint: what can go wrong there, in words for the person who
//! has to act.
//!
//! An error names the place as the operator would paste it, never a value. Texts of AWS are kept
//! only where they name a person or a permission; answers to requests that carried a secret may
//! quote it, and are reduced to their code.

mod patience;

use std::time::Duration;

use crate::disk;
use crate::printable;
use crate::shell::ShellCommand;
use crate::span;

pub(crate) use crate::backend::patience::{patiently, retry};

/// Beginning of the name of every canary, before its random word.
pub const CANARY: &str = "vault-bootstrap-canary-";

/// Longest text of somebody else that an error repeats.
const FOREIGN_TEXT_CHARS: usize = 300;
/// What a person without credentials sets, and how to see whose they are.
pub(crate) const CREDENTIALS: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or profile beside the region in \
     the file; whose they are: aws sts get-caller-identity";
/// Names the place of every service of AWS; with the name of one behind it, of that one.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";
/// How many causes of a connection failure are followed.
const CAUSES: usize = 8;
/// Codes with which AWS says: not now.
const PASSING: [&str; 16] = [
    "DependencyTimeoutException",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "KMSInternalException",
    "LimitExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
];

/// A failure at one place: an SSM parameter, a KMS key, a Secret, a file.
#[derive(Debug, thiserror::Error)]
#[error("{address}: {kind}")]
pub struct Error {
    address: String,
    kind: Kind,
    advice: Option<String>,
}

/// What failed.
#[derive(Debug, thiserror::Error)]
pub enum Kind {
    /// AWS, or a Kubernetes API server, knows who asks and says no.
    #[error("{action} is denied: {message}")]
    Denied {
        /// The IAM action, or what was asked of Kubernetes.
        action: String,
        /// The text of AWS, which names the caller and the missing permission.
        message: String,
    },
    /// There are no credentials, or AWS does not accept them.
    #[error("no usable AWS credentials: {0}")]
    Credentials(String),
    /// No region in the configuration, the environment or the profile.
    #[error("no AWS region is known")]
    NoRegion,
    /// The KMS key exists and cannot be used.
    #[error("KMS key {key} is {state}")]
    KeyDisabled {
        /// ARN, or the reference when the ARN is not known.
        key: String,
        /// The key state in the words of KMS, for example `Disabled` or `PendingDeletion`.
        state: String,
    },
    /// There is no such KMS key in this account and region.
    #[error("KMS key {0} is not found")]
    KeyNotFound(String),
    /// Nothing is there.
    #[error("not found")]
    NotFound,
    /// No connection, or it broke; the request may or may not have been carried out.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// No answer in time; the request may or may not have been carried out.
    #[error("no answer within {}", span::text(*.0))]
    TimedOut(Duration),
    /// An answer that AWS never gives; the request may or may not have been carried out.
    #[error("the answer is larger than {} MiB", .0 / (1024 * 1024))]
    TooLarge(usize),
    /// Somebody else's value (or one of another run) is under the name.
    #[error("custodian name already taken")]
    Taken,
    /// A secret that somebody has deleted, and that is not gone yet: nothing can have its name meanwhile.
    #[error("is scheduled for deletion")]
    DeletionPending,
    /// Another machine went on from what was to be replaced.
    #[error("another machine went on there meanwhile")]
    Overtaken,
    /// The read-back is not what was written.
    #[error("what is stored is not what was written")]
    Different,
    /// A value is there, and we may not read it.
    #[error("takes a value that cannot be read back: {}", .0.kind)]
    Unreadable(Box<Error>),
    /// Any other refusal of AWS, by its code alone.
    #[error("{action} failed: {code}")]
    Service {
        /// The IAM action.
        action: String,
        /// The error code of AWS.
        code: String,
    },
    /// Any other refusal of a Kubernetes API server, or one that cannot be asked.
    #[error("{0}")]
    Kubernetes(String),
    /// What was deleted there is not gone, or would not be.
    #[error("keeps what was deleted: {0}")]
    KeepsDeleted(String),
    /// The file system failed.
    #[error("cannot {doing}: {source}")]
    Io {
        /// The attempt, as an infinitive.
        doing: &'static str,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The final path is a symbolic link, which would lead the share elsewhere.
    #[error("is a symbolic link")]
    Symlink,
    /// The recipient, the parameter name or the path of the configuration cannot be used.
    #[error("{0}")]
    Misconfigured(String),
    /// An identity file that others can read.
    #[error("can be read by others (mode {0:04o})")]
    OpenToOthers(u32),
    /// Another user could have put it there, and why.
    #[error("is not safe here: {0}")]
    Untrusted(String),
    /// An identity file without a usable key.
    #[error("{0}")]
    BadIdentity(&'static str),
    /// None of the given identities opens it.
    #[error("none of the given identities opens it")]
    WrongIdentity,
    /// The bytes are not what was once written there.
    #[error("damaged: {0}")]
    Damaged(&'static str),
    /// What gpg said.
    #[error("{0}")]
    Gpg(String),
    /// The key of its holder is here and does not open it.
    #[error("it is not encrypted to the key of its holder, which is here")]
    OtherRecipient,
    /// The server encrypted the share to another holder than this.
    #[error("the server encrypted this share to a PGP key that is not the one of this custodian")]
    Sealed,
    /// The holder's answer is not the word of the challenge.
    #[error("the answer is not the word of the challenge")]
    WrongAnswer,
    /// Only the holder can open this custodian.
    #[error("only its holder can open it")]
    NeedsHolder,
    /// The holder's own program was asked here, and did not open it: what it said.
    #[error("{0}")]
    NotOpened(String),
}

impl Error {
    /// A failure at `address`, with the advice that follows from `kind` alone.
    pub(crate) fn new(address: impl Into<String>, kind: Kind) -> Self {
        let address = address.into();
        let advice = general_advice(&address, &kind);
        Self {
            address,
            kind,
            advice,
        }
    }

    /// The same failure with better advice.
    #[must_use]
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// The same failure of something else than what is kept there, in a word.
    #[must_use]
    pub(crate) fn about(mut self, what: String) -> Self {
        self.address = what;
        self
    }

    pub(crate) fn io(path: &std::path::Path, doing: &'static str, source: std::io::Error) -> Self {
        Self::new(path.display().to_string(), Kind::Io { doing, source })
    }

    /// Where it failed, as the operator would paste it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What failed, for the caller's exit code.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// What to do about it, as a command where it can be one.
    pub fn advice(&self) -> Option<String> {
        self.advice.clone()
    }

    /// Whether AWS itself says that this passes: too many requests, or something of its own that failed.
    pub fn is_passing_service(&self) -> bool {
        matches!(&self.kind, Kind::Service { code, .. } if PASSING.contains(&code.as_str()))
    }

    /// True when the request may have been carried out although it failed: look before deciding.
    pub(crate) fn may_have_written(&self) -> bool {
        matches!(
            self.kind,
            Kind::Unreachable(_)
                | Kind::TimedOut(_)
                | Kind::TooLarge(_)
                | Kind::Taken
                | Kind::Service { .. }
                | Kind::Kubernetes(_)
                | Kind::Different
                | Kind::Unreadable(_)
        )
    }
}

fn general_advice(address: &str, kind: &Kind) -> Option<String> {
    Some(match kind {
        Kind::Credentials(_) => CREDENTIALS.to_owned(),
        Kind::NoRegion => {
            "set region in the same map as the parameter or key, such as {key: …, region: …}, or export AWS_REGION".to_owned()
        }
        Kind::Taken => "a share is never overwritten: look at what is there, then choose another \
                        name, or remove it if it belongs to no living cluster"
            .to_owned(),
        Kind::Overtaken => "run the same command again: it begins with what is there by now".to_owned(),
        Kind::KeepsDeleted(_) => "name a place where every version can be deleted: parameters of SSM, or a \
                                  bucket without object lock and replication where s3:DeleteObjectVersion \
                                  is allowed"
            .to_owned(),
        Kind::Symlink => {
            let command = ShellCommand::new("readlink -f").with(address);
            format!("name the real file: {command}")
        }
        Kind::OpenToOthers(_) => ShellCommand::new("chmod 600").with(address).into(),
        // A file that is there is never the place for a new key: it may be the only copy of something else.
        Kind::BadIdentity(_) => "name the file that `custodian new` or age-keygen wrote for this holder: it has a line that \
                                 begins with AGE-SECRET-KEY-1"
            .to_owned(),
        Kind::WrongIdentity => "name the identity of this recipient with --identity FILE; \
                                age-keygen -y FILE shows the recipient of an identity"
            .to_owned(),
        Kind::Gpg(_) => {
            "see that gpg works here (gpg --version), then run the same command again".to_owned()
        }
        Kind::OtherRecipient => "see who changed it, and put back what was stored; only a quorum of the others makes new shares: recovery rotate"
            .to_owned(),
        Kind::Sealed => "put the custodian back under init.custodians as it was when the cluster was initialised"
            .to_owned(),
        Kind::WrongAnswer | Kind::NeedsHolder => {
            "let the holder decrypt the challenge: age -d -i KEY".to_owned()
        }
        Kind::Unreadable(cause) => return cause.advice(),
        Kind::Unreachable(_) | Kind::TimedOut(_) | Kind::TooLarge(_) => format!(
            "check the network, the proxy (HTTPS_PROXY) and {}, then run again",
            endpoint(address, |name| std::env::var(name).ok())
        ),
        Kind::Io { source, .. } => return Some(advice_on_disk(address, source.kind())),
        _ => return None,
    })
}

/// The variable that says where a service of AWS is, and what it says, without user and password.
fn endpoint(address: &str, variable: impl Fn(&str) -> Option<String>) -> String {
    let service = address.split("://").next().unwrap_or_default();
    let service = match service.trim_start_matches("aws-") {
        "secretsmanager" => "SECRETS_MANAGER".to_owned(),
        service => service.to_uppercase(),
    };
    let names = [format!("{ENDPOINT}_{service}"), ENDPOINT.to_owned()];
    for name in names {
        let Some(url) = variable(&name).and_then(|value| url::Url::parse(&value).ok()) else {
            continue;
        };
        let origin = url.origin().ascii_serialization();
        return format!("{name}, which is {origin}");
    }
    ENDPOINT.to_owned()
}

fn advice_on_disk(address: &str, refusal: std::io::ErrorKind) -> String {
    if refusal == std::io::ErrorKind::ReadOnlyFilesystem {
        return "name a place in the file that can be written".to_owned();
    }
    disk::advice(refusal).map_or_else(
        || {
            let directory = disk::above(std::path::Path::new(address)).display();
            let look = |words| ShellCommand::new(words).with(&directory);
            format!("{}; {}", look("ls -ld"), look("ls -la"))
        },
        str::to_owned,
    )
}

/// Somebody else's text made fit for a terminal: one line, no control characters, bounded.
pub(crate) fn clean(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = line.chars().filter(|c| !printable::is_hidden(*c)).collect();
    let Some((end, _)) = shown.char_indices().nth(FOREIGN_TEXT_CHARS) else {
        return shown;
    };
    // Between two words, where there is one.
    let cut = &shown[..end];
    let words = cut.rsplit_once(' ').map_or(cut, |(words, _)| words);
    format!("{words} …")
}

/// The causes of an error from the outside in, by `Display` only, without those that repeat.
pub(crate) fn causes(error: &dyn std::error::Error) -> Vec<String> {
    let causes = std::iter::successors(error.source(), |&cause| cause.source()).take(CAUSES);
    let mut said: Vec<_> = causes.map(|cause| clean(&cause.to_string())).collect();
    said.dedup();
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_elses_text_is_bounded_and_without_control_characters() {
        let text = format!("a\u{1b}[31m\n{}", "b ".repeat(1000));
        let cleaned = clean(&text);
        assert!(cleaned.starts_with("a[31m b"));
        assert!(cleaned.chars().count() <= FOREIGN_TEXT_CHARS + 2);
    }

    #[test]
    fn a_long_text_ends_with_a_whole_word_and_says_that_it_goes_on() {
        let cleaned = clean(&"profile ".repeat(100));
        assert!(cleaned.ends_with("profile …"), "{cleaned}");
        assert_eq!(clean("short \\"), "short \\");
    }

    #[test]
    fn an_endpoint_of_the_environment_is_named_without_its_password() {
        let set = |wanted: &'static str| {
            move |name: &str| (name == wanted).then(|| "http://ada:hunter2@aws.test:4566/x".into())
        };
        let of = |address, variable| endpoint(address, set(variable));
        let said = "AWS_ENDPOINT_URL_SSM, which is http://aws.test:4566";
        assert_eq!(of("aws-ssm://eu-central-1/a", "AWS_ENDPOINT_URL_SSM"), said);
        let said = "AWS_ENDPOINT_URL, which is http://aws.test:4566";
        assert_eq!(of("s3://bucket/a", "AWS_ENDPOINT_URL"), said);
        assert_eq!(
            of("s3://bucket/a", "AWS_ENDPOINT_URL_KMS"),
            "AWS_ENDPOINT_URL"
        );
    }

    #[test]
    fn a_file_that_is_no_identity_is_not_to_be_written_over() {
        let advice = Error::new("keys/ada.password", Kind::BadIdentity("holds none")).advice();
        assert!(!advice.unwrap().contains("-o"));
    }

    #[test]
    fn an_unreadable_value_carries_the_advice_of_its_cause() {
        let cause = Error::new("aws-ssm://r/p", Kind::Credentials("none".into()));
        let error = Error::new("aws-ssm://r/p", Kind::Unreadable(Box::new(cause)));
        assert_eq!(error.advice().as_deref(), Some(CREDENTIALS));
        assert!(error.to_string().contains("cannot be read back"));
    }
}
