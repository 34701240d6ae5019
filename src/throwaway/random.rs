//! Words and ports that nobody else has.

use std::net::{Ipv4Addr, TcpListener};

use rustix::rand::{GetRandomFlags, getrandom};
use zeroize::Zeroizing;

/// Below those that the kernel gives to outgoing connections, and above those of services.
const PORTS: std::ops::Range<u16> = 18_000..32_000;
/// So many are tried before it is said that none is free.
const TRIES: usize = 200;

/// This many random bytes.
pub(super) fn bytes<const N: usize>() -> std::io::Result<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    let mut filled = 0;
    while filled < N {
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty())?;
    }
    Ok(bytes)
}

/// A word of lower-case letters and digits: 32 different ones, one a byte.
pub(super) fn word<const N: usize>() -> std::io::Result<Zeroizing<String>> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut text = Zeroizing::new(String::with_capacity(N));
    for byte in bytes::<N>()?.iter() {
        text.push(char::from(LETTERS[usize::from(byte % 32)]));
    }
    Ok(text)
}

/// Twice as many hexadecimal digits as bytes.
pub(super) fn digits<const N: usize>() -> std::io::Result<Zeroizing<String>> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = Zeroizing::new(String::with_capacity(2 * N));
    for byte in bytes::<N>()?.iter() {
        for half in [byte / 16, byte % 16] {
            text.push(char::from(DIGITS[usize::from(half)]));
        }
    }
    Ok(text)
}

/// A port of loopback that nobody has now. Another may have it before the server does: the server ends then.
pub(super) fn free_port() -> std::io::Result<u16> {
    for _ in 0..TRIES {
        let number = u16::from_be_bytes(*bytes::<2>()?);
        let port = PORTS.start + number % (PORTS.end - PORTS.start);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(std::io::ErrorKind::AddrInUse.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_differ_and_ports_are_free() {
        assert_ne!(word::<16>().unwrap(), word::<16>().unwrap());
        assert_eq!(word::<16>().unwrap().len(), 16);
        let digits = digits::<32>().unwrap();
        assert!(digits.len() == 64 && digits.bytes().all(|one| one.is_ascii_hexdigit()));
        let port = free_port().unwrap();
        assert!(PORTS.contains(&port));
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
    }
}
