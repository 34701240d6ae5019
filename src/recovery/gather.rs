//! Shares back from their custodians, old or new: machines first, so that no person is called in vain.

use crate::code::Code;
use crate::config::Init;
use crate::custodian::Custodian;
use crate::failure::{Exit, Failure};
use crate::recovery::desired::verb;
use crate::recovery::run::{Run, ask};
use crate::secret::Share;
use crate::shares::{fetch, trial};

/// A share in hand, and whose it is.
pub(super) struct Held {
    pub(super) name: String,
    pub(super) share: Share,
    /// A person typed it, and may have read another one.
    pub(super) typed: bool,
}

/// What came back so far, and who was not asked yet.
pub(super) struct Gathered<'a> {
    pub(super) held: Vec<Held>,
    rest: std::vec::IntoIter<&'a Custodian>,
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
            rest: order.into_iter(),
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
        for custodian in self.rest.by_ref() {
            let mut ask = ask(run.config, &verb, self.shares);
            ask.may_skip = true;
            match fetch::share(&ask, custodian, &run.opened.identities).await {
                Ok((share, typed)) => {
                    let name = custodian.name().to_owned();
                    self.held.push(Held { name, share, typed });
                    return Ok(true);
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
                format!("only {have} of the {enough} {which} shares of a quorum can be had"),
            )
            .advise(format!(
                "bring the others to where {from} and {file} say, or their keys here by --identity"
            )),
        );
        Failure::all(failures)
            .unwrap_or_else(|| Failure::failed(Code::TooFewShares, "no share can be had"))
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
