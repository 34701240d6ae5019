//! Code that would let a secret out must not compile, and a panic does not let one out either.
//!
//! Each file in `refused/` is given to the compiler together with the library as it was just built, and must be
//! refused on exactly the lines that are marked `//~ CODE`; `allowed.rs` shows that the means are right. A build of
//! all dependencies for this alone, as `trybuild` does it, would take minutes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use vault_bootstrap::secret::{RootToken, SecretText, Share, Token};
use vault_bootstrap::vault::Body;
use vault_bootstrap::vault::keys::init::{InitAnswer, InitRequest};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/types");

/// The libraries beside this test that begin with a name, the newest first.
fn libraries(name: &str) -> Vec<PathBuf> {
    let directory = std::env::current_exe().unwrap();
    let directory = directory.parent().unwrap();
    let mut found: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let file = path.file_name().unwrap().to_string_lossy();
            file.starts_with(&format!("lib{name}-")) && file.ends_with(".rlib")
        })
        .collect();
    found.sort_by_key(|path| std::cmp::Reverse(path.metadata().unwrap().modified().unwrap()));
    found
}

/// What to compile against: this library, and the serde that it was built with.
struct Means {
    library: PathBuf,
    serde: PathBuf,
    output: tempfile::TempDir,
}

impl Means {
    /// Several builds may lie side by side; the right pair is the newest that compiles what is allowed.
    fn find() -> Self {
        let library = libraries("vault_bootstrap").swap_remove(0);
        let pairs = libraries("serde").into_iter().map(|serde| Self {
            library: library.clone(),
            serde,
            output: tempfile::tempdir().unwrap(),
        });
        let mut said = String::new();
        let allowed = Path::new(HERE).join("allowed.rs");
        let mut right = pairs.filter(|means| {
            let (compiles, text) = means.compile(&allowed);
            said.push_str(&text);
            compiles
        });
        let right = right.next();
        right.unwrap_or_else(|| panic!("nothing compiles what is allowed:\n{said}"))
    }

    /// Whether a file compiles, and what the compiler says in short lines.
    fn compile(&self, file: &Path) -> (bool, String) {
        let named = |name: &str, path: &Path| format!("{name}={}", path.display());
        let directory = self.library.parent().unwrap();
        let output = Command::new("rustc")
            .args([
                "--edition",
                "2024",
                "--emit",
                "metadata",
                "--error-format",
                "short",
            ])
            .arg("--extern")
            .arg(named("vault_bootstrap", &self.library))
            .arg("--extern")
            .arg(named("serde", &self.serde))
            .arg("-L")
            .arg(named("dependency", directory))
            .arg("--out-dir")
            .arg(self.output.path())
            .arg(file)
            .output()
            .expect("rustc");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said)
    }
}

/// Line and code of each error that the compiler found.
fn found(said: &str) -> Vec<(usize, String)> {
    let mut errors: Vec<_> = said
        .lines()
        .filter_map(|line| {
            let (place, rest) = line.split_once(": error[")?;
            let (code, _) = rest.split_once(']')?;
            let number = place.rsplit(':').nth(1)?.parse().ok()?;
            Some((number, code.to_owned()))
        })
        .collect();
    errors.sort();
    errors.dedup();
    errors
}

/// Line and code of each error that a file announces.
fn wanted(file: &Path) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(file).unwrap();
    let marked = text.lines().zip(1..).filter_map(|(line, number)| {
        let (_, code) = line.split_once("//~ ")?;
        Some((number, code.trim().to_owned()))
    });
    marked.collect()
}

#[test]
fn no_secret_prints_is_serialised_is_copied_or_is_taken_out() {
    let means = Means::find();
    let mut tried = 0;
    for entry in std::fs::read_dir(Path::new(HERE).join("refused")).unwrap() {
        let file = entry.unwrap().path();
        let (compiles, said) = means.compile(&file);
        assert!(!compiles, "{} compiles", file.display());
        let wanted = wanted(&file);
        assert_eq!(found(&said), wanted, "{}:\n{said}", file.display());
        tried += wanted.len();
    }
    assert!(tried >= 20, "{tried} attempts");
}

/// Tells the test that it is its own child, and the secret to hold.
const HELD: &str = "SECRET_TO_PANIC_WITH";

/// Shows all that it can of what it holds, then ends as a mistake of ours would.
fn panic_with(secret: &str) {
    let text = || SecretText::new(secret.to_owned());
    let root = RootToken::new(Token::new(secret.to_owned()));
    let body = Body::map([("password", text())]);
    let held = (text(), Share::new(secret.to_owned()), root, body);
    let asked = InitRequest {
        shares: 2,
        threshold: 2,
        recovery: true,
        sealed: false,
    };
    let answer = SecretText::new(format!(r#"{{"root_token": 1, "keys": "{secret}"}}"#));
    let parsed = InitAnswer::parse(&answer, &asked);
    panic!("{held:?} {:?}", parsed.unwrap_err());
}

#[test]
fn a_panic_with_secrets_in_hand_shows_none_of_them() {
    if let Ok(secret) = std::env::var(HELD) {
        panic_with(&secret);
        return;
    }
    let secret = "hvs.held-while-it-panics-0123456789";
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "a_panic_with_secrets_in_hand_shows_none_of_them",
            "--exact",
            "--nocapture",
        ])
        .env(HELD, secret)
        .env("RUST_BACKTRACE", "full")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    for wanted in [
        "panicked at",
        "stack backtrace:",
        "RootToken(…)",
        "SecretText(…)",
    ] {
        assert!(said.contains(wanted), "no {wanted} in {said}");
    }
    assert!(!said.contains("held-while-it-panics"), "{said}");
}
