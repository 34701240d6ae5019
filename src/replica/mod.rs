//! A replica for the checkpoint, for a machine that may vanish with its disk: SSM parameters or S3
//! objects, written ahead like the disk.
//!
//! ```text
//! commit-G               what counts: {version, generation, id, owner, written, diary, secrets}; the highest number
//! diary-G-D, secrets-…   a part of generation G whose digest begins with D, in as many pieces as the place needs
//! claim-N                who is at it: {version, id, owner, at}; the highest number holds
//! evidence-RUN-D         {version, files} of a run after the ceremony; document-D the bytes of a file, in pieces
//! ```
//! A part has a new name in each generation, and counts once a commit names it: one small value, made once and never
//! replaced, so that one that arrives late takes nothing from whoever went on. What the commit that counts does not
//! name is deleted, with every old version, and that is read back. The secrets come here encrypted and leave
//! encrypted; this room has no key, and knows no step.

mod commits;
mod documents;
mod field;
mod parts;
mod s3;
mod signed;
mod ssm;

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::aws::Aws;
use crate::backend::{Error, Kind, patiently};

pub use crate::replica::commits::Commit;
pub use crate::replica::documents::{Document, Documents};
pub use crate::replica::parts::Part;

/// Form of the values here.
const VERSION: u32 = 1;
/// Beginning of the names of commits, before their generation.
const COMMIT: &str = "commit-";
/// Beginning of the names of leases, before their number; as the first release named them.
const LEASE: &str = "claim-";
/// Beginning of the name of a trial value.
const TRIAL: &str = "trial-";

/// A place for values with names. Writing one replaces it; deleting takes every version of it.
enum Store {
    Ssm(Box<ssm::Parameters>),
    S3(Box<s3::Objects>),
}

impl Store {
    /// Writes a value that has no name there yet.
    async fn create(&self, name: &str, value: &[u8]) -> Result<(), Error> {
        self.write(name, value, false).await
    }

    async fn put(&self, name: &str, value: &[u8]) -> Result<(), Error> {
        self.write(name, value, true).await
    }

    async fn write(&self, name: &str, value: &[u8], replace: bool) -> Result<(), Error> {
        match self {
            Self::Ssm(store) => store.put(name, value, replace).await,
            Self::S3(store) => store.put(name, value, replace).await,
        }
    }

    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Ssm(store) => store.get(name).await,
            Self::S3(store) => store.get(name).await,
        }
    }

    /// Names that have a value, or an old version of one.
    async fn names(&self) -> Result<Vec<String>, Error> {
        match self {
            Self::Ssm(store) => store.names().await,
            Self::S3(store) => store.names().await,
        }
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        match self {
            Self::Ssm(store) => store.delete(name).await,
            Self::S3(store) => store.delete(name).await,
        }
    }

    /// Bytes that one value takes at the most.
    fn longest(&self) -> usize {
        match self {
            Self::Ssm(_) => ssm::LONGEST,
            Self::S3(_) => s3::LONGEST,
        }
    }

    fn address(&self) -> &str {
        match self {
            Self::Ssm(store) => store.address(),
            Self::S3(store) => store.address(),
        }
    }
}

/// Who is at it. Made once, taken over only by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Form of this value.
    pub version: u32,
    /// Of the checkpoint's directory, made by chance.
    #[serde(deserialize_with = "field::id")]
    pub id: String,
    /// User, machine and directory.
    #[serde(deserialize_with = "field::words")]
    pub owner: String,
    /// Since when, RFC 3339.
    #[serde(deserialize_with = "field::words")]
    pub at: String,
    /// Which run it is, where that goes on from one machine to the next.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "field::words"
    )]
    pub run: String,
}

impl Lease {
    /// A lease of this directory.
    pub fn new(id: &str, owner: &str, at: String) -> Self {
        Self {
            version: VERSION,
            id: id.to_owned(),
            owner: field::fit(owner),
            at,
            run: String::new(),
        }
    }

    /// Whether this is the same run, on another machine: one follows the other, and the former does nothing more.
    pub fn goes_on_from(&self, other: &Self) -> bool {
        !self.run.is_empty() && self.run == other.run
    }

    /// Whether both are of one directory on one machine.
    pub fn same_owner(&self, other: &Self) -> bool {
        self.id == other.id && self.owner == other.owner
    }
}

/// What is there.
#[derive(Debug, Default)]
pub struct Found {
    /// What counts, if anything was ever kept.
    pub commit: Option<Commit>,
    /// The lease that holds, with its number.
    pub lease: Option<(u32, Lease)>,
    /// Whether something is there that no commit names: left by a run that was killed.
    pub stray: bool,
}

/// The replica, opened.
pub struct Replica {
    store: Store,
    /// Pieces that were written or named here.
    known: RefCell<BTreeSet<String>>,
}

impl Replica {
    /// Finds a place for SSM parameters below a path, such as `/vault/prod/checkpoint`. The KMS key is an id, `alias/…` or
    /// ARN; without it the account's `alias/aws/ssm`.
    ///
    /// # Errors
    /// [`Kind::Misconfigured`] without asking anybody; denied, unreachable.
    pub async fn in_ssm(path: &str, kms_key: Option<&str>, aws: &Aws) -> Result<Self, Error> {
        let store = ssm::Parameters::open(path, kms_key, aws).await?;
        Ok(Self::at(Store::Ssm(Box::new(store))))
    }

    /// Finds a place for S3 objects below a prefix, such as `vault/prod`, and looks whether what is deleted there would be
    /// gone. The bucket exists; without a KMS key it is what the bucket says.
    ///
    /// # Errors
    /// As [`Replica::in_ssm`], and [`Kind::KeepsDeleted`].
    pub async fn in_s3(
        (bucket, prefix): (&str, &str),
        kms_key: Option<&str>,
        aws: &Aws,
    ) -> Result<Self, Error> {
        let store = s3::Objects::open(bucket, prefix, kms_key, aws).await?;
        Ok(Self::at(Store::S3(Box::new(store))))
    }

    fn at(store: Store) -> Self {
        Self {
            store,
            known: RefCell::default(),
        }
    }

    /// `aws-ssm://REGION/PATH` or `s3://BUCKET/PREFIX`.
    pub fn address(&self) -> &str {
        self.store.address()
    }

    /// Looks, and changes nothing. [`Kind::Damaged`] where something there is not ours.
    pub async fn look(&self) -> Result<Found, Error> {
        let names = self.store.names().await?;
        let commit = self.counting(&names, 0).await?;
        let highest = names.iter().filter_map(|name| lease_number(name)).max();
        let lease = match highest {
            // It may have gone between the two looks.
            Some(number) => self
                .read(&format!("{LEASE}{number}"))
                .await?
                .map(|lease| (number, lease)),
            None => None,
        };
        let stray = names
            .iter()
            .any(|name| parts::is_stray(name, commit.as_ref()));
        Ok(Found {
            commit,
            lease,
            stray,
        })
    }

    /// The same, once a listing shows this lease of ours, or does not for long enough: one that is late shows neither
    /// what was there before.
    pub async fn look_after(&self, number: u32) -> Result<Found, Error> {
        let own = format!("{LEASE}{number}");
        let listed = async || {
            let names = self.store.names().await?;
            Ok::<_, Error>(names.contains(&own).then_some(()))
        };
        patiently(listed).await?;
        self.look().await
    }

    /// A small value of ours.
    async fn read<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let Some(bytes) = self.store.get(name).await? else {
            return Ok(None);
        };
        let damaged = |why| self.error(Kind::Damaged(why));
        let not_ours = |_| damaged("a value there is not ours");
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(not_ours)?;
        let version = value["version"].as_u64();
        if version.is_none_or(|found| found > u64::from(VERSION)) {
            return Err(damaged("a value there is of a later release"));
        }
        serde_json::from_value(value).map(Some).map_err(not_ours)
    }

    /// Makes the lease of this number. Of several that try, one succeeds; the others get [`Kind::Taken`].
    pub async fn lease(&self, number: u32, lease: &Lease) -> Result<(), Error> {
        let name = format!("{LEASE}{number}");
        let text = serde_json::to_vec(lease).unwrap_or_default();
        let made = self.store.create(&name, &text).await;
        let Err(error) = made else { return Ok(()) };
        // An answer that was lost, or a retry of the network's: what is there decides.
        match self.read::<Lease>(&name).await {
            Ok(Some(there)) if there == *lease => Ok(()),
            Ok(Some(_)) => Err(self.error(Kind::Taken)),
            _ => Err(error),
        }
    }

    /// Whether the lease still holds: it is there, and nobody made the next one.
    pub async fn holds(&self, number: u32, lease: &Lease) -> Result<bool, Error> {
        let there: Option<Lease> = self.read(&format!("{LEASE}{number}")).await?;
        let next: Option<Lease> = self
            .read(&format!("{LEASE}{}", number.saturating_add(1)))
            .await?;
        Ok(next.is_none() && there.is_some_and(|there| there.same_owner(lease)))
    }

    /// Gives a lease up, if it is there and not somebody else's by now, and what it took over with it.
    pub async fn release(&self, number: u32, lease: &Lease) -> Result<(), Error> {
        let name = format!("{LEASE}{number}");
        // Listed before it is looked whose it is: once it is somebody else's, so may be a number below.
        let names = self.store.names().await?;
        let there: Option<Lease> = self.read(&name).await?;
        if !there.is_some_and(|there| there.same_owner(lease)) {
            return Ok(());
        }
        // Before it: killed in between, none of them holds again.
        self.delete_below(number, &names).await?;
        self.store.delete(&name).await
    }

    /// Deletes the leases that the one of this number took over, whoever was killed before doing it.
    pub async fn clear_below(&self, number: u32) -> Result<(), Error> {
        let names = self.store.names().await?;
        self.delete_below(number, &names).await
    }

    /// The lowest first: killed in between, whoever holds one of them still sees the next one.
    async fn delete_below(&self, number: u32, names: &[String]) -> Result<(), Error> {
        let numbers = names.iter().filter_map(|name| lease_number(name));
        let below: BTreeSet<_> = numbers.filter(|found| *found < number).collect();
        for found in below {
            self.store.delete(&format!("{LEASE}{found}")).await?;
        }
        Ok(())
    }

    /// Writes a value of about `bytes`, reads it back and deletes it, and proves that nothing is left of it. Fails as it
    /// would for the checkpoint.
    pub async fn trial(&self, id: &str, bytes: usize) -> Result<(), Error> {
        let content: Vec<u8> = id.bytes().cycle().take(bytes).collect();
        let part = self.upload(&format!("{TRIAL}{id}"), &content).await;
        let read = match &part {
            Ok(part) => self.fetch(part).await.map(|_| ()),
            Err(_) => Ok(()),
        };
        // Also what a failed one of ours left; that of another machine may be in the middle.
        let swept = self
            .delete_all(|name| parts::is_trial(name, id), async || Ok(()))
            .await;
        part?;
        read?;
        swept
    }

    /// Deletes what is `wanted`, listed or known by name, then looks that nothing of it is left: a listing may be late
    /// with what was written and with what was deleted. `still_ours` has the last word: what is written after it by
    /// whoever took the place over is not among the names.
    async fn delete_all<E: From<Error>>(
        &self,
        wanted: impl Fn(&str) -> bool,
        still_ours: impl AsyncFnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let mut names: BTreeSet<String> = self.store.names().await?.into_iter().collect();
        names.extend(self.known.borrow().iter().cloned());
        names.retain(|name| wanted(name));
        still_ours().await?;
        let gone = patiently(async || {
            for name in &names {
                self.store.delete(name).await?;
                self.known.borrow_mut().remove(name);
            }
            let left = self.store.names().await?;
            let clean = !left.iter().any(|name| names.contains(name));
            Ok::<_, Error>(clean.then_some(()))
        });
        let why = "a value that was deleted is still listed";
        let kept = || self.error(Kind::KeepsDeleted(why.into()));
        Ok(gone.await?.ok_or_else(kept)?)
    }

    /// Remembers what was written here: it is deleted in its time, whether a listing shows it or not.
    fn know(&self, names: impl Iterator<Item = String>) {
        self.known.borrow_mut().extend(names);
    }

    fn error(&self, kind: Kind) -> Error {
        Error::new(self.address(), kind)
    }
}

fn lease_number(name: &str) -> Option<u32> {
    let number: u32 = name.strip_prefix(LEASE)?.parse().ok()?;
    // Another spelling of it is none of ours.
    (format!("{LEASE}{number}") == name).then_some(number)
}
