//! `custodian prove NAME`: a holder opens a challenge before the ceremony, so that no share is ever
//! encrypted to somebody who cannot open it.

use std::path::Path;

use super::checkpoint::{self, Checkpoint, Proof};
use super::open;
use crate::config::Config;
use crate::custodian::{Answer, IdentityFile};
use crate::failure::Failure;
use crate::prompt;

/// Lets the holder of `name` open a challenge and remembers that it was opened.
///
/// With `identity` it is opened here. Without one the challenge is shown, opened by the holder
/// wherever their key is, and the word in it typed back: the private key never comes to this machine.
/// Returns what was proved.
///
/// # Errors
/// There is no such custodian, the answer is wrong, or the checkpoint cannot remember it.
pub async fn prove_custodian(
    config: &Config,
    name: &str,
    identity: Option<&Path>,
    show: &dyn Fn(&str),
) -> Result<String, Failure> {
    let custodian = open::one_custodian(config, name).await?;
    let address = config.cluster.address.as_str().trim_end_matches('/');
    let mut checkpoint = Checkpoint::open(&config.checkpoint.path, &config.cluster.name, address)?;
    let challenge = custodian.challenge()?;
    let proof = match (identity, challenge.armored()) {
        (Some(path), Some(_)) => {
            let identity = IdentityFile::read(path)?;
            custodian
                .answer(
                    &challenge,
                    Answer::Identities(std::slice::from_ref(&identity)),
                )
                .await?
        }
        (None, Some(armored)) => {
            let label = format!("The word in it, as {name} reads it after: age -d -i KEYFILE");
            let instead = config.command(&format!("custodian prove {name} --identity KEYFILE"));
            // A challenge that nobody can answer is not shown.
            prompt::can_ask(&label, &instead)?;
            show(armored);
            let word = prompt::hidden(&label, &instead).await?;
            custodian.answer(&challenge, Answer::Word(&word)).await?
        }
        // A machine opens it: reading back what was just written is the proof.
        (_, None) => custodian.answer(&challenge, Answer::Machine).await?,
    };
    let subject = proof.subject.clone();
    checkpoint.record(|diary| {
        let proof = Proof {
            subject: proof.subject,
            at: checkpoint::now(),
        };
        diary.proofs.insert(name.to_owned(), proof);
    })?;
    Ok(subject)
}
