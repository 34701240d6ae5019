//! From a reference of the configuration to the secret it stands for, at the moment it is needed.
//!
//! Knows files and the environment itself; the parameter store and the terminal are handed in. Never keeps a secret,
//! and never says one: errors name the place.

use std::error::Error;
use std::io;
use std::path::Path;

use futures::future::LocalBoxFuture;
use zeroize::Zeroize as _;

use crate::config::{Aws, SecretRef};
use crate::disk::path::{Last, resolve as resolve_path};
use crate::disk::read::{self, PATIENCE, Unfit};
use crate::secret::{SecretText, wiped};
use crate::shell::ShellCommand;
use crate::span;

/// Longest secret in a file, in bytes: a bundle of certificates fits, a log file does not.
const LONGEST: usize = 64 * 1024;

/// What a source answers.
pub type Answer<'a> = LocalBoxFuture<'a, Result<SecretText, Box<dyn Error + Send + Sync>>>;

/// Where secrets come from that are not in files.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Value of an environment variable.
    ///
    /// Such a secret leaks: `/proc/PID/environ` shows it to every program of the same user for as long as the
    /// process lives, and every child inherits it.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Value of a `SecureString`, by parameter name and account.
    pub ssm: &'a dyn for<'b> Fn(&'b str, &'b Aws) -> Answer<'b>,
    /// What a person types, by the text that is shown.
    pub prompt: &'a dyn for<'b> Fn(&'b str) -> Answer<'b>,
}

/// Why a reference has no secret. Names the place, never the value.
#[derive(Debug, thiserror::Error)]
#[error("{}", said(.reference, .why))]
pub struct ReferenceError {
    /// The place.
    pub reference: SecretRef,
    /// What is wrong there.
    pub why: Why,
}

/// What is wrong at the place of a secret.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// The file is missing, or may not be read.
    #[error("cannot be read: {}", crate::config::in_words(.0))]
    Unreadable(io::Error),
    /// The file has no end, or is not a secret.
    #[error("longer than {LONGEST} bytes, which no secret is")]
    TooLong,
    /// Not UTF-8.
    #[error("not text in UTF-8")]
    NotText,
    /// Nobody wrote to the file.
    #[error("nothing to read for {}", span::text(PATIENCE))]
    Silent,
    /// The place is there and nothing is in it.
    #[error("empty")]
    Empty,
    /// The environment variable does not exist.
    #[error("not set")]
    NotSet,
    /// The parameter store or the terminal refused.
    #[error(transparent)]
    Refused(#[from] Box<dyn Error + Send + Sync>),
}

impl ReferenceError {
    /// What to do.
    pub fn advice(&self) -> Option<String> {
        let place = &self.reference;
        let look = || ShellCommand::new("ls -l").with(place);
        match &self.why {
            Why::Unreadable(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Some(format!("let this user read it: {}", look()))
            }
            Why::Unreadable(_) | Why::Silent => Some(format!(
                "put the file there, or correct its path in the configuration: {}",
                look()
            )),
            Why::TooLong | Why::NotText => {
                Some("`file` in the configuration names another file than the secret".into())
            }
            Why::Empty => Some("write the secret there".into()),
            Why::NotSet => match place {
                SecretRef::Env(name) => Some(format!(
                    "{}, or use a file: other programs of this user can read the environment",
                    ShellCommand::new("export").with(name)
                )),
                _ => None,
            },
            Why::Refused(_) => None,
        }
    }
}

/// Fetches the secret that `reference` stands for. A file loses one newline at its end; an empty secret is an error.
///
/// # Errors
/// The place has none, or may not be read.
pub async fn resolve(
    reference: &SecretRef,
    sources: &Sources<'_>,
) -> Result<SecretText, ReferenceError> {
    fetch(reference, sources)
        .await
        .map_err(|why| ReferenceError {
            reference: reference.clone(),
            why,
        })
}

async fn fetch(reference: &SecretRef, sources: &Sources<'_>) -> Result<SecretText, Why> {
    let secret = match reference {
        SecretRef::File(path) => file(path).await?,
        SecretRef::Env(name) => SecretText::new((sources.env)(name).ok_or(Why::NotSet)?),
        SecretRef::Ssm { parameter, aws } => (sources.ssm)(parameter, aws).await?,
        SecretRef::Prompt(text) => (sources.prompt)(text).await?,
    };
    if secret.is_empty() {
        return Err(Why::Empty);
    }
    Ok(secret)
}

/// The place, which a store names itself, and with its region.
fn said(reference: &SecretRef, why: &Why) -> String {
    let why = why.to_string();
    if matches!(reference, SecretRef::Ssm { .. }) && why.starts_with("aws-ssm://") {
        return why;
    }
    format!("{reference}: {why}")
}

/// A warning when every user of this machine can read the file of `reference`. Certificates may be read by all.
pub fn exposure(reference: &SecretRef) -> Option<String> {
    let SecretRef::File(path) = reference else {
        return None;
    };
    let mode = resolve_path(path, Last::Follow).ok()?.found?.st_mode;
    (mode & 0o004 != 0).then(|| {
        format!(
            "{}: every user of this machine can read this secret; {}",
            path.display(),
            ShellCommand::new("chmod 600").with(path.display())
        )
    })
}

async fn file(path: &Path) -> Result<SecretText, Why> {
    let path = path.to_path_buf();
    let reading = tokio::task::spawn_blocking(move || wiped(|| read(&path)));
    // The reading itself does not panic; a runtime that is shutting down ends here.
    let stopped = |_| Why::Unreadable(Unfit::Stopped.into());
    reading.await.map_err(stopped)?
}

fn read(path: &Path) -> Result<SecretText, Why> {
    // Large enough from the start, so that no half of the secret stays behind in a buffer that was outgrown.
    let mut bytes = Vec::with_capacity(LONGEST + 64);
    let opened = read::open_or_handed(path);
    let taken = opened.and_then(|file| file.into_bytes(LONGEST as u64, &mut bytes));
    if let Err(error) = taken {
        bytes.zeroize();
        return Err(match Unfit::of(&error) {
            Some(Unfit::TooLong(_)) => Why::TooLong,
            Some(Unfit::Silent(_)) => Why::Silent,
            _ => Why::Unreadable(error),
        });
    }
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    String::from_utf8(bytes)
        .map(SecretText::new)
        .map_err(|error| {
            error.into_bytes().zeroize();
            Why::NotText
        })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const SOURCES: Sources<'static> = Sources {
        env: &|name| (name == "SET").then(|| "from the environment".to_owned()),
        ssm: &|parameter, _| {
            Box::pin(async move {
                if parameter == "/there" {
                    Ok(SecretText::new("from the store".into()))
                } else if parameter == "/away" {
                    Err("aws-ssm://eu-central-1/away: not found".into())
                } else {
                    Err("denied".into())
                }
            })
        },
        prompt: &|_| Box::pin(async { Ok(SecretText::new(String::new())) }),
    };

    fn answer(reference: &SecretRef) -> Result<usize, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime
            .block_on(resolve(reference, &SOURCES))
            .map(|secret| secret.len())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_loses_one_newline_at_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        for (content, expected) in [
            ("hunter2", Ok(7)),
            ("hunter2\n", Ok(7)),
            ("hunter2\r\n", Ok(7)),
            ("hunter2\n\n", Ok(8)),
            (" hunter2 \n", Ok(9)),
            ("\n", Err("empty")),
        ] {
            fs::write(&path, content).unwrap();
            let expected = expected.map_err(|text| format!("{}: {text}", path.display()));
            let found = answer(&SecretRef::File(path.clone()));
            assert_eq!(found, expected, "{content:?}");
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_by_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let found = || answer(&SecretRef::File(path.clone()));
        let refused = |why: &str| Err(format!("{}: {why}", path.display()));
        assert_eq!(found(), refused("cannot be read: no such file"));
        fs::write(&path, vec![b'a'; LONGEST]).unwrap();
        assert_eq!(found(), Ok(LONGEST));
        fs::write(&path, vec![b'a'; LONGEST + 1]).unwrap();
        let why = "longer than 65536 bytes, which no secret is";
        assert_eq!(found(), refused(why));
        fs::write(&path, [b'a', 0xff, 0xfe]).unwrap();
        assert_eq!(found(), refused("not text in UTF-8"));
        assert_eq!(
            answer(&SecretRef::Env("UNSET".into())),
            Err("environment variable UNSET: not set".into())
        );
        assert_eq!(
            answer(&SecretRef::Prompt("Passphrase".into())),
            Err("prompt \"Passphrase\": empty".into())
        );
    }

    #[test]
    fn other_sources_are_asked_through_what_was_handed_in() {
        assert_eq!(answer(&SecretRef::Env("SET".into())), Ok(20));
        let ssm = |parameter: &str| SecretRef::Ssm {
            parameter: parameter.into(),
            aws: Aws {
                region: Some("eu-central-1".into()),
                ..Aws::default()
            },
        };
        assert_eq!(answer(&ssm("/there")), Ok(14));
        assert_eq!(
            answer(&ssm("/gone")),
            Err("aws-ssm://eu-central-1/gone: denied".into())
        );
        // Said once.
        assert_eq!(
            answer(&ssm("/away")),
            Err("aws-ssm://eu-central-1/away: not found".into())
        );
    }

    #[test]
    fn a_secret_that_everybody_can_read_is_a_warning() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        fs::write(&path, "hunter2").unwrap();
        for (mode, warned) in [(0o600, false), (0o640, false), (0o644, true)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let warning = exposure(&SecretRef::File(path.clone()));
            assert_eq!(warning.is_some(), warned, "{mode:o}");
        }
    }
}
