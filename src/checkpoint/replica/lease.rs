//! Who goes on with a ceremony that has a replica: the claim of one directory on one machine.

use crate::backend::Kind;
use crate::config::Config;
use crate::edge::failures::of_replica;
use crate::failure::Failure;
use crate::replica::{Lease, Replica};

/// Makes the claim, or keeps the one that this directory has: its former run is dead, since we hold the lock.
pub(crate) async fn claimed(
    config: &Config,
    replica: &Replica,
    claim: &Lease,
    there: Option<(u32, Lease)>,
    take_over: Option<&str>,
) -> Result<u32, Failure> {
    let number = match &there {
        None => 1,
        Some((number, holder)) if holder.same_owner(claim) => return Ok(*number),
        Some((number, holder)) if take_over == Some(holder.id.as_str()) => number + 1,
        Some((_, holder)) => return Err(held(config, replica, holder)),
    };
    match replica.claim(number, claim).await {
        Ok(()) => Ok(number),
        Err(error) if matches!(error.kind(), Kind::Taken) => {
            let found = replica.look().await.map_err(of_replica)?;
            Err(match &found.claim {
                Some((_, holder)) => held(config, replica, holder),
                None => Failure::failed(format!("{} was claimed for a moment", replica.address()))
                    .advise(config.command("apply")),
            })
        }
        Err(error) => {
            // It may have arrived all the same.
            let _ = replica.release(number, claim).await;
            Err(of_replica(error))
        }
    }
}

/// Takes a claim back that may or may not have been made.
pub(crate) async fn give_up(replica: &Replica, claim: &Lease) -> Result<(), Failure> {
    let found = replica.look().await.map_err(of_replica)?;
    match found.claim {
        Some((number, holder)) if holder.same_owner(claim) => {
            replica.release(number, claim).await.map_err(of_replica)
        }
        _ => Ok(()),
    }
}

/// Somebody else is at it, or was.
pub(crate) fn held(config: &Config, replica: &Replica, holder: &Lease) -> Failure {
    Failure::refused(format!(
        "another run holds {}: {} since {}",
        replica.address(),
        holder.owner,
        holder.at
    ))
    .advise(format!(
        "if it is at work, wait for its end; only if that machine is gone for good, or the run on it was \
         killed: {}",
        config.command(&config.typed.taking_over(&holder.id))
    ))
}
