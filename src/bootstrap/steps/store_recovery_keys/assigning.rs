//! Which custodian gets which share.

use std::collections::BTreeMap;

use crate::bootstrap::ceremony::Ceremony;
use crate::checkpoint::ShareRecord;
use crate::code::Code;
use crate::custodian::Custodian;
use crate::failure::Failure;

/// Which custodian gets which share: decided once and recorded before the first is stored, so that
/// neither a changed order nor a changed name in the file gives one share away twice and another never.
pub(super) fn assign(ceremony: &Ceremony<'_>) -> Result<BTreeMap<String, usize>, Failure> {
    let names: Vec<_> = ceremony
        .custodians
        .iter()
        .map(|c| c.name().to_owned())
        .collect();
    let recorded = ceremony.diary().shares.clone();
    if recorded.is_empty() {
        return assign_first(ceremony);
    }
    let numbers: BTreeMap<_, _> = recorded
        .into_iter()
        .map(|(name, record)| (name, record.number))
        .collect();
    if numbers.len() == names.len() && names.iter().all(|name| numbers.contains_key(name)) {
        return Ok(numbers);
    }
    let before: Vec<_> = numbers.keys().map(String::as_str).collect();
    Err(Failure::refused(Code::SharesNotAsInFile, format!(
        "the shares were assigned to {}, and the file now names {}",
        before.join(", "),
        names.join(", ")
    ))
    .advise("put the names back under init.custodians: each share stays with the name it was assigned to"))
}

/// In the order of the file; but what the server encrypted goes to whom it encrypted it, whatever the file's order is
/// by now.
fn assign_first(ceremony: &Ceremony<'_>) -> Result<BTreeMap<String, usize>, Failure> {
    let mut left: Vec<_> = ceremony.shares.iter().enumerate().collect();
    let (mut numbers, mut failures) = (BTreeMap::new(), Vec::new());
    for custodian in &ceremony.custodians {
        match left.iter().position(|(_, share)| custodian.can_hold(share)) {
            Some(place) => {
                numbers.insert(custodian.name().to_owned(), left.remove(place).0);
            }
            None if left.is_empty() => failures.push(no_share(custodian)),
            None => failures.push(of_another(custodian)),
        }
    }
    Failure::check(failures)?;
    let record = |(name, number): (&String, &usize)| {
        let record = ShareRecord {
            number: *number,
            ..ShareRecord::default()
        };
        (name.clone(), record)
    };
    let records = numbers.iter().map(record).collect();
    ceremony.records.record(|diary| diary.shares = records)?;
    Ok(numbers)
}

fn of_another(custodian: &Custodian) -> Failure {
    Failure::refused(Code::SharesNotAsInFile, format!(
        "none of the shares was encrypted to the key that {} has in the file: the server was given other keys",
        custodian.name()
    ))
    .advise("put init.custodians back to what they were when the cluster was initialised, key files and all")
}

pub(super) fn no_share(custodian: &Custodian) -> Failure {
    Failure::refused(Code::SharesNotAsInFile, format!("the server's answer holds no share for {}", custodian.name()))
        .advise("put init.shares and init.custodians back to what they were when the cluster was initialised")
}
