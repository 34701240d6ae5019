//! A share in a file that is encrypted to one person, whatever encrypts it.
//!
//! The content is ASCII-armoured, so that it can be mailed. The plain text is never on the disk, and no file is ever
//! overwritten.

use std::path::{Path, PathBuf};

use crate::backend::{CANARY, Error, Kind};
use crate::custodian::create_only::{self, Created};
use crate::custodian::words::same;
use crate::custodian::{CanaryResult, Prepared, Stored};
use crate::hex;

/// What stands in a canary, encrypted.
pub(super) const CANARY_TEXT: &str = "canary";

/// The place of one share.
pub(super) struct SealedFile(PathBuf);

impl SealedFile {
    pub(super) fn at(path: &Path) -> Result<Self, Error> {
        if path.file_name().is_none() {
            let wrong = Kind::Misconfigured("is not the path of a file".into());
            return Err(Error::new(path.display().to_string(), wrong));
        }
        Ok(Self(path.to_owned()))
    }

    pub(super) fn address(&self) -> String {
        self.0.display().to_string()
    }

    pub(super) fn error(&self, kind: Kind) -> Error {
        Error::new(self.address(), kind)
    }

    pub(super) fn store(&self, prepared: &Prepared) -> Result<Stored, Error> {
        create_only::make_directories(&self.0)?;
        // A link to elsewhere is told apart from a taken name before anything is written.
        create_only::read(&self.0)?;
        let created = create_only::create(&self.0, &prepared.ciphertext)?;
        let found = create_only::read(&self.0)?;
        let found = found.ok_or_else(|| self.error(Kind::Different))?;
        let stored = self.stored(&found);
        match created {
            Created::New if found == prepared.ciphertext => {}
            Created::New => return Err(self.error(Kind::Different)),
            // Of an earlier run that was cut off before it could be sure of the disk.
            Created::Exists if is_ours(&stored, prepared) => {
                create_only::sync_directory(&self.0)?;
            }
            Created::Exists => return Err(self.error(Kind::Taken)),
        }
        Ok(stored)
    }

    pub(super) fn facts(&self) -> Result<Option<Stored>, Error> {
        let found = create_only::read(&self.0)?;
        Ok(found.map(|bytes| self.stored(&bytes)))
    }

    fn stored(&self, bytes: &[u8]) -> Stored {
        Stored {
            address: self.address(),
            version: None,
            last_modified: None,
            digest: Some(digest(bytes)),
        }
    }

    /// Nothing there is no error.
    pub(super) fn remove(&self) -> Result<(), Error> {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io(&self.0, "remove", error)),
            Ok(()) => create_only::sync_directory(&self.0),
        }
    }

    /// The ciphertext.
    pub(super) fn read(&self) -> Result<Vec<u8>, Error> {
        let bytes = create_only::read(&self.0)?;
        bytes.ok_or_else(|| self.error(Kind::NotFound))
    }

    /// The same steps as for a share, under another name; made directories go again. `content` is [`CANARY_TEXT`],
    /// encrypted.
    pub(super) fn canary(&self, name: &str, content: &[u8]) -> Result<CanaryResult, Error> {
        let path = self.0.with_file_name(format!("{CANARY}{name}"));
        let made = create_only::make_directories(&self.0)?;
        let tried = self.try_canary(&path, content);
        let mut warnings = Vec::new();
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            let path = path.display();
            warnings.push(format!("the canary {path} could not be deleted: {error}"));
        }
        for directory in made.iter().rev() {
            // Somebody may use it by now, and an empty directory left behind harms nobody.
            let _ = std::fs::remove_dir(directory);
        }
        tried.map(|()| CanaryResult { warnings })
    }

    fn try_canary(&self, path: &Path, content: &[u8]) -> Result<(), Error> {
        let mut created = create_only::create(path, content)?;
        if created == Created::Exists {
            // The name is ours alone: a killed run did not come to removing it.
            std::fs::remove_file(path).map_err(|source| Error::io(path, "remove", source))?;
            created = create_only::create(path, content)?;
        }
        let found = create_only::read(path)?.unwrap_or_default();
        if created == Created::New && same(&found, content) {
            return Ok(());
        }
        Err(self.error(Kind::Different))
    }
}

/// A ciphertext ready to be stored.
pub(super) fn prepared(ciphertext: Vec<u8>) -> Prepared {
    Prepared {
        digest: Some(digest(&ciphertext)),
        ciphertext,
        earlier: Vec::new(),
        mark: None,
    }
}

fn is_ours(found: &Stored, prepared: &Prepared) -> bool {
    let recorded = prepared.digest.iter().chain(&prepared.earlier);
    recorded
        .into_iter()
        .any(|digest| Some(digest) == found.digest.as_ref())
}

/// `sha256:HEX` of a ciphertext, which is public.
fn digest(ciphertext: &[u8]) -> String {
    format!("sha256:{}", hex::sha256(ciphertext))
}
