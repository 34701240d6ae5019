//! One attempt, from the first look to the token.

use crate::code::Code;
use crate::event::Caller;
use crate::failure::Failure;
use crate::root_generation::quorum::Quorum;
use crate::secret::{RootToken, Share};
use crate::shell::ShellCommand;
use crate::vault::auth::token::TokenInfo;
use crate::vault::keys::generation::{Given, Pad, Progress};
use crate::vault::keys::root::Life;
use crate::vault::{Error, Generation, RootSession};

/// A share in hand, and whose it is.
pub struct Held {
    /// The custodian's name.
    pub name: String,
    /// What they keep.
    pub share: Share,
    /// A person typed it, and may have read another one.
    pub typed: bool,
}

/// What is about to happen or just did, to be recorded before it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage<'a> {
    /// An attempt is about to be started.
    Starting,
    /// It was not: somebody was faster.
    NotStarted,
    /// It has this nonce.
    Started(&'a str),
    /// The last share is about to be given: from here on there may be an orphaned root token.
    Completing,
    /// The server took the last share and made no token of it, or did not take it: there is none.
    NotMade,
}

/// An attempt of ours at the server, and the one-time pad that its token comes under.
pub(crate) struct Attempt {
    pad: Pad,
    /// Names it.
    pub nonce: String,
    /// How many shares it needs.
    pub required: u32,
    /// Of the PGP key that its token would be encrypted with; empty, since it comes under the pad.
    pub pgp_fingerprint: String,
}

/// A run that makes a root token: who it is to the server, and where it records.
pub(crate) trait RootGenerationRun {
    fn caller(&self) -> Caller<'_>;

    /// The server's root generation, as its login sees it.
    fn generation(&self) -> Result<Generation<'_>, Failure>;

    async fn record(&self, stage: Stage<'_>) -> Result<(), Failure>;

    /// Waits until the holders of these names have given their shares; its login is open then.
    async fn holders_give(&mut self, attempt: &Attempt, names: &[&str]) -> Result<(), Failure>;
}

/// Makes a root token of these shares.
///
/// # Errors
/// As [`begin`] and [`complete`]; or not all holders elsewhere gave theirs in time. What is left of the attempt is for
/// [`leftover`].
pub(crate) async fn make(
    maker: &mut impl RootGenerationRun,
    quorum: &Quorum<'_>,
) -> Result<RootToken, Failure> {
    let attempt = begin(maker, quorum.names().len()).await?;
    if !quorum.elsewhere.is_empty() {
        maker.holders_give(&attempt, &quorum.elsewhere).await?;
    }
    complete(maker, attempt, quorum).await
}

/// Starts an attempt at a token that this many shares make.
///
/// # Errors
/// Somebody's attempt is under way, the server wants another number of shares, or an answer was lost.
async fn begin(maker: &impl RootGenerationRun, shares: usize) -> Result<Attempt, Failure> {
    // Dropped on its way it would arrive after the last look, and be taken for somebody else's.
    let _deferred = maker.caller().interrupt.defer_signals();
    let generation = &maker.generation()?;
    let before = generation.progress().await?;
    if before.started {
        return Err(busy(generation, Some(&before), None));
    }
    maker.record(Stage::Starting).await?;
    let pad = Pad::new(before.otp_length).map_err(|why| of_the_server(generation, why))?;
    let Some(started) = generation.start(&pad).await? else {
        maker.record(Stage::NotStarted).await?;
        let found = generation.progress().await.ok();
        return Err(busy(generation, found.as_ref(), None));
    };
    maker.record(Stage::Started(&started.nonce)).await?;
    if usize::try_from(started.required).ok() != Some(shares) {
        return Err(another_threshold(generation, &started, shares));
    }
    Ok(Attempt {
        pad,
        nonce: started.nonce,
        required: started.required,
        pgp_fingerprint: started.pgp_fingerprint,
    })
}

/// Gives the shares that are in hand to an attempt; those of holders elsewhere it has already.
///
/// # Errors
/// The shares are not those of this cluster; the attempt was ended by somebody else; the login may not; or an answer
/// was lost.
async fn complete(
    maker: &impl RootGenerationRun,
    attempt: Attempt,
    quorum: &Quorum<'_>,
) -> Result<RootToken, Failure> {
    let generation = &maker.generation()?;
    // Holders elsewhere may have given more than they were asked for.
    let completing = if quorum.elsewhere.is_empty() {
        quorum.here.len().saturating_sub(1)
    } else {
        0
    };
    for (place, held) in quorum.here.iter().enumerate() {
        if place == completing {
            maker.record(Stage::Completing).await?;
        }
        let given = generation.give(&attempt.nonce, &held.share).await;
        match given.map_err(|error| not_let_in(generation, error))? {
            Given::Counts(_) => {}
            Given::Complete(encoded) => {
                let root = attempt.pad.open(&encoded);
                return root.map_err(|why| of_the_server(generation, why));
            }
            refused => {
                if place >= completing {
                    maker.record(Stage::NotMade).await?;
                }
                return Err(not_taken(generation, &refused, &held.name, &quorum.names()));
            }
        }
    }
    maker.record(Stage::NotMade).await?;
    Err(of_the_server(
        generation,
        "it has all the shares it needs and made no token",
    ))
}

/// A login may expire while people look for their shares.
pub(crate) fn not_let_in(generation: &Generation<'_>, error: Error) -> Failure {
    if !error.is_forbidden() {
        return error.into();
    }
    Failure::failed(Code::GrantMissing, format!(
        "{}: the login is no longer let in: its token has expired, or somebody removed its grant",
        generation.address()
    ))
    .advise("run the same command again to log in anew; a role with a longer token_ttl helps")
}

/// What is known of an attempt of ours.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Its name, once the server has said it.
    pub nonce: Option<&'a str>,
    /// It was this very run that was about to start it.
    pub started_here: bool,
}

/// Ends what is left of an attempt of ours, known by its nonce. Where that never reached us, only the run that was about
/// to start one, and had just seen that there was none, takes for its own what nobody has given a share to: to a later
/// run it may be anybody's. Whether there was one.
///
/// # Errors
/// The server cannot be asked, or the attempt is somebody else's, or may be.
pub async fn leftover(generation: &Generation<'_>, known: Known<'_>) -> Result<bool, Failure> {
    let found = generation.progress().await?;
    if !found.started {
        return Ok(false);
    }
    let ours = match known.nonce {
        Some(nonce) => nonce == found.nonce,
        None => known.started_here && found.progress == 0,
    };
    if ours {
        generation.cancel().await?;
        return Ok(true);
    }
    let whose = match known.nonce {
        Some(_) => "somebody else",
        None => "an earlier run that was cut off, or of somebody else",
    };
    Err(under_way(generation, Some(&found), (whose, None)))
}

/// The harmless act with a new token: it looks at itself.
///
/// # Errors
/// It is not root, or not known to the node.
pub(crate) async fn is_root(root: &RootSession) -> Result<Box<TokenInfo>, Failure> {
    let address = root.client().address();
    match root.look().await? {
        Life::Alive(info) if info.is_root() => Ok(info),
        Life::Alive(_) => Err(Failure::refused(
            Code::AnswerUnexpected,
            format!("{address}: the token that the quorum made is not root"),
        )),
        Life::Dead => Err(Failure::failed(
            Code::AnswerUnexpected,
            format!("{address}: the token that the quorum made is not known there"),
        )
        .passing()),
    }
}

/// Somebody else's attempt is under way, begun as an audit log tells.
pub(crate) fn busy(
    generation: &Generation<'_>,
    found: Option<&Progress>,
    began: Option<String>,
) -> Failure {
    under_way(generation, found, ("somebody else", began))
}

fn under_way(
    generation: &Generation<'_>,
    found: Option<&Progress>,
    (whose, began): (&str, Option<String>),
) -> Failure {
    let began = began.map_or(String::new(), |began| format!("; {began}"));
    let how_far = found.map_or(String::new(), |found| {
        format!(
            " ({} of {} shares given, nonce {})",
            found.progress, found.required, found.nonce
        )
    });
    Failure::refused(Code::AttemptOfOthers, format!(
        "{}: a root generation of {whose} is under way{how_far}; the server does not say since when{began}",
        generation.address()
    ))
    .advise(format!(
        "ask whose it is, or look in the audit log; it is ended, and its shares dropped, with: {}",
        ShellCommand::new("vault-bootstrap break-glass cancel --nonce")
            .with(found.map_or("NONCE", |found| found.nonce.as_str()))
    ))
}

fn another_threshold(generation: &Generation<'_>, started: &Progress, have: usize) -> Failure {
    Failure::refused(
        Code::SharesNotAsInFile,
        format!(
            "{} wants {} shares for a root token, and a quorum of the file has {have}",
            generation.address(),
            started.required
        ),
    )
    .advise("set init.threshold to what the cluster was initialised with")
}

/// Why a share was not taken. `all` are the custodians whose shares the attempt has, as far as that is known.
pub(crate) fn not_taken(
    generation: &Generation<'_>,
    refused: &Given,
    name: &str,
    all: &[&str],
) -> Failure {
    let address = generation.address();
    match refused {
        Given::Twice => Failure::refused(Code::ShareTwice, format!(
            "{address}: the share of {name} was given already: two custodians hold the same one"
        ))
        .advise("look at what they keep: every custodian must hold a share of their own"),
        Given::Gone => Failure::failed(Code::AttemptGone, format!(
            "{address}: the attempt no longer exists: somebody ended it, or another node leads"
        ))
        .advise("find out who; then run the same command again")
        .passing(),
        Given::Unreadable => Failure::refused(Code::ShareUnreadable, format!(
            "{address}: what {name} keeps is not a share: it is not a line of base64, or is too short"
        ))
        .advise(format!("look at what {name} keeps; the server says so of the share alone")),
        _ => Failure::refused(Code::ShareWrong, format!(
            "{address}: the shares of {} do not make the key of this cluster; the server accepted none of them",
            all.join(", ")
        ))
        .advise(
            "at least one of them is of another cluster, or from before a rekey: find out which, with -c \
             and --identity as they were typed now: rehearse --without NAME",
        ),
    }
}

fn of_the_server(generation: &Generation<'_>, why: &str) -> Failure {
    Failure::failed(
        Code::AnswerUnexpected,
        format!("{}: {why}", generation.address()),
    )
    .advise("run the same command again; if it stays so, look at the server's log")
}
