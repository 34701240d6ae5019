//! Who could open a quorum alone. Pure: it only looks at names.

use std::collections::BTreeMap;

/// Warns about each trust domain that holds `threshold` shares or more. `kept` is one entry per
/// custodian: its name and its domains. Domains that hold the same custodians share a warning.
pub fn trust_warnings(kept: &[(String, Vec<String>)], threshold: u32) -> Vec<String> {
    let mut holders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, domains) in kept {
        for domain in domains {
            let names = holders.entry(domain).or_default();
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    let quorum = usize::try_from(threshold).unwrap_or(usize::MAX).max(1);
    let mut groups: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
    for (domain, names) in holders.into_iter().filter(|(_, n)| n.len() >= quorum) {
        match groups.iter_mut().find(|(group, _)| *group == names) {
            Some((_, domains)) => domains.push(domain),
            None => groups.push((names, vec![domain])),
        }
    }
    let warning = |(names, domains): (Vec<&str>, Vec<&str>)| {
        format!(
            "{} holds {} of the shares ({}), and {threshold} are a quorum: \
             who opens one of them opens all of them",
            domains.join(" with "),
            names.len(),
            names.join(", ")
        )
    };
    groups.into_iter().map(warning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(entries: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
        let owned = |domains: &[&str]| domains.iter().map(ToString::to_string).collect();
        let pairs = entries.iter().map(|(n, d)| ((*n).to_string(), owned(d)));
        pairs.collect()
    }

    #[test]
    fn a_domain_with_a_quorum_is_named_with_its_custodians() {
        let kept = kept(&[
            ("alice", &["AWS account 1", "KMS key a"]),
            ("bob", &["AWS account 1", "KMS key a"]),
            ("carol", &["age recipient age1c"]),
        ]);
        let warnings = trust_warnings(&kept, 2);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with(
            "AWS account 1 with KMS key a holds 2 of the shares (alice, bob), and 2 are a quorum"
        ));
    }

    #[test]
    fn an_account_with_a_quorum_counts_although_its_keys_differ() {
        let kept = kept(&[
            ("alice", &["AWS account 1", "KMS key a"]),
            ("bob", &["AWS account 1", "KMS key b"]),
        ]);
        assert_eq!(trust_warnings(&kept, 2).len(), 1);
    }

    #[test]
    fn separate_domains_and_domains_below_the_quorum_are_silent() {
        let kept = kept(&[
            ("alice", &["AWS account 1"]),
            ("bob", &["AWS account 1"]),
            ("carol", &["age recipient age1c"]),
        ]);
        assert!(trust_warnings(&kept, 3).is_empty());
    }
}
