//! Reads the logs that audit devices of type `file` write: a line of JSON for each request and for each response.
//!
//! It knows no server and no configuration. A log may be larger than memory and is written to meanwhile: it is read as
//! a stream.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Take};
use std::path::{Path, PathBuf};

use memchr::memmem;
use rustix::fs::FileType;
use serde_json::Value;

use crate::disk::path::{Last, kind, resolve};
use crate::disk::read;

/// No line takes more memory than this; the rest of a longer one is skipped.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;
/// How much of a log one look reads at the most.
const LOOK: u64 = 64 * 1024 * 1024;
/// How much of what was written since is read at the most, where all of it is asked for.
const ALL: u64 = 1024 * 1024 * 1024;

/// A log that can be read on this machine, and how long it was when it was looked for.
#[derive(Debug)]
pub(crate) struct AuditLog {
    /// Where it is.
    pub(crate) file: PathBuf,
    length: u64,
    /// Device and number of the file.
    number: (u64, u64),
}

impl AuditLog {
    /// The log in this file. Only a regular file is one; `None` where there is none on this machine.
    ///
    /// # Errors
    /// The way to it cannot be looked at, or leads over a link of another user.
    pub(crate) fn at(file: impl Into<PathBuf>) -> io::Result<Option<Self>> {
        let file = file.into();
        let found = match resolve(&file, Last::Follow) {
            Ok(resolved) => resolved.found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let found = found.filter(|found| kind(found) == FileType::RegularFile);
        Ok(found.map(|found| Self {
            file,
            length: u64::try_from(found.st_size).unwrap_or(0),
            number: (found.st_dev, found.st_ino),
        }))
    }

    /// Why [`AuditLog::all_since`] does not give all that was written since it was looked for, if so.
    ///
    /// # Errors
    /// The file cannot be looked at any more.
    pub(crate) fn gap(&self) -> io::Result<Option<String>> {
        let found = resolve(&self.file, Last::Follow)?.found;
        let found = found.ok_or(io::ErrorKind::NotFound)?;
        let length = u64::try_from(found.st_size).unwrap_or(0);
        Ok(if (found.st_dev, found.st_ino) != self.number {
            Some("another file stands in its place".to_owned())
        } else if length < self.length {
            Some("it is shorter than it was".to_owned())
        } else if length - self.length > ALL {
            Some(format!(
                "{} bytes were written, and {ALL} of them are read",
                length - self.length
            ))
        } else {
            None
        })
    }

    /// The lines that were written since it was looked for, and of a much longer log than [`AuditLog::since`] reads.
    pub(crate) fn all_since(&self) -> io::Result<Lines> {
        Lines::from(&self.file, self.length, ALL)
    }

    /// The lines that were written since it was looked for.
    pub(crate) fn since(&self) -> io::Result<Lines> {
        Lines::from(&self.file, self.length, LOOK)
    }

    /// Whether a line was written since that is wanted. In another file that stands in its place by now, and in one that
    /// was cut, any line may be it.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn has_written(&self, wanted: impl Fn(&[u8]) -> bool) -> io::Result<bool> {
        let Some(found) = resolve(&self.file, Last::Follow)?.found else {
            return Ok(false);
        };
        let length = u64::try_from(found.st_size).unwrap_or(0);
        let grown = (found.st_dev, found.st_ino) == self.number && length >= self.length;
        let begin = if grown { self.length } else { 0 };
        let found = Lines::from(&self.file, begin, LOOK)?.find_by(wanted)?;
        Ok(found.is_some())
    }

    /// Its last 64 MiB when it was looked for, and of a shorter log the lines since. The first line may be cut.
    pub(crate) fn tail(&self) -> io::Result<Lines> {
        Lines::from(&self.file, self.length.saturating_sub(LOOK), LOOK)
    }
}

/// The lines of a log from some byte on.
pub(crate) struct Lines {
    reader: BufReader<Take<File>>,
    line: Vec<u8>,
    next: u64,
}

impl Lines {
    fn from(file: &Path, begin: u64, limit: u64) -> io::Result<Self> {
        let mut file = read::open(file)?.file;
        file.seek(SeekFrom::Start(begin))?;
        Ok(Self {
            reader: BufReader::new(file.take(limit)),
            line: Vec::new(),
            next: begin,
        })
    }

    /// The next line that contains this text.
    pub(crate) fn find(&mut self, text: &str) -> io::Result<Option<Line>> {
        let text = memmem::Finder::new(text);
        self.find_by(|line| text.find(line).is_some())
    }

    /// The next line whose bytes are wanted.
    pub(crate) fn find_by(&mut self, wanted: impl Fn(&[u8]) -> bool) -> io::Result<Option<Line>> {
        while let Some(at) = self.advance()? {
            if wanted(&self.line) {
                let entry = serde_json::from_slice(&self.line).unwrap_or(Value::Null);
                return Ok(Some(Line { at, entry }));
            }
        }
        Ok(None)
    }

    /// Reads one line. The byte that it begins at.
    fn advance(&mut self) -> io::Result<Option<u64>> {
        self.line.clear();
        let at = self.next;
        let mut bounded = self.reader.by_ref().take(LONGEST_LINE);
        self.next += bounded.read_until(b'\n', &mut self.line)? as u64;
        if self.next - at == LONGEST_LINE && !self.line.ends_with(b"\n") {
            self.next += self.reader.skip_until(b'\n')? as u64;
        }
        Ok((self.next > at).then_some(at))
    }
}

/// A line of a log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The byte of the file that it begins at.
    pub(crate) at: u64,
    /// What it says; null where it is no whole entry.
    pub(crate) entry: Value,
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serde_json::json;

    use std::fs;

    use super::*;

    #[test]
    fn only_what_was_written_since_is_found() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let old = "{\"hash\":\"hmac-sha256:aa\",\"n\":1}\n";
        write!(file, "{old}").unwrap();
        let log = AuditLog::at(file.path()).unwrap().unwrap();
        assert_eq!(log.since().unwrap().find("hmac-sha256:aa").unwrap(), None);
        let found = log.tail().unwrap().find("hmac-sha256:aa").unwrap().unwrap();
        assert_eq!((found.at, found.entry["n"].as_u64()), (0, Some(1)));
        let other = "{\"hash\":\"hmac-sha256:bb\"}\n";
        writeln!(file, "{other}{{\"hash\":\"hmac-sha256:aa\"}}").unwrap();
        let found = log.since().unwrap().find("hmac-sha256:aa").unwrap();
        let ours = Line {
            at: (old.len() + other.len()) as u64,
            entry: json!({"hash": "hmac-sha256:aa"}),
        };
        assert_eq!(found, Some(ours));
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_the_next_one_is_found() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let log = AuditLog::at(file.path()).unwrap().unwrap();
        let long = vec![b'x'; usize::try_from(LONGEST_LINE).unwrap() + 9];
        file.write_all(&long).unwrap();
        writeln!(file, "end\nno entry: end").unwrap();
        let found = log.since().unwrap().find("end").unwrap();
        let next = Line {
            at: LONGEST_LINE + 13,
            entry: Value::Null,
        };
        assert_eq!(found, Some(next));
    }

    #[test]
    fn a_log_that_was_cut_or_replaced_has_a_gap() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.log");
        fs::write(&path, "{}\n{}\n").unwrap();
        let log = AuditLog::at(&path).unwrap().unwrap();
        assert_eq!(log.gap().unwrap(), None);
        File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{}\n")
            .unwrap();
        assert_eq!(log.gap().unwrap(), None);
        fs::write(&path, "{}\n").unwrap();
        assert!(log.gap().unwrap().unwrap().contains("shorter"));
        let other = directory.path().join("other");
        fs::write(&other, "{}\n{}\n{}\n").unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(log.gap().unwrap().unwrap().contains("another file"));
        fs::remove_file(&path).unwrap();
        assert!(log.gap().is_err());
    }

    #[test]
    fn a_line_is_found_after_the_beginning_and_in_a_file_that_took_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.log");
        fs::write(&path, "{\"id\":\"1\"}\n").unwrap();
        let log = AuditLog::at(&path).unwrap().unwrap();
        let has = |id: &str| {
            let wanted = memmem::Finder::new(id);
            log.has_written(|line| wanted.find(line).is_some()).unwrap()
        };
        assert!(!has("1"));
        fs::rename(&path, directory.path().join("audit.log.1")).unwrap();
        assert!(!has("2"));
        fs::write(&path, "").unwrap();
        assert!(!has("2"));
        fs::write(&path, "{\"id\":\"2\"}\n{\"id\":\"3\"}\n").unwrap();
        assert!(has("2") && has("3"));
    }

    #[test]
    fn a_way_that_cannot_be_looked_at_is_an_error_and_a_missing_file_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        assert!(AuditLog::at(&file).unwrap().is_none());
        fs::write(&file, "x").unwrap();
        assert!(AuditLog::at(file.join("audit.log")).is_err());
    }

    #[test]
    fn what_is_no_regular_file_is_no_log() {
        assert!(AuditLog::at("/dev/null").unwrap().is_none());
        assert!(AuditLog::at("/").unwrap().is_none());
    }
}
