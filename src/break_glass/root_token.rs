//! A root token of these shares, with every stage of it in the journal before it comes.

use crate::break_glass::leftovers::{self, end};
use crate::break_glass::session::BreakGlassSession;
use crate::checkpoint::journal::{Kept, UnderWay};
use crate::checkpoint::now;
use crate::code::Code;
use crate::event::Caller;
use crate::failure::Failure;
use crate::interrupt::DeferredSignals;
use crate::root_generation::{self, Asked, Attempt, Origin, Quorum, RootGenerationRun, Stage};
use crate::secret::RootToken;
use crate::session::cluster_identity::known_id;
use crate::vault::auth::token::lookup_self;
use crate::vault::{Generation, sys};

/// Why and by which command a root token is made.
#[derive(Clone, Copy)]
pub(super) struct Purpose<'a> {
    pub(super) command: &'static str,
    pub(super) reason: Option<&'a str>,
}

/// A run that makes a root token, and lets a stop wait while it does.
struct BreakGlassGeneration<'s, 'a> {
    session: &'s mut BreakGlassSession<'a>,
    purpose: Purpose<'s>,
    deferred: Option<DeferredSignals<'a>>,
}

/// Makes one and keeps it for the next run; a stop waits from then on, and while shares are given. Where the answer to
/// the last share is lost, the server has made an orphaned root token: it is remembered, and a second one is made, which
/// ends it. Where another node leads, the attempt is made anew there.
///
/// # Errors
/// As [`root_generation::make`], after what was begun was ended.
pub(super) async fn root<'a>(
    session: &mut BreakGlassSession<'a>,
    quorum: &Quorum<'_>,
    purpose: Purpose<'_>,
) -> Result<(RootToken, DeferredSignals<'a>), Failure> {
    let interrupt = session.caller.interrupt;
    let mut again = true;
    let mut making = BreakGlassGeneration {
        session,
        purpose,
        deferred: Some(interrupt.defer_signals()),
    };
    loop {
        let made = root_generation::make(&mut making, quorum).await;
        let session = &mut *making.session;
        let failure = match made {
            Ok(root) => {
                let Err(failure) = session.journal.keep(Kept::Generated, root.token()).await else {
                    let deferred = making.deferred.take();
                    return Ok((root, deferred.unwrap_or_else(|| interrupt.defer_signals())));
                };
                // What the next run would not know of must not outlive this one.
                end(session, root).await?;
                session.journal.note(None)?;
                return Err(failure);
            }
            Err(failure) => failure,
        };
        if !again {
            return Err(failure);
        }
        let under_way = session.journal.under_way();
        if under_way.is_some_and(|it| it.completing.is_some()) {
            session.warn(Code::RootTokenOrphaned, format!(
                "the answer to the last share is lost, and an orphaned root token may still be valid; another one is \
                 made, which ends it: {failure}"
            ));
        } else if sys::is_active(&session.client).await {
            return Err(failure);
        } else {
            session.warn(
                Code::AttemptGone,
                format!("the node did not stay active, and the attempt went with it: {failure}"),
            );
        }
        again = false;
        session.keep_to_active().await?;
        session.led(leftovers::settle).await?;
    }
}

impl RootGenerationRun for BreakGlassGeneration<'_, '_> {
    fn caller(&self) -> Caller<'_> {
        self.session.caller
    }

    fn generation(&self) -> Result<Generation<'_>, Failure> {
        self.session.generation()
    }

    async fn record(&self, stage: Stage<'_>) -> Result<(), Failure> {
        let (journal, purpose) = (&self.session.journal, self.purpose);
        let mut under_way = journal.under_way().unwrap_or_else(|| UnderWay {
            command: purpose.command.to_owned(),
            since: now(),
            reason: purpose.reason.map(str::to_owned),
            ..UnderWay::default()
        });
        match stage {
            // One of before was settled, whatever it was.
            Stage::Starting => under_way.nonce = None,
            Stage::NotStarted => return journal.note(None),
            Stage::Started(nonce) => under_way.nonce = Some(nonce.to_owned()),
            Stage::Completing => under_way.completing = Some(leftovers::clock(self.session).await),
            Stage::NotMade => under_way.completing = None,
        }
        journal.note(Some(under_way))
    }

    async fn holders_give(&mut self, attempt: &Attempt, names: &[&str]) -> Result<(), Failure> {
        // People take their time; a stop does not wait for them.
        self.deferred = None;
        let session = &mut *self.session;
        let caller = session.caller;
        let reason = self.purpose.reason.unwrap_or(self.purpose.command);
        let origin = origin(session, reason).await?;
        let asked = Asked {
            attempt,
            names,
            limit: session.options.holders.unwrap_or_default(),
        };
        let look = async || {
            session.stay_logged_in().await?;
            Ok(session.generation()?.progress().await?)
        };
        root_generation::holders_give(asked, origin, look, caller.events).await?;
        self.deferred = Some(caller.interrupt.defer_signals());
        self.session.stay_logged_in().await
    }
}

/// Where an attempt of this run comes from: with the cluster's id, which every holder compares with what their own file
/// says, and as the server calls the login.
///
/// # Errors
/// The server does not say its cluster's id, or does not answer.
pub(super) async fn origin(
    session: &BreakGlassSession<'_>,
    reason: &str,
) -> Result<Origin, Failure> {
    let id = known_id(session.config)?.or_else(|| session.health.cluster_id.clone());
    let id = id.ok_or_else(|| {
        Failure::failed(
            Code::ClusterUnknown,
            format!("{} does not say its cluster's id", session.client.address()),
        )
    })?;
    let who = lookup_self(&session.client, session.login()?.token()).await?;
    let cluster = (session.config.cluster.name.as_str(), id);
    Ok(Origin::now(cluster, reason, who.display_name))
}
