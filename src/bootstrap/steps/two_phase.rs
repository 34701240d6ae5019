//! The first recovery shares of OpenBao in two phases: made once the server audits, stored, read back, and only then
//! verified, which puts them into effect. No answer of this exists only once: what is lost or unverified is not valid, and is
//! simply made again, so it is not kept in the checkpoint either.
//!
//! Facts of the server: `vault/logical_system_rotate.go` of OpenBao; measured on 2.6.2 and 2.7.2.

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::steps::store_recovery_keys::{all_there, with_their_custodians};
use crate::checkpoint::Diary;
use crate::code::Code;
use crate::config::{Config, CustodianKind, Recovery};
use crate::failure::Failure;
use crate::finding::Finding;
use crate::secret::{Share, ShareMaterial};
use crate::shares::fetch;
use crate::shares::looked_at::fact;
use crate::shares::{storing, unverified};
use crate::step::Step;
use crate::step::decide::Recorded;
use crate::vault::keys::rotation::{NewShares, Start, Verified, anybody_may_rotate};
use crate::vault::sys::{release, same_share, seal_status};
use crate::vault::{Health, Product, Rotation, SealStatus, probe_rotation};

/// How often a rotation that stands in the way is ended: a request of an earlier run may still be on its way.
const STARTS: usize = 3;
/// The first release of OpenBao that has `sys/rotate/recovery` (its change log).
const FIRST_RELEASE: (u32, u32, u32) = (2, 4, 0);

/// Whether this ceremony goes this way, which is decided when the cluster is initialised.
pub(super) fn wanted(ceremony: &Ceremony<'_>, auto_unseal: bool) -> bool {
    let diary = ceremony.diary();
    let said = |what: &str| diary.fact::<String>(Step::Preflight, what);
    let is_openbao = said("product").as_deref() == Some(Product::OpenBao.name());
    let version = said("version").unwrap_or_default();
    applies(ceremony.config, (is_openbao, &version), auto_unseal)
}

/// Whether such a server goes this way with this file.
pub(crate) fn applies(
    config: &Config,
    (is_openbao, version): (bool, &str),
    auto_unseal: bool,
) -> bool {
    // What the server encrypts to its holders nobody could give back to it.
    auto_unseal
        && !all_have_keys(config)
        && is_openbao
        && !is_too_old(version)
        && config.init.recovery != Some(Recovery::AtInit)
}

/// Whether the server can encrypt every share to its holder.
fn all_have_keys(config: &Config) -> bool {
    let mut custodians = config.init.custodians.iter();
    custodians.all(|custodian| matches!(custodian.kind, CustodianKind::Pgp(_)))
}

/// One that hides its version is taken for one of today.
fn is_too_old(version: &str) -> bool {
    release(version).is_some_and(|release| release < FIRST_RELEASE)
}

/// Why a node cannot go this way where the file asks for it.
pub(super) fn refused(
    ceremony: &Ceremony<'_>,
    health: &Health,
    seal: &SealStatus,
) -> Option<Failure> {
    if ceremony.config.init.recovery != Some(Recovery::TwoPhase) {
        return None;
    }
    let address = ceremony.client().address().to_owned();
    let why = if !seal.recovery_seal {
        format!(
            "{address} has seal {}: its unseal keys come with initialisation, and there are no recovery keys",
            seal.seal_type
        )
    } else if all_have_keys(ceremony.config) {
        "every custodian has a PGP key: the server encrypts the shares to them with its initialisation, and in two \
         phases they would have to be given back in clear"
            .to_owned()
    } else if health.product == Product::Vault {
        format!(
            "{address} is Vault, which initialises no cluster without recovery keys (recovery configuration must specify a positive number of shares)"
        )
    } else if is_too_old(&health.version) {
        format!(
            "{address} is OpenBao {}, which makes no recovery keys later",
            health.version
        )
    } else {
        return None;
    };
    Some(
        Failure::refused(Code::NotOnThisServer, why)
            .advise("take init.recovery out of the file, or write at-init"),
    )
}

/// Whether the shares are still to be made.
pub(super) fn is_due(diary: &Diary) -> bool {
    diary.two_phase() && diary.recorded(Step::StoreRecoveryKeys) != Recorded::Done
}

/// Makes them, or finds that those of an earlier run are in effect.
///
/// # Errors
/// A share cannot be stored or read back, the server does not go along, or somebody else made recovery keys.
pub(super) async fn make(ceremony: &mut Ceremony<'_>) -> Result<Vec<serde_json::Value>, Failure> {
    let client = ceremony.client();
    if anybody_may_rotate(&client).await? {
        ceremony.find(Finding::AnybodyMayRotate(client.address().to_owned()));
    }
    // Only root may ask where that is closed, and nobody but us has it: whatever is under way is of an earlier run.
    let paths = probe_rotation(&client, Product::OpenBao, ceremony.token()?).await?;
    let found = Rotation::new(&client, paths, ceremony.token()?);
    end(&found).await?;
    // Asked only now: no request that is still on its way can verify anything any more.
    let seal = seal_status(&client.in_namespace(None)).await?;
    if seal.n == 0 {
        for place in 0..ceremony.custodians.len() {
            discard(ceremony, place).await?;
        }
        let init = &ceremony.config.init;
        let NewShares {
            shares,
            verification,
        } = start(&found, (init.shares, init.threshold)).await?;
        ceremony.shares = shares.into_iter().map(ShareMaterial::Plain).collect();
        let done = hold(ceremony, paths, &verification).await;
        ceremony.shares = Vec::new();
        done?;
    }
    known(ceremony)?;
    all_there(ceremony).await?;
    let diary = ceremony.diary();
    let facts = ceremony
        .custodians
        .iter()
        .filter_map(|custodian| Some(fact(custodian, diary.stored(custodian.name())?)));
    Ok(facts.collect())
}

async fn end(rotation: &Rotation<'_>) -> Result<(), Failure> {
    let under_way = rotation.progress().await?;
    if under_way.started {
        rotation.cancel(&under_way.nonce).await?;
    }
    Ok(())
}

async fn start(
    rotation: &Rotation<'_>,
    (shares, threshold): (u32, u32),
) -> Result<NewShares, Failure> {
    for _ in 0..STARTS {
        match rotation.start(shares, threshold).await? {
            Start::HandedOut(new) => return Ok(new),
            Start::Ours(_) => break,
            Start::Busy => end(rotation).await?,
        }
    }
    Err(Failure::failed(
        Code::AnswerUnexpected,
        format!(
            "{}: it cannot make the first recovery keys",
            rotation.address()
        ),
    )
    .advise("look at the server's log, then run apply again"))
}

/// Takes away what an earlier run stored and nobody verified.
async fn discard(ceremony: &Ceremony<'_>, place: usize) -> Result<(), Failure> {
    let custodian = &ceremony.custodians[place];
    let diary = ceremony.diary();
    let Some(record) = diary.shares.get(custodian.name()) else {
        return Ok(());
    };
    if let Some(address) = &record.unverified {
        let expected = (address.as_str(), diary.trial.as_deref());
        if unverified::discard(custodian, expected, record).await? {
            ceremony.note(format!("removed {address}, which was not valid"));
        }
    }
    ceremony
        .records
        .record(|diary| drop(diary.shares.remove(custodian.name())))?;
    Ok(())
}

/// Stored, read back, given back.
async fn hold(
    ceremony: &Ceremony<'_>,
    paths: crate::vault::keys::rotation::Paths,
    verification: &str,
) -> Result<(), Failure> {
    if ceremony.shares.len() != ceremony.custodians.len() {
        return Err(Failure::failed(
            Code::AnswerUnexpected,
            "the server made a different number of recovery keys",
        ));
    }
    with_their_custodians(ceremony).await?;
    let kept = read_back(ceremony).await?;
    all_there(ceremony).await?;
    // Once they are in effect, another machine must know where they are.
    ceremony.replicate().await?;
    let client = ceremony.client();
    let rotation = Rotation::new(&client, paths, ceremony.token()?);
    let address = rotation.address();
    let as_kept = kept.iter().zip(&ceremony.shares);
    let as_kept = as_kept.filter_map(|(kept, made)| kept.as_ref().or_else(|| made.as_plain()));
    let why = match storing::verify(&rotation, verification, as_kept).await? {
        Verified::Holds => return Ok(()),
        Verified::Gone | Verified::Wrong => "it does not know the recovery keys that it made",
        Verified::Counts => {
            "it was given all recovery keys and does not confirm that they are in effect"
        }
    };
    Err(Failure::failed(Code::AnswerUnexpected, format!("{address}: {why}")).passing())
}

/// What a machine opens is fetched and compared. What only its holder opens was read back as the ciphertext that was
/// made for them, and they have opened a challenge before.
async fn read_back(ceremony: &Ceremony<'_>) -> Result<Vec<Option<Share>>, Failure> {
    let identities = fetch::identities(&ceremony.options.identities)?;
    let numbers = ceremony.diary().shares.clone();
    let mut kept: Vec<Option<Share>> = ceremony.shares.iter().map(|_| None).collect();
    for custodian in &ceremony.custodians {
        let number = numbers
            .get(custodian.name())
            .map_or(usize::MAX, |record| record.number);
        let Some(share) = ceremony
            .shares
            .get(number)
            .and_then(ShareMaterial::as_plain)
        else {
            continue;
        };
        if !custodian.opens_with(&identities).await {
            continue;
        }
        let back = custodian.fetch(&identities).await?;
        if !same_share(&back, share) {
            let (name, address) = (custodian.name(), custodian.address());
            return Err(Failure::refused(
                Code::ShareChanged,
                format!("{address}, the share of {name}, is not what was stored"),
            )
            .advise(
                "find out who writes there; the share is not valid yet, and another one is made",
            ));
        }
        kept[number] = Some(back);
    }
    Ok(kept)
}

/// The recovery keys that are in effect are those that are recorded here.
fn known(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    let (diary, mut custodians) = (ceremony.diary(), ceremony.custodians.iter());
    let all = custodians.all(|custodian| diary.stored(custodian.name()).is_some());
    if all {
        return Ok(());
    }
    let address = ceremony.client().address().to_owned();
    Err(Failure::refused(Code::RecoveryKeysUnknown, format!("{address} has recovery keys that this checkpoint knows nothing of"))
        .advise(format!(
            "ask who else has its root token; a cluster that holds no data yet is best wiped and begun again: {}",
            ceremony.config.command("apply --abandon")
        )))
}
