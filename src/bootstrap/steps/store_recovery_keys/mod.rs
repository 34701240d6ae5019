//! Each share at its own custodian, read back equal; then this program keeps none of them.
//!
//! Custodians are independent of each other and go in parallel; a share that is stored is not touched
//! again. When all are there, the checkpoint is rewritten with the root token alone, under a fresh key.

mod assigning;

use futures::future::join_all;

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::steps::store_recovery_keys::assigning::{assign, no_share};
use crate::bootstrap::steps::two_phase;
use crate::bootstrap::view::View;
use crate::checkpoint::ShareRecord;
use crate::code::Code;
use crate::custodian::{Custodian, Observation as Look, Stored};
use crate::desired::observation::Observation;
use crate::envelope::Sealer;
use crate::evidence::facts::Evidence;
use crate::failure::Failure;
use crate::finding::{Detail, Finding};
use crate::secret::ShareMaterial;
use crate::session::Authority;
use crate::shares::exercised::given_elsewhere;
use crate::shares::key_set;
use crate::shares::looked_at::{self, AS_THEY_WERE_MADE, MOVE_AWAY, changed, fact, gone};
use crate::shares::storing::{Stage, store};
use crate::step::Step;
use crate::step::decide::Recorded;

/// Looks at what is recorded as stored: version and digest, never a share.
///
/// While root is valid, a share that is gone or changed stops the ceremony: root must not be revoked on the
/// word of a quorum that no longer exists.
pub(crate) async fn observe(view: &View<'_>) -> Result<Observation, Failure> {
    // Shares still in the checkpoint, or not made yet, mean that the step did not come to its end: it looks at each
    // itself.
    if view.shares_in_hand || two_phase::is_due(&view.diary) {
        return Ok(Observation::partial(Vec::new()));
    }
    let mut contradictions = key_set::contradictions(&view.diary, view.config);
    let of_another = |one| key_set::of_another_key(&view.diary, one, view.config);
    contradictions.extend(view.custodians.iter().filter_map(of_another));
    let mut found = look(view).await;
    if view.is_root() {
        let refused =
            |one: &Finding| Failure::refused(one.code(), one.to_string()).advise(AS_THEY_WERE_MADE);
        found.failures.extend(contradictions.iter().map(refused));
        Failure::check(std::mem::take(&mut found.failures))?;
    }
    let with_them = given_elsewhere(&view.diary, &view.directory)?;
    let is_known =
        |one: &Finding| matches!(one, Finding::ShareGone(_, name, _) if with_them.contains(name));
    let lost = found.lost.len();
    found.lost.retain(|one| !is_known(one));
    let with_them = lost - found.lost.len();
    found.leave_elsewhere(view.config, view.options.check);
    found.whether_enough_are_left(with_them, view.config.init.threshold);
    let evidence = Evidence::default().with("custodians", &found.there);
    let observation = if !found.missing.is_empty() {
        Observation::unknown(vec![if contradictions.is_empty() {
            Detail::SharesMissing
        } else {
            Detail::SeeFindings
        }])
    } else if found.unseen.is_empty()
        && (found.lost.is_empty() || view.recorded() == Recorded::Done)
    {
        // What is lost is a finding: it was looked at.
        Observation::present(evidence)
    } else {
        // What is lost is a finding and said as such, not once more as something that was not looked at.
        let unseen = found.unseen.into_iter();
        let unseen = unseen.map(|error| Detail::Custodian { error });
        Observation {
            evidence,
            ..Observation::unknown(unseen.collect())
        }
    };
    Ok(Observation {
        findings: contradictions.into_iter().chain(found.lost).collect(),
        ..observation
    })
}

/// Every share is with its custodian at this moment, as it was stored. Asked before the last copy that is
/// not theirs is forgotten, and before root is revoked.
pub(crate) async fn all_there(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    let mut found = look(&ceremony.view(Step::StoreRecoveryKeys)).await;
    let missing = found
        .missing
        .drain(..)
        .map(|what| Failure::refused(Code::SharesNotStored, what));
    found.failures.extend(missing);
    found.failures.extend(removed(ceremony));
    Failure::check(found.failures)
}

/// Holders that were given a share and that the file does not name any more: nobody looks at theirs.
fn removed(ceremony: &Ceremony<'_>) -> Option<Failure> {
    let diary = ceremony.diary();
    let named = |name: &&String| {
        let mut custodians = ceremony.config.init.custodians.iter();
        custodians.any(|custodian| custodian.name == **name)
    };
    let shares = diary.shares.keys();
    let removed: Vec<_> = shares
        .filter(|name| !named(name))
        .map(String::as_str)
        .collect();
    if removed.is_empty() {
        return None;
    }
    let names = removed.join(", ");
    Some(
        Failure::refused(Code::SharesNotAsInFile, format!(
            "the file no longer names {names}, who was given a share: whether it is there cannot be seen"
        ))
        .advise(format!(
            "put {names} back under init.custodians, with init.shares and init.threshold as they were: a holder \
             is taken out by new shares, after the hand-over: {}",
            ceremony.config.command("recovery rotate --from OLD.yaml")
        )),
    )
}

async fn look(view: &View<'_>) -> looked_at::LookedAt {
    let places = (view.custodians, view.config);
    looked_at::look(places, (&view.diary, &view.directory), view.shares_in_hand).await
}

/// Stores what is not with its custodian, then drops the shares from memory and checkpoint.
pub(crate) async fn apply(ceremony: &mut Ceremony<'_>) -> Result<Evidence, Failure> {
    if ceremony.diary().two_phase() {
        let facts = two_phase::make(ceremony).await?;
        forget_shares(ceremony).await?;
        return Ok(Evidence::default()
            .with("custodians", facts)
            .with("verified", true));
    }
    let facts = with_their_custodians(ceremony).await?;
    // What was there a moment ago, or in an earlier run, need not be there now.
    all_there(ceremony).await?;
    forget_shares(ceremony).await?;
    Ok(Evidence::default().with("custodians", facts))
}

/// Each share that is in hand, with its custodian.
///
/// # Errors
/// All custodians that could not be given theirs.
pub(crate) async fn with_their_custodians(
    ceremony: &Ceremony<'_>,
) -> Result<Vec<serde_json::Value>, Failure> {
    let numbers = assign(ceremony)?;
    let view = ceremony;
    let stores = view.custodians.iter().map(|custodian| {
        let share = numbers
            .get(custodian.name())
            .and_then(|number| view.shares.get(*number));
        async move {
            let share = share.ok_or_else(|| no_share(custodian))?;
            store_one(view, custodian, share).await
        }
    });
    let (mut facts, mut failures) = (Vec::new(), Vec::new());
    for result in join_all(stores).await {
        match result {
            Ok(fact) => facts.push(fact),
            Err(failure) => failures.push(failure),
        }
    }
    if !failures.is_empty() {
        failures.push(in_part(ceremony, &facts));
    }
    Failure::check(failures)?;
    Ok(facts)
}

/// Nothing is lost yet, and who wonders about that is told where everything is.
fn in_part(ceremony: &Ceremony<'_>, stored: &[serde_json::Value]) -> Failure {
    let names: Vec<_> = stored
        .iter()
        .filter_map(|fact| fact["name"].as_str())
        .collect();
    let (state, then) = if ceremony.diary().two_phase() {
        (
            ", and are not valid yet".to_owned(),
            ", which makes new ones",
        )
    } else {
        let with = if names.is_empty() {
            String::new()
        } else {
            format!(" ({})", names.join(", "))
        };
        let directory = ceremony.records.borrow().directory().display().to_string();
        (
            format!("{with}; all of them are still in {directory}, encrypted"),
            "",
        )
    };
    Failure::failed(
        Code::SharesNotStored,
        format!(
            "{} of {} shares are with their custodians{state}",
            names.len(),
            ceremony.custodians.len(),
        ),
    )
    .advise(format!(
        "fix the problems above, then continue{then}: {}",
        ceremony.options.again(ceremony.config)
    ))
}

async fn store_one(
    ceremony: &Ceremony<'_>,
    custodian: &Custodian,
    share: &ShareMaterial,
) -> Result<serde_json::Value, Failure> {
    let diary = ceremony.diary();
    if let Some(stored) = diary.stored(custodian.name()) {
        match custodian.observe(stored).await? {
            Look::Same => return Ok(fact(custodian, stored)),
            Look::Missing => store_anew(ceremony, custodian, stored),
            Look::Changed(how) => {
                return Err(Failure::refused(
                    Code::ShareChanged,
                    changed(custodian, how).to_string(),
                )
                .advise(MOVE_AWAY));
            }
        }
    }
    let before = diary.shares.get(custodian.name()).cloned();
    let prepared = custodian
        .prepare(share)
        .await?
        .with_earlier(before.unwrap_or_default().prepared)
        .marked(diary.trial.clone());
    let remember = |stage: Stage<'_>| {
        record(ceremony, custodian, |record| match stage {
            Stage::Before(prepared) => {
                record.prepared.extend(prepared.digest().map(str::to_owned));
                record.encrypted_to = Some(custodian.proof_subject());
                record.unverified = diary.two_phase().then(|| custodian.address());
            }
            Stage::NotOurs => record.unverified = None,
            Stage::Stored(stored) => record.stored = Some(stored.clone()),
        })
    };
    let stored = store(&ceremony.records, custodian, (share, &prepared), remember).await?;
    ceremony.note(format!(
        "{} holds a share: {}",
        custodian.name(),
        custodian.address()
    ));
    Ok(fact(custodian, &stored))
}

/// Changes what is recorded of one share, on disk before it returns.
fn record(
    ceremony: &Ceremony<'_>,
    custodian: &Custodian,
    change: impl FnOnce(&mut ShareRecord),
) -> Result<(), Failure> {
    let name = custodian.name().to_owned();
    let records = &ceremony.records;
    Ok(records.record(|diary| change(diary.shares.entry(name).or_default()))?)
}

/// Says why a share that was stored before is stored once more.
fn store_anew(ceremony: &Ceremony<'_>, custodian: &Custodian, before: &Stored) {
    if before.address == custodian.address() {
        ceremony.note(format!("{}; it is stored again", gone(custodian)));
    } else {
        let (name, address) = (custodian.name(), &before.address);
        ceremony.warn(Code::SharesNotAsInFile, format!(
            "the share of {name} was stored at {address} and the file now names another place: a copy may \
             still be there"
        ));
    }
}

async fn forget_shares(ceremony: &mut Ceremony<'_>) -> Result<(), Failure> {
    let Authority::Root(root) = &ceremony.authority else {
        return Err(Failure::failed(
            Code::SecretsMissing,
            "there is no root token to keep",
        ));
    };
    let sealer = Sealer::create(ceremony.key()?, &ceremony.config.cluster.name).await?;
    ceremony.checkpoint().keep_root_token(&sealer, root)?;
    // The shares are gone from there too, and that was proved, before they are gone from here.
    ceremony.replicate().await?;
    ceremony.shares = Vec::new();
    Ok(())
}
