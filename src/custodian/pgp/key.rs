//! What gpg says about a key, and whether a share may be encrypted to it. Pure: it only reads records.
//!
//! The records are those of `gpg --with-colons`, which GnuPG keeps stable for programs (its `doc/DETAILS`).

use crate::shell::ShellCommand;

/// Letters of a fingerprint of a version 4 key.
const FINGERPRINT: usize = 40;

/// One primary key with its subkeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) fingerprint: String,
    /// The file holds its secret side as well.
    secret: bool,
    /// Whether somebody disabled it as a whole.
    disabled: bool,
    /// The primary key, then its subkeys.
    parts: Vec<Part>,
}

/// A primary key or a subkey.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    /// 16 hexadecimal digits, by which a message names it.
    id: String,
    state: State,
    encrypts: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Good,
    /// On this day.
    Expired(String),
    Revoked,
    Disabled,
    Invalid,
}

impl State {
    fn of(validity: &str, expires: &str) -> Self {
        match validity.chars().next() {
            Some('e') => Self::Expired(day(expires)),
            Some('r') => Self::Revoked,
            Some('d') => Self::Disabled,
            Some('i') => Self::Invalid,
            // How far it is trusted is no business of a program that is given the key itself.
            _ => Self::Good,
        }
    }

    fn said(&self) -> Option<String> {
        match self {
            Self::Good => None,
            Self::Expired(day) => Some(format!("expired on {day}")),
            Self::Revoked => Some("is revoked".to_owned()),
            Self::Disabled => Some("is disabled".to_owned()),
            Self::Invalid => Some("is not valid: its own signature is missing or wrong".to_owned()),
        }
    }
}

/// Why a key cannot be used, and what its holder does about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unusable {
    pub(crate) what: String,
    pub(crate) advice: String,
}

fn unusable(what: impl Into<String>, advice: impl Into<String>) -> Unusable {
    Unusable {
        what: what.into(),
        advice: advice.into(),
    }
}

/// All keys of these records.
fn keys(records: &str) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for record in records.lines() {
        let fields: Vec<&str> = record.split(':').collect();
        let field = |number: usize| fields.get(number - 1).copied().unwrap_or_default();
        let part = || Part {
            id: field(5).to_owned(),
            state: State::of(field(2), field(7)),
            // Small letters are what the key itself may, large ones what it may with its subkeys.
            encrypts: field(12).contains('e'),
        };
        match field(1) {
            "pub" | "sec" => keys.push(Key {
                fingerprint: String::new(),
                secret: field(1) == "sec",
                disabled: field(12).contains('D'),
                parts: vec![part()],
            }),
            "sub" | "ssb" => {
                if let Some(key) = keys.last_mut() {
                    key.parts.push(part());
                }
            }
            // The first one is of the primary key, the others are of its subkeys.
            "fpr" | "fp2" => {
                if let Some(key) = keys.last_mut()
                    && key.fingerprint.is_empty()
                {
                    field(10).clone_into(&mut key.fingerprint);
                }
            }
            _ => {}
        }
    }
    keys
}

/// The one public key of a file.
pub(crate) fn only(records: &str) -> Result<Key, Unusable> {
    let mut keys = keys(records);
    let Some(key) = keys.pop() else {
        return Err(unusable("holds no PGP public key", EXPORT));
    };
    if key.secret || keys.iter().any(|key| key.secret) {
        let what = "holds a secret key, which belongs to its holder alone: give its public side";
        return Err(unusable(what, EXPORT));
    }
    if !keys.is_empty() {
        keys.push(key);
        let all: Vec<_> = keys.iter().map(|key| spaced(&key.fingerprint)).collect();
        let what = format!("holds {} keys ({})", all.len(), all.join(", "));
        return Err(unusable(what, EXPORT));
    }
    if key.fingerprint.len() != FINGERPRINT {
        let what = "holds a key of another version than 4, which the servers do not read";
        return Err(unusable(
            what,
            "gpg --quick-generate-key NAME future-default default 2y",
        ));
    }
    Ok(key)
}

const EXPORT: &str =
    "let its holder write it alone into that file: gpg --armor --export FINGERPRINT";

impl Key {
    /// Whether a share may be encrypted to it now.
    pub(crate) fn usable(&self) -> Result<(), Unusable> {
        let fingerprint = spaced(&self.fingerprint);
        let Some((primary, _)) = self.parts.split_first() else {
            return Err(unusable("holds no PGP public key", EXPORT));
        };
        if let Some(said) = primary.state.said() {
            return Err(self.dead(&primary.state, &format!("key {fingerprint} {said}")));
        }
        if self.disabled {
            return Err(self.dead(&State::Disabled, &format!("key {fingerprint} is disabled")));
        }
        let encrypting: Vec<_> = self.parts.iter().filter(|part| part.encrypts).collect();
        let Some(last) = encrypting.last() else {
            return Err(unusable(
                format!(
                    "key {fingerprint} has no subkey for encryption: nothing can be encrypted to it"
                ),
                self.add_subkey(),
            ));
        };
        if encrypting.iter().any(|part| part.state == State::Good) {
            return Ok(());
        }
        let said = last.state.said().unwrap_or_default();
        let what = format!("the subkey for encryption of key {fingerprint} {said}");
        Err(match last.state {
            State::Expired(_) => self.dead(&last.state, &what),
            _ => unusable(what, self.add_subkey()),
        })
    }

    /// Whether one of its keys for encryption has this id.
    pub(crate) fn reads(&self, id: &str) -> bool {
        let mut parts = self.parts.iter();
        parts.any(|part| part.encrypts && part.id.eq_ignore_ascii_case(id))
    }

    fn dead(&self, state: &State, what: &str) -> Unusable {
        let fingerprint = &self.fingerprint;
        let advice = match state {
            State::Expired(_) => {
                let prolong = || ShellCommand::new("gpg --quick-set-expire").with(fingerprint);
                format!(
                    "let its holder prolong it ({}; {}) and export it again: {}",
                    prolong().and("2y"),
                    prolong().and("2y '*'"),
                    self.export()
                )
            }
            _ => "let its holder make a new key and export that: gpg --quick-generate-key NAME future-default \
                  default 2y"
                .to_owned(),
        };
        unusable(what, advice)
    }

    /// Of the kind that gpg itself would choose; it must be named, because its own default is a signing subkey.
    fn add_subkey(&self) -> String {
        let add = ShellCommand::new("gpg --quick-add-key").with(&self.fingerprint);
        format!(
            "let its holder add one ({}, or rsa3072) and export the key again: {}",
            add.and("cv25519 encr 2y"),
            self.export()
        )
    }

    fn export(&self) -> ShellCommand {
        ShellCommand::new("gpg --armor --export").with(&self.fingerprint)
    }
}

/// As people compare it: ten groups of four.
pub(crate) fn spaced(fingerprint: &str) -> String {
    let letters: Vec<char> = fingerprint.chars().collect();
    let groups: Vec<String> = letters
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect();
    groups.join(" ")
}

/// Without spaces, in capitals.
pub(crate) fn plain(fingerprint: &str) -> String {
    let letters = fingerprint.chars().filter(|c| !c.is_whitespace());
    letters.map(|c| c.to_ascii_uppercase()).collect()
}

/// The day of seconds since 1970, in UTC.
fn day(seconds: &str) -> String {
    let seconds = seconds.parse().ok();
    let time = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(
        || "a day in the past".to_owned(),
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of gpg 2.2.40, `--with-colons --show-keys`.
    const RSA: &str = "\
pub:-:2048:1:231C511E00EF17C4:1795279912:1826815912::-:::scESC::::::23::0:
fpr:::::::::0F654ECF8B7FA832DA585A82231C511E00EF17C4:
uid:-::::1795279912::EC423A0F49CE8915CDD6CEBC90DD8B6120480982::rsa-good@x::::::::::0:
sub:-:2048:1:2C08661199C961A4:1795279913:1826815913:::::e::::::23:
fpr:::::::::EEFE8E89AC09829E58D700342C08661199C961A4:
";
    const CURVE: &str = "\
pub:-:255:22:DDDACF4F27473935:1795279913:1826815913::-:::scESC:::::ed25519:::0:
fpr:::::::::AFCE5DFB934A65EE16B505DDDDDACF4F27473935:
uid:-::::1795279913::BC78C8FB5CACAE9C06E65B3D80F7FDBC3C659F83::cv@x::::::::::0:
sub:-:255:18:55D3B4729C84C19A:1795279913::::::e:::::cv25519::
fpr:::::::::0747C759C5154087C6604CC555D3B4729C84C19A:
";
    const SIGNS_ONLY: &str = "\
pub:-:2048:1:8B727FD4A7D5853F:1795279913:1858351913::-:::scSC::::::23::0:
fpr:::::::::D820FDD01B918F85644D580C8B727FD4A7D5853F:
uid:-::::1795279913::B664D4DF103F64AB6A3BC412166D9C9A4971368A::nosub@x::::::::::0:
";
    const EXPIRED: &str = "\
pub:e:255:22:604CD8886B6E5C0B:1577836800:1580428800::-:::sc:::::ed25519:::0:
fpr:::::::::ED8309C8AB9C0C70F4E5CB3D604CD8886B6E5C0B:
uid:e::::1577836800::700EC9D015E25899BEE53A0805AB0B9193DB64A6::old@x::::::::::0:
sub:e:255:18:73D65EAACA4DD39B:1577836800::::::e:::::cv25519::
fpr:::::::::8A3655717AD957EB3EDADB4373D65EAACA4DD39B:
";
    const EXPIRED_SUBKEY: &str = "\
pub:-:255:22:999F24EB9EFDC35F:1577836800:::-:::scSC:::::ed25519:::0:
fpr:::::::::4D29B183C62ACB1185F55C40999F24EB9EFDC35F:
uid:-::::1577836800::3F388469E7D264A8689E8285F2EE143B16C72E4C::subold@x::::::::::0:
sub:e:255:18:A1217483004EC4BB:1577836800:1580428800:::::e:::::cv25519::
fpr:::::::::7CAE3D84DB049E652207B456A1217483004EC4BB:
";
    const REVOKED: &str = "\
pub:r:255:22:D687CB5286D5D73A:1795279928:1826815928::-:::sc:::::ed25519:::0:
fpr:::::::::5D46E39432189C0058EAE6E6D687CB5286D5D73A:
uid:r::::1795279928::6157D8474C765E83E8186BC6B311230A84BFA60C::rev@x::::::::::0:
sub:r:255:18:7FA43B4830ABF1BC:1795279928::::::e:::::cv25519::
fpr:::::::::DC3B6BE6B58541FA63149CEE7FA43B4830ABF1BC:
";
    const REVOKED_SUBKEY: &str = "\
pub:-:255:22:A0E4DB2849E6EAAE:1795279928:1826815928::-:::scSC:::::ed25519:::0:
fpr:::::::::4667B4EC5D5FA65E9E554046A0E4DB2849E6EAAE:
uid:-::::1795279928::BBBDBD74664E7EABEAC0A17775975586D80E027E::revsub@x::::::::::0:
sub:r:255:18:4383DE5A340A4631:1795279928::::::e:::::cv25519::
fpr:::::::::1FB7A6FE40BE26B011BA8E804383DE5A340A4631:
";
    const SECRET: &str = "\
sec:-:255:22:DDDACF4F27473935:1795279913:1826815913::-:::scESC:::#::ed25519:::0:
fpr:::::::::AFCE5DFB934A65EE16B505DDDDDACF4F27473935:
grp:::::::::2FE7F69B70E0B8488C367101A4F53BB7B581FC82:
uid:-::::1795279913::BC78C8FB5CACAE9C06E65B3D80F7FDBC3C659F83::cv@x::::::::::0:
ssb:-:255:18:55D3B4729C84C19A:1795279913::::::e:::#::cv25519::
fpr:::::::::0747C759C5154087C6604CC555D3B4729C84C19A:
";

    #[test]
    fn a_key_of_either_kind_is_known_by_its_own_fingerprint() {
        for (records, fingerprint) in [
            (RSA, "0F654ECF8B7FA832DA585A82231C511E00EF17C4"),
            (CURVE, "AFCE5DFB934A65EE16B505DDDDDACF4F27473935"),
        ] {
            let key = only(records).unwrap();
            assert_eq!(key.fingerprint, fingerprint);
            assert_eq!(key.usable(), Ok(()));
            // Not by the primary key, which signs.
            assert!(!key.reads(&fingerprint[24..]));
            assert_eq!(plain(&spaced(fingerprint).to_lowercase()), fingerprint);
        }
    }

    #[test]
    fn a_key_that_nothing_can_be_encrypted_to_is_refused_with_the_command() {
        for (records, what, advice) in [
            (
                SIGNS_ONLY,
                "853F has no subkey for encryption",
                "gpg --quick-add-key D820",
            ),
            (
                EXPIRED,
                "5C0B expired on 2020-01-31",
                "gpg --quick-set-expire ED83",
            ),
            (
                EXPIRED_SUBKEY,
                "the subkey for encryption of key 4D29 B183 C62A CB11 85F5 5C40 999F 24EB 9EFD C35F expired on 2020-01-31",
                "gpg --quick-set-expire 4D29",
            ),
            (REVOKED, "D73A is revoked", "gpg --quick-generate-key"),
            (
                REVOKED_SUBKEY,
                "EAAE is revoked",
                "gpg --quick-add-key 4667",
            ),
        ] {
            let refused = only(records).unwrap().usable().unwrap_err();
            assert!(refused.what.contains(what), "{refused:?}");
            assert!(refused.advice.contains(advice), "{refused:?}");
        }
        let disabled = CURVE.replace("scESC", "scESCD");
        let refused = only(&disabled).unwrap().usable().unwrap_err();
        assert!(refused.what.ends_with("is disabled"), "{refused:?}");
    }

    #[test]
    fn a_message_is_known_by_the_id_of_the_subkey() {
        let key = only(CURVE).unwrap();
        assert!(key.reads("55D3B4729C84C19A") && !key.reads("2C08661199C961A4"));
    }

    #[test]
    fn one_good_subkey_is_enough() {
        let sub = CURVE.lines().nth(3).unwrap();
        for with_dead in [EXPIRED_SUBKEY, REVOKED_SUBKEY] {
            let key = only(&format!("{with_dead}{sub}\n")).unwrap();
            assert_eq!(key.usable(), Ok(()));
        }
    }

    #[test]
    fn a_file_with_none_with_several_or_with_a_secret_key_is_refused() {
        for (records, what) in [
            (String::new(), "holds no PGP public key"),
            (format!("{RSA}{CURVE}"), "holds 2 keys (0F65 4ECF"),
            (SECRET.to_owned(), "holds a secret key"),
            (format!("{SECRET}{RSA}"), "holds a secret key"),
            (
                CURVE.replace("AFCE5DFB934A65EE16B505DDDDDACF4F27473935", "AF"),
                "of another version than 4",
            ),
        ] {
            let refused = only(&records).unwrap_err();
            assert!(refused.what.contains(what), "{refused:?}");
        }
    }

    #[test]
    fn whatever_is_no_record_is_passed_over() {
        for records in [
            "",
            ":",
            "pub",
            "fpr:::",
            "sub:-\nfpr\n",
            "tru::1:1:0:3:1:5\n\0:\u{7f}",
        ] {
            assert!(only(records).is_err(), "{records:?}");
        }
    }
}
