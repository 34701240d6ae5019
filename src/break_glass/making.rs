//! A root token of these shares, with every moment of it in the journal before it comes.

use super::ending::end;
use super::event::Event;
use super::journal::{Kept, UnderWay};
use super::leftovers;
use super::way::{Way, known_id};
use crate::bootstrap::checkpoint::now;
use crate::failure::Failure;
use crate::interrupt::Unheard;
use crate::root_generation::{self, Asked, Attempt, Moment, Quorum};
use crate::secret::RootToken;
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
    way: &mut Way<'a>,
    quorum: &Quorum<'_>,
    purpose: Purpose<'_>,
) -> Result<(RootToken, Unheard<'a>), Failure> {
    let mut again = true;
    let mut unheard = Some(way.told.0.unheard());
    loop {
        let failure = match attempt(way, quorum, purpose, &mut unheard).await {
            Ok(root) => {
                let Err(failure) = way.journal.keep(Kept::Generated, root.token()).await else {
                    let unheard = unheard.take();
                    return Ok((root, unheard.unwrap_or_else(|| way.told.0.unheard())));
                };
                // What the next run would not know of must not outlive this one.
                end(way, root).await?;
                way.journal.note(None)?;
                return Err(failure);
            }
            Err(failure) => failure,
        };
        if !again {
            return Err(failure);
        }
        let lost = way
            .journal
            .under_way()
            .is_some_and(|it| it.completing.is_some());
        if lost {
            way.warn(format!(
                "the answer to the last share is lost, and a root token may live that nobody has; another one is \
                 made, which ends it: {failure}"
            ));
        } else if sys::is_active(&way.client).await {
            return Err(failure);
        } else {
            way.warn(format!(
                "another node leads, and the attempt went with the one before: {failure}"
            ));
        }
        again = false;
        way.keep_to_active().await?;
        leftovers::settle(way).await?;
    }
}

async fn attempt<'a>(
    way: &mut Way<'a>,
    quorum: &Quorum<'_>,
    purpose: Purpose<'_>,
    unheard: &mut Option<Unheard<'a>>,
) -> Result<RootToken, Failure> {
    let shares = quorum.names().len();
    let begun = {
        let way = &*way;
        let record = async |moment: Moment<'_>| record(way, purpose, moment).await;
        root_generation::begin(&way.generation(), shares, &record).await?
    };
    if !quorum.elsewhere.is_empty() {
        // People take their time; a stop does not wait for them.
        *unheard = None;
        holders_give(way, &begun, &quorum.elsewhere).await?;
        *unheard = Some(way.told.0.unheard());
        way.stay_in().await?;
    }
    let way = &*way;
    let record = async |moment: Moment<'_>| record(way, purpose, moment).await;
    root_generation::complete(&way.generation(), begun, quorum, &record).await
}

async fn record(way: &Way<'_>, purpose: Purpose<'_>, moment: Moment<'_>) -> Result<(), Failure> {
    let mut under_way = way.journal.under_way().unwrap_or_else(|| UnderWay {
        command: purpose.command.to_owned(),
        since: now(),
        reason: purpose.reason.map(str::to_owned),
        ..UnderWay::default()
    });
    match moment {
        // One of before was settled, whatever it was.
        Moment::Starting => under_way.nonce = None,
        Moment::NotStarted => return way.journal.note(None),
        Moment::Started(nonce) => under_way.nonce = Some(nonce.to_owned()),
        Moment::Completing => under_way.completing = Some(leftovers::clock(way).await),
        Moment::NotMade => under_way.completing = None,
    }
    way.journal.note(Some(under_way))
}

/// Tells the holders elsewhere of an attempt, and waits for their shares.
async fn holders_give(way: &mut Way<'_>, attempt: &Attempt, names: &[&str]) -> Result<(), Failure> {
    let limit = way.options.holders.unwrap_or_default();
    let asked = Asked {
        attempt,
        names,
        limit,
    };
    let told = way.told.1;
    let cluster = (way.config.cluster.name.as_str(), id_for_holders(way)?);
    told(Event::Holders(asked.invitation(cluster)));
    let look = async || {
        way.stay_in().await?;
        Ok(way.generation().progress().await?)
    };
    root_generation::wait_for(asked, look, |text| told(Event::Note { text })).await
}

/// The cluster's id, which every holder compares with what their own file says.
///
/// # Errors
/// Nobody says it.
pub(super) fn id_for_holders(way: &Way<'_>) -> Result<String, Failure> {
    let id = known_id(way.config)?.or_else(|| way.health.cluster_id.clone());
    id.ok_or_else(|| {
        Failure::failed(format!(
            "{} does not say its cluster's id",
            way.client.address()
        ))
    })
}
