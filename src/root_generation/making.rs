//! One attempt, from the first look to the token.

use crate::failure::Failure;
use crate::secret::{RootToken, Share};
use crate::vault::generation::{Given, Pad, Progress, Start};
use crate::vault::{Error, Generation};

/// A share in hand, and whose it is.
pub struct Held {
    /// The custodian's name.
    pub name: String,
    /// What they keep.
    pub share: Share,
}

/// What is about to happen or just did, to be recorded before it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment<'a> {
    /// An attempt is about to be started.
    Starting,
    /// It was not: somebody was faster.
    NotStarted,
    /// It has this nonce.
    Started(&'a str),
    /// The last share is about to be given: from here on there may be a root token that nobody has.
    Completing,
    /// The server took the last share and made no token of it, or did not take it: there is none.
    NotMade,
}

/// Makes a root token of these shares, which must be exactly as many as the server wants.
///
/// # Errors
/// Somebody's attempt is under way; the shares are not those of this cluster; the attempt was ended by somebody
/// else; the login may not; or an answer was lost. What is left of the attempt is for [`leftover`].
pub async fn make<R>(
    generation: &Generation<'_>,
    quorum: &[&Held],
    record: R,
) -> Result<RootToken, Failure>
where
    R: AsyncFn(Moment<'_>) -> Result<(), Failure>,
{
    let before = generation.progress().await?;
    if before.started {
        return Err(busy(generation, Some(&before)));
    }
    record(Moment::Starting).await?;
    let pad = Pad::new(before.otp_length).map_err(|why| of_the_server(generation, why))?;
    let started = match generation.start(&pad).await? {
        Start::Ours(progress) => progress,
        Start::Busy => {
            record(Moment::NotStarted).await?;
            return Err(busy(generation, generation.progress().await.ok().as_ref()));
        }
    };
    record(Moment::Started(&started.nonce)).await?;
    if usize::try_from(started.required).ok() != Some(quorum.len()) {
        return Err(another_threshold(generation, &started, quorum.len()));
    }
    let names: Vec<String> = quorum.iter().map(|held| held.name.clone()).collect();
    let last = quorum.len() - 1;
    for (place, held) in quorum.iter().enumerate() {
        if place == last {
            record(Moment::Completing).await?;
        }
        let given = generation.give(&started.nonce, &held.share).await;
        match given.map_err(|error| not_let_in(generation, error))? {
            Given::Counts(_) => {}
            Given::Complete(encoded) => {
                return pad
                    .open(&encoded)
                    .map_err(|why| of_the_server(generation, why));
            }
            refused => {
                if place == last {
                    record(Moment::NotMade).await?;
                }
                return Err(not_taken(generation, &refused, &held.name, &names));
            }
        }
    }
    record(Moment::NotMade).await?;
    Err(of_the_server(
        generation,
        "it has all shares that it wants and made no token",
    ))
}

/// A login may come to its end while people look for their shares.
pub(crate) fn not_let_in(generation: &Generation<'_>, error: Error) -> Failure {
    if !error.is_forbidden() {
        return error.into();
    }
    Failure::failed(format!(
        "{}: the login is not let in any more: its token has come to its end, or somebody took the grant from it",
        generation.address()
    ))
    .advise("run the same command again, which logs in anew; a role with a longer token_ttl helps")
}

/// Ends what is left of an attempt of ours, known by its nonce; without one, whatever nobody has given a share to:
/// it was started in the moment in which we were about to.
/// Whether there was one.
///
/// # Errors
/// The server cannot be asked, or the attempt is somebody else's.
pub async fn leftover(generation: &Generation<'_>, nonce: Option<&str>) -> Result<bool, Failure> {
    let found = generation.progress().await?;
    if !found.started {
        return Ok(false);
    }
    let ours = nonce.map_or(found.progress == 0, |nonce| nonce == found.nonce);
    if ours {
        generation.cancel().await?;
        return Ok(true);
    }
    Err(busy(generation, Some(&found)))
}

/// Somebody's attempt is under way, ours or not.
pub(crate) fn busy(generation: &Generation<'_>, found: Option<&Progress>) -> Failure {
    let how_far = found.map_or(String::new(), |found| {
        format!(
            " ({} of {} shares given, nonce {})",
            found.progress, found.required, found.nonce
        )
    });
    Failure::refused(format!(
        "{}: a root generation of somebody else is under way{how_far}; the server does not say since when",
        generation.address()
    ))
    .advise(format!(
        "ask whose it is, or look in the audit log; it is ended, and its shares dropped, with: vault-bootstrap \
         break-glass cancel --nonce {}",
        found.map_or("NONCE", |found| found.nonce.as_str())
    ))
}

fn another_threshold(generation: &Generation<'_>, started: &Progress, have: usize) -> Failure {
    Failure::refused(format!(
        "{} wants {} shares for a root token, and a quorum of the file has {have}",
        generation.address(),
        started.required
    ))
    .advise("put init.threshold to what the cluster was initialised with")
}

/// Why a share was not taken. `all` are the custodians whose shares the attempt has, as far as that is known.
pub(crate) fn not_taken(
    generation: &Generation<'_>,
    refused: &Given,
    name: &str,
    all: &[String],
) -> Failure {
    let address = generation.address();
    match refused {
        Given::Twice => Failure::refused(format!(
            "{address}: the share of {name} was given already: two custodians hold the same one"
        ))
        .advise("look at what they keep: every custodian must hold a share of their own"),
        Given::Gone => Failure::failed(format!(
            "{address}: the attempt is not there any more: somebody ended it, or another node leads"
        ))
        .advise("find out who; then run the same command again")
        .passing(),
        Given::Unreadable => Failure::refused(format!(
            "{address}: what {name} keeps is no share: it is no line of base64, or too short"
        ))
        .advise(format!("look at what {name} keeps; the server says so of the share alone")),
        _ => Failure::refused(format!(
            "{address}: the shares of {} do not make the key of this cluster; the server took none of them",
            all.join(", ")
        ))
        .advise(
            "at least one of them is of another cluster, or from before a rekey: find out which, with -c \
             and --identity as they were typed now: rehearse --without NAME",
        ),
    }
}

fn of_the_server(generation: &Generation<'_>, why: &str) -> Failure {
    Failure::failed(format!("{}: {why}", generation.address()))
        .advise("run the same command again; if it stays so, look at the server's log")
}
