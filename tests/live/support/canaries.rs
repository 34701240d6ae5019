//! Secrets of a test, and the search for every one of them in every spelling.
//!
//! What the test made itself is [added](Canaries::add); what only the server says is
//! [heard](Canaries::hear) by the proxy before it. The set is shared by its clones, so that a proxy can go on
//! recording while the test looks. A find says name, spelling and place, never the secret.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::proxy::RequestInfo;
use super::spellings::{TAIL, identity_bytes, spellings};

/// Shorter texts are found everywhere and prove nothing.
const SHORTEST: usize = 8;
/// Fields of answers and requests, of the servers and of AWS, that hold a secret or a list of them.
const FIELDS: &[&str] = &[
    "keys",
    "keys_base64",
    "recovery_keys",
    "recovery_keys_base64",
    "root_token",
    "client_token",
    "otp",
    "encoded_token",
    "encoded_root_token",
    "key",
    "jwt",
    "password",
    "secret_id",
    "oidc_client_secret",
    "Plaintext",
    "Value",
];

/// What went to and came from an address, by that address, whoever heard it: proxies, and the tests themselves.
static HEARD: Mutex<BTreeMap<String, Canaries>> = Mutex::new(BTreeMap::new());
/// What the replica of a checkpoint keeps is public, or encrypted.
const OF_A_REPLICA: [&str; 5] = ["commit", "claim-", "diary-", "secrets-", "trial-"];

/// Every secret of a test, by a name that may be shown.
#[derive(Clone, Default)]
pub struct Canaries(Arc<Mutex<BTreeMap<Vec<u8>, String>>>);

/// One secret where none may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Find {
    /// Which one.
    pub name: String,
    /// How it was written there.
    pub spelling: &'static str,
    /// At which byte.
    pub at: usize,
}

impl fmt::Display for Find {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} as {} at byte {}",
            self.name, self.spelling, self.at
        )
    }
}

impl Canaries {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, String>> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The set of an address; what is heard there later is in it as well.
    pub fn heard_at(address: &str) -> Self {
        let mut all = HEARD
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let place = address.trim_end_matches('/').to_owned();
        all.entry(place).or_default().clone()
    }

    /// Adds a secret. What it spells, if it is base64 of something, is one too.
    pub fn add(&self, name: &str, secret: impl AsRef<[u8]>) {
        let secret = secret.as_ref().trim_ascii();
        // What is encrypted to is public, also where it stands beside a key; so is the name of a key of AWS.
        let public = [&b"age1"[..], b"arn:"];
        if secret.len() < SHORTEST || public.iter().any(|start| secret.starts_with(start)) {
            return;
        }
        let mut all = self.all();
        all.entry(secret.to_owned())
            .or_insert_with(|| name.to_owned());
        if let Some(bytes) = identity_bytes(secret) {
            all.entry(bytes)
                .or_insert_with(|| format!("the bytes of {name}"));
        }
        let Ok(inside) = STANDARD.decode(secret) else {
            return;
        };
        // A key that was wrapped stands on a line of its own among public ones.
        let lines = inside.split(|byte| *byte == b'\n');
        for key in lines.filter(|line| line.starts_with(b"AGE-SECRET-KEY-")) {
            let name = format!("the key in {name}");
            all.extend(identity_bytes(key).map(|bytes| (bytes, name.clone())));
            all.entry(key.to_owned()).or_insert(name);
        }
        if inside.len() >= TAIL && !inside.contains(&b'\n') {
            let name = format!("the bytes of {name}");
            all.entry(inside).or_insert(name);
        }
    }

    /// Adds all secrets of another set.
    pub fn add_all(&self, others: &Canaries) {
        let others = others.all().clone();
        self.all().extend(others);
    }

    /// Adds whatever is secret in a request or an answer with a JSON body. `from` says whose it is.
    pub fn hear(&self, from: &str, body: &[u8]) {
        if let Ok(value) = serde_json::from_slice(body) {
            self.hear_value(from, &value);
        }
    }

    /// Adds whatever is secret in a request.
    pub fn hear_request(&self, request: &RequestInfo) {
        if let Some(token) = request.header("x-vault-token") {
            self.add("a token that was sent", token);
        }
        self.hear(&request.label(), &request.body);
    }

    /// As [`Canaries::hear`], of a body that was read already.
    pub fn hear_value(&self, from: &str, value: &Value) {
        match value {
            Value::Object(fields) => {
                // A tag is public, though AWS calls it a value too.
                let public = fields.contains_key("Key") || is_of_a_replica(fields.get("Name"));
                for (name, value) in fields {
                    if public {
                        continue;
                    }
                    if FIELDS.contains(&name.as_str()) {
                        self.hear_secret(&format!("{name} of {from}"), value);
                    }
                    self.hear_value(from, value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.hear_value(from, item)),
            _ => {}
        }
    }

    fn hear_secret(&self, name: &str, value: &Value) {
        match value {
            // `keys` are also the names in a listing, which are public.
            Value::Array(_) if name.starts_with("keys of LIST") => {}
            Value::Array(items) => items.iter().for_each(|item| self.hear_secret(name, item)),
            // What is encrypted to a PGP key may be seen by everybody.
            Value::String(text) if is_a_pgp_message(text) => {}
            Value::String(text) => self.add(name, text),
            _ => {}
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all().len()
    }

    /// How many there are whose names contain this.
    pub fn count(&self, part: &str) -> usize {
        self.all()
            .values()
            .filter(|name| name.contains(part))
            .count()
    }

    /// The search for all that are there by now.
    pub fn search(&self) -> Search {
        let all = self.all();
        let mut search = Search::default();
        for (secret, name) in all.iter() {
            for (spelling, text) in spellings(secret) {
                search.add(name, spelling, text);
            }
        }
        search
    }

    /// Panics if any of them stands there in any spelling.
    #[track_caller]
    pub fn are_not_in(&self, what: &str, bytes: &[u8]) {
        let found = self.search().found_in(bytes);
        assert!(found.is_empty(), "{what} shows {}", listed(&found));
    }
}

/// In base64 or hexadecimal: longer than a share, and it begins with a session key that was encrypted to a key.
fn is_a_pgp_message(text: &str) -> bool {
    let digit = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let of_hex: Option<Vec<u8>> = (0..text.len()).step_by(2).map(digit).collect();
    let bytes = of_hex.or_else(|| STANDARD.decode(text).ok());
    bytes.is_some_and(|bytes| bytes.len() > 64 && matches!(bytes[0], 0x84..=0x86 | 0xc1))
}

fn is_of_a_replica(name: Option<&Value>) -> bool {
    let name = name.and_then(Value::as_str).unwrap_or_default();
    let last = name.rsplit('/').next().unwrap_or_default();
    name.contains("/checkpoint/") && OF_A_REPLICA.iter().any(|start| last.starts_with(start))
}

fn listed(found: &[Find]) -> String {
    let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

fn line_of(what: &str, found: &[Find]) -> Option<String> {
    (!found.is_empty()).then(|| format!("{what} shows {}", listed(found)))
}

/// Every file below a directory with its content; what goes away while it is read is left out.
fn files_below(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let kind = entry.file_type();
        if kind.as_ref().is_ok_and(std::fs::FileType::is_dir) {
            files.extend(files_below(&path));
        } else if kind.is_ok_and(|kind| kind.is_file())
            && let Ok(bytes) = std::fs::read(&path)
        {
            files.push((path, bytes));
        }
    }
    files
}

/// A text, the name of its secret, and which spelling it is.
type Needle = (Vec<u8>, String, &'static str);

/// All spellings of all secrets, ready to be looked for in one pass.
#[derive(Default)]
pub struct Search {
    /// By their first four bytes.
    needles: HashMap<[u8; 4], Vec<Needle>>,
    /// Which first two bytes any of them has: most of what is looked at is passed over by this alone.
    begins: Vec<bool>,
}

impl Search {
    fn add(&mut self, name: &str, spelling: &'static str, text: Vec<u8>) {
        let Some(first) = text.first_chunk::<4>() else {
            return;
        };
        self.begins.resize(1 << 16, false);
        self.begins[usize::from(u16::from_le_bytes([first[0], first[1]]))] = true;
        let same = self.needles.entry(*first).or_default();
        same.push((text, name.to_owned(), spelling));
    }

    /// What stands in a file below this directory, or in its name, a line for each file. Files that `is_known`
    /// accepts are where secrets belong.
    pub fn found_below(&self, directory: &Path, is_known: &dyn Fn(&Path) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        for (path, bytes) in files_below(directory) {
            if is_known(&path) {
                continue;
            }
            let mut found = self.found_in(&bytes);
            found.extend(self.found_in(path.as_os_str().as_encoded_bytes()));
            lines.extend(line_of(&path.display().to_string(), &found));
        }
        lines
    }

    /// What stands in a text, as a line with its name.
    pub fn line_about(&self, what: &str, text: &str) -> Option<String> {
        line_of(what, &self.found_in(text.as_bytes()))
    }

    /// Everything that stands there; of a secret that is there whole its end is not told once more.
    pub fn found_in(&self, bytes: &[u8]) -> Vec<Find> {
        let mut found: Vec<Find> = Vec::new();
        let mut covered = 0;
        if self.begins.is_empty() {
            return found;
        }
        for at in 0..bytes.len().saturating_sub(3) {
            if !self.begins[usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))] {
                continue;
            }
            let rest = &bytes[at..];
            let first = rest
                .first_chunk::<4>()
                .and_then(|first| self.needles.get(first));
            for (text, name, spelling) in first.into_iter().flatten() {
                if !rest.starts_with(text) || (*spelling == "its end" && at < covered) {
                    continue;
                }
                covered = at + text.len();
                found.push(Find {
                    name: name.clone(),
                    spelling,
                    at,
                });
            }
        }
        found
    }
}

#[test]
fn a_canary_is_found_in_every_spelling_and_named_without_being_shown() {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let canaries = Canaries::default();
    let share = STANDARD.encode([0xfb, 0xff, 7].repeat(11));
    let token = "hvs.a/secret+\"token\"-of=32-letters";
    canaries.hear(
        "init",
        format!(r#"{{"keys_base64": ["{share}"]}}"#).as_bytes(),
    );
    canaries.add("token", token);
    let bytes = [0xfb, 0xff, 7].repeat(11);
    let answer = format!("<{token}>");
    let spelled: Vec<Vec<u8>> = vec![
        share.clone().into(),
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
            .into(),
        bytes
            .iter()
            .map(|byte| format!("%{byte:02X}"))
            .collect::<String>()
            .into(),
        URL_SAFE_NO_PAD.encode(&bytes).into(),
        bytes,
        token.into(),
        Value::from(token).to_string().into(),
        STANDARD.encode(&answer).into(),
        URL_SAFE_NO_PAD.encode(format!(".{answer}")).into(),
        STANDARD.encode(format!("..{answer}")).into(),
        url::form_urlencoded::byte_serialize(token.as_bytes())
            .collect::<String>()
            .into(),
        token[token.len() - TAIL..].into(),
    ];
    let search = canaries.search();
    for text in spelled {
        let around = [b"some bytes ".as_slice(), &text, b" and more"].concat();
        let found = search.found_in(&around);
        assert!(!found.is_empty(), "{}", String::from_utf8_lossy(&text));
        assert!(!listed(&found).contains("letters"));
    }
    let public = br#"{"keys": ["cubbyhole/", "secret-of-nobody/"]}"#;
    canaries.hear("LIST sys/mounts", public);
    assert_eq!(search.found_in(public), []);
    canaries.are_not_in("a listing", public);
}
