//! What must never be seen of a ceremony, and the look for it after each run.
//!
//! Every run of a test is looked at, whatever the test is about: what the tool was given, what its custodians
//! hold by now and what its checkpoint keeps stands nowhere but where it belongs.

use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::file::Ceremony;
use super::run::Run;
use crate::support::{LocalStack, Running};

/// Where the header of the checkpoint's encrypted part ends, and where its content begins.
const HEADER: (usize, usize) = (8192, 8208);

impl Ceremony {
    /// Adds every secret that can be known from outside just now: what the tool was given, what the
    /// custodians hold, what the checkpoint keeps and the key that it is encrypted with.
    pub fn learn_secrets(&self) {
        for (name, secret) in &self.secrets {
            self.canaries.add(name, secret);
        }
        let custodians = self.file["init"]["custodians"].as_array();
        for custodian in custodians.into_iter().flatten() {
            if let Some(share) = self.share_at(custodian) {
                self.canaries
                    .add(&format!("the share of {}", custodian["name"]), share);
            }
        }
        self.learn_from_checkpoint();
    }

    fn share_at(&self, custodian: &Value) -> Option<String> {
        if let Some(parameter) = custodian["ssm"]["parameter"].as_str() {
            let mut names = self.environment.iter().map(|(name, _)| name.as_str());
            return names
                .any(|name| name == "AWS_ENDPOINT_URL")
                .then(|| LocalStack::shared().ssm_get(parameter))?;
        }
        let name = custodian["name"].as_str()?;
        let file = std::fs::read(self.path(custodian["age"]["file"].as_str()?)).ok()?;
        let armored = age::armor::ArmoredReader::new(&*file);
        self.opened(name, armored)
    }

    /// What the holder of a name makes of an age file, where it is theirs.
    fn opened(&self, holder: &str, file: impl Read) -> Option<String> {
        decrypted(self.identities.get(holder)?, file)
    }

    fn learn_from_checkpoint(&self) {
        if let Ok(bytes) = std::fs::read(self.path("checkpoint/secrets")) {
            self.learn_kept(&bytes);
        }
    }

    /// Adds what the encrypted part of a checkpoint keeps, and its key.
    pub fn learn_kept(&self, bytes: &[u8]) {
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

    /// Holds that nothing secret is in what a run said, nor in any file but those that the test wrote.
    #[track_caller]
    pub fn keeps_quiet(&self, run: &Run) {
        self.learn_secrets();
        let search = self.canaries.search();
        for (what, text) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
            let found = search.found_in(text.as_bytes());
            assert!(found.is_empty(), "{what} shows {found:?}");
        }
        run.shows_no_token();
        let ours = self.written.borrow();
        let is_ours = |path: &Path| ours.iter().any(|file| file == path);
        search.finds_nothing_below(&self.path(""), &is_ours);
    }

    /// The end of a run that was started, looked through for secrets.
    #[track_caller]
    pub fn finished(&self, run: Running) -> Run {
        self.learn_secrets();
        let run = Run::from(run.finish());
        self.keeps_quiet(&run);
        run
    }
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
pub(super) type Written = std::cell::RefCell<Vec<PathBuf>>;
