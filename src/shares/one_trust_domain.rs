//! Shares that one key or account opens: fewer people than the threshold says have a quorum.

use crate::config::Init;
use crate::custodian::{Custodian, SharedTrust, shared_trust};
use crate::finding::Finding;

/// A finding for each key or account that opens several shares, where the file does not accept that by name.
pub(crate) fn findings(custodians: &[Custodian], init: &Init) -> Vec<Finding> {
    let domains = |custodian: &Custodian| (custodian.name().to_owned(), custodian.trust_domain());
    let kept: Vec<_> = custodians.iter().map(domains).collect();
    let accepted = |shared: &SharedTrust| {
        let mut names = shared.custodians.iter();
        names.all(|name| init.accept_one_trust_domain.contains(name))
    };
    let found = shared_trust(&kept, init.threshold).into_iter();
    found
        .filter(|shared| !accepted(shared))
        .map(|shared| Finding::OneTrustDomain(shared.domains, shared.custodians, init.threshold))
        .collect()
}
