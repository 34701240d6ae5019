//! Who we are to the server: root while it lives, afterwards the first declared login that needs no
//! person.

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::root::root_lives;
use crate::bootstrap::steps::initialize;
use crate::bootstrap::steps::revoke_root::revocation_proof;
use crate::failure::Failure;
use crate::session::Authority;
use crate::step::Step;
use crate::step::decide::Recorded;

/// Takes up root from the checkpoint, or logs in where root is gone.
///
/// # Errors
/// The checkpoint's key does not open it, the root token died by another hand, or no login opens.
pub(super) async fn begin(ceremony: &mut Ceremony<'_>) -> Result<(), Failure> {
    if matches!(ceremony.authority, Authority::None) {
        initialize::take_up(ceremony).await?;
    }
    let revoked = ceremony.diary().recorded(Step::RevokeRoot);
    if let Authority::Root(root) = &ceremony.authority {
        // Only a revocation that was begun can have killed it; before that the question is not asked,
        // since the node may not be active yet.
        if revoked == Recorded::Nothing {
            return Ok(());
        }
        if root_lives(ceremony, root).await? {
            return Ok(());
        }
        ceremony.authority = Authority::None;
    }
    if revoked == Recorded::Nothing {
        let directory = ceremony.records.borrow().directory().display().to_string();
        return Err(Failure::refused(format!(
            "the checkpoint {directory} holds no root token, and root was not revoked by it"
        ))
        .advise("restore the checkpoint directory from where it was copied last"));
    }
    log_in(ceremony).await
}

async fn log_in(ceremony: &mut Ceremony<'_>) -> Result<(), Failure> {
    ceremony.cluster.find_active().await?;
    let mut failures = Vec::new();
    let unattended = revocation_proof::in_order(ceremony.config);
    for login in unattended.into_iter().filter(|l| !l.needs_a_person()) {
        match ceremony.open(login, &ceremony.client()).await {
            Ok(login) => {
                ceremony.note(format!("root is revoked; looking as {}", login.name));
                ceremony.authority = Authority::Login(Box::new(login));
                return Ok(());
            }
            Err(failure) => failures.push(failure),
        }
    }
    let handed_over = ceremony.diary().handed_over();
    match Failure::all(failures) {
        Some(failure) if handed_over => Err(failure),
        // Nobody can mend it as root any more, and what is left to do needs no login.
        Some(failure) => {
            ceremony.note(format!(
                "root is revoked, and nothing is re-checked: {failure}"
            ));
            Ok(())
        }
        None => {
            ceremony.note("every login needs a person: nothing is re-checked");
            Ok(())
        }
    }
}

/// Ends the tokens of our logins.
pub(super) async fn close(ceremony: &mut Ceremony<'_>) {
    let (client, events) = (ceremony.client(), ceremony.caller.events);
    if let Some(login) = ceremony.control_login.take() {
        login.end(&client, events).await;
    }
    if let Authority::Login(login) = std::mem::replace(&mut ceremony.authority, Authority::None) {
        login.end(&client, events).await;
    }
}
