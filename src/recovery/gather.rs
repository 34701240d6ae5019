//! Shares back from their custodians, old or new: machines first, so that no person is called in vain.

use std::collections::VecDeque;

use crate::code::Code;
use crate::config::Init;
use crate::custodian::Custodian;
use crate::failure::{Exit, Failure};
use crate::recovery::desired::verb;
use crate::recovery::run::{Run, ask};
use crate::shares::doubles::Doubles;
use crate::shares::{Held, fetch, trial};

/// What came back so far, and who was not asked yet.
pub(super) struct Gathered<'a> {
    pub(super) held: Vec<Held>,
    all: &'a [Custodian],
    rest: VecDeque<&'a Custodian>,
    doubles: Doubles,
    /// Into how many the key was cut.
    shares: u32,
    failures: Vec<Failure>,
}

impl<'a> Gathered<'a> {
    /// Asks until there are `enough`.
    ///
    /// # Errors
    /// There are not enough, and why, of each; or a question was interrupted.
    pub(super) async fn of(
        run: &Run<'_>,
        custodians: &'a [Custodian],
        (init, which): (&Init, &str),
    ) -> Result<Self, Failure> {
        let enough = usize::try_from(init.threshold).unwrap_or(usize::MAX);
        let (mut order, mut people) = (Vec::new(), Vec::new());
        for custodian in custodians {
            if custodian.opens_with(&run.opened.identities).await {
                order.push(custodian);
            } else {
                people.push(custodian);
            }
        }
        order.append(&mut people);
        let mut gathered = Self {
            held: Vec::new(),
            all: custodians,
            rest: order.into(),
            doubles: Doubles::default(),
            shares: init.shares,
            failures: Vec::new(),
        };
        while gathered.held.len() < enough {
            if !gathered.one_more(run).await? {
                return Err(gathered.too_few((enough, which), run));
            }
        }
        Ok(gathered)
    }

    /// Asks whoever is next; whether there was anybody who had one.
    ///
    /// # Errors
    /// A question was interrupted.
    pub(super) async fn one_more(&mut self, run: &Run<'_>) -> Result<bool, Failure> {
        let verb = verb(run.old);
        while let Some(custodian) = self.rest.pop_front() {
            let mut ask = ask(run.config, &verb, self.shares);
            ask.may_skip = true;
            let asked = fetch::share(&ask, custodian, &run.opened.identities).await;
            let (doubles, known) = (&mut self.doubles, (&[][..], &mut self.held));
            match asked.and_then(|held| doubles.take(known, held, run.caller.events)) {
                Ok(again) if again.is_empty() => return Ok(true),
                Ok(again) => {
                    for name in again.iter().rev() {
                        if let Some(one) = self.all.iter().find(|one| one.name() == name) {
                            self.rest.push_front(one);
                        }
                    }
                }
                Err(failure) if matches!(failure.exit, Exit::Interrupted(_)) => {
                    return Err(failure);
                }
                Err(failure) => self.failures.push(trial::of(custodian, failure)),
            }
        }
        Ok(false)
    }

    fn too_few(self, (enough, which): (usize, &str), run: &Run<'_>) -> Failure {
        let (have, mut failures) = (self.held.len(), self.failures);
        let (from, file) = (run.old.file.display(), run.config.file.display());
        failures.push(
            Failure::failed(
                Code::TooFewShares,
                format!("only {have} of the {enough} {which} shares of a quorum are available"),
            )
            .advise(format!(
                "put the others where {from} and {file} say they are, or give their keys with --identity"
            )),
        );
        Failure::all(failures)
            .unwrap_or_else(|| Failure::failed(Code::TooFewShares, "no share is available"))
    }
}

/// How many different quorums are tried before it is said that none is one.
const QUORUMS: usize = 100;
/// Of how many shares at most: the first ones.
const WIDEST: usize = 16;

/// Places of every `size` of `all` shares.
pub(super) fn quorums(all: usize, size: usize) -> Vec<Vec<usize>> {
    let all = all.min(WIDEST);
    let places =
        |chosen: u32| -> Vec<usize> { (0..all).filter(|place| chosen >> place & 1 == 1).collect() };
    let of_size = (0..1u32 << all).map(places).filter(|one| one.len() == size);
    of_size.take(QUORUMS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quorum_is_tried_and_never_without_end() {
        assert_eq!(quorums(3, 2), [vec![0, 1], vec![0, 2], vec![1, 2]]);
        assert_eq!(quorums(2, 2), [vec![0, 1]]);
        assert!(quorums(1, 2).is_empty());
        assert_eq!(quorums(200, 8).len(), QUORUMS);
    }
}
