//! The file of the memory: a head and one line a document.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::checkpoint::CheckpointError;
use crate::checkpoint::directory::{LONGEST_MEMORY, MEMORY};
use crate::disk;
use crate::envelope::WrappedKey;
use crate::memory::form::Form;
use crate::memory::{Record, Remembered};

/// The form that this program writes, and the newest that it reads.
const VERSION: u32 = 2;
/// Lines that have been overtaken, before the file is written anew.
pub(super) const SLACK: usize = 64;

/// The first line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Header {
    version: u32,
    program: String,
    cluster: String,
    /// What wraps the key of the digests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<WrappedKey>,
}

impl Header {
    pub(super) fn new(cluster: &str, key: Option<WrappedKey>) -> Self {
        Self {
            version: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: cluster.to_owned(),
            key,
        }
    }
}

/// Any other line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    path: String,
    /// It is about to be sent, or was, and nobody knows what came of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    sending: bool,
    /// What it was in is made anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    gone: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent: Option<Form>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made: Option<Form>,
    /// This program has made it: before its first write nothing was there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    created: bool,
    /// What was kept of the answer, for other documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<Answer>,
}

/// Fields of an answer.
pub(super) type Answer = BTreeMap<String, Value>;

/// What a line says.
pub(super) enum Entry {
    /// What is remembered, and whether a write was begun since.
    Settled(String, Remembered, bool),
    /// A write is begun; what is remembered is of before.
    Sending(String),
    /// Nothing is remembered any more.
    Gone(String),
    /// What was kept of the answer.
    Answer(String, Answer),
}

impl Line {
    fn empty(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            sending: false,
            gone: false,
            sent: None,
            made: None,
            created: false,
            answer: None,
        }
    }

    pub(super) fn answer(path: &str, answer: Answer) -> Self {
        Self {
            answer: Some(answer),
            ..Self::empty(path)
        }
    }

    pub(super) fn sending(path: &str) -> Self {
        Self {
            sending: true,
            ..Self::empty(path)
        }
    }

    pub(super) fn gone(path: &str) -> Self {
        Self {
            gone: true,
            ..Self::empty(path)
        }
    }

    pub(super) fn settled(record: Record) -> Self {
        let Remembered {
            sent,
            made,
            created,
        } = record.remembered;
        Self {
            sent: Some(sent),
            made,
            created,
            ..Self::empty(&record.path)
        }
    }

    pub(super) fn of(path: &str, remembered: &Remembered, unsettled: bool) -> Self {
        Self {
            sending: unsettled,
            sent: Some(remembered.sent.clone()),
            made: remembered.made.clone(),
            created: remembered.created,
            ..Self::empty(path)
        }
    }

    pub(super) fn into_entry(self) -> Entry {
        if let Some(answer) = self.answer {
            return Entry::Answer(self.path, answer);
        }
        let (made, created) = (self.made, self.created);
        match self.sent {
            Some(sent) => {
                let remembered = Remembered {
                    sent,
                    made,
                    created,
                };
                Entry::Settled(self.path, remembered, self.sending)
            }
            None if self.gone => Entry::Gone(self.path),
            None => Entry::Sending(self.path),
        }
    }
}

/// What the file holds.
pub(super) struct Found {
    pub(super) header: Header,
    pub(super) lines: Vec<Line>,
    /// It cannot be added to as it is: a run was killed while it wrote the last line, or it is of an earlier form.
    pub(super) torn: bool,
}

/// The whole file; `None` where there is none.
pub(super) fn read(directory: &Path, cluster: &str) -> Result<Option<Found>, CheckpointError> {
    let path = directory.join(MEMORY);
    let found = disk::read(&path, LONGEST_MEMORY).map_err(CheckpointError::io("read", &path))?;
    let Some(bytes) = found else {
        return Ok(None);
    };
    let damaged = |number: usize, why: String| CheckpointError::MemoryDamaged {
        path: path.clone(),
        why: format!("line {number}: {why}"),
    };
    let whole = bytes.ends_with(b"\n");
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    // What follows the last line end is nothing, or half a line.
    lines.pop();
    let mut lines = lines.into_iter().enumerate();
    let Some((_, first)) = lines.next() else {
        return Err(damaged(1, "it has no first line".into()));
    };
    let header = header(first).map_err(|why| damaged(1, why))?;
    if header.version > VERSION {
        let found = header.version.into();
        return Err(CheckpointError::Newer { path, found });
    }
    if header.cluster != cluster {
        return Err(CheckpointError::OtherCluster {
            path,
            found: header.cluster,
            wanted: cluster.to_owned(),
        });
    }
    let parse = |(at, line): (usize, &[u8])| {
        serde_json::from_slice::<Line>(line).map_err(|error| damaged(at + 1, error.to_string()))
    };
    let lines = lines.map(parse).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(Found {
        // Whoever reads only the earlier form is told so by the first line.
        torn: !whole || header.version < VERSION,
        header,
        lines,
    }))
}

/// The version first: a later form may have other fields.
fn header(line: &[u8]) -> Result<Header, String> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let version: Version = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if version.version > VERSION {
        return Ok(Header {
            version: version.version,
            ..Header::new("", None)
        });
    }
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

/// Adds lines, durably.
pub(super) fn append(directory: &Path, lines: &[Line]) -> Result<(), CheckpointError> {
    let bytes = bytes(directory, lines.iter())?;
    disk::append(directory, MEMORY, &bytes)
        .map_err(CheckpointError::io("write", &directory.join(MEMORY)))
}

/// Writes the whole file anew, durably.
pub(super) fn replace(
    directory: &Path,
    header: &Header,
    lines: impl Iterator<Item = Line>,
) -> Result<(), CheckpointError> {
    let mut all = bytes(directory, std::iter::once(header))?;
    all.extend(bytes(directory, lines)?);
    disk::replace(directory, MEMORY, &all)
        .map_err(CheckpointError::io("write", &directory.join(MEMORY)))
}

fn bytes<T: Serialize>(
    directory: &Path,
    lines: impl Iterator<Item = T>,
) -> Result<Vec<u8>, CheckpointError> {
    let mut bytes = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut bytes, &line)
            .map_err(|error| CheckpointError::io("write", &directory.join(MEMORY))(error.into()))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}
