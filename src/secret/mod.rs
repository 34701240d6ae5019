//! Secrets as types that cannot print.
//!
//! One newtype per kind of secret, each over [`secrecy::SecretString`]: no `Display`, no `Serialize`,
//! no `Clone`, and a `Debug` that says only what it is. `expose` is called in the systems
//! (`vault/`, `custodian/`), in `envelope` and in `prompt`, and nowhere else: a test reads the sources
//! and holds this. The memory is wiped on drop, by the type and once more by the allocator of the binary.

mod claims;
mod inherited;
#[cfg(feature = "throwaway")]
mod written_out;

use secrecy::{ExposeSecret, SecretString};

pub use crate::secret::claims::Claims;
pub use crate::secret::inherited::Inherited;

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name(SecretString);

        impl $name {
            /// Takes the text over; the buffer is moved or wiped, not copied around.
            pub fn new(text: String) -> Self {
                Self(SecretString::from(text))
            }

            /// The text itself, for the systems that send, encrypt or compare it.
            pub fn expose(&self) -> &str {
                self.0.expose_secret()
            }

            /// Length in bytes, which is public.
            pub fn len(&self) -> usize {
                self.0.expose_secret().len()
            }

            /// True when there is no text at all.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(concat!(stringify!($name), "(…)"))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                SecretString::deserialize(from).map(Self)
            }
        }
    };
}

secret! {
    /// Any secret text without a type of its own: a password, a client secret, a JWT, a passphrase.
    SecretText
}
impl SecretText {
    /// As a token; `None` where it cannot be one, as with a blank in it.
    pub fn into_token(self) -> Option<Token> {
        let text = self.0.expose_secret().trim();
        let plain = !text.is_empty() && text.bytes().all(|letter| letter.is_ascii_graphic());
        plain.then(|| Token::new(text.to_owned()))
    }

    /// Whether it is for everybody to read: certificates or public keys in PEM, and no private key.
    pub fn is_public(&self) -> bool {
        let text = self.expose();
        let public = ["CERTIFICATE", "PUBLIC KEY", "RSA PUBLIC KEY"];
        let begins = public.map(|kind| format!("-----BEGIN {kind}-----"));
        begins.iter().any(|begin| text.contains(begin)) && !text.contains("PRIVATE KEY")
    }

    /// The bytes of a PEM file of certificates, which are public; `None` when a private key, or
    /// anything but certificates, is in it.
    pub fn certificates(&self) -> Option<Vec<u8>> {
        let text = self.expose();
        let public = text.contains("-----BEGIN CERTIFICATE-----") && !text.contains("PRIVATE KEY");
        public.then(|| text.as_bytes().to_vec())
    }
}

secret! {
    /// One share of the recovery (or unseal) key: one line of base64 or hexadecimal, as the servers show it.
    Share
}
secret! {
    /// A token of a login. The root token has a type of its own.
    Token
}

/// A share that the server encrypted to its holder's key before anybody saw it. No secret.
#[derive(Debug)]
pub struct SealedShare(Vec<u8>);

impl SealedShare {
    /// Takes an OpenPGP message over.
    pub fn new(message: Vec<u8>) -> Self {
        Self(message)
    }

    /// The message, in binary.
    pub fn message(&self) -> &[u8] {
        &self.0
    }
}

/// A share as the server handed it out.
#[derive(Debug)]
pub enum ShareMaterial {
    /// In clear: whoever has it is to encrypt it.
    Plain(Share),
    /// Encrypted to its holder.
    Encrypted(SealedShare),
}

impl ShareMaterial {
    /// The share, where this process may see it.
    pub fn as_plain(&self) -> Option<&Share> {
        match self {
            Self::Plain(share) => Some(share),
            Self::Encrypted(_) => None,
        }
    }
}

/// The root token; a [`Token`] for requests, but never mistaken for one of a login.
pub struct RootToken(Token);

impl RootToken {
    /// Marks `token` as the root token.
    pub fn new(token: Token) -> Self {
        Self(token)
    }

    /// The token, for a command that was meant to have it.
    #[cfg(feature = "throwaway")]
    pub(crate) fn into_token(self) -> Token {
        self.0
    }

    /// The token, for the requests that need root.
    pub fn token(&self) -> &Token {
        &self.0
    }
}

impl std::fmt::Debug for RootToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RootToken(…)")
    }
}

/// How deep calls go that leave something behind: far less than a thread's stack, more than any of ours.
const DEPTH: usize = 256 * 1024;

/// Overwrites what calls that have returned left on the stack of this thread below the caller, and in its registers.
/// Libraries keep texts in arrays there for a moment, such as an identity while it is spelled out, and the allocator wipes
/// only the heap.
pub fn wipe_stack_and_registers() {
    wipe_stack();
    wipe_registers();
}

/// Work with secrets on a thread that waits for more work afterwards, with nothing of these left on it.
pub fn wiped<T>(work: impl FnOnce() -> T) -> T {
    let done = work();
    wipe_stack_and_registers();
    done
}

/// The C library copies and compares in vector registers, by their length in others each time, and leaves in them what
/// it copied last: a password of 40 bytes was found there in a dump (glibc 2.36, AVX-512). Zeros of all these lengths
/// take its place.
fn wipe_registers() {
    const LENGTHS: [usize; 12] = [8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 1024];
    let (zeros, mut copy) = ([0u8; 1024], [0u8; 1024]);
    for length in LENGTHS {
        // Neither the length nor the bytes are known beforehand, so each of these is a call.
        let length = std::hint::black_box(length);
        copy[..length].copy_from_slice(&std::hint::black_box(&zeros)[..length]);
        std::hint::black_box(copy[..length] == std::hint::black_box(&zeros)[..length]);
        copy.copy_within(..length / 2, length / 4);
        std::hint::black_box(&mut copy);
    }
}

#[inline(never)]
#[allow(
    clippy::large_stack_arrays,
    reason = "to cover that much is the purpose"
)]
fn wipe_stack() {
    let mut room = [0u8; DEPTH];
    // Nobody reads it, so it would not be written if this did not seem to.
    std::hint::black_box(&mut room);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_public_and_private_keys_never_are() {
        let certificate = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n";
        let key = "-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----\n";
        assert!(SecretText::new(certificate.into()).certificates().is_some());
        assert!(SecretText::new(key.into()).certificates().is_none());
        assert!(
            SecretText::new(format!("{certificate}{key}"))
                .certificates()
                .is_none()
        );
        assert!(SecretText::new("hunter2".into()).certificates().is_none());
        let public = "-----BEGIN PUBLIC KEY-----\nAA\n-----END PUBLIC KEY-----\n";
        for (text, expected) in [
            (public, true),
            (certificate, true),
            (key, false),
            ("x", false),
        ] {
            assert_eq!(SecretText::new(text.into()).is_public(), expected, "{text}");
        }
        assert!(!SecretText::new(format!("{public}{key}")).is_public());
    }

    #[test]
    fn debug_shows_the_kind_and_never_the_text() {
        let shown = format!(
            "{:?} {:?} {:?}",
            SecretText::new("hunter2".into()),
            Share::new("hunter2".into()),
            RootToken::new(Token::new("hunter2".into()))
        );
        assert_eq!(shown, "SecretText(…) Share(…) RootToken(…)");
    }
}
