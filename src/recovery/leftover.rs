//! What an earlier run, or an earlier attempt of this one, has left: ended and taken away, so that a new attempt
//! begins with nothing. Only what is recorded as ours and unverified is ever touched.

use super::desired::verb;
use super::making::start;
use super::run::{Run, ask};
use super::state::{Phase, State};
use super::words;
use crate::custodian::Custodian;
use crate::edge::shares;
use crate::edge::unverified::{self, Unverified};
use crate::failure::Failure;
use crate::vault::rotation::{Given, Progress};
use crate::vault::sys::seal_status;
use crate::vault::{Client, Rotation};

/// Ends a rotation of ours, and takes its shares away unless they hold. Whether they do: nothing more is left to make
/// then.
///
/// # Errors
/// The rotation that is under way is somebody else's, something has changed that was ours, or nobody answers.
pub(super) async fn settle(
    run: &Run<'_>,
    client: &Client,
    rotation: &Rotation<'_>,
) -> Result<bool, Failure> {
    let phase = run.state.borrow().phase;
    if matches!(phase, Phase::Verified | Phase::Done) {
        // What is under way now, if anything, is another matter.
        return Ok(true);
    }
    end(run, rotation).await?;
    if phase == Phase::Verifying {
        // Asked only now: no request that is still on its way can verify anything any more.
        if hold(run, client, rotation).await? {
            run.record(|state| state.phase = Phase::Verified)?;
            return Ok(true);
        }
        run.record(|state| state.phase = Phase::Unverified)?;
    }
    for custodian in &run.new_custodians {
        discard(run, custodian).await?;
    }
    run.record(|state| state.new.clear())?;
    Ok(false)
}

/// Ends the server's rotation where it is ours.
///
/// # Errors
/// It is somebody else's.
pub(super) async fn end(run: &Run<'_>, rotation: &Rotation<'_>) -> Result<(), Failure> {
    let found = rotation.progress().await?;
    if found.started {
        if !is_ours(&run.state.borrow(), &found) {
            return Err(words::busy(rotation, &found));
        }
        rotation.cancel(&found.nonce).await?;
        run.voice
            .note("ended what an earlier attempt had left at the server");
    }
    let known = run.state.borrow().starting;
    if known {
        run.record(|state| {
            state.starting = false;
            state.nonce = None;
        })?;
    }
    Ok(())
}

/// Known by its nonce; where that never reached us, one that nobody has given a share to and that was asked for
/// what we ask for: it was started in the moment in which we were about to.
fn is_ours(state: &State, found: &Progress) -> bool {
    match &state.nonce {
        Some(nonce) => *nonce == found.nonce,
        None => {
            state.starting
                && found.progress == 0
                && !found.is_handed_out()
                && (found.n, found.t) == (state.shares, state.threshold)
        }
    }
}

/// Whether the new shares hold although nobody heard the server say so. Where their number does not tell, they are
/// tried, by a rotation of which nothing is kept.
async fn hold(run: &Run<'_>, client: &Client, rotation: &Rotation<'_>) -> Result<bool, Failure> {
    let (new, old) = (&run.config.init, &run.old.init);
    let seal = seal_status(&client.in_namespace(None)).await?;
    let now = (seal.n, seal.t);
    if (new.shares, new.threshold) != (old.shares, old.threshold) {
        return Ok(now == (new.shares, new.threshold));
    }
    let verb = verb(run.old);
    let enough = usize::try_from(new.threshold).unwrap_or(usize::MAX);
    let mut quorum = Vec::new();
    for custodian in run.new_custodians.iter().take(enough) {
        let ask = ask(run.config, &verb);
        quorum.push(shares::share(&ask, custodian, &run.identities).await?);
    }
    let nonce = start(run, rotation, quorum.len()).await?;
    let mut found = None;
    for share in &quorum {
        match rotation.give(&nonce, share).await? {
            Given::Counts(_) => {}
            Given::HandedOut(_) => found = Some(true),
            Given::Wrong | Given::Unreadable => found = Some(false),
            Given::Gone | Given::Twice => break,
        }
    }
    end(run, rotation).await?;
    found.ok_or_else(|| words::gone(rotation))
}

/// Takes one new share away that opens nothing.
async fn discard(run: &Run<'_>, custodian: &Custodian) -> Result<(), Failure> {
    let recorded = run.recorded(custodian);
    if !recorded.begun {
        return Ok(());
    }
    let unverified = Unverified {
        address: &recorded.address,
        prepared: &recorded.prepared,
        stored: recorded.stored.as_ref(),
    };
    if unverified::discard(custodian, &unverified).await? {
        let address = custodian.address();
        run.voice
            .note(format!("took away {address}, which opened nothing"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(nonce: &str) -> Progress {
        Progress {
            started: true,
            nonce: nonce.into(),
            t: 2,
            n: 3,
            required: 2,
            ..Progress::default()
        }
    }

    #[test]
    fn a_rotation_is_ours_by_its_nonce_and_nothing_else_once_that_is_known() {
        let mut state = State::new(None, (2, 3, 2));
        state.starting = true;
        state.nonce = Some("ours".into());
        assert!(is_ours(&state, &found("ours")));
        assert!(!is_ours(&state, &found("theirs")));
    }

    #[test]
    fn without_a_nonce_only_what_was_just_asked_for_and_has_no_share_is_ours() {
        let mut state = State::new(None, (2, 3, 2));
        assert!(
            !is_ours(&state, &found("x")),
            "none was about to be started"
        );
        state.starting = true;
        assert!(is_ours(&state, &found("x")));
        let begun = Progress {
            progress: 1,
            ..found("x")
        };
        let other = Progress { n: 5, ..found("x") };
        let out = Progress {
            verification_nonce: "v".into(),
            ..found("x")
        };
        for theirs in [begun, other, out] {
            assert!(!is_ours(&state, &theirs), "{theirs:?}");
        }
    }
}
