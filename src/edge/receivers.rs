//! Who gets the secrets that entries of `writes` hand out, opened.

use crate::code::{Code, Reported};
use crate::config::{Config, HandOut, Write};
use crate::custodian::{Error, Kind, Receiver};
use crate::edge::custodians::{reached, tags, to_aws};
use crate::failure::Failure;

/// Letters of a path in the name of its trial value.
const LONGEST_NAME: usize = 120;
/// What is handed out has no making of its own.
const FIRST: u32 = 1;

/// The place that an entry names, opened and looked at: nothing is there.
///
/// # Errors
/// It cannot be used, or something is there already.
pub(crate) async fn free(
    config: &Config,
    write: &Write,
    to: &HandOut,
) -> Result<Receiver, Failure> {
    let receiver = opened(config, write, to).await?;
    match receiver.is_taken().await {
        Ok(false) => Ok(receiver),
        Ok(true) => Err(taken(&write.path, &receiver.address())),
        Err(error) => Err(of(&write.path, error)),
    }
}

/// The same, and tried: whatever would fail for the secret fails before the server makes one.
///
/// # Errors
/// It cannot be used, cannot be written, or something is there already.
pub(crate) async fn tried(
    config: &Config,
    write: &Write,
    to: &HandOut,
) -> Result<(Receiver, Vec<Reported>), Failure> {
    let receiver = free(config, write, to).await?;
    match receiver.try_out(&trial_name(&write.path)).await {
        Ok(warnings) => Ok((receiver, warnings)),
        Err(error) => Err(of(&write.path, error)),
    }
}

/// What the trial value of an entry is called: the same in each run, so that the next one takes away what a killed one left.
fn trial_name(path: &str) -> String {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() {
            letter
        } else {
            '-'
        }
    };
    path.chars().take(LONGEST_NAME).map(plain).collect()
}

/// Tries the places of all entries.
pub(crate) async fn try_all(config: &Config, failures: &mut Vec<Failure>) -> Vec<Reported> {
    let mut warnings = Vec::new();
    for write in &config.writes {
        let Some(to) = &write.hand_out else { continue };
        match tried(config, write, to).await {
            Ok((_, said)) => warnings.extend(said),
            Err(failure) => failures.push(failure),
        }
    }
    warnings
}

/// The place that an entry names.
///
/// # Errors
/// It cannot be used, or AWS cannot be asked.
pub(crate) async fn opened(
    config: &Config,
    write: &Write,
    to: &HandOut,
) -> Result<Receiver, Failure> {
    let opened = match (&to.file, &to.age, &to.ssm, &to.secretsmanager) {
        (Some(file), ..) => Receiver::in_file(file),
        (_, Some(age), ..) => Receiver::in_age_file(&age.recipient, &age.file),
        (.., Some(ssm), _) => {
            let tags = tags(config, &ssm.tags, FIRST);
            let under = (ssm.parameter.as_str(), ssm.kms_key.as_deref());
            Receiver::in_parameter(&write.path, under, &tags, &to_aws(&ssm.aws)).await
        }
        (.., Some(kept)) => {
            let tags = tags(config, &kept.tags, FIRST);
            let under = (kept.name.as_str(), kept.kms_key.as_deref());
            let aws = to_aws(&kept.aws);
            Receiver::in_secrets_manager(&write.path, under, &tags, reached(&aws, kept)).await
        }
        (None, None, None, None) => {
            let nowhere = Kind::Misconfigured("names no place".to_owned());
            Err(Error::new("hand_out", nowhere))
        }
    };
    opened.map_err(|error| of(&write.path, error))
}

/// Something is where a secret is to be handed out.
pub(crate) fn taken(path: &str, address: &str) -> Failure {
    let text =
        format!("{path}: there is something at {address}, where its secret is to be handed out");
    Failure::refused(Code::HandOutTaken, text).advise(
        "nothing is ever overwritten: see what it is, then move it away or name another place in hand_out",
    )
}

/// A failure of the place that an entry names.
pub(crate) fn of(path: &str, error: Error) -> Failure {
    if matches!(error.kind(), Kind::Taken) {
        return taken(path, error.address());
    }
    Failure::from(error).about(&format!("hand_out of {path}: "))
}
