//! Signatures of evidence: Ed25519 in the format of `minisign`, so that an auditor checks them with a program that is
//! not ours.

use std::io::Cursor;
use std::path::Path;

use minisign::{PublicKey, PublicKeyBox, SecretKey, SecretKeyBox, SignatureBox};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::code::Code;
use crate::disk::read::{self, Unfit};
use crate::disk::trust::{self, Doubt};
use crate::failure::Failure;
use crate::prompt;
use crate::secret::SecretText;
use crate::shell::ShellCommand;

/// Keys and signatures are a few hundred bytes.
const LONGEST_KEY: u64 = 64 * 1024;
/// No report of ours is nearly as long.
const LONGEST_REPORT: u64 = 64 * 1024 * 1024;

/// A key that signs.
pub struct SigningKey(SecretKey);

impl SigningKey {
    /// Reads a key made by `minisign -G`. A person is asked for its password where it has one.
    ///
    /// # Errors
    /// It cannot be read, is no such key, or the password is wrong.
    pub async fn open(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let doubt = trust::refusal(path);
        let unseen = |why: std::io::Error| Some(Doubt::Unseen(path.to_owned(), why.to_string()));
        if let Some(doubt) = doubt.unwrap_or_else(unseen) {
            let text = format!("{shown} is not safe here: {doubt}");
            return Err(Failure::usage(Code::FileUnsafe, text).advise(doubt.advice()));
        }
        let text = SecretText::new(read(path, LONGEST_KEY)?);
        let no_key = || {
            Failure::usage(
                Code::SigningKeyUnusable,
                format!("{shown} is no secret key of minisign"),
            )
            .advise("make one: minisign -G -s evidence.key -p evidence.pub")
        };
        let form = || SecretKeyBox::from_string(text.expose()).map_err(|_| no_key());
        if let Ok(key) = form()?.into_unencrypted_secret_key() {
            return Ok(Self(key));
        }
        if let Some(key) = without_checksum(&text) {
            return Ok(Self(key));
        }
        let question = format!("Password of the signing key {shown}");
        let instead = "name a key without a password, made with minisign -G -W";
        let password = prompt::hidden(&question, instead).await?;
        let opened = form()?.into_secret_key(Some(password.expose().to_owned()));
        opened.map(Self).map_err(|_| {
            Failure::usage(
                Code::SigningKeyUnusable,
                format!("{shown} is not opened by that password"),
            )
            .advise("run the same command again")
        })
    }

    /// The signature of `bytes`, as the text of a `.minisig` file. The comment is signed too.
    ///
    /// # Errors
    /// There are no random bytes.
    pub fn sign(&self, bytes: &[u8], comment: &str) -> Result<String, Failure> {
        let untrusted = Some("signature of evidence of vault-bootstrap");
        let signature = minisign::sign(None, &self.0, Cursor::new(bytes), Some(comment), untrusted)
            .map_err(|error| {
                Failure::failed(Code::SigningKeyUnusable, format!("cannot sign: {error}"))
            })?;
        Ok(signature.into_string())
    }
}

/// A key without a password as the C program of minisign makes it (`-G -W`): its checksum is left at zero, and the crate
/// takes no such one. The form of a secret key: <https://jedisct1.github.io/minisign/>.
fn without_checksum(text: &SecretText) -> Option<SecretKey> {
    const CHECKSUM: usize = 32;
    let line = text.expose().lines().nth(1)?.trim();
    let bytes = Zeroizing::new(STANDARD.decode(line).ok()?);
    let (derivation, checksum) = (bytes.get(2..4)?, bytes.len().checked_sub(CHECKSUM)?);
    let plain = derivation == [0, 0] && bytes[checksum..].iter().all(|byte| *byte == 0);
    plain.then(|| SecretKey::from_bytes(&bytes).ok())?
}

/// Checks that `report` is what was signed, by the one key in `public`. What it says, and the signed comment.
///
/// # Errors
/// It is not, or one of the three files cannot be read.
pub fn verify(report: &Path, signature: &Path, public: &Path) -> Result<(String, String), Failure> {
    let unusable = |path: &Path, what: &str| {
        Failure::usage(
            Code::SigningKeyUnusable,
            format!("{} is no {what} of minisign", path.display()),
        )
    };
    let key = read(public, LONGEST_KEY)?;
    // The first of several would count, whichever a person meant.
    if key.lines().filter(|line| is_key(line)).count() > 1 {
        let text = format!("{} holds more than one public key", public.display());
        return Err(Failure::usage(Code::SigningKeyUnusable, text)
            .advise("name a file with the one key that is meant"));
    }
    let key = PublicKeyBox::from_string(&key)
        .and_then(PublicKeyBox::into_public_key)
        .or_else(|_| PublicKey::from_base64(key.trim()));
    let key = key.map_err(|_| unusable(public, "public key"))?;
    let text = read(signature, LONGEST_KEY)?;
    let parsed = SignatureBox::from_string(&text).map_err(|_| unusable(signature, "signature"))?;
    let bytes = read(report, LONGEST_REPORT)?;
    minisign::verify(
        &key,
        &parsed,
        Cursor::new(bytes.as_bytes()),
        true,
        false,
        false,
    )
    .map_err(|_| {
        Failure::refused(
            Code::EvidenceWrong,
            format!(
                "{} is not what the key in {} has signed",
                report.display(),
                public.display()
            ),
        )
        .advise("it was changed, or signed by somebody else: do not rely on it")
    })?;
    let comment = parsed.trusted_comment();
    let comment = comment.map_err(|_| unusable(signature, "signature"))?;
    Ok((bytes, comment))
}

fn is_key(line: &str) -> bool {
    PublicKey::from_base64(line.trim()).is_ok()
}

fn read(path: &Path, longest: u64) -> Result<String, Failure> {
    let cannot = |why: &dyn std::fmt::Display| {
        let look = ShellCommand::new("ls -l").with(path.display());
        Failure::usage(
            Code::FileFailed,
            format!("cannot read {}: {why}", path.display()),
        )
        .advise(format!(
            "name a file that is there and that you may read: {look}"
        ))
    };
    let bytes = read::bytes_or_handed(path, longest).map_err(|error| match Unfit::of(&error) {
        Some(Unfit::TooLong(_)) => cannot(&"it is too long"),
        _ => cannot(&error),
    })?;
    String::from_utf8(bytes).map_err(|_| cannot(&"it is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_that_the_c_program_made_without_a_password_signs() {
        let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
        let boxed = pair.sk.to_box(None).unwrap().into_string();
        let mut lines = boxed.lines();
        let (comment, key) = (lines.next().unwrap(), lines.next().unwrap());
        let mut bytes = STANDARD.decode(key).unwrap();
        let checksum = bytes.len() - 32;
        bytes[checksum..].fill(0);
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let text = format!("{comment}\n{}\n", STANDARD.encode(&bytes));
        let key = SigningKey::open(&file("evidence.key", &text))
            .await
            .unwrap();
        let signature = key.sign(b"{}", "comment").unwrap();
        let public = pair.pk.to_box().unwrap().into_string();
        let verified = verify(
            &file("report", "{}"),
            &file("report.minisig", &signature),
            &file("evidence.pub", &public),
        );
        assert_eq!(verified.unwrap(), ("{}".to_owned(), "comment".to_owned()));
    }
}
