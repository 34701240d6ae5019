//! What an earlier run, or an earlier attempt of this one, has left at the server or with custodians. Only what is
//! recorded as ours is ever touched, and no share before the old ones have proved that they are in effect.

use crate::checkpoint::rotation::{NewShare, Rotation as State};
use crate::code::Code;
use crate::custodian::Custodian;
use crate::failure::Failure;
use crate::recovery::new_shares::start;
use crate::recovery::refusals;
use crate::recovery::run::Run;
use crate::shares::Held;
use crate::shares::unverified;
use crate::vault::Rotation;
use crate::vault::keys::rotation::{Given, Progress};

/// Ends the server's rotation where it is ours.
///
/// # Errors
/// It is somebody else's, or may be.
pub(super) async fn end(run: &Run<'_>, rotation: &Rotation<'_>) -> Result<(), Failure> {
    let found = rotation.progress().await?;
    if found.started {
        if !is_ours(&run.state.borrow(), &found, run.started_here.get()) {
            return Err(refusals::busy(rotation, &found));
        }
        rotation.cancel(&found.nonce).await?;
        run.note("ended a rotation of ours that was open at the server");
    }
    if run.state.borrow().starting {
        run.record(|state| {
            state.starting = false;
            state.nonce = None;
        })?;
    }
    Ok(())
}

/// Known by its nonce. Where that never reached us, only the run that was about to start one, and had just seen that
/// there was none, may take for its own what nobody has given a share to and what was asked for as it asks: to a later
/// run it may be anybody's.
fn is_ours(state: &State, found: &Progress, started_here: bool) -> bool {
    match &state.nonce {
        Some(nonce) => *nonce == found.nonce,
        None => {
            state.starting
                && started_here
                && found.progress == 0
                && !found.is_handed_out()
                && (found.n, found.t) == (state.wanted.shares, state.wanted.threshold)
        }
    }
}

/// Whether the server takes these new shares as those that are in effect, although nobody heard it say so: they are given to a
/// rotation of which nothing is kept. That it does not take them proves nothing: one may be mistyped.
///
/// # Errors
/// The server could not tell, or the rotation is gone.
pub(super) async fn new_ones_hold(
    run: &Run<'_>,
    rotation: &Rotation<'_>,
    held: &[Held],
) -> Result<bool, Failure> {
    let started = start(run, rotation).await?;
    let wanted = usize::try_from(started.required).unwrap_or(usize::MAX);
    let mut hold = false;
    for one in held.iter().take(wanted) {
        match rotation.give(&started.nonce, &one.share).await? {
            Given::Counts(_) => {}
            Given::Complete(_) => hold = true,
            Given::Wrong | Given::Unreadable | Given::Twice => break,
            Given::Undecided => return Err(refusals::undecided(rotation)),
            Given::Gone => return Err(refusals::gone(rotation)),
        }
    }
    end(run, rotation).await?;
    Ok(hold)
}

/// Takes away what was stored of new shares that nobody verified. The server has just made others with a quorum of the
/// old ones, so these are not valid.
///
/// # Errors
/// Something is there that is not known to be ours, or a custodian refuses.
pub(super) async fn discard_all(run: &Run<'_>) -> Result<(), Failure> {
    let recorded = run.state.borrow().new.clone();
    for (name, new) in recorded.iter().filter(|(_, new)| new.begun) {
        let mut custodians = run.opened.new_custodians.iter();
        let same = |one: &&Custodian| one.name() == name && one.address() == new.address;
        match custodians.find(same) {
            Some(custodian) => discard(run, custodian, new).await?,
            None => run.warn(Code::OldShareLeft, format!(
                "a share of {name} at {}, where the file names no place any more, is not valid and is left there: let \
                 {name} destroy it",
                new.address
            )),
        }
    }
    run.record(|state| state.new.clear())
}

async fn discard(run: &Run<'_>, custodian: &Custodian, recorded: &NewShare) -> Result<(), Failure> {
    let expected = (recorded.address.as_str(), recorded.mark.as_deref());
    if unverified::discard(custodian, expected, &recorded.record).await? {
        let address = custodian.address();
        run.note(format!("removed {address}, which was not valid"));
    } else if recorded.record.stored.is_some() {
        let (name, address) = (custodian.name(), &recorded.address);
        let of = recorded.attempt();
        run.warn(Code::OldShareLeft, format!(
            "{name} was given a share at {address}{of} that is not valid, and it is not there any more: let {name} \
             destroy it, wherever it is, and keep the one that comes now under the same name"
        ));
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
        let mut state = State::to_the_second_generation();
        state.starting = true;
        state.nonce = Some("ours".into());
        assert!(is_ours(&state, &found("ours"), false));
        assert!(!is_ours(&state, &found("theirs"), true));
    }

    #[test]
    fn without_a_nonce_only_what_this_very_run_asked_for_and_has_no_share_is_ours() {
        let mut state = State::to_the_second_generation();
        assert!(
            !is_ours(&state, &found("x"), true),
            "none was about to be started"
        );
        state.starting = true;
        assert!(is_ours(&state, &found("x"), true));
        assert!(!is_ours(&state, &found("x"), false), "an earlier run was");
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
            assert!(!is_ours(&state, &theirs, true), "{theirs:?}");
        }
    }
}
