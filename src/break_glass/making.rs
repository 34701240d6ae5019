//! A root token of these shares, with every moment of it in the journal before it comes.

use crate::break_glass::ending::end;
use crate::break_glass::leftovers;
use crate::break_glass::session::BreakGlassSession;
use crate::checkpoint::journal::{Kept, UnderWay};
use crate::checkpoint::now;
use crate::event::Event;
use crate::failure::Failure;
use crate::interrupt::DeferredSignals;
use crate::root_generation::{self, Asked, Attempt, Moment, Quorum};
use crate::secret::RootToken;
use crate::session::cluster_identity::known_id;
use crate::vault::sys;

/// Why and by which command a root token is made.
#[derive(Clone, Copy)]
pub(super) struct Purpose<'a> {
    pub(super) command: &'static str,
    pub(super) reason: Option<&'a str>,
}

/// Makes one and keeps it for the next run; a stop waits from then on, and while shares are given. Where the answer to the last share is lost, the server has made a root
/// token that nobody has: it is remembered, and a second one is made, which ends it. Where another node leads, the
/// attempt is made anew there.
///
/// # Errors
/// As [`root_generation::begin`] and [`root_generation::complete`], after what was begun was ended.
pub(super) async fn root<'a>(
    session: &mut BreakGlassSession<'a>,
    quorum: &Quorum<'_>,
    purpose: Purpose<'_>,
) -> Result<(RootToken, DeferredSignals<'a>), Failure> {
    let mut again = true;
    let mut deferred = Some(session.caller.interrupt.defer_signals());
    loop {
        let failure = match attempt(session, quorum, purpose, &mut deferred).await {
            Ok(root) => {
                let Err(failure) = session.journal.keep(Kept::Generated, root.token()).await else {
                    let deferred = deferred.take();
                    return Ok((
                        root,
                        deferred.unwrap_or_else(|| session.caller.interrupt.defer_signals()),
                    ));
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
        let lost = session
            .journal
            .under_way()
            .is_some_and(|it| it.completing.is_some());
        if lost {
            session.warn(format!(
                "the answer to the last share is lost, and an orphaned root token may be alive; another one is \
                 made, which ends it: {failure}"
            ));
        } else if sys::is_active(&session.client).await {
            return Err(failure);
        } else {
            session.warn(format!(
                "another node leads, and the attempt went with the one before: {failure}"
            ));
        }
        again = false;
        session.keep_to_active().await?;
        leftovers::settle(session).await?;
    }
}

async fn attempt<'a>(
    session: &mut BreakGlassSession<'a>,
    quorum: &Quorum<'_>,
    purpose: Purpose<'_>,
    deferred: &mut Option<DeferredSignals<'a>>,
) -> Result<RootToken, Failure> {
    let shares = quorum.names().len();
    let begun = {
        let session = &*session;
        let record = async |moment: Moment<'_>| record(session, purpose, moment).await;
        root_generation::begin(&session.generation()?, shares, &record).await?
    };
    if !quorum.elsewhere.is_empty() {
        // People take their time; a stop does not wait for them.
        *deferred = None;
        holders_give(session, &begun, &quorum.elsewhere).await?;
        *deferred = Some(session.caller.interrupt.defer_signals());
        session.stay_logged_in().await?;
    }
    let session = &*session;
    let record = async |moment: Moment<'_>| record(session, purpose, moment).await;
    root_generation::complete(&session.generation()?, begun, quorum, &record).await
}

async fn record(
    session: &BreakGlassSession<'_>,
    purpose: Purpose<'_>,
    moment: Moment<'_>,
) -> Result<(), Failure> {
    let mut under_way = session.journal.under_way().unwrap_or_else(|| UnderWay {
        command: purpose.command.to_owned(),
        since: now(),
        reason: purpose.reason.map(str::to_owned),
        ..UnderWay::default()
    });
    match moment {
        // One of before was settled, whatever it was.
        Moment::Starting => under_way.nonce = None,
        Moment::NotStarted => return session.journal.note(None),
        Moment::Started(nonce) => under_way.nonce = Some(nonce.to_owned()),
        Moment::Completing => under_way.completing = Some(leftovers::clock(session).await),
        Moment::NotMade => under_way.completing = None,
    }
    session.journal.note(Some(under_way))
}

/// Tells the holders elsewhere of an attempt, and waits for their shares.
async fn holders_give(
    session: &mut BreakGlassSession<'_>,
    attempt: &Attempt,
    names: &[&str],
) -> Result<(), Failure> {
    let limit = session.options.holders.unwrap_or_default();
    let asked = Asked {
        attempt,
        names,
        limit,
    };
    let cluster = (
        session.config.cluster.name.as_str(),
        id_for_holders(session)?,
    );
    let events = session.caller.events;
    events.emit(Event::Holders {
        step: events.step(),
        invitation: asked.invitation(cluster),
    });
    let look = async || {
        session.stay_logged_in().await?;
        Ok(session.generation()?.progress().await?)
    };
    root_generation::wait_for(asked, look, events).await
}

/// The cluster's id, which every holder compares with what their own file says.
///
/// # Errors
/// Nobody says it.
pub(super) fn id_for_holders(session: &BreakGlassSession<'_>) -> Result<String, Failure> {
    let id = known_id(session.config)?.or_else(|| session.health.cluster_id.clone());
    id.ok_or_else(|| {
        Failure::failed(format!(
            "{} does not say its cluster's id",
            session.client.address()
        ))
    })
}
