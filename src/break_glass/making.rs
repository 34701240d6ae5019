//! A root token of these shares, with every moment of it in the journal before it comes.

use super::ending::end;
use super::journal::{Kept, UnderWay};
use super::leftovers;
use super::way::Way;
use crate::bootstrap::checkpoint::now;
use crate::failure::Failure;
use crate::root_generation::{self, Held, Moment};
use crate::secret::RootToken;
use crate::vault::sys;

/// Why and by which command a root token is made.
#[derive(Clone, Copy)]
pub(super) struct Purpose<'a> {
    pub(super) command: &'static str,
    pub(super) reason: Option<&'a str>,
}

/// Makes one and keeps it for the next run. Where the answer to the last share is lost, the server has made a root
/// token that nobody has: it is remembered, and a second one is made, which ends it. Where another node leads, the
/// attempt is made anew there.
///
/// # Errors
/// As [`root_generation::make`], after what was begun was ended.
pub(super) async fn root(
    way: &mut Way<'_>,
    quorum: &[&Held],
    purpose: Purpose<'_>,
) -> Result<RootToken, Failure> {
    let mut again = true;
    loop {
        let failure = match attempt(way, quorum, purpose).await {
            Ok(root) => {
                let Err(failure) = way.journal.keep(Kept::Generated, root.token()).await else {
                    return Ok(root);
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

async fn attempt(
    way: &Way<'_>,
    quorum: &[&Held],
    purpose: Purpose<'_>,
) -> Result<RootToken, Failure> {
    let record = async |moment: Moment<'_>| {
        let mut under_way = way.journal.under_way().unwrap_or_else(|| UnderWay {
            command: purpose.command.to_owned(),
            since: now(),
            reason: purpose.reason.map(str::to_owned),
            nonce: None,
            completing: None,
            run: None,
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
    };
    root_generation::make(&way.generation(), quorum, record).await
}
