//! Taking over a cluster that somebody else has initialised: the file says which it is, and a login of the file opens.

use crate::checkpoint::{self, ReplicatedCheckpoint};
use crate::code::Code;
use crate::config::Config;
use crate::edge::cluster;
use crate::event::Adopted;
use crate::failure::Failure;
use crate::session::cluster_identity::{key, where_the_id_is};
use crate::step::Step;
use crate::step::decide::Recorded;
use crate::vault::sys;

/// Whether the cluster of the file is initialised, asked without a token.
///
/// # Errors
/// It does not answer.
pub(crate) async fn is_initialised(config: &Config) -> Result<bool, Failure> {
    let health = sys::health(&cluster::open(config).await?).await?;
    Ok(health.initialized)
}

/// Where this checkpoint has begun nothing and a login was typed, takes over the cluster that is there. It is on the disk
/// with the first record after the login has opened.
///
/// # Errors
/// The server does not answer, or the file does not say which cluster it is.
pub(crate) async fn begin(
    config: &Config,
    login: Option<&str>,
    records: &ReplicatedCheckpoint,
) -> Result<(), Failure> {
    let begun = records.diary().recorded(Step::Initialize) != Recorded::Nothing;
    let Some(login) = login.filter(|_| !begun) else {
        return Ok(());
    };
    if !is_initialised(config).await? {
        return Ok(());
    }
    let Some(id) = config.cluster.id.clone() else {
        let address = key(&config.cluster.address);
        return Err(Failure::refused(
            Code::AlreadyInitialised,
            format!(
                "{address} is initialised, but not by this checkpoint ({}), and the file does not say which cluster it is",
                config.checkpoint.path.display()
            ),
        )
        .advise(format!(
            "to take it over, write its cluster.id into the file; {}",
            where_the_id_is(&address)
        )));
    };
    let adopted = Adopted {
        at: checkpoint::now(),
        login: login.to_owned(),
    };
    records.borrow_mut().amend(|diary| {
        diary.adopted = Some(adopted);
        diary.cluster.cluster_id = Some(id);
    });
    Ok(())
}

/// No login has opened: nothing was taken over by this run.
pub(crate) fn undo(config: &Config, records: &ReplicatedCheckpoint) {
    if records.diary().adopted.is_none() {
        return;
    }
    let before = checkpoint::read_diary(&config.checkpoint.path);
    let before = before.ok().flatten().unwrap_or_default();
    records.borrow_mut().amend(|diary| {
        diary.adopted = before.adopted;
        diary.cluster.cluster_id = before.cluster.cluster_id;
    });
}
