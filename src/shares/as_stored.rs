//! Whether each share is still what its custodian was given, by the digests in the diary, where there is one here.

use std::collections::BTreeMap;

use futures::future::join_all;

use crate::checkpoint::{self, Rehearsed};
use crate::config::Config;
use crate::custodian::{self, Custodian, Observation, Stored};
use crate::edge::custodians;
use crate::finding::Finding;
use crate::shares::key_set;

/// What is there now beside what was recorded: as it was stored, or as it was when a rehearsal fetched it from there and it was
/// a share of the key.
pub(crate) async fn observed(
    custodian: &Custodian,
    stored: &Stored,
    rehearsed: Option<&Rehearsed>,
) -> Result<Observation, custodian::Error> {
    let found = custodian.observe(stored).await?;
    let then = rehearsed.and_then(|one| one.put_back.get(custodian.name()));
    if let (Observation::Changed(_), Some(then)) = (&found, then)
        && custodian.observe(then).await? == Observation::Same
    {
        return Ok(Observation::Same);
    }
    Ok(found)
}

/// What is where shares are kept that are not as they were stored, by custodian.
pub(crate) async fn put_back(config: &Config) -> BTreeMap<String, Stored> {
    let Ok(Some(diary)) = checkpoint::read_diary(&config.checkpoint.path) else {
        return BTreeMap::new();
    };
    let mut found = BTreeMap::new();
    for custodian in custodians::all(config, &mut Vec::new()).await {
        let name = custodian.name();
        let Some(stored) = diary.stored(name) else {
            continue;
        };
        if let Ok(Observation::Changed(_)) = custodian.observe(stored).await
            && let Ok(Some(now)) = custodian.presence().await
        {
            found.insert(name.to_owned(), now);
        }
    }
    found
}

/// A finding for each share that is not as it was stored, with its custodian. Nothing is said of one that cannot be looked at: whoever asks
/// for it finds out.
pub(crate) async fn changed(config: &Config) -> Vec<(String, Finding)> {
    let Ok(Some(diary)) = checkpoint::read_diary(&config.checkpoint.path) else {
        return Vec::new();
    };
    let rehearsed = Rehearsed::last(&config.checkpoint.path).ok().flatten();
    let opened = custodians::all(config, &mut Vec::new()).await;
    let looks = opened.iter().map(|custodian| async {
        let stored = diary.stored(custodian.name())?;
        match observed(custodian, stored, rehearsed.as_ref()).await {
            Ok(Observation::Changed(how)) => {
                let (place, name) = (custodian.address(), custodian.name().to_owned());
                Some((name.clone(), Finding::ShareChanged(place, name, how, true)))
            }
            _ => None,
        }
    });
    let changed: Vec<_> = join_all(looks).await.into_iter().flatten().collect();
    let of_another = |one: &Custodian| {
        let finding = key_set::of_another_key(&diary, one, config)?;
        Some((one.name().to_owned(), finding))
    };
    let of_another = opened.iter().filter_map(of_another);
    changed.into_iter().chain(of_another).collect()
}
