//! With what right a plan looks: as root while it is valid, with a token that somebody gives, or through a login.

use crate::bootstrap::{in_order, named, root_is_valid};
use crate::checkpoint::{self, Diary, Kept};
use crate::code::Code;
use crate::edge::references::key_of_checkpoint;
use crate::failure::Failure;
use crate::session::{Authority, Session, Who, given};
use crate::step::Step;
use crate::step::decide::Recorded;
use crate::vault::auth::token;

/// With what right is looked: root as the checkpoint keeps it, else who is named, else a login.
pub(super) async fn authority(
    session: &Session<'_>,
    diary: &Diary,
    who: Option<&Who>,
) -> Result<Authority, Failure> {
    let config = session.config;
    let revoked = diary.recorded(Step::RevokeRoot);
    if checkpoint::keeps_something(&config.checkpoint.path)? {
        let key = key_of_checkpoint(config, &session.resolved).await?;
        let kept = checkpoint::kept(&config.checkpoint.path, &config.cluster.name, &key).await?;
        let root = match kept {
            Kept::RootToken(root) => root,
            Kept::InitAnswer(_) => return Err(shares_first(session)),
            Kept::Nothing | Kept::Awaited => return Err(no_root_yet(session)),
        };
        // A revocation that was begun may have revoked it.
        if revoked == Recorded::Nothing || root_is_valid(session, &root).await? {
            return match who {
                Some(Who::Token(_)) => Err(looks_as_root(session)),
                Some(Who::Login(_)) | None => Ok(Authority::Root(root)),
            };
        }
    }
    if revoked == Recorded::Nothing {
        return Err(no_root_yet(session));
    }
    match who {
        Some(Who::Token(source)) => {
            let client = session.client();
            let token = given(source, &client, session.caller).await?;
            match token::lookup_self(&client, &token).await {
                Ok(_) => Ok(Authority::Given(token)),
                Err(error) if error.is_forbidden() => Err(not_known()),
                Err(error) => Err(error.into()),
            }
        }
        Some(Who::Login(name)) => {
            let login = named(config, name)?;
            let login = session.open(login, &session.client()).await?;
            Ok(Authority::Login(Box::new(login)))
        }
        None => first_that_opens(session).await,
    }
}

/// Each request would be refused: that says nothing of what is there.
fn not_known() -> Failure {
    Failure::failed(
        Code::LoginDenied,
        "the token that was given is not valid here, or may not look itself up (auth/token/lookup-self)",
    )
    .advise("give a valid token that has the policy default")
}

/// The first login that opens and needs nobody.
async fn first_that_opens(session: &Session<'_>) -> Result<Authority, Failure> {
    let mut failures = Vec::new();
    for one in in_order(session.config) {
        if one.needs_a_person() {
            continue;
        }
        match session.open(one, &session.client()).await {
            Ok(open) => return Ok(Authority::Login(Box::new(open))),
            Err(failure) => {
                session.warn(
                    failure.code(),
                    format!("the login {} does not open: {failure}", one.name),
                );
                failures.push(failure);
            }
        }
    }
    Failure::all(failures).map_or(Ok(Authority::None), Err)
}

/// What root sees needs no token, and would not be seen by it.
fn looks_as_root(session: &Session<'_>) -> Failure {
    Failure::refused(
        Code::NotHandedOver,
        "root is still valid, so plan looks as root: a token was given, and is not used",
    )
    .advise(format!("leave it out: {}", session.config.command("plan")))
}

/// Root is in the answer together with the shares, which go to their custodians before anything else.
fn shares_first(session: &Session<'_>) -> Failure {
    let directory = session.config.checkpoint.path.display();
    Failure::refused(
        Code::StepUnseen,
        format!(
            "the shares are not with their custodians yet: the answer of sys/init, root in it, stays encrypted in \
             {directory} until they are"
        ),
    )
    .advise(format!("go on first: {}", session.config.command("apply")))
}

/// No password of a login goes to a server whose initialisation is not ours for certain.
fn no_root_yet(session: &Session<'_>) -> Failure {
    let directory = session.config.checkpoint.path.display();
    Failure::refused(
        Code::StepUnseen,
        format!(
            "root was not revoked, and the checkpoint {directory} has no root token to look with"
        ),
    )
    .advise(format!(
        "go on first, or hear why not: {}",
        session.config.command("apply")
    ))
}
