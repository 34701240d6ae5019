//! Commits: each says which parts count, under a number of its own. The highest one holds.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::backend::{Error, Kind, patiently};
use crate::hex::digest;
use crate::replica::field;
use crate::replica::parts::{Part, generation_of, is_stray, part_name};
use crate::replica::{COMMIT, Replica, VERSION};

/// Commits that a listing may not show yet: a whole ceremony makes fewer.
const FOLLOWING: u64 = 100;

/// What counts: the parts of one generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    pub(super) version: u32,
    /// Counts up by one each time.
    pub generation: u64,
    /// The directory that wrote it, as in its lease.
    #[serde(deserialize_with = "field::id")]
    pub id: String,
    /// User, machine and directory, for people.
    #[serde(deserialize_with = "field::words")]
    pub owner: String,
    /// When, RFC 3339.
    #[serde(deserialize_with = "field::words")]
    pub written: String,
    /// The public part.
    pub diary: Part,
    /// The encrypted part, while there is one.
    pub secrets: Option<Part>,
}

impl Commit {
    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(&self.diary).chain(&self.secrets)
    }

    /// Whether these are the secrets that are kept.
    pub fn keeps(&self, secrets: &[u8]) -> bool {
        let kept = self.secrets.as_ref();
        kept.is_some_and(|part| part.digest == digest(secrets))
    }

    /// Whether this is already what is kept.
    pub fn is_of(&self, diary: &[u8], secrets: Option<&[u8]>) -> bool {
        let kept = self.secrets.as_ref().map(|part| part.digest.clone());
        self.diary.digest == digest(diary) && kept == secrets.map(digest)
    }
}

impl Replica {
    /// Uploads what changed since `last`, makes it count, and reads that back. `last_word` is
    /// told what is about to count, and may refuse.
    ///
    /// # Errors
    /// Nothing of it counts then, unless the read-back alone failed. [`Kind::Overtaken`] where somebody else went on.
    pub async fn commit<E: From<Error>>(
        &self,
        last: Option<&Commit>,
        (id, owner, written): (&str, &str, String),
        (diary, secrets): (&[u8], Option<&[u8]>),
        last_word: impl AsyncFnOnce(&Commit) -> Result<(), E>,
    ) -> Result<Commit, E> {
        let generation = last.map_or(0, |last| last.generation) + 1;
        if let Some(last) = last {
            self.remember(last.generation);
            for part in last.parts() {
                self.know(part.names());
            }
        }
        let part = async |kind, bytes: &[u8], before: Option<&Part>| match before {
            Some(part) if part.digest == digest(bytes) => Ok(part.clone()),
            _ => {
                self.upload(&part_name(kind, generation, bytes), bytes)
                    .await
            }
        };
        let diary = part("diary", diary, last.map(|last| &last.diary)).await?;
        let secrets = match secrets {
            None => None,
            Some(bytes) => {
                let before = last.and_then(|last| last.secrets.as_ref());
                Some(part("secrets", bytes, before).await?)
            }
        };
        let commit = Commit {
            version: VERSION,
            generation,
            id: id.to_owned(),
            owner: field::fit(owner),
            written,
            diary,
            secrets,
        };
        last_word(&commit).await?;
        self.make(&commit).await?;
        Ok(commit)
    }

    /// Makes it count, where nobody else went on meanwhile.
    async fn make(&self, commit: &Commit) -> Result<(), Error> {
        let name = name_of(commit.generation);
        let text = serde_json::to_vec(commit).unwrap_or_default();
        self.remember(commit.generation);
        let made = self.store.create(&name, &text).await;
        // What came of it is decided by reading, never by the answer to the write; and a reader may be shown nothing
        // for a moment.
        let read = async || self.numbered(commit.generation).await;
        let seen = match &made {
            Err(error) if !error.may_have_written() => read().await,
            _ => patiently(read).await,
        };
        match (seen, made) {
            (Ok(Some(there)), _) if there == *commit => {}
            (Ok(Some(_)), _) => return Err(self.error(Kind::Overtaken)),
            (Ok(None), Ok(())) => return Err(self.error(Kind::Different)),
            (Ok(None), Err(error)) if matches!(error.kind(), Kind::Taken) => {
                return Err(self.error(Kind::Overtaken));
            }
            (Ok(None) | Err(_), Err(error)) | (Err(error), Ok(())) => return Err(error),
        }
        self.is_highest(commit.generation).await
    }

    /// Whether nothing follows this generation: a number is free again once whoever went on has deleted it.
    async fn is_highest(&self, generation: u64) -> Result<(), Error> {
        let names = self.store.names().await?;
        match self.counting(&names, generation).await? {
            None => Ok(()),
            Some(_) => Err(self.error(Kind::Overtaken)),
        }
    }

    /// The commit with the highest number, of those above `floor`. A listing may be late: what is known here, and
    /// what the names of parts tell, is read by name, and so is what would follow.
    pub(super) async fn counting(
        &self,
        names: &[String],
        floor: u64,
    ) -> Result<Option<Commit>, Error> {
        let known = self.known.borrow().clone();
        let all = || names.iter().chain(&known).map(String::as_str);
        let expected: BTreeSet<u64> = all().filter_map(number_of).collect();
        let mut numbers = expected.clone();
        numbers.extend(all().filter_map(generation_of));
        numbers.retain(|number| *number > floor);
        let mut counts = None;
        for number in numbers.iter().rev() {
            let read = async || self.numbered(*number).await;
            counts = if expected.contains(number) {
                patiently(read).await?
            } else {
                read().await?
            };
            if counts.is_some() {
                break;
            }
        }
        let highest = numbers.last().copied().unwrap_or(floor);
        for number in (1..=FOLLOWING).map_while(|further| highest.checked_add(further)) {
            match self.numbered(number).await? {
                Some(commit) => counts = Some(commit),
                None => return Ok(counts),
            }
        }
        Err(self.error(Kind::Damaged("one commit follows the other without an end")))
    }

    /// The commit of this number.
    async fn numbered(&self, generation: u64) -> Result<Option<Commit>, Error> {
        let commit: Option<Commit> = self.read(&name_of(generation)).await?;
        match commit {
            Some(commit) if commit.generation != generation => {
                Err(self.error(Kind::Damaged("a commit there is not of its number")))
            }
            commit => Ok(commit),
        }
    }

    /// Remembers that this generation was there: it is looked for by name, whether a listing shows it or not.
    pub fn remember(&self, generation: u64) {
        if generation > 0 {
            self.know(std::iter::once(name_of(generation)));
        }
    }

    /// Deletes every part that `commit` does not name and every commit before it, and proves that nothing of them is
    /// left. `still_ours` has the last word, once it is known what would be deleted.
    pub async fn sweep<E: From<Error>>(
        &self,
        commit: Option<&Commit>,
        still_ours: impl AsyncFnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let generation = commit.map_or(0, |commit| commit.generation);
        let last_word = async || {
            still_ours().await?;
            Ok(self.is_highest(generation).await?)
        };
        self.delete_all(|name| is_stray(name, commit), last_word)
            .await
    }
}

fn name_of(generation: u64) -> String {
    format!("{COMMIT}{generation}")
}

fn number_of(name: &str) -> Option<u64> {
    let number: u64 = name.strip_prefix(COMMIT)?.parse().ok()?;
    // Another spelling of it is none of ours.
    (name_of(number) == name).then_some(number)
}

/// Whether this is a commit that this one followed.
pub(super) fn is_below(name: &str, commit: &Commit) -> bool {
    number_of(name).is_some_and(|number| number < commit.generation)
}
