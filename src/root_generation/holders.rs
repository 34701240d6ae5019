//! Holders who give their shares from machines of their own.

use std::time::Duration;

use tokio::time::Instant;

use crate::code::Code;
use crate::event::{Event, EventSink, Invitation};
use crate::failure::Failure;
use crate::root_generation::attempt::Attempt;
use crate::root_generation::code::{AttemptCode, Origin};
use crate::span;
use crate::vault::keys::generation::Progress;

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

impl Asked<'_> {
    /// What they are told of it.
    fn invitation(&self, origin: Origin) -> Invitation {
        let code = AttemptCode {
            origin,
            nonce: self.attempt.nonce.clone(),
            required: self.attempt.required,
            pgp_fingerprint: self.attempt.pgp_fingerprint.clone(),
        };
        Invitation {
            names: self.names.iter().map(|&name| name.to_owned()).collect(),
            code: code.to_text(),
            spoken: code.spoken(),
            cluster_id: code.origin.id,
            seconds: self.limit.as_secs(),
        }
    }
}

/// Tells holders elsewhere of an attempt, and waits until all who were asked have given a share. `look` asks the server how far it is; each new number is an event.
///
/// # Errors
/// The time is over, or the server does not have the attempt any more. It is not ended here.
pub(crate) async fn holders_give(
    asked: Asked<'_>,
    origin: Origin,
    mut look: impl AsyncFnMut() -> Result<Progress, Failure>,
    events: &EventSink<'_>,
) -> Result<(), Failure> {
    events.emit(Event::Holders {
        step: events.step(),
        invitation: asked.invitation(origin),
    });
    let (begun, mut said) = (Instant::now(), 0);
    let all = asked.names.len();
    loop {
        let found = look().await?;
        if !found.started || found.nonce != asked.attempt.nonce {
            return Err(Failure::failed(
Code::AttemptGone,
                "the attempt no longer exists: somebody ended it, another node leads, or more holders gave a share \
                 than were asked, and an orphaned root token is still valid",
            )
            .advise(
                "find out which; then run the same command again, which has a new code and names such a token",
            ));
        }
        if found.progress != said {
            said = found.progress;
            events.note(format!(
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
    Failure::failed(
        Code::TooFewShares,
        format!(
            "{given} of {} holders gave their share within {}; asked were {}",
            names.len(),
            span::text(limit),
            names.join(", ")
        ),
    )
    .advise("call them; then run the same command again, which has a new code")
}
