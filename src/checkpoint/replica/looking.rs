//! The replica that the file names, opened without a lease.

use crate::backend;
use crate::checkpoint::replica::lease::diary_of;
use crate::checkpoint::{Diary, Mark};
use crate::config::{self, Config};
use crate::edge::custodians::to_aws;
use crate::edge::failures::of_replica;
use crate::failure::Failure;
use crate::replica::{Found, Replica};

/// Opens the place that the file names, without a lease.
pub(crate) async fn look_at(config: &Config) -> Result<Option<Replica>, Failure> {
    match &config.checkpoint.replica {
        Some(place) => Ok(Some(open(place).await.map_err(of_replica)?)),
        None => Ok(None),
    }
}

/// Where evidence goes: below that place, so that no listing of a checkpoint ever reads it.
pub(super) async fn look_at_evidence(config: &Config) -> Result<Option<Replica>, Failure> {
    let Some(mut place) = config.checkpoint.replica.clone() else {
        return Ok(None);
    };
    let path = match &mut place {
        config::Replica::Ssm(ssm) => &mut ssm.parameter,
        config::Replica::S3(s3) => &mut s3.prefix,
    };
    *path = format!("{}/evidence", path.trim_end_matches('/'));
    Ok(Some(open(&place).await.map_err(of_replica)?))
}

/// The diary at the place that the file names, if there is one. Takes no lease.
pub(crate) async fn diary_there(config: &Config) -> Result<Option<Diary>, Failure> {
    let Some(replica) = look_at(config).await? else {
        return Ok(None);
    };
    let found = replica.look().await.map_err(of_replica)?;
    diary_of(&replica, &found).await
}

/// Opens the place that the file names.
pub(super) async fn open(place: &config::Replica) -> Result<Replica, backend::Error> {
    match place {
        config::Replica::Ssm(ssm) => {
            let key = ssm.kms_key.as_deref();
            Replica::in_ssm(&ssm.parameter, key, &to_aws(&ssm.aws)).await
        }
        config::Replica::S3(s3) => {
            let below = (s3.bucket.as_str(), s3.prefix.as_str());
            Replica::in_s3(below, s3.kms_key.as_deref(), &to_aws(&s3.aws)).await
        }
    }
}

/// The place, what is there, and what this directory remembers of it.
pub(super) async fn looked(
    place: &config::Replica,
    mark: Option<Mark>,
) -> Result<(Replica, Found, Option<Mark>), backend::Error> {
    let replica = open(place).await?;
    let mark = mark.map(|mark| mark.at(replica.address()));
    if let Some(mark) = &mark {
        let next = mark.next.as_ref().map(|next| next.generation);
        replica.remember(next.unwrap_or(mark.generation));
    }
    let found = replica.look().await?;
    Ok((replica, found, mark))
}
