//! Who we are to the server: root while it is valid, afterwards the first declared login that needs no
//! person.

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::steps::initialize;
use crate::bootstrap::steps::revoke_root::revocation_proof;
use crate::code::Code;
use crate::config::{Config, Login};
use crate::failure::Failure;
use crate::finding::Finding;
use crate::secret::RootToken;
use crate::session::{Authority, Session};
use crate::step::Step;
use crate::step::decide::Recorded;
use crate::vault::auth::token;
use crate::vault::{Client, sys};

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
        if root_is_valid(ceremony, root).await? {
            return Ok(());
        }
        ceremony.authority = Authority::None;
    }
    if revoked == Recorded::Nothing {
        let directory = ceremony.records.borrow().directory().display().to_string();
        return Err(Failure::refused(
            Code::SecretsMissing,
            format!(
                "the checkpoint {directory} holds no root token, and root was not revoked by it"
            ),
        )
        .advise("restore the checkpoint directory from where it was copied last"));
    }
    log_in(ceremony).await
}

async fn log_in(ceremony: &mut Ceremony<'_>) -> Result<(), Failure> {
    ceremony.cluster.find_active().await?;
    let mut failures: Vec<(String, Failure)> = Vec::new();
    let logins = match &ceremony.options.login {
        Some(name) => vec![named(ceremony.config, name)?],
        None => {
            let mut all = revocation_proof::in_order(ceremony.config);
            all.retain(|login| !login.needs_a_person());
            all
        }
    };
    for login in logins {
        let name = login.name.clone();
        match ceremony.open(login, &ceremony.client()).await {
            Ok(login) => {
                for (name, failure) in &failures {
                    ceremony.find(closed(name, failure));
                }
                let known = match ceremony.diary().adopted {
                    Some(_) => "initialised by somebody else",
                    None => "root is revoked",
                };
                ceremony.note(format!("{known}; checking as {}", login.name));
                let client = ceremony.client();
                ceremony.whole_tokens.list(&client, login.token()).await;
                ceremony.whole_tokens.add([login.answer.accessor.clone()]);
                ceremony.looked_as = Some(login.name.clone());
                ceremony.authority = Authority::Login(Box::new(login));
                return Ok(());
            }
            Err(failure) => failures.push((name, failure)),
        }
    }
    let handed_over = ceremony.diary().handed_over();
    let failures = failures.into_iter().map(|(_, failure)| failure);
    match Failure::all(failures.collect()) {
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

/// The login of this name in the file.
///
/// # Errors
/// There is none.
pub(crate) fn named<'c>(config: &'c Config, name: &str) -> Result<&'c Login, Failure> {
    config.login(name).ok_or_else(|| {
        let names = config.logins.iter().map(|login| login.name.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        Failure::usage(
            Code::NameUnknown,
            format!("{} has no login {name}", config.file.display()),
        )
        .advise(format!("one of these: {names}"))
    })
}

/// Another login looks in the place of this one: whoever relies on it must hear that it does not open.
fn closed(name: &str, failure: &Failure) -> Finding {
    let code = failure.problems.first().map(|problem| problem.code);
    Finding::LoginClosed(
        code.unwrap_or(Code::LoginDenied),
        name.to_owned(),
        failure.to_string(),
    )
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

/// How many leaders in a row may go away before they have said whether root is valid.
const LOOKS: usize = 4;

/// Whether the root token is valid, by the word of a node that is still active afterwards: a standby answers too,
/// from what it knows.
///
/// # Errors
/// No node is active, or none stays so; or it answers neither 200 nor 403.
pub(crate) async fn root_is_valid(
    session: &Session<'_>,
    root: &RootToken,
) -> Result<bool, Failure> {
    for _ in 0..LOOKS {
        session.cluster.find_active().await?;
        let node = session.client().in_namespace(None);
        match token::lookup_self(&node, root.token()).await {
            Ok(_) => return Ok(true),
            Err(error) if !error.is_forbidden() => return Err(error.into()),
            Err(_) if sys::is_active(&node).await => return Ok(false),
            Err(_) => {}
        }
    }
    Err(Failure::failed(
        Code::NoActiveNode,
        "no node was active for long enough to say whether the root token is valid",
    )
    .advise("see in the servers' logs why the leader changes, then run apply again")
    .passing())
}

/// By no run that this checkpoint knows of: a copy of it that went on elsewhere knows more.
pub(super) fn revoked_root(session: &Session<'_>, active: &Client) -> Failure {
    Failure::refused(Code::RootTokenInvalid, format!(
        "the root token in the checkpoint is no longer valid at {}, and no run recorded in this checkpoint revoked it",
        active.address()
    ))
    .advise(format!(
        "if a copy of the checkpoint directory went on elsewhere, go on there, where that run ended; otherwise see that \
         cluster.address is the cluster that is meant, then in its audit log who revoked the token; \
         with a quorum of the shares a root token can be made. Only if it holds no data and shall be wiped: {}",
        session.config.command("apply --abandon")
    ))
}
