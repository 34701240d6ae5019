//! A checkpoint as bytes for a replica, and back; and what this directory remembers of that place.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::checkpoint::diary::Diary;
use crate::checkpoint::directory::{
    MEMORY, destroy_beside, memory_within, read_json, write_beside, write_json,
};
use crate::checkpoint::error::{CheckpointError, Result};
use crate::checkpoint::replica::lease::owner;
use crate::checkpoint::secrets_file::{self, Header};
use crate::checkpoint::store::{Checkpoint, read_secrets};
use crate::replica::{Commit, Lease};

/// The name of what is remembered of the replica.
const MARK: &str = "replica.json";

/// What this directory is called at the replica, and what it saw there last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Made by chance, once.
    pub id: String,
    /// The address of the place of which the rest tells; without it, that is of no place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The last generation that was seen to count.
    pub generation: u64,
    /// What was about to count next: found there, it was written from here and is not newer than this directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Commit>,
}

impl Mark {
    /// This generation was seen to count at this place.
    pub fn seen(id: &str, place: &str, generation: u64) -> Self {
        Self {
            id: id.to_owned(),
            place: Some(place.to_owned()),
            generation,
            next: None,
        }
    }

    /// The same at this place: what was seen at another one says nothing about it.
    #[must_use]
    pub fn at(self, place: &str) -> Self {
        if self.place.as_deref() == Some(place) {
            return self;
        }
        Self::seen(&self.id, place, 0)
    }
}

/// The encrypted part without the room around it.
#[derive(Serialize, Deserialize)]
struct Packed {
    #[serde(flatten)]
    header: Header,
    ciphertext: Option<String>,
}

/// The diary, and what is remembered of the documents beside it.
#[derive(Serialize)]
struct WithMemory<'a> {
    #[serde(flatten)]
    diary: &'a Diary,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<String>,
}

/// What is remembered of the documents, of a public part as it was packed.
pub(super) fn memory_of(packed: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Memory {
        memory: Option<String>,
    }
    serde_json::from_slice::<Memory>(packed).ok()?.memory
}

impl Checkpoint {
    /// The public part and, while there is one, the encrypted part, as bytes. With the public part goes what is
    /// remembered of the documents, where that is no longer than `longest` bytes.
    pub fn packed(&self, longest: u64) -> Result<(Vec<u8>, Option<Vec<u8>>)> {
        let failed =
            |error: serde_json::Error| CheckpointError::io("pack", &self.directory)(error.into());
        let diary = WithMemory {
            diary: &self.diary,
            memory: memory_within(&self.directory, longest)?,
        };
        let diary = serde_json::to_vec(&diary).map_err(failed)?;
        let secrets = match read_secrets(&self.directory)? {
            None => None,
            Some((header, ciphertext)) => {
                let ciphertext = ciphertext.map(|bytes| BASE64_STANDARD.encode(bytes));
                Some(serde_json::to_vec(&Packed { header, ciphertext }).map_err(failed)?)
            }
        };
        Ok((diary, secrets))
    }

    /// Takes over what a replica kept, for `address` says where it is. What holders have proved here
    /// stays true.
    pub fn unpack(&mut self, diary: &[u8], secrets: Option<&[u8]>, address: &str) -> Result<()> {
        let place = Path::new(address);
        let memory = memory_of(diary);
        let mut diary = Diary::read(diary, place)?;
        if diary.cluster.name != self.diary.cluster.name {
            return Err(CheckpointError::OtherCluster {
                path: place.to_owned(),
                found: diary.cluster.name,
                wanted: self.diary.cluster.name.clone(),
            });
        }
        let damaged = || CheckpointError::Damaged {
            path: place.to_owned(),
            why: "its encrypted part is not ours".into(),
        };
        match secrets {
            None => self.destroy_secrets()?,
            Some(bytes) => {
                let packed: Packed = serde_json::from_slice(bytes).map_err(|_| damaged())?;
                let ciphertext = packed.ciphertext.unwrap_or_default();
                let ciphertext = BASE64_STANDARD.decode(ciphertext).map_err(|_| damaged())?;
                let header = &packed.header;
                self.written(secrets_file::replace(&self.directory, header, &ciphertext))?;
            }
        }
        match memory {
            Some(memory) => {
                write_beside(&self.directory, MEMORY, memory.as_bytes())?;
            }
            // What is remembered here is of before: documents are compared by their meaning once.
            None => destroy_beside(&self.directory, MEMORY)?,
        }
        for (name, proof) in self.diary.proofs.clone() {
            diary.proofs.entry(name).or_insert(proof);
        }
        self.record(|kept| *kept = diary)
    }

    /// Whether this lease is of the checkpoint in this directory.
    pub fn has_lease(directory: &Path, lease: &Lease) -> Result<bool> {
        let mark: Option<Mark> = read_json(directory, MARK)?;
        let owner = owner(directory);
        Ok(mark.is_some_and(|mark| lease.same_owner(&Lease::new(&mark.id, &owner, String::new()))))
    }

    /// What is remembered of the replica.
    pub fn mark(&self) -> Result<Option<Mark>> {
        read_json(&self.directory, MARK)
    }

    /// Remembers it, durably.
    pub fn set_mark(&self, mark: &Mark) -> Result<()> {
        write_json(&self.directory, MARK, mark).map(drop)
    }
}
