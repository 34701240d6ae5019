//! Which shares are tried together.

/// As few quorums of `threshold` of `shares` shares, numbered from 0, as it takes for every share to be in one.
/// Nobody knows of a share that was never used whether it opens anything.
#[must_use]
pub fn covering(shares: usize, threshold: usize) -> Vec<Vec<usize>> {
    if threshold == 0 || threshold > shares {
        return Vec::new();
    }
    let quorums = shares.div_ceil(threshold);
    let quorum = |number: usize| {
        let first = number * threshold;
        let mut places: Vec<usize> = (first..first + threshold)
            .map(|place| place % shares)
            .collect();
        places.sort_unstable();
        places
    };
    (0..quorums).map(quorum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_share_is_in_a_quorum_and_no_quorum_has_one_twice() {
        for shares in 1..=20 {
            for threshold in 1..=shares {
                let quorums = covering(shares, threshold);
                assert_eq!(quorums.len(), shares.div_ceil(threshold));
                for quorum in &quorums {
                    let mut once = quorum.clone();
                    once.dedup();
                    assert_eq!(once.len(), threshold, "{shares} of {threshold}");
                }
                let all: std::collections::BTreeSet<_> = quorums.into_iter().flatten().collect();
                assert_eq!(all.len(), shares);
            }
        }
    }

    #[test]
    fn five_shares_of_which_three_open_need_two_quorums() {
        assert_eq!(covering(5, 3), [vec![0, 1, 2], vec![0, 3, 4]]);
        assert_eq!(covering(3, 3), [vec![0, 1, 2]]);
        assert!(covering(2, 3).is_empty() && covering(2, 0).is_empty());
    }
}
