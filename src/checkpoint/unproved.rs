//! Custodians that a holder must still prove, as the file and the diary say it.

use crate::checkpoint::Diary;
use crate::config::{Config, Custodian, CustodianKind};

/// The first custodian that a holder must still prove, where fewer than a quorum are: `apply` would
/// refuse.
pub(crate) fn unproved<'a>(config: &'a Config, diary: Option<&Diary>) -> Option<&'a str> {
    let (init, open) = (&config.init, unproved_custodians(config, diary));
    let enough = usize::try_from(init.threshold).unwrap_or(usize::MAX);
    let first = open
        .first()
        .filter(|_| init.custodians.len() - open.len() < enough);
    first.map(|custodian| custodian.name.as_str())
}

/// Custodians that a holder must still prove. Those that are opened by a machine are proved by `apply` itself.
pub(crate) fn unproved_custodians<'a>(
    config: &'a Config,
    diary: Option<&Diary>,
) -> Vec<&'a Custodian> {
    let init = &config.init;
    let is_open = |custodian: &&'a Custodian| {
        // What a proof is about, where the file alone says it.
        let subject = match &custodian.kind {
            CustodianKind::Ssm(_) | CustodianKind::SecretsManager(_) => return false,
            CustodianKind::Age(age) => Some(age.recipient.clone()),
            CustodianKind::Kubernetes(kept) => Some(kept.recipient.clone()),
            CustodianKind::Pgp(pgp) => pgp
                .fingerprint
                .as_ref()
                .map(|fingerprint| fingerprint.split_whitespace().collect()),
        };
        let proof = diary.and_then(|diary| diary.proofs.get(&custodian.name));
        let proved = proof.is_some_and(|proof| {
            subject.is_none_or(|subject: String| proof.subject.eq_ignore_ascii_case(&subject))
        });
        !proved && !init.accept_unproved.contains(&custodian.name)
    };
    init.custodians.iter().filter(is_open).collect()
}
