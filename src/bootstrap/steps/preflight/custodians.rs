//! What preflight asks of those who will keep the shares.

use crate::bootstrap::ceremony::Ceremony;
use crate::code::Code;
use crate::custodian::{self, Custodian, Opener};
use crate::failure::Failure;
use crate::finding::Finding;
use crate::shares::proofs::Proofs;
use crate::shares::{one_trust_domain, trial};
use crate::vault::sys::SealStatus;

/// A share is about 50 letters and stands in an answer twice; what is around them is short.
const BYTES_A_SHARE: usize = 200;
/// The same of one that is encrypted to a PGP key, besides what a long key adds.
const BYTES_A_MESSAGE: usize = 1024;

/// Tries every custodian and looks that every final name is free. Returns the names of those where
/// this very process opened something, which proves them.
pub(super) async fn try_all(ceremony: &Ceremony<'_>, failures: &mut Vec<Failure>) -> Vec<String> {
    let trial = match trial_name(ceremony) {
        Ok(trial) => trial,
        Err(failure) => {
            failures.push(failure);
            return Vec::new();
        }
    };
    let names = (&*format!("{trial}-"), "choose another name in the file");
    let events = ceremony.caller.events;
    let opened = trial::try_all(&ceremony.custodians, names, |_| false, events, failures).await;
    let by_machine = opened
        .into_iter()
        .filter(|custodian| custodian.opens_by_machine());
    by_machine
        .map(|custodian| custodian.name().to_owned())
        .collect()
}

/// What the trial values of this checkpoint are called. On disk before the first of them is made, so that the
/// next run takes away what a killed one left.
fn trial_name(ceremony: &Ceremony<'_>) -> Result<String, Failure> {
    let known = ceremony.diary().trial.clone();
    if let Some(known) = known {
        return Ok(known);
    }
    let new = custodian::trial_name()?;
    let noted = new.clone();
    ceremony.records.record(|diary| diary.trial = Some(noted))?;
    Ok(new)
}

/// Who proved what and when, for the report: a holder beforehand, or a machine just now.
pub(super) fn proved_at(ceremony: &Ceremony<'_>, tried: &[String]) -> Vec<serde_json::Value> {
    let diary = ceremony.diary();
    let proofs = &diary.proofs;
    let line = |custodian: &Custodian| {
        let (name, subject) = (custodian.name(), custodian.proof_subject());
        if tried.iter().any(|tried| tried == name) {
            return Some(serde_json::json!({"name": name, "subject": subject, "by": "machine"}));
        }
        let proof = proofs.get(name).filter(|proof| proof.subject == subject)?;
        let at = &proof.at;
        Some(serde_json::json!({"name": name, "subject": subject, "by": "holder", "at": at}))
    };
    ceremony.custodians.iter().filter_map(line).collect()
}

/// Encrypting to a wrong recipient loses a share silently: enough holders must have opened something.
pub(super) fn proofs(ceremony: &Ceremony<'_>, opened: &[String], failures: &mut Vec<Failure>) {
    let opened = |one: &Custodian| opened.iter().any(|name| name == one.name());
    let proofs = Proofs::of(
        &ceremony.custodians,
        ceremony.config,
        &ceremony.diary(),
        opened,
    );
    if let Some(failure) = proofs.too_few(ceremony.config) {
        failures.push(failure);
        return;
    }
    for name in proofs.taken {
        ceremony.find(Finding::AcceptedUnproved(name));
    }
    // What a machine did not open has failed, which is said; no holder could.
    let machine = |name: &String| {
        let mut all = ceremony.custodians.iter();
        all.any(|one| one.name() == name && one.opens_by_machine())
    };
    for name in proofs.open.into_iter().filter(|name| !machine(name)) {
        ceremony.find(Finding::Unproved(name));
    }
}

/// Said before anything is initialised; until the file accepts it or names others, every run finds it.
pub(super) fn trust(ceremony: &Ceremony<'_>) {
    for finding in one_trust_domain::findings(&ceremony.custodians, &ceremony.config.init) {
        ceremony.warn(finding.code(), finding.to_string());
    }
}

/// Who has PGP keys may count on it that nobody but the holders ever sees a share; where that is not so, it is said.
pub(super) fn who_sees_the_shares(ceremony: &Ceremony<'_>, seal: Option<&SealStatus>) {
    let with_pgp = |custodian: &&Custodian| custodian.opener() == Opener::Gpg;
    let all = ceremony.custodians.len();
    let some = ceremony.custodians.iter().filter(with_pgp).count();
    let Some(seal) = seal.filter(|_| some > 0) else {
        return;
    };
    let why = if !seal.recovery_seal {
        format!(
            "the seal is {}, and this program unseals with the shares",
            seal.seal_type
        )
    } else if some < all {
        "not all custodians have a PGP key".to_owned()
    } else {
        return;
    };
    ceremony.warn(Code::SharesInClear, format!(
        "{why}: the server hands the shares out in clear, and this program encrypts them to the PGP keys"
    ));
}

/// At most this long are the shares in the server's answer. A message is shorter than the key it is encrypted to, but
/// for what it has anyway, and stands there in base64 and in hexadecimal.
pub(super) fn bytes_of_shares(ceremony: &Ceremony<'_>) -> usize {
    let bytes = |custodian: &Custodian| {
        let key = custodian.key_for_the_server();
        key.map_or(BYTES_A_SHARE, |(_, key)| BYTES_A_MESSAGE + 2 * key.len())
    };
    ceremony.custodians.iter().map(bytes).sum()
}
