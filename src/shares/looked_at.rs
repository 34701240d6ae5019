//! What is with the custodians now, beside what was stored with them.

use std::path::Path;

use futures::future::join_all;

use crate::checkpoint::{Diary, Rehearsed};
use crate::config::Config;
use crate::custodian::{self, Custodian, Observation as Look, Stored};
use crate::failure::Failure;
use crate::finding::Finding;
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
        let observed = as_stored::observed(custodian, stored, rehearsed.as_ref()).await;
        (custodian, Some((stored, observed)))
    });
    let mut found = LookedAt::default();
    for (custodian, look) in join_all(looks).await {
        found.sort(custodian, look, in_hand);
    }
    // Those that could not even be opened here, as without access to AWS.
    let opened = |name: &str| custodians.iter().any(|one| one.name() == name);
    let all = config.init.custodians.iter();
    let away = all.filter(|custodian| !opened(&custodian.name));
    let away = away.map(|custodian| format!("the share of {} was not looked at", custodian.name));
    found.unseen.extend(away);
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
}

impl LookedAt {
    fn sort(
        &mut self,
        custodian: &Custodian,
        look: Option<(&Stored, Result<Look, custodian::Error>)>,
        in_hand: bool,
    ) {
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

    /// Says of each that is lost whether the others may still make new ones: those that were not seen may be there, and
    /// those `with_them`, their holders.
    pub(crate) fn whether_enough_are_left(&mut self, with_them: usize, threshold: u32) {
        let perhaps = self.there.len() + self.unseen.len() + with_them;
        let enough = u32::try_from(perhaps).is_ok_and(|left| left >= threshold);
        for one in &mut self.lost {
            if let Finding::ShareGone(.., left) | Finding::ShareChanged(.., left) = one {
                *left = enough;
            }
        }
    }

    fn lose(&mut self, what: Finding, advice: &str) {
        let refusal = Failure::refused(what.code(), what.to_string());
        self.failures.push(refusal.advise(advice));
        self.lost.push(what);
    }
}

const STORE_ANEW: &str =
    "run apply again: the share is still in the checkpoint and will be stored again";
pub(crate) const MOVE_AWAY: &str = "see who changed it, move it away and run apply again: the share is still in the checkpoint \
and will be stored again";
pub(crate) const AS_THEY_WERE_MADE: &str = "put init back in the file to what the shares were made and stored for; others are \
                                 made after the hand-over: recovery rotate";
const BRING_BACK: &str = "bring it back from where it was moved, then run apply again; if it is lost for good, there \
is one holder fewer for a quorum, and nothing makes another share before hand-over: only wiping the cluster, with the \
data in it, and beginning again (apply --abandon says how)";

pub(crate) fn gone(custodian: &Custodian) -> Finding {
    Finding::ShareGone(custodian.address(), custodian.name().to_owned(), true)
}

pub(crate) fn changed(custodian: &Custodian, how: String) -> Finding {
    Finding::ShareChanged(custodian.address(), custodian.name().to_owned(), how, true)
}

/// A share as a report names it: whose it is and where.
pub(crate) fn fact(custodian: &Custodian, stored: &Stored) -> serde_json::Value {
    serde_json::json!({
        "name": custodian.name(),
        "address": custodian.address(),
        "stored": stored,
    })
}
