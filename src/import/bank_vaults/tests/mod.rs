//! A file of bank-vaults and what becomes of it, section by section.

mod odd;
mod sections;

use super::*;
use crate::config::{Config, from_text};
use crate::import::file::FILLED;

/// What no line of ours may ever show.
const SECRET: &str = "planted-4711";

/// The file, and what is said of it.
fn of(text: &str) -> (String, Converted) {
    let made = of_text(text, Path::new("vault-config.yml"), None);
    let (converted, text) = made.unwrap_or_else(|failure| panic!("{failure}"));
    let said = format!("{text}{converted:?}");
    assert!(!said.contains(SECRET), "{said}");
    assert!(converted.left_out.iter().all(|one| one.line > 0), "{said}");
    assert!(converted.to_fill.iter().all(|one| one.line > 0), "{said}");
    (text, converted)
}

/// As this program reads it, once what is missing is filled in.
fn read(text: &str) -> Config {
    let env = |_: &str| Some("https://of.the.environment".to_owned());
    let whole = format!("{text}{FILLED}");
    from_text(&whole, Path::new("x"), Path::new(""), &env)
        .unwrap_or_else(|problems| panic!("{problems}\n{whole}"))
}

fn refused(text: &str) -> String {
    let failure = of_text(text, Path::new("vault-config.yml"), None).map(|(_, text)| text);
    let failure = failure.expect_err("it is refused");
    assert_eq!(failure.exit, Exit::Usage);
    let said = format!("{failure:?}");
    assert!(!said.contains(SECRET), "{said}");
    said
}

/// Each piece of a source, parts that stand in the file, and lines of what is not carried over.
#[track_caller]
fn each(cases: &[(&str, &[&str], &[&str])]) {
    for (source, parts, left) in cases {
        let (text, converted) = of(source);
        read(&text);
        for part in *parts {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let found: Vec<_> = converted.left_out.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), left.len(), "{source}\n{found:#?}");
        for part in *left {
            assert!(
                found.iter().any(|one| one.contains(part)),
                "{part}\n{found:#?}"
            );
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
