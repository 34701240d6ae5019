//! The encrypted part of the checkpoint: one file, written ahead and filled in place.
//!
//! ```text
//! 0      vault-bootstrap secrets 1\n{header as JSON}\n          padded with spaces
//! 8192   length of the ciphertext as 16 hex digits, or 16 zeros while there is none
//! 8208   ciphertext, in room that was written and fsynced before it was needed
//! ```
//! The room is taken before `sys/init` is asked, so that a full disk is found while nothing can be
//! lost. The length is written after the ciphertext was fsynced: a torn write reads as "none".

use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::disk;
use crate::envelope::{Sealer, WrappedKey};

/// The name of the file in the checkpoint's directory.
pub(crate) const NAME: &str = "secrets";
const MAGIC: &str = "vault-bootstrap secrets 1\n";
const LENGTH_AT: u64 = 8192;
const CONTENT_AT: u64 = LENGTH_AT + 16;
/// An answer of 255 shares is 30 KB; with PGP messages around them a few times that.
const ROOM: usize = 256 * 1024;
/// Nothing that we write is larger; a file that says so is damaged.
const LARGEST: u64 = 4 * 1024 * 1024;

/// What the file holds, in clear; and the wrapped key that opens it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) holds: Holds,
    pub(crate) key: WrappedKey,
}

impl Header {
    pub(crate) fn of(holds: Holds, sealer: &Sealer) -> Self {
        Self {
            holds,
            key: sealer.header().clone(),
        }
    }
}

/// Which of the two things that the server will not say twice is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Holds {
    /// The raw answer of `sys/init`, shares and root token.
    InitAnswer,
    /// The root token alone, under a fresh key.
    RootToken,
}

/// Fills the room. Two fsyncs: content, then length.
pub(crate) fn fill(directory: &Path, ciphertext: &[u8]) -> io::Result<()> {
    let file = disk::writable(&directory.join(NAME))?;
    file.write_all_at(ciphertext, CONTENT_AT)?;
    file.sync_all()?;
    file.write_all_at(length_field(ciphertext).as_bytes(), LENGTH_AT)?;
    file.sync_all()
}

/// Replaces the whole file, content and all, by one rename; without a ciphertext it is the room for one.
pub(crate) fn replace(directory: &Path, header: &Header, ciphertext: &[u8]) -> io::Result<()> {
    disk::replace(directory, NAME, &encode(header, ciphertext)?)
}

/// Header and ciphertext, if there is a file; the ciphertext is `None` while only room was taken.
pub(crate) fn read(directory: &Path) -> io::Result<Option<(Header, Option<Vec<u8>>)>> {
    let Some(opened) = disk::if_there(disk::read::open_own(&directory.join(NAME)))? else {
        return Ok(None);
    };
    let file = opened.file;
    let mut head = vec![0; usize::try_from(CONTENT_AT).unwrap_or(0)];
    file.read_exact_at(&mut head, 0)?;
    let (text, length) = head.split_at(usize::try_from(LENGTH_AT).unwrap_or(0));
    let text = std::str::from_utf8(text).map_err(|_| damaged("its header is not text"))?;
    let text = text
        .strip_prefix(MAGIC)
        .ok_or_else(|| damaged("it begins with other words"))?;
    let header = serde_json::from_str(text.trim_end()).map_err(|_| damaged("its header is cut"))?;
    let length = std::str::from_utf8(length)
        .ok()
        .and_then(|hex| u64::from_str_radix(hex, 16).ok());
    let length = length
        .filter(|length| *length <= LARGEST)
        .ok_or_else(|| damaged("no length"))?;
    if length == 0 {
        return Ok(Some((header, None)));
    }
    let mut ciphertext = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_exact_at(&mut ciphertext, CONTENT_AT)?;
    Ok(Some((header, Some(ciphertext))))
}

fn encode(header: &Header, ciphertext: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = format!("{MAGIC}{}\n", serde_json::to_string(header)?).into_bytes();
    let head = usize::try_from(LENGTH_AT).unwrap_or(0);
    if bytes.len() > head {
        return Err(io::Error::other("the wrapped key is longer than its place"));
    }
    bytes.resize(head, b' ');
    bytes.extend_from_slice(length_field(ciphertext).as_bytes());
    bytes.extend_from_slice(ciphertext);
    let whole = bytes.len().max(head + 16 + ROOM);
    bytes.resize(whole, 0);
    Ok(bytes)
}

fn length_field(ciphertext: &[u8]) -> String {
    format!("{:016x}", ciphertext.len())
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
