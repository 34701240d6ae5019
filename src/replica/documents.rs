//! Public documents of runs after the ceremony, such as signed evidence: each run has an index under a name of its own,
//! made once and never replaced, so that no lease is needed; and none is ever deleted.

use serde::{Deserialize, Serialize};

use crate::backend::{Error, Kind, patiently};
use crate::hex::short_sha256;
use crate::replica::parts::{ID, Part};
use crate::replica::{Replica, VERSION, field};

/// Beginning of the name of an index, before the name of its run.
const INDEX: &str = "evidence-";
/// Beginning of the name of a document, before its digest.
const DOCUMENT: &str = "document-";

/// What one run has left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Documents {
    version: u32,
    files: Vec<Document>,
}

/// One file of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// What it is called beside the checkpoint.
    #[serde(deserialize_with = "field::id")]
    pub name: String,
    /// Its bytes.
    pub part: Part,
}

impl Documents {
    /// All of them.
    pub fn files(&self) -> &[Document] {
        &self.files
    }

    /// The one of this name.
    pub fn named(&self, name: &str) -> Option<&Document> {
        self.files.iter().find(|file| file.name == name)
    }
}

impl Replica {
    /// Keeps what a run of this name has left, and reads all of it back.
    ///
    /// # Errors
    /// It is not there, or not as it was written.
    pub async fn keep_documents(
        &self,
        run: &str,
        files: &[(String, Vec<u8>)],
    ) -> Result<(), Error> {
        let mut index = Documents {
            version: VERSION,
            files: Vec::new(),
        };
        for (name, bytes) in files {
            let part = format!("{DOCUMENT}{}", short_sha256(bytes, ID));
            let part = self.upload(&part, bytes).await?;
            self.fetch(&part).await?;
            let name = name.clone();
            index.files.push(Document { name, part });
        }
        let text = serde_json::to_vec(&index).unwrap_or_default();
        // Two machines may have begun in the same second.
        let name = format!("{INDEX}{run}-{}", short_sha256(&text, ID));
        let made = self.store.create(&name, &text).await;
        // What came of it is decided by reading: the answer may have been lost.
        let read = async || self.read::<Documents>(&name).await;
        match (patiently(read).await, made) {
            (Ok(Some(there)), _) if there == index => Ok(()),
            (Ok(_), Ok(())) => Err(self.error(Kind::Different)),
            (Err(error), Ok(())) | (_, Err(error)) => Err(error),
        }
    }

    /// What the newest run whose name begins with `kind` has left, of those that left a file of this name.
    pub async fn newest_documents(
        &self,
        kind: &str,
        file: &str,
    ) -> Result<Option<Documents>, Error> {
        let mut names = self.store.names().await?;
        let begins = format!("{INDEX}{kind}");
        names.retain(|name| name.starts_with(&begins));
        // A time follows, in which what is later is greater.
        names.sort_unstable();
        for name in names.iter().rev() {
            let found: Option<Documents> = self.read(name).await?;
            if let Some(found) = found.filter(|found| found.named(file).is_some()) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}
