//! The whole memory of a live process, as `gcore` writes it: registers and every mapping.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::canaries::{Find, Search};
use super::scratch::Scratch;

/// Why no memory can be looked at here; nothing where it can.
pub fn cannot_dump() -> Option<&'static str> {
    let gcore = Command::new("gcore").stderr(Stdio::null()).output();
    if gcore.is_err() {
        return Some("gcore is not installed (apt-get install gdb)");
    }
    let root = rustix::process::geteuid().is_root();
    (!root).then_some("only root may look into a process that is closed to its own user")
}

/// One mapping, as it lies in the file.
struct Part {
    offset: usize,
    size: usize,
    address: usize,
}

/// A memory that was written down. The file goes with this value.
pub struct Dump {
    bytes: Vec<u8>,
    parts: Vec<Part>,
    maps: String,
}

impl Dump {
    /// Writes down the memory of a process, which stands still meanwhile and goes on afterwards.
    pub fn of(id: u32) -> Self {
        let directory = Scratch::new();
        let prefix = directory.file("core");
        let maps = std::fs::read_to_string(format!("/proc/{id}/maps")).expect("it runs");
        let mut gcore = Command::new("gcore");
        gcore.arg("-a").arg("-o").arg(&prefix).arg(id.to_string());
        // Nothing of a developer's gdb, and no question about symbols on the network.
        let clean = [("HOME", directory.path()), ("DEBUGINFOD_URLS", "".as_ref())];
        let output = gcore.envs(clean).output().expect("gcore");
        let file = PathBuf::from(format!("{}.{id}", prefix.display()));
        let bytes =
            std::fs::read(&file).unwrap_or_else(|error| panic!("no core: {error}\n{output:?}"));
        let parts = parts(&bytes);
        assert!(parts.len() > 10, "a core file with {} parts", parts.len());
        Self { bytes, parts, maps }
    }

    /// How much was written down, in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What is found in it, each with the mapping that it lies in.
    pub fn search(&self, search: &Search) -> Vec<(Find, String)> {
        let found = search.found_in(&self.bytes).into_iter();
        found
            .map(|find| (find.clone(), self.place(find.at)))
            .collect()
    }

    fn place(&self, at: usize) -> String {
        let part = self
            .parts
            .iter()
            .find(|part| (part.offset..part.offset + part.size).contains(&at));
        let Some(part) = part else {
            return "registers".to_owned();
        };
        let address = part.address + (at - part.offset);
        let line = self.maps.lines().find(|line| {
            let range = line
                .split(' ')
                .next()
                .and_then(|range| range.split_once('-'));
            range.is_some_and(|(from, to)| {
                let number = |hex| usize::from_str_radix(hex, 16).unwrap_or(0);
                (number(from)..number(to)).contains(&address)
            })
        });
        let line = line.unwrap_or("a mapping that is gone");
        let name = line.split_whitespace().nth(5).unwrap_or("anonymous");
        format!("{name} {address:x}")
    }

    /// Some bytes around a place, with all but text as dots: for finding out whose memory it is.
    pub fn around(&self, at: usize) -> String {
        let from = at.saturating_sub(160);
        let bytes = &self.bytes[from..(at + 160).min(self.bytes.len())];
        let letter = |byte: &u8| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        };
        bytes.iter().map(letter).collect()
    }
}

/// The loaded parts of an ELF file of 64 bits, little-endian.
fn parts(bytes: &[u8]) -> Vec<Part> {
    let number = |at: usize, width: usize| {
        let mut eight = [0; 8];
        eight[..width].copy_from_slice(&bytes[at..at + width]);
        usize::try_from(u64::from_le_bytes(eight)).expect("64 bits")
    };
    assert!(bytes.starts_with(b"\x7fELF\x02\x01"), "an ELF file");
    let (table, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    let headers = (0..count).map(|index| table + index * size);
    let loaded = headers.filter(|header| number(*header, 4) == 1);
    loaded
        .map(|header| Part {
            offset: number(header + 8, 8),
            address: number(header + 16, 8),
            size: number(header + 32, 8),
        })
        .collect()
}
