//! Gets the JWT of a `jwt` or `kubernetes` login: from a file, a program, or the Kubernetes API.

use std::path::Path;

use crate::code::Code;
use crate::disk::read::{self, Unfit};
use crate::door::command;
use crate::door::model::JwtSource;
use crate::failure::Problem;
use crate::secret::SecretText;

/// The same bound for a file as for what a program prints: tokens are a few kilobytes.
pub(super) const LARGEST: usize = 64 * 1024;

/// A fresh JWT. A program that prints one does not get the `withheld` environment variables.
pub(super) async fn fetch(source: &JwtSource, withheld: &[String]) -> Result<SecretText, Problem> {
    match source {
        JwtSource::TokenFile(path) => from_file(path),
        JwtSource::Command(argv) => command::run(argv, withheld).await,
        JwtSource::TokenRequest(request) => request.send().await,
    }
}

fn from_file(path: &Path) -> Result<SecretText, Problem> {
    let wrong = |problem: String| {
        Problem::new(
            Code::SecretUnreadable,
            format!("{}: {problem}", path.display()),
        )
        .advise("write one JWT into it and nothing else")
    };
    // Of its full size from the start: a buffer that grows leaves copies behind.
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(LARGEST + 1));
    let taken = read::open(path).and_then(|file| file.into_bytes(LARGEST as u64, &mut bytes));
    taken.map_err(|error| match Unfit::of(&error) {
        Some(Unfit::TooLong(_)) => wrong(format!("is larger than {} KiB", LARGEST / 1024)),
        _ => wrong(error.to_string()),
    })?;
    parse(&bytes).ok_or_else(|| wrong("does not hold a JWT".to_owned()))
}

/// The JWT in `bytes`, white space around it dropped: three parts of base64url with dots between.
pub(super) fn parse(bytes: &[u8]) -> Option<SecretText> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
    };
    (text.split('.').count() == 3 && text.split('.').all(part))
        .then(|| SecretText::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_shape_of_a_jwt_is_taken() {
        assert_eq!(parse(b" eyJh.eyJz.c2ln\n").unwrap().len(), 14);
        for wrong in [
            "",
            "a.b",
            "a.b.c.d",
            "a..c",
            "a.b.c d",
            "{\"token\":\"a.b.c\"}",
            "a.b.c\nd.e.f",
        ] {
            assert!(parse(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_file_that_holds_something_else_is_named_and_not_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("jwt");
        std::fs::write(&path, "hunter2").unwrap();
        let shown = from_file(&path).unwrap_err().to_string();
        assert_eq!(shown, format!("{}: does not hold a JWT", path.display()));
        std::fs::write(&path, vec![b'a'; LARGEST + 1]).unwrap();
        assert!(
            from_file(&path)
                .unwrap_err()
                .to_string()
                .ends_with("is larger than 64 KiB")
        );
        assert!(
            from_file(directory.path())
                .unwrap_err()
                .to_string()
                .ends_with("is a directory")
        );
    }
}
