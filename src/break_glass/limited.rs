//! The two root tokens that end by themselves: one for the command, and one that looks afterwards.

use std::time::Duration;

use serde_json::json;

use crate::break_glass::audit_lines::{Marked, mark};
use crate::break_glass::command::Command;
use crate::break_glass::comparison;
use crate::break_glass::evidence::Evidence;
use crate::break_glass::last_look::LAST_LOOK;
use crate::break_glass::leftovers::{self, end, end_kept};
use crate::break_glass::session::BreakGlassSession;
use crate::checkpoint::journal::{Kept, UnderWay};
use crate::child::attended;
use crate::code::Code;
use crate::failure::Failure;
use crate::hex;
use crate::root_generation::OrphanedToken;
use crate::secret::RootToken;
use crate::session::audit_trail::DeviceLog;
use crate::vault::Error;
use crate::vault::auth::scan::RUN;
use crate::vault::auth::token::limited_root;

/// How long the end of the command's token may take.
const TO_END: Duration = Duration::from_secs(60);

/// A token that ends by itself.
pub(super) struct Child {
    pub(super) token: RootToken,
    pub(super) accessor: String,
}

/// What the command gets, and what it does not.
pub(super) struct Limited<'l> {
    pub(super) command: Child,
    /// Looks when the command's is no longer valid.
    pub(super) inspection: Child,
    pub(super) marked: Vec<Marked<'l>>,
}

/// The quorum's token makes two that end by themselves, and is revoked. Whatever goes wrong, none is left.
pub(super) async fn limited<'l>(
    session: &mut BreakGlassSession<'_>,
    (root, logs): (RootToken, &'l [DeviceLog]),
    command: &Command,
    evidence: &mut Evidence,
) -> Result<Limited<'l>, Failure> {
    // Before there is another one of ours that it could be taken for.
    let orphans = leftovers::end_orphans(session, root.token()).await;
    let made = children_of(session, &root, command).await;
    let mut marked = Vec::new();
    if let Ok((of_command, inspection)) = &made {
        evidence.set("limited", json!({"accessor": of_command.accessor}));
        evidence.set("inspection", json!({"accessor": inspection.accessor}));
        marked = mark(&session.client, root.token(), &of_command.accessor, logs).await;
    }
    let ended = match end(session, root).await {
        Ok(proof) => {
            evidence.set("generated", proof);
            session
                .journal
                .forget(Kept::Generated)
                .and(in_hand(session))
        }
        Err(failure) => Err(failure),
    };
    let (of_command, inspection) = made?;
    if let Err(failure) = orphans.and(ended) {
        end_both(session, of_command.token, inspection.token).await?;
        return Err(failure);
    }
    Ok(Limited {
        command: of_command,
        inspection,
        marked,
    })
}

/// Nothing of them is left, though no command has run.
pub(super) async fn end_both(
    session: &mut BreakGlassSession<'_>,
    limited: RootToken,
    inspection: RootToken,
) -> Result<(), Failure> {
    let first = end_kept(session, Kept::Limited, limited).await;
    let second = end_kept(session, Kept::Inspection, inspection).await;
    first.and(second).map(drop)
}

/// Nothing is lost any more: what a colleague makes from now on is never taken for ours.
fn in_hand(session: &BreakGlassSession<'_>) -> Result<(), Failure> {
    let under_way = session.journal.under_way().map(|it| UnderWay {
        completing: None,
        run: it.run.filter(|_| !session.journal.can_keep()),
        ..it
    });
    session.journal.note(under_way)
}

/// The command's token, and one that looks when that is no longer valid. Whatever goes wrong, neither is left.
async fn children_of(
    session: &mut BreakGlassSession<'_>,
    root: &RootToken,
    command: &Command,
) -> Result<(Child, Child), Failure> {
    // Names this run, and is no name that anybody has thought of.
    let run = hex::random::<16>()
        .ok_or_else(|| Failure::failed(Code::SystemFailed, "the system gives no random bytes"))?;
    if let Some(under_way) = session.journal.under_way() {
        session.journal.note(Some(UnderWay {
            run: Some(run.clone()),
            ..under_way
        }))?;
    }
    let beside = [("reason", command.reason.as_str()), (RUN, run.as_str())];
    let life = comparison::LOOK + command.max_age + attended::GRACE + TO_END;
    let limited = child_of(session, root, (Kept::Limited, life), &beside).await?;
    let life = life + session.config.cluster.timeouts.active + LAST_LOOK + comparison::LOOK;
    match child_of(session, root, (Kept::Inspection, life), &beside).await {
        Ok(inspection) => Ok((limited, inspection)),
        Err(failure) => {
            end_kept(session, Kept::Limited, limited.token).await?;
            Err(failure)
        }
    }
}

/// A token that is kept in the journal. One of a lost answer is ended at once, and would be at its time.
async fn child_of(
    session: &mut BreakGlassSession<'_>,
    root: &RootToken,
    (kept, life): (Kept, Duration),
    beside: &[(&str, &str)],
) -> Result<Child, Failure> {
    let client = session.client.in_namespace(None);
    let made = limited_root(&client, root.token(), life, beside).await;
    if made.as_ref().is_err_and(Error::is_retryable) {
        let before = session.journal.under_way();
        let run = before.as_ref().and_then(|it| it.run.clone());
        let lost = run.map(|run| OrphanedToken::OfRun { run });
        session.journal.lost(lost)?;
        session.journal.note(before)?;
        leftovers::end_orphans(session, root.token()).await?;
    }
    let made = made?;
    let keeping = session.journal.keep(kept, &made.token).await;
    let token = RootToken::new(made.token);
    if let Err(failure) = keeping {
        // What the next run would not know of must not outlive this one.
        end(session, token).await?;
        return Err(failure);
    }
    Ok(Child {
        token,
        accessor: made.accessor,
    })
}
