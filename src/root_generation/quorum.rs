//! Which shares are tried together.

use crate::code::Code;
use crate::failure::Failure;
use crate::root_generation::attempt::Held;

/// Shares that make a root token together.
#[derive(Clone)]
pub struct Quorum<'q> {
    /// In hand.
    pub here: Vec<&'q Held>,
    /// Whose holders give theirs from machines of their own.
    pub elsewhere: Vec<&'q str>,
}

impl<'q> Quorum<'q> {
    /// All of it in hand.
    pub fn in_hand(held: &'q [Held]) -> Self {
        Self {
            here: held.iter().collect(),
            elsewhere: Vec::new(),
        }
    }

    /// Whose shares these are.
    pub fn names(&self) -> Vec<&'q str> {
        let here = self.here.iter().map(|held| held.name.as_str());
        here.chain(self.elsewhere.iter().copied()).collect()
    }
}

/// Quorums of `threshold` shares in which all of them are, as [`covering`] chooses them.
///
/// # Errors
/// There are none. Whoever gives the last share receives the token.
pub fn quorums<'q>(
    held: &'q [Held],
    elsewhere: &'q [String],
    threshold: usize,
) -> Result<Vec<Quorum<'q>>, Failure> {
    let quorum = |places: Vec<usize>| Quorum {
        here: places.iter().filter_map(|&place| held.get(place)).collect(),
        elsewhere: places
            .iter()
            .filter_map(|place| place.checked_sub(held.len()))
            .map(|place| elsewhere[place].as_str())
            .collect(),
    };
    let places = covering(held.len(), elsewhere.len(), threshold);
    if places.is_empty() {
        return Err(Failure::refused(
            Code::TooFewShares,
            "each quorum needs a share that is given from here, and the last one: there is none for holders elsewhere",
        ));
    }
    Ok(places.into_iter().map(quorum).collect())
}

/// As few quorums of `threshold` shares as it takes for every share to be in one, where the first `here` shares, numbered
/// from 0, are at hand and the `elsewhere` ones after them are given by their holders. Whoever gives the last share
/// receives the token: each quorum has a share of here. Holders elsewhere are called as seldom as that allows. Empty
/// where there is no such way.
///
/// Nobody knows of a share that was never used whether it opens anything.
fn covering(here: usize, elsewhere: usize, threshold: usize) -> Vec<Vec<usize>> {
    let all = here + elsewhere;
    let alone = elsewhere > 0 && (here == 0 || threshold < 2);
    if threshold == 0 || threshold > all || alone {
        return Vec::new();
    }
    let of_elsewhere = if elsewhere == 0 {
        0
    } else {
        elsewhere.div_ceil(threshold - 1)
    };
    let quorums = all.div_ceil(threshold).max(of_elsewhere);
    // Shares take their turns.
    let (mut from_here, mut from_elsewhere) = ((0..here).cycle(), (here..all).cycle());
    let quorum = |number: usize| {
        // Spread evenly, and more of them only where too few are here.
        let even = elsewhere / quorums + usize::from(number < elsewhere % quorums);
        let called = even.max(threshold.saturating_sub(here));
        let mut places: Vec<_> = from_here.by_ref().take(threshold - called).collect();
        places.extend(from_elsewhere.by_ref().take(called));
        places.sort_unstable();
        places
    };
    (0..quorums).map(quorum).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_share_is_in_a_quorum_and_no_quorum_has_one_twice() {
        for here in 1..=12 {
            for elsewhere in 0..=12 {
                for threshold in 1..=here + elsewhere {
                    let quorums = covering(here, elsewhere, threshold);
                    let text = format!("{here} here, {elsewhere} elsewhere, {threshold}");
                    if elsewhere > 0 && threshold == 1 {
                        assert!(quorums.is_empty(), "{text}");
                        continue;
                    }
                    for quorum in &quorums {
                        let once: BTreeSet<_> = quorum.iter().collect();
                        assert_eq!((once.len(), quorum.len()), (threshold, threshold), "{text}");
                        assert!(quorum[0] < here, "{text}: nobody is here");
                    }
                    let least = (here + elsewhere).div_ceil(threshold);
                    assert!(quorums.len() >= least, "{text}");
                    let all: BTreeSet<_> = quorums.into_iter().flatten().collect();
                    assert_eq!(all.len(), here + elsewhere, "{text}");
                }
            }
        }
    }

    #[test]
    fn five_shares_of_which_three_open_need_two_quorums() {
        assert_eq!(covering(5, 0, 3), [vec![0, 1, 2], vec![0, 3, 4]]);
        assert_eq!(covering(3, 0, 3), [vec![0, 1, 2]]);
        assert!(covering(2, 0, 3).is_empty() && covering(2, 0, 0).is_empty());
    }

    #[test]
    fn holders_elsewhere_are_called_once_where_enough_are_here() {
        assert_eq!(covering(1, 4, 3), [vec![0, 1, 2], vec![0, 3, 4]]);
        assert_eq!(covering(1, 2, 2), [vec![0, 1], vec![0, 2]]);
        assert_eq!(covering(4, 1, 3), [vec![0, 1, 4], vec![0, 2, 3]]);
        assert!(covering(0, 3, 2).is_empty());
    }
}
