//! Shares back from who keeps them: by machine, with an identity file of the holder, or typed in.

use super::ceremony::Ceremony;
use super::options::Options;
use crate::config::{BreakGlass, Config, Drill};
use crate::custodian::{self, Custodian, IdentityFile, Kind};
use crate::failure::Failure;
use crate::prompt;
use crate::secret::Share;

/// The identity files that were typed.
///
/// # Errors
/// All that cannot be read.
pub(super) fn identities(options: &Options) -> Result<Vec<IdentityFile>, Failure> {
    let (mut read, mut failures) = (Vec::new(), Vec::new());
    for path in &options.identities {
        match IdentityFile::read(path) {
            Ok(identity) => read.push(identity),
            Err(error) => failures.push(error.into()),
        }
    }
    Failure::all(failures).map_or(Ok(read), Err)
}

/// The share of a custodian as it is kept; a person is asked for it where no machine opens it.
///
/// # Errors
/// It is not there, or cannot be opened here and nobody can be asked.
pub(super) async fn share(
    ceremony: &Ceremony<'_>,
    custodian: &Custodian,
    identities: &[IdentityFile],
) -> Result<Share, Failure> {
    match custodian.fetch(identities).await {
        Err(error) if matches!(error.kind(), Kind::NeedsHolder | Kind::WrongIdentity) => {
            let (question, instead) = asked(ceremony.config, custodian);
            let text = prompt::hidden(&question, &instead).await?;
            Ok(custodian::typed(text))
        }
        fetched => Ok(fetched?),
    }
}

fn asked(config: &Config, custodian: &Custodian) -> (String, String) {
    let (name, address) = (custodian.name(), custodian.address());
    let question = format!("The share of {name}, as {name} reads it: age -d -i KEYFILE {address}");
    let instead = format!(
        "let {name}'s key open it here: {}; or rehearse later, which is a finding: break_glass.drill: later",
        config.command("apply --identity KEYFILE")
    );
    (question, instead)
}

/// Holds that the drill will have its shares, before anything is written for it.
///
/// # Errors
/// Each custodian whose share nobody could open in this run.
pub(super) fn can_be_asked(
    config: &Config,
    options: &Options,
    custodians: &[Custodian],
    failures: &mut Vec<Failure>,
) {
    let BreakGlass::Logins { drill, .. } = &config.break_glass else {
        return;
    };
    if *drill == Drill::Later {
        return;
    }
    let identities = match identities(options) {
        Ok(identities) => identities,
        Err(failure) => return failures.push(failure),
    };
    for custodian in custodians.iter().filter(|one| !one.opens_with(&identities)) {
        let (question, instead) = asked(config, custodian);
        if let Err(error) = prompt::can_ask(&question, &instead) {
            failures.push(error.into());
        }
    }
}
