//! Who we are to the server: root while it lives, afterwards the first declared login that needs no
//! person.

use super::ceremony::{Ceremony, Session};
use super::decide::Recorded;
use super::step::Step;
use super::steps::initialize;
use super::{doors, grant};
use crate::config::Login;
use crate::door;
use crate::failure::Failure;
use crate::vault::sys::{self, Health};
use crate::vault::{self, Client, token};

/// Takes up root from the checkpoint, or logs in where root is gone.
///
/// # Errors
/// The checkpoint's key does not open it, the root token died by another hand, or no login opens.
pub(super) async fn begin(ceremony: &mut Ceremony<'_>) -> Result<(), Failure> {
    if matches!(ceremony.session, Session::None) {
        initialize::take_up(ceremony).await?;
    }
    let revoked = ceremony.diary().diary().recorded(Step::RevokeRoot);
    if let Session::Root(root) = &ceremony.session {
        // Only a revocation that was begun can have killed it; before that the question is not asked,
        // since the node may not be active yet.
        if revoked == Recorded::Nothing {
            return Ok(());
        }
        find_ours(ceremony).await?;
        match token::lookup_self(&ceremony.at_home(&ceremony.client()), root.token()).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_forbidden() => ceremony.session = Session::None,
            Err(error) => return Err(error.into()),
        }
    }
    if revoked == Recorded::Nothing {
        let directory = ceremony.diary().directory().display().to_string();
        return Err(Failure::refused(format!(
            "the checkpoint {directory} holds no root token, and root was not revoked by it"
        ))
        .advise("restore the checkpoint directory from where it was copied last"));
    }
    log_in(ceremony).await
}

/// The active node, of the cluster that this checkpoint is about: another one behind the same address is
/// shown neither a token nor a password.
async fn find_ours(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    ceremony.find_active().await?;
    same_cluster(ceremony, &sys::health(&ceremony.client()).await?)
}

/// Whether this is the cluster that the checkpoint is about; the same name and address prove nothing.
///
/// # Errors
/// Both ids are known, and they differ.
pub(super) fn same_cluster(ceremony: &Ceremony<'_>, health: &Health) -> Result<(), Failure> {
    let checkpoint = ceremony.diary();
    let directory = checkpoint.directory().display();
    let known = checkpoint.diary().cluster.cluster_id.clone();
    match (known, &health.cluster_id) {
        (Some(known), Some(found)) if known != *found => Err(Failure::refused(format!(
            "{} is cluster {found}, this checkpoint ({directory}) belongs to {known}",
            ceremony.client().address()
        ))
        .advise(format!(
            "check cluster.address, or give this cluster a checkpoint.path of its own; if the old one was \
             wiped: {}",
            ceremony.config.command("apply --abandon")
        ))),
        _ => Ok(()),
    }
}

/// Nobody but us was ever shown this token, and we did not revoke it.
pub(super) fn dead_root(ceremony: &Ceremony<'_>, active: &Client) -> Failure {
    Failure::refused(format!(
        "the root token in the checkpoint is dead at {}, and no run of ours revoked it",
        active.address()
    ))
    .advise(format!(
        "somebody revoked it, or this is another cluster: find out who; while it holds no data, stop it, \
         empty its storage, start it, then: {}",
        ceremony.config.command("apply --abandon")
    ))
}

async fn log_in(ceremony: &mut Ceremony<'_>) -> Result<(), Failure> {
    find_ours(ceremony).await?;
    let mut failures = Vec::new();
    let config = ceremony.config;
    let mut unattended: Vec<_> = config
        .logins
        .iter()
        .filter(|l| !l.needs_a_person())
        .collect();
    // In the order of the file, but an auditor sees most.
    unattended.sort_by_key(|login| !grant::is_auditor(config, login));
    for login in unattended {
        match try_login(ceremony, login).await {
            Ok(session) => {
                ceremony.note(format!("root is gone; looking as {}", login.name));
                let (name, token) = (login.name.clone(), session.token);
                ceremony.session = Session::Login { name, token };
                return Ok(());
            }
            Err(failure) => failures.push(failure),
        }
    }
    match Failure::all(failures) {
        Some(failure) => Err(failure),
        None => {
            ceremony.note("every login needs a person: nothing is re-checked");
            Ok(())
        }
    }
}

async fn try_login(ceremony: &Ceremony<'_>, login: &Login) -> Result<vault::Session, Failure> {
    let door = doors::door(ceremony, login)?;
    Ok(door::open(&ceremony.client(), &door, ceremony).await?)
}

/// Revokes the token of a login of ours.
///
/// # Errors
/// The server does not answer; the token then ends with its own time to live.
pub(super) async fn close(ceremony: &mut Ceremony<'_>) -> Result<(), Failure> {
    let client = ceremony.client();
    if let Some((_, control)) = ceremony.control.take() {
        token::revoke_self(&client, control.token).await?;
    }
    match std::mem::replace(&mut ceremony.session, Session::None) {
        Session::Login { token, .. } => Ok(token::revoke_self(&client, token).await?),
        Session::Root(_) | Session::None => Ok(()),
    }
}
