//! PGP keys of holders, in a home of their own that no other program uses.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// A home of gpg. Dropping it ends the agent that gpg started for it.
#[derive(Debug)]
pub struct Gpg(TempDir);

impl Gpg {
    /// An empty one. Its path is short, because sockets are in it.
    pub fn new() -> Self {
        let home = tempfile::Builder::new().prefix("vb-gpg-").tempdir();
        Self(home.expect("a directory for keys"))
    }

    /// What `GNUPGHOME` is set to.
    pub fn home(&self) -> &Path {
        self.0.path()
    }

    /// A key that signs and a subkey that encrypts, of these kinds, for a year; its fingerprint.
    pub fn key(&self, name: &str, signs: &str, encrypts: &str) -> String {
        let fingerprint = self.signing_key(name, signs);
        self.run(
            &["--quick-add-key", &fingerprint, encrypts, "encr", "1y"],
            b"",
        );
        fingerprint
    }

    /// A key that only signs; its fingerprint.
    pub fn signing_key(&self, name: &str, kind: &str) -> String {
        self.run(
            &["--quick-generate-key", name, kind, "sign,cert", "1y"],
            b"",
        );
        self.fingerprint(name)
    }

    /// A key that was good for a month of the year 2020; its fingerprint.
    pub fn expired_key(&self, name: &str) -> String {
        let then = ["--faked-system-time", "20200101T000000"];
        let make = [
            "--quick-generate-key",
            name,
            "future-default",
            "default",
            "30d",
        ];
        self.run(&[&then[..], &make[..]].concat(), b"");
        self.fingerprint(name)
    }

    /// Revokes a key with the certificate that gpg made along with it.
    pub fn revoke(&self, fingerprint: &str) {
        let file = format!("openpgp-revocs.d/{fingerprint}.rev");
        let text = std::fs::read_to_string(self.home().join(file)).expect("a certificate");
        // A colon keeps it from being used by accident.
        self.run(
            &["--import"],
            text.replace(":-----BEGIN", "-----BEGIN").as_bytes(),
        );
    }

    fn fingerprint(&self, name: &str) -> String {
        let records = self.run(&["--with-colons", "--list-keys", name], b"");
        let records = String::from_utf8_lossy(&records).into_owned();
        let line = records.lines().find(|line| line.starts_with("fpr:"));
        let field = line.and_then(|line| line.split(':').nth(9));
        field.expect("a fingerprint").to_owned()
    }

    /// The public keys, armored.
    pub fn armored(&self, fingerprints: &[&str]) -> Vec<u8> {
        self.run(&[&["--armor", "--export"], fingerprints].concat(), b"")
    }

    /// The public key of this name, once it has expired.
    pub fn expired(&self, name: &str) -> Vec<u8> {
        let fingerprint = self.fingerprint(name);
        self.run(&["--quick-set-expire", &fingerprint, "seconds=1"], b"");
        let is_over = || {
            let listed = self.run(&["--with-colons", "--list-keys", &fingerprint], b"");
            let listed = String::from_utf8(listed).expect("text");
            listed.lines().any(|line| line.starts_with("pub:e:"))
        };
        assert!(
            super::eventually(Duration::from_secs(30), is_over),
            "{name} never expires"
        );
        self.armored(&[&fingerprint])
    }

    /// The public key, in binary.
    pub fn binary(&self, fingerprint: &str) -> Vec<u8> {
        self.run(&["--export", fingerprint], b"")
    }

    /// The secret key, armored.
    pub fn secret(&self, fingerprint: &str) -> Vec<u8> {
        self.run(&["--armor", "--export-secret-keys", fingerprint], b"")
    }

    /// What a message says.
    pub fn decrypt(&self, message: &[u8]) -> String {
        let plain = self.run(&["--decrypt"], message);
        String::from_utf8(plain).expect("text")
    }

    /// What a file says, as its holder reads it.
    pub fn decrypt_file(&self, file: &Path) -> String {
        let file = file.to_str().expect("a path");
        String::from_utf8(self.run(&["--decrypt", file], b"")).expect("text")
    }

    fn run(&self, words: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.output(words, input);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gpg {words:?}: {said}");
        output.stdout
    }

    fn output(&self, words: &[&str], input: &[u8]) -> Output {
        let mut child = Command::new("gpg")
            .arg("--homedir")
            .arg(self.home())
            .args([
                "--batch",
                "--no-tty",
                "--pinentry-mode",
                "loopback",
                "--passphrase",
                "",
            ])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("gpg starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // Smaller than a pipe, or not read at all.
        let _ = stdin.write_all(input);
        drop(stdin);
        child.wait_with_output().expect("gpg ends")
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf")
            .arg("--homedir")
            .arg(self.home())
            .args(["--kill", "all"])
            .output();
    }
}
