//! Whether each share is still what its custodian was given, by the digests in the diary, where there is one here.

use futures::future::join_all;

use crate::checkpoint;
use crate::config::Config;
use crate::custodian::{Custodian, Observation};
use crate::edge::custodians;
use crate::finding::Finding;
use crate::shares::key_set;

/// A finding for each share that is not as it was stored, with its custodian. Nothing is said of one that cannot be looked at: whoever asks
/// for it finds out.
pub(crate) async fn changed(config: &Config) -> Vec<(String, Finding)> {
    let Ok(Some(diary)) = checkpoint::read_diary(&config.checkpoint.path) else {
        return Vec::new();
    };
    let opened = custodians::all(config, &mut Vec::new()).await;
    let looks = opened.iter().map(|custodian| async {
        let stored = diary.stored(custodian.name())?;
        match custodian.observe(stored).await {
            Ok(Observation::Changed(how)) => {
                let (place, name) = (custodian.address(), custodian.name().to_owned());
                Some((name.clone(), Finding::ShareChanged(place, name, how)))
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
