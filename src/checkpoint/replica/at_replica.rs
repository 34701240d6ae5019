//! What the replica of a checkpoint knows, for whoever only looks.

use crate::checkpoint::replica::evidence::last_rehearsal;
use crate::checkpoint::replica::lease::diary_of;
use crate::checkpoint::replica::looking;
use crate::checkpoint::{self, Checkpoint, Diary, Rehearsed};
use crate::config::Config;
use crate::edge::failures::of_replica;
use crate::event::LeaseHolder;
use crate::failure::Failure;
use crate::replica::Documents;

/// What was found there.
#[derive(Default)]
pub(crate) struct AtReplica {
    /// All of it, in words.
    pub(crate) words: String,
    pub(crate) diary: Option<Diary>,
    /// Whose run holds it.
    pub(crate) lease: Option<LeaseHolder>,
    /// The last rehearsal that passed. Its evidence is there too.
    pub(crate) rehearsed: Option<Rehearsed>,
}

/// Looks. Takes no lease. Why nothing could be seen is in words too.
pub(crate) async fn look(config: &Config) -> Option<AtReplica> {
    match Box::pin(seen(config)).await {
        Ok(seen) => seen,
        Err(failure) => Some(AtReplica {
            words: failure.to_string(),
            ..AtReplica::default()
        }),
    }
}

impl AtReplica {
    /// The later one of the last rehearsal that is known there and this one.
    pub(crate) fn later_rehearsal(&mut self, here: Option<Rehearsed>) -> Option<Rehearsed> {
        match (self.rehearsed.take(), here) {
            (Some(there), Some(here)) if here.at >= there.at => Some(here),
            (there, here) => there.or(here),
        }
    }
}

async fn rehearsed(
    config: &Config,
    cluster_id: Option<&str>,
) -> Result<Option<(Rehearsed, Documents)>, Failure> {
    match looking::look_at_evidence(config).await? {
        Some(replica) => last_rehearsal(&replica, cluster_id).await,
        None => Ok(None),
    }
}

async fn seen(config: &Config) -> Result<Option<AtReplica>, Failure> {
    let Some(replica) = looking::look_at(config).await? else {
        return Ok(None);
    };
    let found = replica.look().await.map_err(of_replica)?;
    let address = replica.address();
    let diary = diary_of(&replica, &found).await?;
    let kept = match &found.commit {
        None => "nothing yet".to_owned(),
        Some(commit) if commit.secrets.is_some() => format!("of {}, with secrets", commit.written),
        Some(commit) => format!("of {}, without secrets", commit.written),
    };
    let held = match &found.lease {
        Some((_, lease)) => format!(
            "; held by {} since {}, to be taken over as {}",
            lease.owner, lease.at, lease.id
        ),
        None => String::new(),
    };
    let lease = match found.lease {
        Some((_, lease)) => Some(LeaseHolder {
            here: Checkpoint::has_lease(&config.checkpoint.path, &lease)?,
            id: lease.id,
            owner: lease.owner,
            at: lease.at,
        }),
        None => None,
    };
    let mut words = format!("{address}: {kept}{held}");
    let local = checkpoint::read_diary(&config.checkpoint.path)
        .ok()
        .flatten();
    let known = [local.as_ref(), diary.as_ref()];
    let id = (known.into_iter().flatten()).find_map(|one| one.cluster.cluster_id.as_deref());
    let rehearsed = match rehearsed(config, id).await {
        Ok(last) => last.map(|(mut rehearsed, _)| {
            let name = rehearsed.evidence.display();
            rehearsed.evidence = format!("{name}, at {address}").into();
            rehearsed
        }),
        Err(failure) => {
            words.push_str(&format!("; {failure}"));
            None
        }
    };
    Ok(Some(AtReplica {
        words,
        diary,
        lease,
        rehearsed,
    }))
}
