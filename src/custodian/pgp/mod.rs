//! A share in a file for one person with a PGP key.
//!
//! `gpg --decrypt FILE` prints it: in base64, as `vault operator init` would have shown it, where this process
//! encrypted it; in hexadecimal where the server did, because then nobody but the holder ever sees it in clear.

pub(crate) mod gpg;
pub(crate) mod key;

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::backend::{Error, Kind};
use crate::code::{Code, Reported};
use crate::custodian::Prepared;
use crate::custodian::pgp::gpg::{LARGEST_KEY, Why};
use crate::custodian::pgp::key::{Key, Unusable};
use crate::disk::read::{self, Unfit};
use crate::secret::SealedShare;
use crate::shell::ShellCommand;

/// Letters in a line of armour.
const LINE: usize = 64;

pub(super) struct PgpKey {
    fingerprint: String,
    /// What is encrypted to. It is not needed to open what was stored.
    public: Option<Public>,
    key_file: PathBuf,
    /// Whether the configuration names the fingerprint.
    named: bool,
}

struct Public {
    key: Key,
    /// The key as the servers take it.
    binary: Vec<u8>,
}

impl PgpKey {
    /// Finds the one key and holds it against `fingerprint`. One that has expired meanwhile opens, so that later
    /// runs can observe; so does one whose file is gone, where its fingerprint is named and something is stored.
    pub(super) async fn open(
        key_file: &Path,
        fingerprint: Option<&str>,
        is_stored: impl FnOnce() -> Result<bool, Error>,
    ) -> Result<Self, Error> {
        let address = key_file.display().to_string();
        let opened = |found, public| Self {
            fingerprint: found,
            public,
            key_file: key_file.to_owned(),
            named: fingerprint.is_some(),
        };
        let bytes = match (read(key_file), fingerprint) {
            (Err(_), Some(named)) if is_stored()? => return Ok(opened(key::plain(named), None)),
            (bytes, _) => bytes?,
        };
        let gpg = |why| failed(&address, why);
        let records = gpg::look(&bytes).await.map_err(gpg)?;
        let key = key::only(&records).map_err(|why| refused(&address, why))?;
        if let Some(wanted) = fingerprint
            && key::plain(wanted) != key.fingerprint
        {
            let found = key::spaced(&key.fingerprint);
            let wanted = key::spaced(&key::plain(wanted));
            let what = format!("is key {found}, and the file wants {wanted}");
            let advice = "do not correct it here: ask the holder which of the two is theirs, by a way that nobody \
                          else can use: gpg --fingerprint";
            return Err(Error::new(address, Kind::Misconfigured(what)).advise(advice));
        }
        let binary = gpg::binary(&bytes).await.map_err(gpg)?;
        Ok(opened(
            key.fingerprint.clone(),
            Some(Public { key, binary }),
        ))
    }

    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Base64 of the binary key, for the server; none where it is not there.
    pub(super) fn for_the_server(&self) -> Option<String> {
        let public = self.public.as_ref()?;
        Some(STANDARD.encode(&public.binary))
    }

    pub(super) async fn encrypt(&self, plain: &[u8]) -> Result<String, Error> {
        let address = self.key_file.display().to_string();
        let Some(Public { key, binary }) = &self.public else {
            // It is not there, and why is said anew.
            read(&self.key_file)?;
            let what = "was not there a moment ago".to_owned();
            return Err(Error::new(address, Kind::Misconfigured(what)));
        };
        key.usable().map_err(|why| refused(&address, why))?;
        let sealed = gpg::encrypt(binary, plain).await;
        sealed.map_err(|why| failed(&address, why))
    }

    /// With the keys of whoever runs this.
    pub(super) async fn decrypt(
        &self,
        address: &str,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let plain = gpg::decrypt(ciphertext).await;
        plain.map_err(|why| failed(address, why))
    }

    /// What to say of a key whose fingerprint nobody wrote down.
    pub(super) fn unnamed_warning(&self) -> Option<Reported> {
        let (file, found) = (self.key_file.display(), key::spaced(&self.fingerprint));
        let text = || {
            format!(
                "the key in {file} is {found}, and the file names no fingerprint: compare it with its holder, then \
             write it beside the key, fingerprint: \"{found}\""
            )
        };
        (!self.named).then(|| Reported::new(Code::FileKeyMissing, text()))
    }

    /// Whether this was encrypted to this key. A message that does not say is given the benefit of the doubt.
    pub(super) fn reads(&self, share: &SealedShare) -> bool {
        let reads = |id: String| {
            let public = self.public.as_ref();
            public.is_none_or(|public| public.key.reads(&id))
        };
        reader(share.message()).is_none_or(reads)
    }
}

/// A share that the server encrypted, as a message that can be mailed.
pub(super) fn sealed(share: &SealedShare) -> Prepared {
    Prepared::of(armored(share.message()).into_bytes())
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    let error = match read::bytes(file, LARGEST_KEY as u64) {
        Ok(bytes) => return Ok(bytes),
        Err(error) => error,
    };
    let what = match Unfit::of(&error) {
        Some(Unfit::TooLong(_)) => format!(
            "is larger than {} KiB, so it is not a public key",
            LARGEST_KEY / 1024
        ),
        _ => format!("cannot be read: {error}"),
    };
    let error = Error::new(file.display().to_string(), Kind::Misconfigured(what));
    Err(error
        .advise("let its holder write their key into that file: gpg --armor --export FINGERPRINT"))
}

fn refused(address: &str, why: Unusable) -> Error {
    Error::new(address, Kind::Misconfigured(why.what)).advise(why.advice)
}

fn failed(address: &str, why: Why) -> Error {
    match why {
        Why::Missing => {
            let what = "is read by gpg, which is not on the PATH".to_owned();
            Error::new(address, Kind::Misconfigured(what)).advise(
                "install GnuPG 2.2 or later: apt-get install gnupg (Debian, Ubuntu), dnf install gnupg2 (Fedora, \
                 RHEL), brew install gnupg (macOS)",
            )
        }
        Why::Failed(said) => Error::new(address, Kind::Gpg(said)),
        Why::NoKey(said) => Error::new(address, said.map_or(Kind::NeedsHolder, Kind::NotOpened))
            .advise(format!(
                "let the holder decrypt it: {}",
                ShellCommand::new("gpg --decrypt").with(address)
            )),
        Why::Damaged => Error::new(
            address,
            Kind::Damaged("not the PGP message that was written"),
        ),
    }
}

/// The id of the key that a message is encrypted to, which stands in its first packet (RFC 4880, 5.1).
fn reader(message: &[u8]) -> Option<String> {
    let (tag, rest) = message.split_first()?;
    let length = match (tag, rest.first()?) {
        // The old form of a header: its last two bits say how long the length is.
        (0x84..=0x86, _) => 1 << (tag & 3),
        (0xC1, 0..=191) => 1,
        (0xC1, 192..=223) => 2,
        (0xC1, 255) => 5,
        _ => return None,
    };
    let body = rest.get(length..)?;
    let id = body.strip_prefix(&[3])?.first_chunk::<8>()?;
    // Some hide it.
    let id: String = id.iter().map(|byte| format!("{byte:02X}")).collect();
    (id != "0".repeat(16)).then_some(id)
}

/// The message of RFC 4880 in its armour.
fn armored(message: &[u8]) -> String {
    let body = STANDARD.encode(message);
    let mut text = String::from("-----BEGIN PGP MESSAGE-----\n\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    let sum = STANDARD.encode(&crc24(message).to_be_bytes()[1..]);
    text.push_str(&format!("={sum}\n-----END PGP MESSAGE-----\n"));
    text
}

/// Its check sum (RFC 4880, 6.1).
fn crc24(bytes: &[u8]) -> u32 {
    let mut sum: u32 = 0x00B7_04CE;
    for byte in bytes {
        sum ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            sum <<= 1;
            if sum & 0x0100_0000 != 0 {
                sum ^= 0x0186_4CFB;
            }
        }
    }
    sum & 0x00FF_FFFF
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_armour_is_that_of_gpg() {
        // `head -c 100 /dev/zero | tr '\0' a`, armoured.
        let text = armored(&[b'a'; 100]);
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("-----BEGIN PGP MESSAGE-----"));
        assert_eq!(lines.next(), Some(""));
        assert_eq!(lines.next().map(str::len), Some(LINE));
        assert!(text.ends_with("-----END PGP MESSAGE-----\n"));
        // The check value of the standard's catalogue.
        assert_eq!(crc24(b"123456789"), 0x0021_CF02);
        assert_eq!(crc24(b""), 0x00B7_04CE);
    }

    #[test]
    fn a_message_says_to_which_key_it_is_encrypted_in_either_form_of_header() {
        let id = [0x55, 0xD3, 0xB4, 0x72, 0x9C, 0x84, 0xC1, 0x9A];
        let message = |header: &[u8], version: u8| [header, &[version], &id, &[18]].concat();
        for header in [
            &[0x84, 94][..],
            &[0x85, 1, 12],
            &[0x86, 0, 0, 1, 12],
            &[0xC1, 94],
            &[0xC1, 192, 76],
            &[0xC1, 255, 0, 0, 1, 12],
        ] {
            let found = reader(&message(header, 3));
            assert_eq!(found.as_deref(), Some("55D3B4729C84C19A"), "{header:?}");
            assert_eq!(reader(&message(header, 6)), None);
            assert_eq!(reader(header), None);
        }
        assert_eq!(reader(&[0xC1, 94, 3, 0, 0, 0, 0, 0, 0, 0, 0, 1]), None);
        assert_eq!(reader(&[0xD2, 94, 3, 1, 2, 3, 4, 5, 6, 7, 8, 1]), None);
        assert_eq!(reader(&[]), None);
    }

    #[test]
    fn what_is_no_key_file_is_refused_before_gpg_is_asked() {
        let directory = tempfile::tempdir().unwrap();
        let missing = read(&directory.path().join("carol.asc")).unwrap_err();
        assert!(missing.to_string().contains("carol.asc: cannot be read: "));
        let large = directory.path().join("large.asc");
        std::fs::write(&large, vec![0; LARGEST_KEY + 1]).unwrap();
        let large = read(&large).unwrap_err();
        let pipe = directory.path().join("pipe.asc");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let pipe = read(&pipe).unwrap_err();
        assert!(
            pipe.to_string()
                .ends_with("pipe.asc: cannot be read: it is a named pipe, not a file")
        );
        assert!(
            large
                .to_string()
                .ends_with("is larger than 1024 KiB, so it is not a public key")
        );
        for error in [missing, large, pipe] {
            assert!(matches!(error.kind(), Kind::Misconfigured(_)));
            assert!(error.advice().unwrap().contains("gpg --armor --export"));
        }
    }
}
