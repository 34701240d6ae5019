//! Holders who give their shares from machines of their own.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::code::Code;
use super::making::Attempt;
use crate::failure::Failure;
use crate::vault::generation::Progress;

/// Between two looks whether more shares were given.
pub(crate) const LOOK: Duration = Duration::from_millis(500);

/// Who is asked for a share, and for how long.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// For which attempt.
    pub(crate) attempt: &'a Attempt,
    /// Their names. The server says how many have given, never who.
    pub(crate) names: &'a [&'a str],
    /// How long they are waited for.
    pub(crate) limit: Duration,
}

/// What holders elsewhere are told. Nothing of it is secret.
#[derive(Debug, Clone, Serialize)]
pub struct Invitation {
    /// Who are asked.
    pub names: Vec<String>,
    /// Names the attempt and its cluster.
    pub code: String,
    /// The end of the code, to be compared by telephone.
    pub spoken: String,
    /// The cluster's id, which stands in every holder's own file.
    pub cluster_id: String,
    /// How long they are waited for.
    pub seconds: u64,
}

impl Asked<'_> {
    /// What they are told of an attempt at the cluster of this name and id.
    pub(crate) fn invitation(&self, (cluster, id): (&str, String)) -> Invitation {
        let code = Code {
            cluster: cluster.to_owned(),
            id,
            nonce: self.attempt.nonce.clone(),
            required: self.attempt.required,
            pgp_fingerprint: self.attempt.pgp_fingerprint.clone(),
        };
        Invitation {
            names: self.names.iter().map(|&name| name.to_owned()).collect(),
            code: code.to_text(),
            spoken: code.spoken(),
            cluster_id: code.id,
            seconds: self.limit.as_secs(),
        }
    }
}

/// Waits until all who were asked have given a share. `look` asks the server how far it is; `told` hears of each new
/// number.
///
/// # Errors
/// The time is over, or the server does not have the attempt any more. It is not ended here.
pub(crate) async fn wait_for(
    asked: Asked<'_>,
    mut look: impl AsyncFnMut() -> Result<Progress, Failure>,
    told: impl Fn(String),
) -> Result<(), Failure> {
    let (begun, mut said) = (Instant::now(), 0);
    let all = asked.names.len();
    loop {
        let found = look().await?;
        if !found.started || found.nonce != asked.attempt.nonce {
            return Err(Failure::failed(
                "the attempt is not there any more: somebody ended it, another node leads, or more holders gave a share \
                 than were asked, and a root token lives that nobody has",
            )
            .advise(
                "find out which; then run the same command again, whose code is another one and which names such a token",
            ));
        }
        if found.progress != said {
            said = found.progress;
            told(format!(
                "{said} of {all} holders elsewhere have given a share"
            ));
        }
        if usize::try_from(found.progress).unwrap_or(usize::MAX) >= all {
            return Ok(());
        }
        if begun.elapsed() >= asked.limit {
            return Err(too_late(asked, found.progress));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn too_late(asked: Asked<'_>, given: u32) -> Failure {
    let Asked { names, limit, .. } = asked;
    Failure::failed(format!(
        "{given} of {} holders gave their share within {} s; asked were {}",
        names.len(),
        limit.as_secs(),
        names.join(", ")
    ))
    .advise("call them; then run the same command again, whose code is another one")
}
