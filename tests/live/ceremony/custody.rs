//! What the custodians hold, opened the way their holders would open it, without the tool.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};

use super::api::Api;
use crate::support::{Kubernetes, LocalStack};

/// The options that have every custodian's key at hand.
pub const EVERY_KEY: [&str; 6] = [
    "--identity",
    "alice.key",
    "--identity",
    "bob.key",
    "--identity",
    "carol.key",
];

/// The custodians' side of a ceremony.
pub struct Custody<'a> {
    pub(super) directory: &'a Path,
    pub(super) identities: &'a BTreeMap<String, age::x25519::Identity>,
    pub(super) file: &'a Value,
}

impl Custody<'_> {
    /// The share of a custodian: decrypted with the holder's identity, or read from the parameter store.
    pub fn share(&self, name: &str) -> String {
        let custodians = self.file["init"]["custodians"]
            .as_array()
            .expect("custodians");
        let custodian = custodians
            .iter()
            .find(|custodian| custodian["name"] == name);
        let custodian = custodian.expect("a custodian");
        if let Some(parameter) = custodian["ssm"]["parameter"].as_str() {
            let parameter = &kept_at(self.file, parameter);
            let share = LocalStack::shared().ssm_get(parameter);
            return share.unwrap_or_else(|| panic!("{parameter} is not there"));
        }
        if let Some(secret) = custodian["secretsmanager"]["name"].as_str() {
            let secret = &kept_at(self.file, secret);
            let share = LocalStack::shared().secret(secret);
            return share.unwrap_or_else(|| panic!("{secret} is not there"));
        }
        if let Some(secret) = custodian["kubernetes"]["secret"].as_str() {
            let secret = kept_at(self.file, secret);
            let armored = Kubernetes::shared().kept_share(&secret);
            let armored = armored.unwrap_or_else(|| panic!("{secret} is not there"));
            return self.open(name, &armored).trim_end_matches('\n').to_owned();
        }
        let file = custodian["age"]["file"].as_str().expect("a file");
        let file = kept_at(self.file, file);
        let bytes = std::fs::read(self.directory.join(&file))
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        let text = self.open(name, &String::from_utf8_lossy(&bytes));
        text.trim_end_matches('\n').to_owned()
    }

    /// Where an `age` custodian's file is.
    pub fn file(&self, name: &str) -> std::path::PathBuf {
        let custodians = self.file["init"]["custodians"].as_array();
        let mut custodians = custodians.expect("custodians").iter();
        let custodian = custodians.find(|custodian| custodian["name"] == name);
        let file = custodian.and_then(|custodian| custodian["age"]["file"].as_str());
        self.directory.join(file.expect("a file"))
    }

    /// Puts another text where the share of this holder is, encrypted to them.
    pub fn replace(&self, name: &str, text: &str) {
        let recipient = self.identities[name].to_public();
        let sealed = age::encrypt_and_armor(&recipient, text.as_bytes()).expect("sealed");
        std::fs::write(self.file(name), sealed).expect("written");
    }

    /// An armored text, decrypted with the holder's identity.
    pub fn open(&self, name: &str, armored: &str) -> String {
        let bytes = armored.as_bytes();
        let decryptor =
            age::Decryptor::new(age::armor::ArmoredReader::new(bytes)).expect("an age file");
        let identity = &self.identities[name] as &dyn age::Identity;
        let mut text = String::new();
        let mut plain = decryptor
            .decrypt(std::iter::once(identity))
            .expect("its own identity opens it");
        plain.read_to_string(&mut text).expect("a line");
        text
    }
}

/// Where a share is that the file names: those of a later making have names of their own.
pub(super) fn kept_at(file: &Value, place: &str) -> String {
    match file["init"]["generation"].as_u64() {
        None | Some(1) => place.to_owned(),
        Some(number) => match place.strip_suffix(".age") {
            Some(stem) => format!("{stem}.g{number}.age"),
            None => format!("{place}-g{number}"),
        },
    }
}

/// Makes a root token from a quorum of shares, as a break-glass login on OpenBao, and returns it.
pub fn root_from_shares(login: &Api, path: &str, shares: &[String]) -> String {
    let start = login.write(&format!("sys/{path}/attempt"), &json!({}));
    let start = start
        .get("data")
        .filter(|data| data.is_object())
        .unwrap_or(&start);
    let (nonce, otp) = (
        start["nonce"].clone(),
        start["otp"].as_str().expect("an OTP").to_owned(),
    );
    let mut last = Value::Null;
    for share in shares {
        last = login.write(
            &format!("sys/{path}/update"),
            &json!({ "key": share, "nonce": nonce }),
        );
    }
    let last = last
        .get("data")
        .filter(|data| data.is_object())
        .cloned()
        .unwrap_or(last);
    assert_eq!(last["complete"], true, "{last}");
    let encoded = last["encoded_token"].as_str().expect("a token");
    let bytes = STANDARD_NO_PAD
        .decode(encoded.trim_end_matches('='))
        .expect("base64");
    let token = bytes
        .iter()
        .zip(otp.as_bytes())
        .map(|(one, other)| char::from(one ^ other));
    token.collect()
}

/// A share is one line of base64 with 33 bytes in it, as the servers hand it out.
pub fn looks_like_a_share(text: &str) -> bool {
    STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == 33)
}
