//! Identity files of people and the opening of what was encrypted to them.
//!
//! A file that others can read is refused; what a file holds is never shown.

use std::io::Read;
use std::path::{Path, PathBuf};

use age::x25519;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::backend::{Error, Kind};
use crate::disk::{self, read, trust};

/// More than any identity file needs, in bytes.
const LONGEST_FILE: u64 = 64 * 1024;
const ROOM: usize = 64 * 1024 + 1;
/// Any permission of anybody but the owner.
const OTHERS: u32 = 0o077;

/// The keys of an `age` identity file, as `age-keygen` writes it.
pub struct IdentityFile {
    path: PathBuf,
    identities: Vec<x25519::Identity>,
}

impl std::fmt::Debug for IdentityFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "IdentityFile({})", self.path.display())
    }
}

impl IdentityFile {
    /// Reads `AGE-SECRET-KEY-1…` lines; empty lines and `#` comments are passed over.
    ///
    /// # Errors
    /// [`Kind::OpenToOthers`] with the `chmod`, [`Kind::Untrusted`] where others may put another one in its place, [`Kind::BadIdentity`] without a usable key,
    /// [`Kind::Io`] when it cannot be read.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::io(path, "read this identity file", source);
        let address = || path.display().to_string();
        let opened = read::open_or_handed(path).map_err(failed)?;
        let mode = opened.found.st_mode;
        if mode & OTHERS != 0 {
            return Err(Error::new(address(), Kind::OpenToOthers(mode & 0o7777)));
        }
        if let Some(doubt) = trust::refusal(path).map_err(failed)? {
            let untrusted = Error::new(address(), Kind::Untrusted(doubt.to_string()));
            return Err(untrusted.advise(doubt.advice()));
        }
        // Of its full size from the start: a buffer that grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(ROOM));
        opened
            .into_bytes(LONGEST_FILE, &mut bytes)
            .map_err(failed)?;
        let bad = |why| Error::new(address(), Kind::BadIdentity(why));
        if bytes.starts_with(b"age-encryption.org/") {
            return Err(bad(ENCRYPTED));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| bad("is no text"))?;
        let identities = parse(text).map_err(bad)?;
        Ok(Self {
            path: path.to_owned(),
            identities,
        })
    }

    /// Makes a new identity in the file `path`, for its owner alone, where nothing has that name; and reads it back.
    ///
    /// # Errors
    /// [`Kind::Taken`] where the name exists, be it as a link; [`Kind::Untrusted`] where others may put another one in its
    /// place; [`Kind::Io`] when it cannot be written.
    pub fn make(path: &Path, name: &str, now: &str) -> Result<Self, Error> {
        let failed = |source| Error::io(path, "make this identity file", source);
        // Not after the key is there: a file that is refused wherever it is named would stay behind.
        if let Some(doubt) = trust::refusal(path).map_err(failed)? {
            let kind = Kind::Untrusted(doubt.to_string());
            return Err(Error::new(path.display().to_string(), kind).advise(doubt.advice()));
        }
        disk::make_directories(disk::above(path))
            .map_err(|(directory, source)| Error::io(&directory, "make this directory", source))?;
        let key = x25519::Identity::generate();
        let public = key.to_public();
        let secret = secret_text(&key);
        let text = Zeroizing::new(format!(
            "# {name}, created: {now}\n# public key: {public}\n{}\n",
            &*secret
        ));
        let made = disk::create(path, text.as_bytes())
            .map_err(|(doing, source)| Error::io(path, doing, source))?;
        if !made {
            let taken = Error::new(path.display().to_string(), Kind::Taken);
            return Err(taken.advise(
                "a key is never overwritten: something may be encrypted to the one that is there; name another file with -o",
            ));
        }
        Self::read(path)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The public sides, `age1…`, in the order of the file.
    pub fn recipients(&self) -> Vec<String> {
        let public = self.identities.iter().map(|id| id.to_public().to_string());
        public.collect()
    }

    pub(crate) fn identities(&self) -> &[x25519::Identity] {
        &self.identities
    }
}

/// What begins as everything that age has encrypted does.
const ENCRYPTED: &str = "is encrypted with age: it is a share and not the identity that opens it, or an identity behind a \
                         passphrase, which is to be decrypted first";

fn parse(text: &str) -> Result<Vec<x25519::Identity>, &'static str> {
    let lines = text.lines().map(str::trim);
    let mut found = Vec::new();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with("-----BEGIN AGE") {
            return Err(ENCRYPTED);
        }
        let identity = line.parse();
        found.push(identity.map_err(|_| "holds a line that is not an AGE-SECRET-KEY-1… key")?);
    }
    if found.is_empty() {
        return Err("holds no AGE-SECRET-KEY-1… line");
    }
    Ok(found)
}

/// The secret side as text, for a keyed digest under it.
pub(crate) fn secret_text(identity: &x25519::Identity) -> Zeroizing<String> {
    Zeroizing::new(identity.to_string().expose_secret().to_owned())
}

/// A new key, in a file for its owner alone.
#[cfg(test)]
pub(crate) fn generated(path: &Path) -> IdentityFile {
    let key = x25519::Identity::generate();
    crate::disk::create(path, secret_text(&key).as_bytes()).unwrap();
    IdentityFile::read(path).unwrap()
}

/// Why a ciphertext does not open.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// None of the keys fits.
    NoKey,
    /// Not what was once written.
    Damaged,
    /// A passphrase hardened beyond the accepted work.
    TooMuchWork,
}

/// Opens `ciphertext`, armoured or binary, with the first of `identities` that fits.
pub(crate) fn open<'a>(
    identities: impl Iterator<Item = &'a dyn age::Identity>,
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Closed> {
    let armored = age::armor::ArmoredReader::new(ciphertext);
    let decryptor = age::Decryptor::new_buffered(armored).map_err(|why| closed(&why))?;
    let mut reader = decryptor.decrypt(identities).map_err(|why| closed(&why))?;
    // The plain text is shorter, so the buffer never moves and leaves no copy behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(ciphertext.len()));
    match reader.read_to_end(&mut plain) {
        Ok(_) => Ok(plain),
        Err(_) => Err(Closed::Damaged),
    }
}

fn closed(why: &age::DecryptError) -> Closed {
    match why {
        age::DecryptError::NoMatchingKeys
        | age::DecryptError::DecryptionFailed
        | age::DecryptError::KeyDecryptionFailed => Closed::NoKey,
        age::DecryptError::ExcessiveWork { .. } => Closed::TooMuchWork,
        _ => Closed::Damaged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn written(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (directory, path)
    }

    #[test]
    fn an_identity_file_that_others_can_read_is_refused_with_the_command() {
        let key = secret_text(&x25519::Identity::generate());
        for mode in [0o644, 0o640, 0o604, 0o620] {
            let (_directory, path) = written(&key, mode);
            let error = IdentityFile::read(&path).unwrap_err();
            assert!(matches!(error.kind(), Kind::OpenToOthers(m) if *m == mode));
            let advice = error.advice().unwrap();
            assert_eq!(advice, format!("chmod 600 {}", path.display()));
        }
    }

    #[test]
    fn a_file_of_age_keygen_opens_with_comments_and_empty_lines() {
        let key = x25519::Identity::generate();
        let text = format!("# created\n# public key: x\n\n{}\n", &*secret_text(&key));
        let (_directory, path) = written(&text, 0o600);
        let file = IdentityFile::read(&path).unwrap();
        assert_eq!(file.recipients(), [key.to_public().to_string()]);
    }

    #[test]
    fn a_new_key_is_for_its_owner_alone_and_nothing_is_ever_overwritten() {
        use std::os::unix::fs::symlink;
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let made = IdentityFile::make(&at("keys/bob.key"), "bob", "now").unwrap();
        let text = std::fs::read_to_string(at("keys/bob.key")).unwrap();
        let public = format!(
            "# bob, created: now\n# public key: {}\n",
            made.recipients()[0]
        );
        assert!(text.starts_with(&public) && text.lines().count() == 3);
        let mode = |name: &str| at(name).metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("keys"), mode("keys/bob.key")), (0o700, 0o600));
        symlink(at("elsewhere"), at("link")).unwrap();
        for name in ["keys/bob.key", "keys", "link"] {
            let error = IdentityFile::make(&at(name), "bob", "now").unwrap_err();
            assert!(matches!(error.kind(), Kind::Taken), "{name}: {error}");
        }
        assert_eq!(std::fs::read_to_string(at("keys/bob.key")).unwrap(), text);
        assert!(!at("elsewhere").exists());
        std::fs::create_dir(at("open")).unwrap();
        std::fs::set_permissions(at("open"), std::fs::Permissions::from_mode(0o777)).unwrap();
        let error = IdentityFile::make(&at("open/key"), "bob", "now").unwrap_err();
        assert!(matches!(error.kind(), Kind::Untrusted(_)), "{error}");
        assert!(!at("open/key").exists());
    }

    #[test]
    fn a_file_without_a_key_is_refused_and_not_quoted() {
        for text in [
            "",
            "# nothing\n",
            "hunter2\n",
            "-----BEGIN AGE ENCRYPTED FILE-----\n",
            "age-encryption.org/v1\n",
        ] {
            let (_directory, path) = written(text, 0o600);
            let error = IdentityFile::read(&path).unwrap_err();
            assert!(matches!(error.kind(), Kind::BadIdentity(_)));
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn what_was_changed_does_not_open_and_a_wrong_key_is_told_apart() {
        let (right, wrong) = (x25519::Identity::generate(), x25519::Identity::generate());
        let mut bytes = age::encrypt(&right.to_public(), b"word").unwrap();
        let with = |key: &x25519::Identity, bytes: &[u8]| {
            open(std::iter::once(key as &dyn age::Identity), bytes)
        };
        assert_eq!(with(&right, &bytes).unwrap().as_slice(), b"word");
        assert_eq!(with(&wrong, &bytes).unwrap_err(), Closed::NoKey);
        assert_eq!(with(&right, &bytes[..20]).unwrap_err(), Closed::Damaged);
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(with(&right, &bytes).unwrap_err(), Closed::Damaged);
    }
}
