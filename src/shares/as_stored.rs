//! Whether each share is still what its custodian was given, by the digests in the diary, where there is one here.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use crate::checkpoint::{self, Diary, Rehearsed};
use crate::config::Config;
use crate::custodian::{self, Custodian, Observation, Stored};
use crate::edge::custodians;
use crate::finding::{Finding, NewShares};
use crate::shares::exercised::given_elsewhere;
use crate::shares::key_set;

/// What is there now, and whose share it is by its digest, where that is known.
pub(crate) type Observed = (Observation, Option<String>);

/// What is there now beside what was recorded: as it was stored, or as it was when a rehearsal fetched it from there and it was
/// a share of the key.
pub(crate) async fn observed(
    custodian: &Custodian,
    (stored, diary): (&Stored, &Diary),
    rehearsed: Option<&Rehearsed>,
) -> Result<Observed, custodian::Error> {
    let name = custodian.name();
    let how = match custodian.observe(stored).await? {
        Observation::Changed(how) => how,
        Observation::Same => return Ok((Observation::Same, Some(name.to_owned()))),
        Observation::Missing => return Ok((Observation::Missing, None)),
    };
    if let Some(then) = rehearsed.and_then(|one| one.put_back.get(name))
        && custodian.observe(then).await? == Observation::Same
    {
        return Ok((Observation::Same, Some(name.to_owned())));
    }
    let owner = owner(custodian, diary).await;
    let how = match &owner {
        Some(owner) => {
            format!("{how}: it is the share of {owner}: put each back under its own name")
        }
        None => how,
    };
    Ok((Observation::Changed(how), owner))
}

/// The other custodian whose share, by its digest, is kept under the name of this one.
async fn owner(custodian: &Custodian, diary: &Diary) -> Option<String> {
    let digest = custodian.presence().await.ok()??.digest?;
    let mut others = diary.shares.iter().filter(|(name, record)| {
        let stored = record.stored.as_ref();
        let same = stored.and_then(|stored| stored.digest.as_ref()) == Some(&digest);
        same && name.as_str() != custodian.name()
    });
    others.next().map(|(name, _)| name.clone())
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
    let (known, rehearsed) = (&diary, rehearsed.as_ref());
    let looks = opened.iter().map(|custodian| async move {
        let stored = known.stored(custodian.name())?;
        Some((
            custodian,
            observed(custodian, (stored, known), rehearsed).await,
        ))
    });
    let looks: Vec<_> = join_all(looks).await.into_iter().flatten().collect();
    // As apply counts: who was not seen may have theirs, and who gave it elsewhere has it.
    let mut left: BTreeSet<String> = given_elsewhere(&diary, &config.checkpoint.path)
        .unwrap_or_default()
        .into_iter()
        .collect();
    for (custodian, look) in &looks {
        left.extend(match look {
            Ok((_, owner)) => owner.clone(),
            Err(_) => Some(custodian.name().to_owned()),
        });
    }
    let is_open = |name: &str| opened.iter().any(|one| one.name() == name);
    let all = config.init.custodians.iter().map(|one| &one.name);
    left.extend(all.filter(|name| !is_open(name)).cloned());
    let enough = u32::try_from(left.len()).is_ok_and(|left| left >= config.init.threshold);
    let by = NewShares::of(diary.handed_over(), enough);
    let changed = looks
        .into_iter()
        .filter_map(|(custodian, look)| match look {
            Ok((Observation::Changed(how), _)) => {
                let (place, name) = (custodian.address(), custodian.name().to_owned());
                Some((name.clone(), Finding::ShareChanged(place, name, how, by)))
            }
            _ => None,
        });
    let changed: Vec<_> = changed.collect();
    let of_another = |one: &Custodian| {
        let finding = key_set::of_another_key(&diary, one, config)?;
        Some((one.name().to_owned(), finding))
    };
    let of_another = opened.iter().filter_map(of_another);
    changed.into_iter().chain(of_another).collect()
}
