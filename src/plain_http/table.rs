//! The kernel's table of TCP sockets: which user has the other end of a connection.

#[cfg(target_os = "linux")]
use std::net::IpAddr;
use std::net::SocketAddr;
#[cfg(target_os = "linux")]
use std::path::Path;
use std::time::Instant;

#[cfg(target_os = "linux")]
use memchr::{memmem, memrchr};

#[cfg(target_os = "linux")]
use crate::disk;

/// Of a table: one of half a million connections fits.
#[cfg(target_os = "linux")]
const LONGEST: u64 = 128 * 1024 * 1024;

/// What the table says of the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OtherEnd {
    /// A process of this user has it.
    Of(u32),
    /// No process has taken the connection up yet.
    Waiting,
    /// It is not in the table.
    Unseen,
}

/// The kernel's tables as they were read once, for all connections that were there by then: the kernel goes through every
/// socket of the machine for each reading.
///
/// The lines: `Documentation/networking/proc_net_tcp.rst` of the kernel. One is looked for as text, among tens of thousands
/// on a busy machine.
#[cfg(target_os = "linux")]
pub(super) struct Tables {
    /// Before anything was read.
    pub(super) begun: Instant,
    v4: Vec<u8>,
    v6: Vec<u8>,
}

#[cfg(target_os = "linux")]
impl Tables {
    /// Reads them. What cannot be read shows nothing.
    pub(super) fn read() -> Self {
        let begun = Instant::now();
        let table = |path| {
            disk::read(Path::new(path), LONGEST)
                .ok()
                .flatten()
                .unwrap_or_default()
        };
        Self {
            begun,
            v4: table("/proc/net/tcp"),
            v6: table("/proc/net/tcp6"),
        }
    }

    /// The other end of the connection from `ours` to `peer`.
    pub(super) fn other_end(&self, ours: SocketAddr, peer: SocketAddr) -> OtherEnd {
        let (ours, peer) = (plain(ours), plain(peer));
        let in_tcp = (ours.is_ipv4() && peer.is_ipv4())
            .then(|| line(&self.v4, &format!("{} {}", v4(peer), v4(ours))))
            .flatten();
        // A server that listens on `::` for both families has its connections there.
        let found = in_tcp.or_else(|| line(&self.v6, &format!("{} {}", v6(peer), v6(ours))));
        let Some(found) = found else {
            return OtherEnd::Unseen;
        };
        let mut columns = found.split_ascii_whitespace().skip(7);
        let uid = columns.next().and_then(|uid| uid.parse().ok());
        match (uid, columns.nth(1)) {
            // Until a process takes it up, a connection has no inode, and the user shown is 0.
            (Some(_), Some("0")) => OtherEnd::Waiting,
            (Some(uid), Some(_)) => OtherEnd::Of(uid),
            _ => OtherEnd::Unseen,
        }
    }
}

/// The line of a table that has these two ends.
#[cfg(target_os = "linux")]
fn line<'t>(table: &'t [u8], ends: &str) -> Option<&'t str> {
    let at = memmem::find(table, ends.as_bytes())?;
    let begin = memrchr(b'\n', &table[..at]).map_or(0, |end| end + 1);
    std::str::from_utf8(table[begin..].split(|byte| *byte == b'\n').next()?).ok()
}

/// One end as the table of IPv4 writes it: the address as a number of this machine.
#[cfg(target_os = "linux")]
fn v4(end: SocketAddr) -> String {
    match end.ip() {
        IpAddr::V4(ip) => format!("{:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), end.port()),
        IpAddr::V6(_) => String::new(),
    }
}

/// The same in the table of IPv6: four numbers.
#[cfg(target_os = "linux")]
fn v6(end: SocketAddr) -> String {
    let ip = match end.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let octets = ip.octets();
    let (parts, _) = octets.as_chunks::<4>();
    let numbers = parts.iter().map(|part| u32::from_ne_bytes(*part));
    let address: String = numbers.map(|number| format!("{number:08X}")).collect();
    format!("{address}:{:04X}", end.port())
}

/// An address of IPv4 may stand within one of IPv6.
#[cfg(target_os = "linux")]
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// No table is read here but that of Linux.
#[cfg(not(target_os = "linux"))]
pub(super) struct Tables {
    /// When.
    pub(super) begun: Instant,
}

#[cfg(not(target_os = "linux"))]
impl Tables {
    /// There is nothing to read.
    pub(super) fn read() -> Self {
        Self {
            begun: Instant::now(),
        }
    }

    /// Shows nothing.
    pub(super) fn other_end(&self, _: SocketAddr, _: SocketAddr) -> OtherEnd {
        OtherEnd::Unseen
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_connection_is_of_nobody_until_it_is_taken_up_and_then_of_its_user() {
        let ours = rustix::process::geteuid().as_raw();
        for address in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let port = listener.local_addr().unwrap().port();
            let host = if address.starts_with("[::1]") {
                format!("[::1]:{port}")
            } else {
                format!("127.0.0.1:{port}")
            };
            let stream = TcpStream::connect(&host).unwrap();
            let ends = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
            let other_end = || Tables::read().other_end(ends.0, ends.1);
            assert_eq!(other_end(), OtherEnd::Waiting, "{address}");
            let _taken_up = listener.accept().unwrap();
            assert_eq!(other_end(), OtherEnd::Of(ours), "{address}");
        }
    }

    #[test]
    fn a_connection_that_is_not_in_the_table_is_unseen() {
        let ends = ["127.0.0.1:1", "127.0.0.1:2"].map(|end| end.parse().unwrap());
        assert_eq!(Tables::read().other_end(ends[0], ends[1]), OtherEnd::Unseen);
    }
}
