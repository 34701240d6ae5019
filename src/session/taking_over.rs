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

/// Takes over the cluster that is there, where this checkpoint has begun nothing. It is on the disk with the first record
/// after the login has opened.
///
/// # Errors
/// This checkpoint has a ceremony of its own, the server is not initialised or does not answer, or the file does not say
/// which cluster it is.
pub(crate) async fn begin(
    config: &Config,
    login: &str,
    records: &ReplicatedCheckpoint,
) -> Result<(), Failure> {
    let (diary, keeps) = (records.diary(), records.borrow().keeps_something()?);
    if diary.adopted.is_some() {
        return Ok(());
    }
    let directory = config.checkpoint.path.display();
    if keeps || diary.recorded(Step::Initialize) != Recorded::Nothing {
        return Err(Failure::refused(
            Code::AlreadyInitialised,
            format!(
                "{directory} is the checkpoint of a ceremony, whose cluster needs no taking over"
            ),
        )
        .advise("leave --adopt-cluster out; for another cluster, name another checkpoint.path"));
    }
    if !is_initialised(config).await? {
        let address = key(&config.cluster.address);
        return Err(Failure::refused(
            Code::NotInitialised,
            format!("{address} is not initialised: there is nothing to take over"),
        )
        .advise(format!(
            "see what is to be done: {}",
            config.command("plan")
        )));
    }
    let Some(id) = config.cluster.id.clone() else {
        let address = key(&config.cluster.address);
        return Err(Failure::refused(
            Code::AlreadyInitialised,
            format!(
                "{address} is initialised, but not by this checkpoint ({directory}), and the file does not say which cluster it is"
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
    // One that cannot be read now was readable when the run began.
    let Ok(before) = checkpoint::read_diary(&config.checkpoint.path) else {
        return;
    };
    let before = before.unwrap_or_default();
    records.borrow_mut().amend(|diary| {
        diary.adopted = before.adopted;
        diary.cluster.cluster_id = before.cluster.cluster_id;
    });
}
