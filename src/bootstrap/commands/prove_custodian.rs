//! `custodian prove NAME`: a holder opens a challenge before the ceremony, so that no share is ever
//! encrypted to somebody who cannot open it.

use std::path::Path;

use crate::checkpoint::replica::damaged;
use crate::checkpoint::{self, Proof, ReplicatedCheckpoint};
use crate::config::Config;
use crate::custodian::{self, Answer, Custodian, IdentityFile, Opener};
use crate::edge::custodians;
use crate::event::{Caller, Proved};
use crate::failure::Failure;
use crate::prompt;
use crate::shell::ShellCommand;

/// Lets the holder of `name` open a challenge and remembers that it was opened.
///
/// With `identity` it is opened here. Without one the challenge is shown, opened by the holder
/// wherever their key is, and the word in it typed back: the private key never comes to this machine.
/// Returns what was proved.
///
/// # Errors
/// There is no such custodian, the answer is wrong, or the checkpoint cannot remember it. Or the stop that was asked
/// for.
pub async fn prove_custodian(
    config: &Config,
    name: &str,
    identity: Option<&Path>,
    show: &dyn Fn(&str),
    caller: Caller<'_>,
) -> Result<Proved, Failure> {
    let custodian = custodians::one(config, name).await?;
    let records = damaged::checkpoint(config, None, caller).await?;
    let recorded = async {
        let proof = proved(config, &custodian, identity, show).await?;
        for warning in &proof.warnings {
            caller.events.warn(warning);
        }
        remember(&records, name, proof).await
    };
    let recorded = caller.unless_stopped(recorded).await;
    records.release(caller).await;
    recorded
}

/// The proof on disk and, where there is one, at the replica.
async fn remember(
    records: &ReplicatedCheckpoint,
    name: &str,
    proof: custodian::Proof,
) -> Result<Proved, Failure> {
    let proved = Proved {
        custodian: name.to_owned(),
        subject: proof.subject.clone(),
    };
    records.record(|diary| {
        let proof = Proof {
            subject: proof.subject,
            at: checkpoint::now(),
        };
        diary.proofs.insert(name.to_owned(), proof);
    })?;
    records.replicate().await?;
    Ok(proved)
}

async fn proved(
    config: &Config,
    custodian: &Custodian,
    identity: Option<&Path>,
    show: &dyn Fn(&str),
) -> Result<custodian::Proof, Failure> {
    let name = custodian.name();
    let challenge = custodian.challenge().await?;
    Ok(match (identity, challenge.armored()) {
        (Some(path), Some(_)) => {
            let identity = IdentityFile::read(path)?;
            let identities = std::slice::from_ref(&identity);
            custodian
                .answer(&challenge, Answer::Identities(identities))
                .await?
        }
        (None, Some(armored)) => {
            let opener = custodian.opener();
            let label = format!(
                "The word in it, as {name} reads it after: {}",
                opener.command()
            );
            let instead = match opener {
                Opener::Gpg => "run it at a terminal: the word is typed there".to_owned(),
                _ => {
                    let verb = ShellCommand::new("custodian prove").with(name);
                    config.command(verb.and("--identity KEYFILE")).into()
                }
            };
            // A challenge that nobody can answer is not shown.
            prompt::can_ask(&label, &instead)?;
            show(armored);
            let word = prompt::hidden(&label, &instead).await?;
            custodian.answer(&challenge, Answer::Word(&word)).await?
        }
        // A machine opens it: reading back what was just written is the proof.
        (_, None) => custodian.answer(&challenge, Answer::Machine).await?,
    })
}
