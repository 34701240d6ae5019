//! A share that is wrong keeps no other quorum from making a root token.

use std::time::Duration;

use crate::break_glass::leftovers;
use crate::break_glass::root_token::{self, Purpose};
use crate::break_glass::session::BreakGlassSession;
use crate::code::Code;
use crate::failure::Failure;
use crate::interrupt::DeferredSignals;
use crate::root_generation::{Held, Quorum};
use crate::secret::RootToken;
use crate::shares::as_stored;
use crate::shares::quorum::{Asking, Gathered};
use crate::span;

/// Quorums that are tried at the most, each in milliseconds: every four of seven shares, and more.
pub(super) const TRIES: usize = 40;
/// Nobody waits longer to learn which shares are not as they were stored.
const TO_LOOK: Duration = Duration::from_secs(5);

/// A root token, and what it took.
pub(super) struct Made<'a> {
    pub(super) token: RootToken,
    pub(super) deferred: DeferredSignals<'a>,
    /// Whose shares made it.
    pub(super) quorum: Vec<String>,
    /// Those of which the server made none.
    pub(super) refused: Vec<Vec<String>>,
}

/// Custodians whose share is not as it was stored, each with a warning: they are asked last.
pub(super) async fn not_as_stored(session: &BreakGlassSession<'_>) -> Vec<String> {
    let changed = tokio::time::timeout(TO_LOOK, as_stored::changed(session.config)).await;
    let Ok(changed) = changed else {
        let limit = span::text(TO_LOOK);
        session.warn(
            Code::CustodianUnreachable,
            format!(
                "it could not be checked within {limit} whether the shares are as they were stored"
            ),
        );
        return Vec::new();
    };
    let said = changed.into_iter().map(|(name, finding)| {
        session.warn(finding.code(), finding.to_string());
        name
    });
    said.collect()
}

/// A root token of the first quorum that the server takes: of the shares in hand, and where these do not do, with the share
/// of one custodian more.
///
/// # Errors
/// As [`root_token::root`]; where there is a wrong share in every quorum that can be had, that of the last one.
pub(super) async fn root<'a>(
    session: &mut BreakGlassSession<'a>,
    gathered: &mut Gathered,
    purpose: Purpose<'_>,
) -> Result<Made<'a>, Failure> {
    let needed = session.threshold();
    let (mut tried, mut refused): (Vec<Vec<usize>>, Vec<Vec<String>>) = (Vec::new(), Vec::new());
    let mut places: Vec<usize> = (0..gathered.held.len()).collect();
    loop {
        let quorum = of(&gathered.held, &places);
        let names: Vec<String> = quorum.names().iter().map(ToString::to_string).collect();
        let failure = match root_token::root(session, &quorum, purpose).await {
            Ok((token, deferred)) => {
                return Ok(Made {
                    token,
                    deferred,
                    quorum: names,
                    refused,
                });
            }
            Err(failure) => failure,
        };
        tried.push(places);
        if !is_of_a_share(&failure) || tried.len() >= TRIES {
            return Err(failure);
        }
        leftovers::settle(session).await?;
        if let Some(stop) = session.caller.interrupt.pending() {
            return Err(stop);
        }
        let next = match untried(&tried, gathered.held.len(), needed) {
            None if one_more(session, gathered).await? => {
                // Whoever typed a share may have taken an hour.
                session.keep_to_active().await?;
                session.stay_logged_in().await?;
                untried(&tried, gathered.held.len(), needed)
            }
            next => next,
        };
        places = next.ok_or_else(|| failure.clone())?;
        session.warn(
            failure.code(),
            format!(
                "the shares of {} make no root token; trying another quorum: {failure}",
                names.join(", ")
            ),
        );
        refused.push(names);
    }
}

fn of<'q>(held: &'q [Held], places: &[usize]) -> Quorum<'q> {
    Quorum {
        here: places.iter().filter_map(|&place| held.get(place)).collect(),
        elsewhere: Vec::new(),
    }
}

/// Whether other shares may do.
pub(super) fn is_of_a_share(failure: &Failure) -> bool {
    let of_a_share = [Code::ShareWrong, Code::ShareUnreadable, Code::ShareTwice];
    let mut problems = failure.problems.iter();
    problems.all(|problem| of_a_share.contains(&problem.code))
}

/// Asks those who have not been asked, until one has answered. Whether one has.
async fn one_more(
    session: &BreakGlassSession<'_>,
    gathered: &mut Gathered,
) -> Result<bool, Failure> {
    let asking = session.asking(super::emergency::COMMAND);
    let away = gathered.away.iter().map(|(name, _)| name);
    let held = gathered.held.iter().map(|held| &held.name);
    let known = asking.without.iter().chain(away).chain(held);
    let without: Vec<String> = known.cloned().collect();
    let asking = Asking {
        without: &without,
        held: &gathered.held,
        ..asking
    };
    let more = session.caller.unless_stopped(asking.gather(1)).await?;
    let has_answered = !more.held.is_empty();
    gathered.away.extend(more.away);
    gathered.held.extend(more.held);
    Ok(has_answered)
}

/// So many of so many places that were not tried yet.
pub(super) fn untried(tried: &[Vec<usize>], held: usize, needed: usize) -> Option<Vec<usize>> {
    let first: Vec<usize> = (0..needed).collect();
    let mut all = std::iter::successors(Some(first), |before| following(before, held));
    all.find(|places| places.last().is_none_or(|last| *last < held) && !tried.contains(places))
}

/// The next of all ways to choose, in the order of a dictionary.
fn following(before: &[usize], held: usize) -> Option<Vec<usize>> {
    let mut next = before.to_vec();
    let moves = (0..next.len())
        .rev()
        .find(|&at| next[at] + next.len() - at < held)?;
    let from = next[moves] + 1;
    for (step, place) in next[moves..].iter_mut().enumerate() {
        *place = from + step;
    }
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quorum_is_tried_once_and_none_with_a_share_that_nobody_has() {
        let mut tried = vec![vec![0, 1]];
        assert_eq!(untried(&tried, 2, 2), None);
        while let Some(places) = untried(&tried, 4, 2) {
            tried.push(places);
        }
        assert_eq!(
            tried,
            [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]].map(|places| places.to_vec())
        );
        assert_eq!(untried(&[], 1, 2), None);
    }
}
