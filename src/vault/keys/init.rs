//! The one request that cannot be repeated.
//!
//! It is sent once, on a connection of its own, with minutes of time, and followed nowhere. Its answer is
//! handed over unread: reading can fail, and the answer must be safe by then.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::secret::{RootToken, SealedShare, SecretText, Share, ShareMaterial, Token};
use crate::vault::http::{Ask, Body, Client, Error, Method, null_is_empty};

/// How many shares to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitRequest {
    /// Shares in all.
    pub shares: u32,
    /// Shares that together open.
    pub threshold: u32,
    /// Recovery shares (the seal unseals itself) or unseal shares.
    pub recovery: bool,
    /// The server encrypts each share to the PGP key of its holder.
    pub sealed: bool,
}

/// The answer as it came, for storing before anything else.
pub struct InitAnswer(SecretText);

/// What the answer holds.
#[derive(Debug)]
pub struct InitKeys {
    /// One line of base64 each, as the servers' own command shows them; or encrypted to their holders, in the order
    /// of the keys.
    pub shares: Vec<ShareMaterial>,
    /// The root token.
    pub root_token: RootToken,
}

/// Why a stored answer is not usable. Never says what stands in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InitAnswerError {
    /// Not JSON, or without the fields of this answer.
    #[error("the answer to init is not what vault and openbao send (line {line}, column {column})")]
    Unreadable {
        /// Line in the answer.
        line: usize,
        /// Column in the line.
        column: usize,
    },
    /// Another number of shares than asked for.
    #[error("the answer to init holds {found} shares where {asked} were asked for")]
    Shares {
        /// Shares in the answer.
        found: usize,
        /// Shares asked for.
        asked: u32,
    },
    /// A share that is no base64, or twice the same.
    #[error("share {number} in the answer to init is not usable")]
    Share {
        /// Counted from 1.
        number: usize,
    },
    /// A share in clear where it was to be encrypted.
    #[error(
        "share {number} in the answer to init is not encrypted to its holder, as was asked for"
    )]
    NotSealed {
        /// Counted from 1.
        number: usize,
    },
    /// No root token.
    #[error("the answer to init holds no root token")]
    NoRootToken,
}

impl InitAnswerError {
    /// What to do about any of them.
    pub const ADVICE: &str = "keep the checkpoint: the answer in it is the only copy; a person must decide before anything is wiped";
}

#[derive(Deserialize)]
struct Keys {
    #[serde(default, deserialize_with = "null_is_empty")]
    keys_base64: Vec<Share>,
    #[serde(default, deserialize_with = "null_is_empty")]
    recovery_keys_base64: Vec<Share>,
    root_token: Token,
}

impl InitAnswer {
    /// The answer, to be encrypted and stored.
    pub fn raw(&self) -> &SecretText {
        &self.0
    }

    /// Reads a stored answer and holds it against what was asked.
    pub fn parse(raw: &SecretText, asked: &InitRequest) -> Result<InitKeys, InitAnswerError> {
        let keys: Keys =
            serde_json::from_str(raw.expose()).map_err(|error| InitAnswerError::Unreadable {
                line: error.line(),
                column: error.column(),
            })?;
        let shares = if asked.recovery {
            keys.recovery_keys_base64
        } else {
            keys.keys_base64
        };
        if u32::try_from(shares.len()) != Ok(asked.shares) {
            return Err(InitAnswerError::Shares {
                found: shares.len(),
                asked: asked.shares,
            });
        }
        let mut handed = Vec::with_capacity(shares.len());
        for (index, share) in shares.iter().enumerate() {
            let number = index + 1;
            let twice = shares[..index]
                .iter()
                .any(|other| other.expose() == share.expose());
            let bytes = STANDARD.decode(share.expose()).map(Zeroizing::new);
            let bytes = bytes.ok().filter(|bytes| !bytes.is_empty() && !twice);
            let bytes = bytes.ok_or(InitAnswerError::Share { number })?;
            match (asked.sealed, is_encrypted(&bytes)) {
                (true, true) => {
                    handed.push(ShareMaterial::Encrypted(SealedShare::new(bytes.to_vec())));
                }
                (true, false) => return Err(InitAnswerError::NotSealed { number }),
                (false, _) => {
                    handed.push(ShareMaterial::Plain(Share::new(share.expose().to_owned())));
                }
            }
        }
        if keys.root_token.is_empty() {
            return Err(InitAnswerError::NoRootToken);
        }
        Ok(InitKeys {
            shares: handed,
            root_token: RootToken::new(keys.root_token),
        })
    }
}

/// Longer than any share in clear, which has a byte more than the key of 16 or 32.
const SHORTEST_MESSAGE: usize = 64;

/// Whether this begins as an OpenPGP message does that is encrypted to a key (RFC 4880, 4.2 and 5.1).
fn is_encrypted(bytes: &[u8]) -> bool {
    bytes.len() >= SHORTEST_MESSAGE && matches!(bytes.first(), Some(0x84..=0x87 | 0xC1))
}

/// Initialises this node: exactly one HTTP request. `keys` are the holders' PGP keys as base64 of their binary form,
/// one a share, and none where the shares are to come in clear.
///
/// # Errors
/// Any error leaves open whether the server was initialised, also a 400: whatever is between may have sent it twice.
/// Look at [`initialized`](crate::vault::sys::initialized); never send it again on a guess.
pub async fn initialize(
    client: &Client,
    request: &InitRequest,
    keys: Vec<String>,
) -> Result<InitAnswer, Error> {
    let (shares, threshold, pgp_keys) = if request.recovery {
        ("recovery_shares", "recovery_threshold", "recovery_pgp_keys")
    } else {
        ("secret_shares", "secret_threshold", "pgp_keys")
    };
    let mut fields = vec![
        (shares, Body::from(u64::from(request.shares))),
        (threshold, Body::from(u64::from(request.threshold))),
    ];
    if request.sealed {
        let keys = keys.into_iter().map(Body::String).collect();
        fields.push((pgp_keys, Body::List(keys)));
    }
    let body = Body::map(fields);
    let client = client.in_namespace(None);
    let mut ask = Ask::new(Method::PUT, "sys/init", None).with_body(&body);
    ask.timeout = Some(client.timeouts().init);
    let mut answer = client.ask_once(ask).await?.ok()?.into_body();
    // Kept whatever it is: what cannot be read now may still be read by a person.
    let text = String::from_utf8(std::mem::take(&mut *answer)).unwrap_or_else(|error| {
        String::from_utf8_lossy(&Zeroizing::new(error.into_bytes())).into_owned()
    });
    Ok(InitAnswer(SecretText::new(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: InitRequest = InitRequest {
        shares: 2,
        threshold: 2,
        recovery: true,
        sealed: false,
    };

    fn opened(share: &ShareMaterial) -> &str {
        share.as_plain().expect("it is in clear").expose()
    }

    fn parse(text: &str, asked: InitRequest) -> Result<InitKeys, InitAnswerError> {
        InitAnswer::parse(&SecretText::new(text.into()), &asked)
    }

    #[test]
    fn recovery_shares_and_unseal_shares_are_told_apart() {
        let recovery = r#"{"keys":[],"keys_base64":[],"recovery_keys":["00","01"],
            "recovery_keys_base64":["AA==","AQ=="],"root_token":"hvs.x"}"#;
        let keys = parse(recovery, ASKED).unwrap();
        assert_eq!(opened(&keys.shares[1]), "AQ==");
        assert_eq!(keys.root_token.token().expose(), "hvs.x");
        let asked = InitRequest {
            recovery: false,
            ..ASKED
        };
        assert_eq!(
            parse(recovery, asked).unwrap_err(),
            InitAnswerError::Shares { found: 0, asked: 2 }
        );
        let unseal = r#"{"keys":["00","01"],"keys_base64":["AA==","AQ=="],"root_token":"s.x"}"#;
        assert_eq!(parse(unseal, asked).unwrap().shares.len(), 2);
    }

    #[test]
    fn no_shares_are_what_was_asked_for_in_two_phases() {
        let asked = InitRequest {
            shares: 0,
            threshold: 0,
            ..ASKED
        };
        let keys = parse(r#"{"keys":[],"keys_base64":[],"root_token":"s.x"}"#, asked).unwrap();
        assert!(keys.shares.is_empty());
    }

    #[test]
    fn what_was_to_be_encrypted_is_taken_only_as_a_message() {
        let asked = InitRequest {
            sealed: true,
            ..ASKED
        };
        let message = |first: u8, last: u8| STANDARD.encode([&[first; 99][..], &[last]].concat());
        let answer = |one: &str, other: &str| {
            let text =
                format!(r#"{{"recovery_keys_base64":["{one}","{other}"],"root_token":"s.x"}}"#);
            parse(&text, asked)
        };
        let (one, other) = (message(0xC1, 1), message(0x85, 2));
        let keys = answer(&one, &other).unwrap();
        let ShareMaterial::Encrypted(share) = &keys.shares[1] else {
            panic!("it is in clear");
        };
        assert_eq!(STANDARD.encode(share.message()), other);
        assert_eq!(
            answer(&one, &one).unwrap_err(),
            InitAnswerError::Share { number: 2 }
        );
        let clear = STANDARD.encode([0xC1; 33]);
        for wrong in [clear.as_str(), &message(0xD2, 1)] {
            let error = answer(&one, wrong).unwrap_err();
            assert_eq!(error, InitAnswerError::NotSealed { number: 2 });
        }
    }

    #[test]
    fn what_would_lock_out_is_refused_and_never_quoted() {
        let with = |shares: &str, token: &str| {
            let text = format!(r#"{{"recovery_keys_base64":{shares},"root_token":"{token}"}}"#);
            parse(&text, ASKED).unwrap_err()
        };
        assert_eq!(
            with(r#"["AA=="]"#, "s.x"),
            InitAnswerError::Shares { found: 1, asked: 2 }
        );
        assert_eq!(
            with(r#"["AA==","AA=="]"#, "s.x"),
            InitAnswerError::Share { number: 2 }
        );
        assert_eq!(
            with(r#"["AA==","-----BEGIN"]"#, "s.x"),
            InitAnswerError::Share { number: 2 }
        );
        assert_eq!(with(r#"["AA==","AQ=="]"#, ""), InitAnswerError::NoRootToken);
        let error = parse(r#"{"recovery_keys_base64":"hvs.secret"}"#, ASKED).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hvs"), "{error}");
    }
}
