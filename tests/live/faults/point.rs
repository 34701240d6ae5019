//! A place in a ceremony, counted in requests or in writes to the disk, and what is done there.

use std::fmt;
use std::str::FromStr;

use crate::ceremony::{Server, builder};
use crate::support::Setup;

/// The servers that are disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Static seal; takes its audit device over the API.
    OpenBao262,
    /// Static seal; its audit device stands in its configuration.
    OpenBao272,
    /// Unsealed with the shares.
    Vault1211,
}

impl Product {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OpenBao262, Self::OpenBao272, Self::Vault1211];

    /// Its name among the components.
    pub fn name(self) -> &'static str {
        self.setup().components()[0]
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::OpenBao262 => "OpenBao 2.6.2",
            Self::OpenBao272 => "OpenBao 2.7.2",
            Self::Vault1211 => "Vault 1.21.1",
        }
    }

    fn setup(self) -> Setup {
        match self {
            Self::OpenBao262 => Setup::OpenBao262StaticApiAudit,
            Self::OpenBao272 => Setup::OpenBao272Static,
            Self::Vault1211 => Setup::Vault1211Shamir,
        }
    }

    /// A fresh one, in memory.
    pub fn start(self) -> Server {
        Server::from(builder(self.setup()).in_memory().start())
    }
}

/// What is done to one request, or to one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The program is killed, and the request never arrives.
    KillBefore,
    /// The server acts, and the program is killed before it hears of it.
    KillAfter,
    /// The connection closes, and the request never arrives.
    Refuse,
    /// The server acts, and the connection closes without the answer.
    Drop,
    /// The server acts, and the answer is turned into a 500.
    Fail,
    /// The server acts, and the answer stays away past the time-out.
    Hold,
    /// The server acts, and the connection closes in the middle of the answer.
    Cut,
    /// A load balancer answers 503 with a page, and the request never arrives.
    Page,
    /// The server acts, and a load balancer answers 502 with a page.
    PageInstead,
    /// SIGINT while the request is on its way.
    Interrupt,
    /// SIGTERM while the request is on its way.
    Terminate,
    /// ENOSPC, and from there for whatever needs room.
    DiskFull,
    /// EROFS from there on.
    ReadOnly,
    /// Half of the bytes are written, and that is said.
    ShortWrite,
    /// The same, and the disk is full from there.
    ShortThenFull,
    /// Lost power: contents and names are those of the last fsync.
    PowerCut,
    /// Lost power: names are as they were, contents are those of the last fsync.
    PowerCutNames,
    /// The program panics: its event loop cannot wait for events after a write.
    Panic,
}

impl Kind {
    /// What is done to a request.
    pub const REQUESTS: [Self; 11] = [
        Self::KillBefore,
        Self::KillAfter,
        Self::Refuse,
        Self::Drop,
        Self::Fail,
        Self::Hold,
        Self::Cut,
        Self::Page,
        Self::PageInstead,
        Self::Interrupt,
        Self::Terminate,
    ];
    /// What is done to a write.
    pub const WRITES: [Self; 7] = [
        Self::DiskFull,
        Self::ReadOnly,
        Self::ShortWrite,
        Self::ShortThenFull,
        Self::PowerCut,
        Self::PowerCutNames,
        Self::Panic,
    ];

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::REQUESTS.into_iter().chain(Self::WRITES)
    }

    /// Whether it is done to a write, and not to a request.
    pub fn is_of_the_disk(self) -> bool {
        Self::WRITES.contains(&self)
    }

    /// Its name where a point is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::KillBefore => "kill-before",
            Self::KillAfter => "kill-after",
            Self::Refuse => "refuse",
            Self::Drop => "drop",
            Self::Fail => "fail",
            Self::Hold => "hold",
            Self::Cut => "cut",
            Self::Page => "page",
            Self::PageInstead => "page-instead",
            Self::Interrupt => "sigint",
            Self::Terminate => "sigterm",
            Self::DiskFull => "disk-full",
            Self::ReadOnly => "read-only",
            Self::ShortWrite => "short-write",
            Self::ShortThenFull => "short-then-full",
            Self::PowerCut => "power-cut",
            Self::PowerCutNames => "power-cut-names",
            Self::Panic => "panic",
        }
    }

    /// What it does, for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::KillBefore => "`kill -9` before the request arrives",
            Self::KillAfter => "`kill -9` after the server acted",
            Self::Refuse => "connection refused",
            Self::Drop => "server acts, answer dropped",
            Self::Fail => "server acts, answer turned into a 500",
            Self::Hold => "server acts, answer held past the time-out",
            Self::Cut => "server acts, answer cut half-way",
            Self::Page => "503 page of a load balancer",
            Self::PageInstead => "server acts, 502 page of a load balancer",
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::DiskFull => "disk full from there on",
            Self::ReadOnly => "disk read-only from there on",
            Self::ShortWrite => "half is written, the rest on asking again",
            Self::ShortThenFull => "half is written, then the disk is full",
            Self::PowerCut => "power cut: contents and names as of the last fsync",
            Self::PowerCutNames => "power cut: contents as of the last fsync, names as they were",
            Self::Panic => "a panic at the next wait, with `RUST_BACKTRACE=full`",
        }
    }

    /// Whether the server does what it was asked and the answer never reaches the program.
    pub fn loses_the_answer(self) -> bool {
        matches!(
            self,
            Self::KillAfter | Self::Drop | Self::Fail | Self::Hold | Self::Cut | Self::PageInstead
        )
    }
}

/// One kind of fault at one request or write of a ceremony on one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Which server.
    pub product: Product,
    /// What is done.
    pub kind: Kind,
    /// At which request of the run, from 1, those to AWS included; or at which write.
    pub number: usize,
}

impl fmt::Display for Point {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (product, kind) = (self.product.name(), self.kind.name());
        write!(out, "{product} {kind} {}", self.number)
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<_> = text.split_whitespace().collect();
        let found = || {
            let [product, kind, number] = words[..] else {
                return None;
            };
            Some(Self {
                product: *Product::ALL.iter().find(|one| one.name() == product)?,
                kind: Kind::all().find(|one| one.name() == kind)?,
                number: number.parse().ok()?,
            })
        };
        found().ok_or_else(|| format!("not a point such as openbao-2.7.2 kill-before 12: {text}"))
    }
}
