//! A certificate that is shown to the server for one login, and what can be seen of it without the server.

use std::time::Duration;

use jiff::Timestamp;
use rustls::InconsistentKeys;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::sign::CertifiedKey;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use zeroize::Zeroizing;

use crate::printable;
use crate::secret::SecretText;

/// Letters of a name in a certificate that are shown.
const LONGEST_NAME: usize = 100;
/// What stands before a common name in a certificate: its object identifier (2.5.4.3).
const COMMON_NAME: [u8; 5] = [6, 3, 0x55, 4, 3];

/// A certificate with its key, ready to be shown. The key is in [`reqwest::Identity`] alone.
pub struct ClientCertificate {
    pub(super) identity: reqwest::Identity,
    /// What the server sees: the certificate, then those between it and its authority.
    chain: Vec<CertificateDer<'static>>,
}

/// Why a certificate and a key are of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// There is no certificate in the PEM.
    #[error("it is not the PEM of a certificate")]
    Certificate,
    /// There is no private key, or one that is encrypted.
    #[error("it is not the PEM of a private key without a passphrase")]
    Key,
    /// The key is that of another certificate.
    #[error("the key is not that of the certificate")]
    Mismatch,
    /// The TLS library does not take it, in its words.
    #[error("this program cannot use it: {0}")]
    Other(String),
}

/// When a certificate is good for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Now.
    Now,
    /// It ended then.
    Ended(Timestamp),
    /// It begins then.
    Begins(Timestamp),
    /// It ends before it begins.
    Never,
}

impl std::fmt::Debug for ClientCertificate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "ClientCertificate({})", self.in_words())
    }
}

impl ClientCertificate {
    /// Puts both together.
    ///
    /// # Errors
    /// One of them is not what it should be, or they do not belong together.
    pub fn new(pem: &[u8], key: &SecretText) -> Result<Self, Unusable> {
        let chain = certificates(pem);
        if chain.is_empty() {
            return Err(Unusable::Certificate);
        }
        let der = PrivateKeyDer::from_pem_slice(key.expose().as_bytes());
        let der = der.map_err(|_| Unusable::Key)?;
        let other = |error: &dyn std::fmt::Display| Unusable::Other(error.to_string());
        match CertifiedKey::from_der(chain.clone(), der, &aws_lc_rs::default_provider()) {
            Ok(_) => {}
            Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                return Err(Unusable::Mismatch);
            }
            Err(error) => return Err(other(&error)),
        }
        let mut both = Zeroizing::new(Vec::with_capacity(pem.len() + key.len() + 1));
        both.extend_from_slice(pem);
        both.push(b'\n');
        both.extend_from_slice(key.expose().as_bytes());
        let identity = reqwest::Identity::from_pem(&both).map_err(|error| other(&error))?;
        Ok(Self { identity, chain })
    }

    /// Whether it is valid by the clock of this machine.
    pub fn validity(&self) -> Validity {
        match self.verified(&[]) {
            Err(webpki::Error::CertExpired { not_after, .. }) => Validity::Ended(at(not_after)),
            Err(webpki::Error::CertNotValidYet { not_before, .. }) => {
                Validity::Begins(at(not_before))
            }
            Err(webpki::Error::InvalidCertValidity) => Validity::Never,
            _ => Validity::Now,
        }
    }

    /// Whether one of these authorities, in PEM, has signed it, or is the certificate itself. What is not certain is not
    /// denied: the server has its own ways to judge.
    pub fn can_be_of(&self, authorities: &[u8]) -> bool {
        let roots = certificates(authorities);
        if roots.is_empty() || roots.contains(&self.chain[0]) {
            return true;
        }
        !matches!(
            self.verified(&roots),
            Err(webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey)
        )
    }

    fn verified(&self, roots: &[CertificateDer<'static>]) -> Result<(), webpki::Error> {
        let anchors = roots.iter().map(anchor_from_trusted_cert);
        let anchors = anchors.collect::<Result<Vec<_>, _>>()?;
        let leaf = EndEntityCert::try_from(&self.chain[0])?;
        let verified = leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &self.chain[1..],
            UnixTime::now(),
            KeyUsage::client_auth(),
            None,
            None,
        );
        verified.map(|_| ())
    }

    /// Whose it is, and who has issued it: what a role compares.
    pub fn in_words(&self) -> String {
        let Ok(leaf) = EndEntityCert::try_from(&self.chain[0]) else {
            return "a certificate".to_owned();
        };
        let name = |der: &[u8]| common_name(der).unwrap_or_else(|| "nobody by name".to_owned());
        format!(
            "of {}, issued by {}",
            name(leaf.subject()),
            name(leaf.issuer())
        )
    }
}

/// Who the authorities of a PEM are, by name.
pub fn authorities_in_words(pem: &[u8]) -> String {
    let roots = certificates(pem);
    let names = roots.iter().filter_map(|root| {
        let anchor = anchor_from_trusted_cert(root).ok()?;
        common_name(&anchor.subject)
    });
    names.collect::<Vec<_>>().join(", ")
}

fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    found.unwrap_or_default()
}

fn at(time: UnixTime) -> Timestamp {
    let after = Duration::from_secs(time.as_secs());
    Timestamp::UNIX_EPOCH
        .saturating_add(after)
        .unwrap_or_default()
}

/// The common name in a name of a certificate (X.501): its identifier, then a type, a length and the text.
fn common_name(name: &[u8]) -> Option<String> {
    let start = name
        .windows(COMMON_NAME.len())
        .position(|part| part == COMMON_NAME)?;
    let (length, text) = match name.get(start + COMMON_NAME.len() + 1..)? {
        [0x81, length, text @ ..] => (*length, text),
        [length @ 0..=0x7f, text @ ..] => (*length, text),
        _ => return None,
    };
    let text = std::str::from_utf8(text.get(..usize::from(length))?).ok()?;
    Some(format!("CN={}", printable::line(text, LONGEST_NAME)))
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! fixture {
        ($name:literal) => {
            include_str!(concat!("../../../tests/fixtures/certificates/", $name))
        };
    }

    const GOOD: &str = fixture!("good.pem");
    const CA: &str = fixture!("ca.pem");

    fn certificate(pem: &str, key: &str) -> Result<ClientCertificate, Unusable> {
        ClientCertificate::new(pem.as_bytes(), &SecretText::new(key.to_owned()))
    }

    fn good() -> ClientCertificate {
        certificate(GOOD, fixture!("good.key")).unwrap()
    }

    #[test]
    fn a_certificate_and_a_key_that_are_of_no_use_say_why() {
        let key = fixture!("good.key");
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        for (pem, key, expected) in [
            (GOOD, fixture!("ended.key"), Unusable::Mismatch),
            (GOOD, "hunter2", Unusable::Key),
            (GOOD, encrypted.as_str(), Unusable::Key),
            (GOOD, GOOD, Unusable::Key),
            ("", key, Unusable::Certificate),
            (key, key, Unusable::Certificate),
        ] {
            assert_eq!(certificate(pem, key).unwrap_err(), expected);
        }
        let shown = format!("{:?}", good());
        assert_eq!(shown, "ClientCertificate(of CN=ci, issued by CN=Machines)");
    }

    #[test]
    fn when_it_is_valid_is_read_from_it() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let ended = certificate(fixture!("ended.pem"), fixture!("ended.key")).unwrap();
        let begins = certificate(fixture!("begins.pem"), fixture!("begins.key")).unwrap();
        assert_eq!(good().validity(), Validity::Now);
        assert_eq!(
            ended.validity(),
            Validity::Ended(at("2024-02-01T00:00:00Z"))
        );
        assert_eq!(
            begins.validity(),
            Validity::Begins(at("2120-01-01T00:00:00Z"))
        );
    }

    #[test]
    fn only_an_authority_that_cannot_have_signed_it_is_denied() {
        let (other, same_name) = (fixture!("other-ca.pem"), fixture!("same-name-ca.pem"));
        for (authorities, expected) in [
            (CA.to_owned(), true),
            // A role may hold the certificate itself.
            (GOOD.to_owned(), true),
            (format!("{other}{CA}"), true),
            (String::new(), true),
            ("no PEM".to_owned(), true),
            (other.to_owned(), false),
            (same_name.to_owned(), false),
        ] {
            assert_eq!(
                good().can_be_of(authorities.as_bytes()),
                expected,
                "{authorities}"
            );
        }
        let names = authorities_in_words(format!("{other}{CA}").as_bytes());
        assert_eq!(names, "CN=Machines of others, CN=Machines");
    }

    #[test]
    fn a_name_that_is_cut_off_or_foreign_is_no_name_and_shows_nothing_of_a_terminal() {
        let name = |text: &[u8]| {
            [
                &COMMON_NAME[..],
                &[0x0c, u8::try_from(text.len()).unwrap()],
                text,
            ]
            .concat()
        };
        assert_eq!(
            common_name(&name(b"a\x1b[2J")),
            Some(r"CN=a\u{1b}[2J".to_owned())
        );
        assert_eq!(common_name(&name(b"\xff")), None);
        let whole = name(b"ada");
        for end in 0..whole.len() {
            assert_eq!(common_name(&whole[..end]), None);
        }
    }
}
