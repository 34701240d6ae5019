//! What is with the custodians now, beside what was stored with them.

use std::collections::BTreeSet;
use std::path::Path;

use futures::future::join_all;

use crate::checkpoint::{Diary, Rehearsed};
use crate::config::Config;
use crate::custodian::{self, Custodian, Observation as Look, Stored};
use crate::failure::Failure;
use crate::finding::{Finding, NewShares};
use crate::machine::{Machine, Thing};
use crate::shares::as_stored;

/// Looks at what is recorded as stored with each of them: version and digest, never a share. While the shares are in hand,
/// one that is lost is stored again.
pub(crate) async fn look(
    (custodians, config): (&[Custodian], &Config),
    (diary, directory): (&Diary, &Path),
    in_hand: bool,
) -> LookedAt {
    let rehearsed = Rehearsed::last(directory).ok().flatten();
    let rehearsed = &rehearsed;
    let looks = custodians.iter().map(|custodian| async move {
        let Some(stored) = diary.stored(custodian.name()) else {
            return (custodian, None);
        };
        let observed = as_stored::observed(custodian, (stored, diary), rehearsed.as_ref()).await;
        (custodian, Some((stored, observed)))
    });
    let mut found = LookedAt {
        in_hand,
        handed_over: diary.handed_over(),
        ..LookedAt::default()
    };
    for (custodian, look) in join_all(looks).await {
        found.sort(custodian, look);
    }
    // Those that could not even be opened here, as without access to AWS.
    let opened = |name: &str| custodians.iter().any(|one| one.name() == name);
    let all = config.init.custodians.iter();
    let away = all.filter(|custodian| !opened(&custodian.name));
    let away = away.map(|custodian| format!("the share of {} was not looked at", custodian.name));
    found.unseen.extend(away);
    found.whether_enough_are_left(0, config.init.threshold);
    found.refuse();
    found
}

/// What a look at all custodians found.
#[derive(Default)]
pub(crate) struct LookedAt {
    pub(crate) there: Vec<serde_json::Value>,
    pub(crate) missing: Vec<String>,
    pub(crate) unseen: Vec<String>,
    pub(crate) lost: Vec<Finding>,
    pub(crate) failures: Vec<Failure>,
    /// Whose shares were seen, under whichever name.
    seen: BTreeSet<String>,
    /// What is to be done about each that is lost, before the hand-over.
    advice: Vec<&'static str>,
    in_hand: bool,
    handed_over: bool,
}

impl LookedAt {
    fn sort(
        &mut self,
        custodian: &Custodian,
        look: Option<(&Stored, Result<as_stored::Observed, custodian::Error>)>,
    ) {
        let in_hand = self.in_hand;
        let look = look.map(|(stored, observed)| {
            let observed = observed.map(|(look, whose)| {
                self.seen.extend(whose);
                look
            });
            (stored, observed)
        });
        match look {
            Some((stored, Ok(Look::Same))) => self.there.push(fact(custodian, stored)),
            Some((_, Ok(Look::Changed(how)))) => {
                let advice = if in_hand { MOVE_AWAY } else { BRING_BACK };
                self.lose(changed(custodian, how), advice);
            }
            Some((stored, Ok(Look::Missing))) if stored.address != custodian.address() => {
                let (name, was) = (custodian.name().to_owned(), stored.address.clone());
                let elsewhere = Finding::ShareStoredElsewhere(name, was, custodian.address());
                self.lose(elsewhere, AS_THEY_WERE_MADE);
            }
            Some((_, Ok(Look::Missing))) => {
                let advice = if in_hand { STORE_ANEW } else { BRING_BACK };
                self.lose(gone(custodian), advice);
            }
            Some((_, Err(error))) => {
                self.unseen.push(error.to_string());
                self.failures.push(error.into());
            }
            None => self
                .missing
                .push(format!("{} has no share yet", custodian.name())),
        }
    }

    /// A share in a file that is not here, on a machine `from` which that need not be seen, is on another one: it was not
    /// looked at.
    pub(crate) fn leave_elsewhere(&mut self, config: &Config, from: Option<Machine>) {
        if from.is_none_or(|from| from.sees(Thing::CustodiansShare)) {
            return;
        }
        let is_file = |name: &str| {
            let mut custodians = config.init.custodians.iter();
            custodians.any(|one| one.name == name && one.kind.is_a_file())
        };
        self.lost.retain(|one| {
            let (name, at) = match one {
                Finding::ShareGone(at, name, _) | Finding::ShareStoredElsewhere(name, at, _)
                    if is_file(name) =>
                {
                    (name, at)
                }
                _ => return true,
            };
            let text =
                format!("the share of {name} was not looked at: {at} is not on this machine");
            self.unseen.push(text);
            false
        });
    }

    /// Says of each that is lost whether the others may still make new ones: those that were not seen may be there, and
    /// those `with_them`, their holders.
    pub(crate) fn whether_enough_are_left(&mut self, with_them: usize, threshold: u32) {
        let perhaps = self.seen.len() + self.unseen.len() + with_them;
        // Those that are still in the checkpoint are stored again.
        let enough = self.in_hand || u32::try_from(perhaps).is_ok_and(|left| left >= threshold);
        let by_now = NewShares::of(self.handed_over, enough);
        for one in &mut self.lost {
            if let Finding::ShareGone(.., by) | Finding::ShareChanged(.., by) = one {
                *by = by_now;
            }
        }
    }

    fn lose(&mut self, what: Finding, advice: &'static str) {
        self.lost.push(what);
        self.advice.push(advice);
    }

    /// What is lost, as failures: for whoever must not go on without it.
    fn refuse(&mut self) {
        let lost = self.lost.iter().zip(&self.advice);
        self.failures.extend(
            lost.map(|(what, advice)| {
                Failure::refused(what.code(), what.to_string()).advise(*advice)
            }),
        );
    }
}

const STORE_ANEW: &str =
    "run apply again: the share is still in the checkpoint and will be stored again";
pub(crate) const MOVE_AWAY: &str = "see who changed it, move it away and run apply again: the share is still in the checkpoint \
and will be stored again";
pub(crate) const AS_THEY_WERE_MADE: &str = "put init back in the file to what the shares were made and stored for; others are \
                                 made after the hand-over: recovery rotate";
const BRING_BACK: &str = "bring it back from where it was moved, then run apply again; if it is lost for good: nothing \
makes another share before hand-over: only wiping the cluster, with the data in it, and beginning again (apply --abandon \
says how)";

pub(crate) fn gone(custodian: &Custodian) -> Finding {
    Finding::ShareGone(
        custodian.address(),
        custodian.name().to_owned(),
        NewShares::NotYet,
    )
}

pub(crate) fn changed(custodian: &Custodian, how: String) -> Finding {
    Finding::ShareChanged(
        custodian.address(),
        custodian.name().to_owned(),
        how,
        NewShares::NotYet,
    )
}

/// A share as a report names it: whose it is and where.
pub(crate) fn fact(custodian: &Custodian, stored: &Stored) -> serde_json::Value {
    serde_json::json!({
        "name": custodian.name(),
        "address": custodian.address(),
        "stored": stored,
    })
}
