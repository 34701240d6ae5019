//! The kernel's table of TCP sockets: which user has the other end of a connection.

use std::net::SocketAddr;

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

/// The other end of the connection from `ours` to `peer`.
#[cfg(target_os = "linux")]
pub(super) fn other_end(ours: SocketAddr, peer: SocketAddr) -> OtherEnd {
    let (ours, peer) = (plain(ours), plain(peer));
    let found = entries()
        .find(|entry| plain(entry.local_address) == peer && plain(entry.remote_address) == ours);
    match found {
        // Until a process takes it up, a connection has no inode, and the user shown is 0.
        Some(entry) if entry.inode != 0 => OtherEnd::Of(entry.uid),
        Some(_) => OtherEnd::Waiting,
        None => OtherEnd::Unseen,
    }
}

/// Every socket, of both families.
#[cfg(target_os = "linux")]
fn entries() -> impl Iterator<Item = procfs::net::TcpNetEntry> {
    let tables = [procfs::net::tcp(), procfs::net::tcp6()];
    tables.into_iter().flatten().flatten()
}

/// A server that listens on `::` for both families shows an address of IPv4 within one of IPv6.
#[cfg(target_os = "linux")]
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// No table is read here but that of Linux.
#[cfg(not(target_os = "linux"))]
pub(super) fn other_end(_: SocketAddr, _: SocketAddr) -> OtherEnd {
    OtherEnd::Unseen
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
            assert_eq!(other_end(ends.0, ends.1), OtherEnd::Waiting, "{address}");
            let _taken_up = listener.accept().unwrap();
            assert_eq!(other_end(ends.0, ends.1), OtherEnd::Of(ours), "{address}");
        }
    }

    #[test]
    fn a_connection_that_is_not_in_the_table_is_unseen() {
        let ends = ["127.0.0.1:1", "127.0.0.1:2"].map(|end| end.parse().unwrap());
        assert_eq!(other_end(ends[0], ends[1]), OtherEnd::Unseen);
    }
}
