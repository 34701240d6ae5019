//! What must never be seen of a ceremony, and the look for it after each run.
//!
//! Every run of every test is looked at when it ends, whatever the test is about and however the run ended: what
//! the tool was given, what went over its connections, what its custodians hold by now and what its checkpoint
//! keeps stands nowhere but where it belongs.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::custody::kept_at;
use super::file::Ceremony;
use super::run::shows_a_token;
use crate::support::{Canaries, Kubernetes, LocalStack};

/// Where the header of the checkpoint's encrypted part ends, and where its content begins.
const HEADER: (usize, usize) = (8192, 8208);

/// What runs of one ceremony may not show. Made when a run starts, of the file as it is then; the secrets are
/// those of all runs, and more become known until it ends.
pub struct Watch {
    canaries: Canaries,
    directory: PathBuf,
    file: Value,
    environment: Vec<(String, String)>,
    identities: BTreeMap<String, age::x25519::Identity>,
    pgp: Option<PathBuf>,
    secrets: BTreeMap<String, String>,
    server: String,
    written: Written,
}

impl Ceremony {
    /// What may not be shown, as the file is now.
    pub fn watch(&self) -> Watch {
        Watch {
            canaries: self.canaries.clone(),
            directory: self.path(""),
            file: self.file.clone(),
            environment: self.environment.clone(),
            identities: self.identities.clone(),
            pgp: self.pgp.clone(),
            secrets: self.secrets.clone(),
            server: self.server.clone(),
            written: self.written.clone(),
        }
    }

    /// Adds every secret that can be known from outside just now.
    pub fn learn_secrets(&self) {
        self.watch().learn();
    }

    /// Adds what the encrypted part of a checkpoint keeps, and its key.
    pub fn learn_kept(&self, bytes: &[u8]) {
        self.watch().learn_kept(bytes);
    }
}

impl Watch {
    /// Adds every secret that can be known from outside just now: what the tool was given, what went to and came
    /// from the server and AWS as far as somebody heard it, what the custodians hold, what the checkpoint keeps and
    /// the key that it is encrypted with.
    pub fn learn(&self) {
        for (name, secret) in &self.secrets {
            self.canaries.add(name, secret);
        }
        for (name, value) in &self.environment {
            if name == "AWS_SECRET_ACCESS_KEY" {
                self.canaries.add(name, value);
            }
        }
        for address in self.addresses() {
            self.canaries.add_all(&Canaries::heard_at(address));
        }
        let custodians = self.file["init"]["custodians"].as_array();
        for custodian in custodians.into_iter().flatten() {
            if let Some(share) = self.share_at(custodian) {
                self.canaries
                    .add(&format!("the share of {}", custodian["name"]), share);
            }
        }
        if let Ok(bytes) = std::fs::read(self.directory.join("checkpoint/secrets")) {
            self.learn_kept(&bytes);
        }
    }

    /// Whatever the program talks to, and the server itself, which tests ask.
    fn addresses(&self) -> impl Iterator<Item = &str> {
        let cluster = &self.file["cluster"];
        let nodes = cluster["nodes"].as_array().into_iter().flatten();
        let named = nodes.chain([&cluster["address"]]).filter_map(Value::as_str);
        let aws = self.environment.iter();
        let aws = aws.filter(|(name, _)| name.starts_with("AWS_ENDPOINT_URL"));
        named
            .chain(aws.map(|(_, value)| value.as_str()))
            .chain([self.server.as_str()])
    }

    fn share_at(&self, custodian: &Value) -> Option<String> {
        let in_aws = |kind: &str, key: &str| {
            let name = custodian[kind][key].as_str()?;
            Some(kept_at(&self.file, name))
        };
        let mut names = self.environment.iter().map(|(name, _)| name.as_str());
        let is_here = names.any(|name| name == "AWS_ENDPOINT_URL");
        if let Some(parameter) = in_aws("ssm", "parameter") {
            return is_here.then(|| LocalStack::shared().ssm_get(&parameter))?;
        }
        if let Some(secret) = in_aws("secretsmanager", "name") {
            return is_here.then(|| LocalStack::shared().secret(&secret))?;
        }
        if let Some(file) = custodian["pgp"]["file"].as_str() {
            return share_by_gpg(self.pgp.as_deref()?, &self.directory.join(file));
        }
        let name = custodian["name"].as_str()?;
        if let Some(secret) = custodian["kubernetes"]["secret"].as_str() {
            // What is not taken for a Secret's name is none.
            secret.split_once('/')?;
            let kept = Kubernetes::shared().kept_share(&kept_at(&self.file, secret))?;
            return self.opened(name, age::armor::ArmoredReader::new(kept.as_bytes()));
        }
        let file = kept_at(&self.file, custodian["age"]["file"].as_str()?);
        let file = std::fs::read(self.directory.join(file)).ok()?;
        let armored = age::armor::ArmoredReader::new(&*file);
        self.opened(name, armored)
    }

    /// What the holder of a name makes of an age file, where it is theirs.
    fn opened(&self, holder: &str, file: impl Read) -> Option<String> {
        decrypted(self.identities.get(holder)?, file)
    }

    fn learn_kept(&self, bytes: &[u8]) {
        let (Some(head), Some(content)) = (bytes.get(..HEADER.0), bytes.get(HEADER.1..)) else {
            return;
        };
        let head = String::from_utf8_lossy(head);
        let header: Value = head
            .split_once('\n')
            .and_then(|(_, json)| serde_json::from_str(json.trim_end()).ok())
            .unwrap_or_default();
        let wrapped = header["key"]["wrapped"].as_str().unwrap_or_default();
        let wrapped = STANDARD.decode(wrapped).unwrap_or_default();
        let Some(inner) = self.opened("checkpoint", &*wrapped) else {
            return;
        };
        let key = inner.lines().find(|line| line.starts_with("AGE-SECRET"));
        let key = key.expect("a key was wrapped");
        self.canaries
            .add("the key of the checkpoint's content", key);
        let length = std::str::from_utf8(&bytes[HEADER.0..HEADER.1]).unwrap_or_default();
        let length = usize::from_str_radix(length, 16).unwrap_or(0);
        let identity: age::x25519::Identity = key.parse().expect("an identity");
        let Some(kept) = decrypted(&identity, &content[..length.min(content.len())]) else {
            return;
        };
        match header["holds"].as_str() {
            Some("root-token") => self.canaries.add("the kept root token", kept),
            _ => self.canaries.hear("the kept answer", kept.as_bytes()),
        }
    }

    /// Where a secret stands: in what was shown, by the name of the output, and in any file but those that the test
    /// wrote.
    pub fn finds(&self, shown: &[(&str, &str)]) -> Vec<String> {
        self.learn();
        let search = self.canaries.search();
        let mut found: Vec<_> = shown
            .iter()
            .filter_map(|(what, text)| search.line_about(what, text))
            .collect();
        let tokens = shown.iter().filter(|(_, text)| shows_a_token(text));
        found.extend(tokens.map(|(what, _)| format!("{what} shows a token")));
        let ours = self.written.lock().expect("no panic holds it");
        let is_ours = |path: &Path| ours.iter().any(|file| file == path);
        found.extend(search.found_below(&self.directory, &is_ours));
        found
    }

    /// Holds that nothing secret is shown, in a file of the ceremony, or in the home of the run.
    pub(super) fn allows(&self, shown: &[(&str, &str)], home: &Path) {
        let mut found = self.finds(shown);
        found.extend(self.canaries.search().found_below(home, &|_| false));
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// In base64, whichever way the share is spelled in there: in this form all others are known from it.
fn share_by_gpg(home: &Path, file: &Path) -> Option<String> {
    let output = std::process::Command::new("gpg")
        .arg("--homedir")
        .arg(home)
        .args(["--batch", "--no-tty", "--decrypt"])
        .arg(file)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let digit = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let pairs = text.trim().as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = pairs.map(digit).collect();
    let bytes = bytes.or_else(|| STANDARD.decode(text.trim()).ok())?;
    (!bytes.is_empty()).then(|| STANDARD.encode(bytes))
}

fn decrypted(identity: &age::x25519::Identity, file: impl Read) -> Option<String> {
    let identity = identity as &dyn age::Identity;
    let mut plain = age::Decryptor::new(file)
        .ok()?
        .decrypt(std::iter::once(identity))
        .ok()?;
    let mut text = String::new();
    plain.read_to_string(&mut text).ok()?;
    Some(text)
}

/// A file of the test's own, by its path.
pub(super) type Written = Arc<Mutex<Vec<PathBuf>>>;
