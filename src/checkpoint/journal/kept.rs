//! What is kept encrypted, for the next run: tokens and the one-time pad.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::checkpoint::directory::{destroy_beside, write_json};
use crate::checkpoint::journal::Journal;
use crate::checkpoint::journal::reading::read;
use crate::code::Code;
use crate::envelope::{Key, Sealer, WrappedKey};
use crate::failure::Failure;
use crate::secret::{RootToken, SecretText, Token};

/// The one-time pad of an attempt with several holders.
const PAD: &str = "break-glass.pad";

/// One of the tokens that a run may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Made by the quorum; it has no end of its own.
    Generated,
    /// Made by that one for the command; it ends by itself.
    Limited,
    /// Made beside that one to look for what the command leaves, which never has it; it ends by itself.
    Inspection,
}

impl Kept {
    pub(crate) const ALL: [Self; 3] = [Self::Generated, Self::Limited, Self::Inspection];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Generated => "break-glass.generated",
            Self::Limited => "break-glass.limited",
            Self::Inspection => "break-glass.inspection",
        }
    }
}

/// A token under the checkpoint's key.
#[derive(Serialize, Deserialize)]
struct Sealed {
    key: WrappedKey,
    token: String,
}

impl Journal {
    /// Keeps a token for the next run, where there is a key to keep it under.
    pub(crate) async fn keep(&self, kept: Kept, token: &Token) -> Result<(), Failure> {
        let Some(key) = self.key.as_ref().filter(|_| !self.is_left(kept)) else {
            return Ok(());
        };
        self.put_sealed(kept.name(), key, |sealer| sealer.seal_token(token))
            .await
    }

    /// Keeps the one-time pad until the holders have given their shares.
    pub(crate) async fn keep_pad(&self, pad: &SecretText) -> Result<(), Failure> {
        let Some(key) = &self.key else {
            return Err(Failure::failed(
Code::CheckpointKeyAway,
                "the one-time pad must be kept until the holders have given their shares, and the checkpoint's key \
                 cannot be used here",
            )
            .advise("start it where checkpoint.key can be used"));
        };
        self.put_sealed(PAD, key, |sealer| sealer.seal_text(pad))
            .await
    }

    async fn put_sealed(
        &self,
        name: &str,
        key: &Key,
        seal: impl FnOnce(&Sealer) -> Vec<u8>,
    ) -> Result<(), Failure> {
        let sealer = Sealer::create(key, &self.cluster).await?;
        let sealed = Sealed {
            key: sealer.header().clone(),
            token: STANDARD.encode(seal(&sealer)),
        };
        write_json(&self.directory, name, &sealed)?;
        Ok(())
    }

    /// The token that an earlier run kept, or why the key that is here does not open it.
    pub(crate) async fn kept(
        &self,
        kept: Kept,
    ) -> Result<Option<Result<RootToken, Failure>>, Failure> {
        let token = |(sealer, ciphertext): (Sealer, Vec<u8>)| {
            Ok(RootToken::new(sealer.unseal_token(&ciphertext)?))
        };
        let sealed = self.sealed(kept.name()).await?;
        Ok(sealed.map(|sealed| sealed.and_then(token)))
    }

    /// The pad that an earlier run kept.
    pub(crate) async fn pad(&self) -> Result<Option<SecretText>, Failure> {
        let Some(sealed) = self.sealed(PAD).await? else {
            return Ok(None);
        };
        let (sealer, ciphertext) = sealed?;
        Ok(Some(sealer.unseal_text(&ciphertext)?))
    }

    async fn sealed(
        &self,
        name: &str,
    ) -> Result<Option<Result<(Sealer, Vec<u8>), Failure>>, Failure> {
        let path = self.directory.join(name);
        let advice = "a root token may still be valid: move that file away and rehearse, which tells of every root token";
        let Some(sealed) = read::<Sealed>(&path, advice)? else {
            return Ok(None);
        };
        let ciphertext = STANDARD.decode(sealed.token).map_err(|_| {
            Failure::refused(
                Code::CheckpointDamaged,
                format!("{} is damaged", path.display()),
            )
            .advise(advice)
        })?;
        let Some(key) = &self.key else {
            return Ok(Some(Err(without_the_key(&path))));
        };
        let opened = Sealer::open(key, &sealed.key, &self.cluster).await;
        let opened = opened.map(|sealer| (sealer, ciphertext));
        Ok(Some(opened.map_err(Failure::from)))
    }

    /// Whether tokens can be kept for the next run.
    pub(crate) fn can_keep(&self) -> bool {
        self.key.is_some() && self.left.borrow().is_empty()
    }

    /// Leaves what an earlier run kept for one that can open it.
    pub(crate) fn leave(&self, kept: Kept) {
        self.left.borrow_mut().push(kept);
    }

    /// Whether an earlier run kept it and this one leaves it.
    pub(crate) fn is_left(&self, kept: Kept) -> bool {
        self.left.borrow().contains(&kept)
    }

    /// Where a token is kept.
    pub(crate) fn place(&self, kept: Kept) -> PathBuf {
        self.directory.join(kept.name())
    }

    /// Nothing is kept or opened any more by this run.
    pub(crate) fn forget_key(&mut self) {
        self.key = None;
    }

    /// Destroys what was kept of a token that is revoked.
    pub(crate) fn forget(&self, kept: Kept) -> Result<(), Failure> {
        if self.is_left(kept) {
            return Ok(());
        }
        Ok(destroy_beside(&self.directory, kept.name())?)
    }

    /// Destroys the pad.
    pub(crate) fn forget_pad(&self) -> Result<(), Failure> {
        Ok(destroy_beside(&self.directory, PAD)?)
    }
}

fn without_the_key(path: &Path) -> Failure {
    Failure::failed(Code::CheckpointKeyAway, format!(
        "{} keeps a token that is not known to be ended, and the checkpoint's key cannot be used for it now",
        path.display()
    ))
    .advise("run this where checkpoint.key can be used: what is left is ended then")
}
