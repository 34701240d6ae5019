//! Who could open several shares alone. Pure: it only looks at names.

use std::collections::BTreeMap;

/// What opens a share, together with others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrustDomain {
    /// The key of a person: whoever has two shares under one counts as two holders.
    HoldersKey(String),
    /// An account or a key that machines use.
    Machines(String),
}

impl TrustDomain {
    fn text(&self) -> &str {
        match self {
            Self::HoldersKey(text) | Self::Machines(text) => text,
        }
    }
}

/// Shares that one trust domain opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedTrust {
    /// What opens them: domains that hold the same custodians stand together.
    pub domains: Vec<String>,
    /// Whose shares they are.
    pub custodians: Vec<String>,
}

/// Each key of a holder that opens several shares, and each other domain that opens `threshold` of them or more. `kept` is
/// one entry per custodian: its name and its domains.
pub fn shared_trust(kept: &[(String, Vec<TrustDomain>)], threshold: u32) -> Vec<SharedTrust> {
    let mut holders: BTreeMap<&TrustDomain, Vec<&str>> = BTreeMap::new();
    for (name, domains) in kept {
        for domain in domains {
            let names = holders.entry(domain).or_default();
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    let quorum = usize::try_from(threshold).unwrap_or(usize::MAX);
    let mut groups: Vec<SharedTrust> = Vec::new();
    for (domain, names) in holders {
        let is_a_quorum = names.len() >= quorum;
        let of_a_holder = matches!(domain, TrustDomain::HoldersKey(_));
        if names.len() < 2 || !(is_a_quorum || of_a_holder) {
            continue;
        }
        let text = domain.text().to_owned();
        match groups.iter_mut().find(|group| group.custodians == names) {
            Some(group) => group.domains.push(text),
            None => groups.push(SharedTrust {
                domains: vec![text],
                custodians: names.into_iter().map(str::to_owned).collect(),
            }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::TrustDomain::{HoldersKey, Machines};
    use super::*;

    fn found(entries: &[(&str, &[TrustDomain])], threshold: u32) -> Vec<SharedTrust> {
        let kept: Vec<_> = entries
            .iter()
            .map(|(name, domains)| ((*name).to_owned(), domains.to_vec()))
            .collect();
        shared_trust(&kept, threshold)
    }

    fn account(number: u8) -> TrustDomain {
        Machines(format!("AWS account {number}"))
    }

    fn key(name: &str) -> TrustDomain {
        Machines(format!("KMS key {name}"))
    }

    fn recipient(name: &str) -> TrustDomain {
        HoldersKey(format!("age recipient {name}"))
    }

    #[test]
    fn a_domain_with_a_quorum_is_named_with_its_custodians() {
        let found = found(
            &[
                ("alice", &[account(1), key("a")]),
                ("bob", &[account(1), key("a")]),
                ("carol", &[recipient("age1c")]),
            ],
            2,
        );
        let expected = SharedTrust {
            domains: vec!["AWS account 1".into(), "KMS key a".into()],
            custodians: vec!["alice".into(), "bob".into()],
        };
        assert_eq!(found, [expected]);
    }

    #[test]
    fn an_account_with_a_quorum_counts_although_its_keys_differ() {
        let kept: [(&str, &[TrustDomain]); 2] = [
            ("alice", &[account(1), key("a")]),
            ("bob", &[account(1), key("b")]),
        ];
        assert_eq!(found(&kept, 2).len(), 1);
    }

    #[test]
    fn one_holder_with_two_shares_is_found_below_the_quorum_too_and_an_account_is_not() {
        let kept: [(&str, &[TrustDomain]); 4] = [
            ("alice", &[account(1)]),
            ("bob", &[account(1)]),
            ("carol", &[recipient("age1c")]),
            ("dave", &[recipient("age1c")]),
        ];
        let found = found(&kept, 3);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].custodians, ["carol", "dave"]);
    }

    #[test]
    fn the_only_share_is_one_that_its_holder_opens() {
        assert_eq!(found(&[("alice", &[recipient("age1a")])], 1), []);
    }
}
