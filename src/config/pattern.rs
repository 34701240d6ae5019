//! Paths of the configuration that may stand for several files: `*` and `?` in their last part.

use std::io::ErrorKind;
use std::path::Path;

use super::problem::{in_words, meant};
use crate::code::Code;

/// Most files that one pattern may stand for.
const MOST_FILES: usize = 20_000;

/// What is wrong with a pattern, and its code.
pub(super) type Wrong = (Code, String);

/// The files that `pattern` stands for below `directory`, as the file would name each of them, sorted. A path without
/// `*` and `?` is itself, whether there is such a file or not. As in a shell, hidden files are only meant by a pattern
/// that begins with a dot; directories are left out.
pub(super) fn files(directory: &Path, pattern: &str) -> Result<Vec<String>, Wrong> {
    let wrong = |text: &str| Err((Code::FileValueInvalid, text.to_owned()));
    let (above, last) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    if pattern.contains("**") {
        return wrong("`**` is not known here: `*` and `?` stand for letters of one file name");
    }
    if has_wildcards(above) {
        return wrong("`*` and `?` may only stand in the last part of a path");
    }
    if last.is_empty() {
        return wrong("expected the path of a file, or a pattern such as `policies/*.hcl`");
    }
    if !has_wildcards(last) {
        return Ok(vec![pattern.to_owned()]);
    }
    let above = &pattern[..pattern.len() - last.len()];
    let names = names_in(&directory.join(above))?;
    let names = names
        .into_iter()
        .filter(|name| !name.starts_with('.') || last.starts_with('.'));
    let (found, others): (Vec<_>, Vec<_>) = names.partition(|name| matches(last, name));
    let mut found: Vec<String> = found.iter().map(|name| format!("{above}{name}")).collect();
    if found.is_empty() {
        let others = others.iter();
        let ends = others.filter_map(|name| Some(format!("*.{}", name.rsplit_once('.')?.1)));
        let ends: Vec<String> = ends.collect();
        let hint = meant(last, ends.iter().map(String::as_str));
        return wrong(&format!("no file matches `{pattern}`{hint}"));
    }
    if found.len() > MOST_FILES {
        return wrong(&format!("more than {MOST_FILES} files match `{pattern}`"));
    }
    found.sort();
    Ok(found)
}

/// The names of a directory, but for those of directories.
fn names_in(directory: &Path) -> Result<Vec<String>, Wrong> {
    let unread = |error: std::io::Error| {
        let why = match error.kind() {
            ErrorKind::NotFound => "no such directory".into(),
            _ => in_words(&error),
        };
        let text = format!("{}: cannot be read: {why}", directory.display());
        (Code::FileFailed, text)
    };
    let here = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(here).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        // A link to a directory is a mistake that is said when it is read.
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        // A name that is no text is not found under this one, and that is said.
        let name = entry.file_name().to_string_lossy().into_owned();
        names.extend(Some(name).filter(|_| !is_directory));
    }
    Ok(names)
}

fn has_wildcards(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether `name` is of the form `pattern`: `*` is any letters or none, `?` is one letter.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut of) = (0, 0);
    // Behind the last `*`, and where what it stands for ends.
    let mut star = None;
    while of < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, of));
                at += 1;
            }
            Some(letter) if *letter == '?' || *letter == name[of] => {
                (at, of) = (at + 1, of + 1);
            }
            _ => {
                let Some((behind, end)) = star else {
                    return false;
                };
                star = Some((behind, end + 1));
                (at, of) = (behind, end + 1);
            }
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_letters_and_a_question_mark_is_one() {
        for (pattern, name, expected) in [
            ("*.hcl", "reader.hcl", true),
            ("*.hcl", ".hcl", true),
            ("*.hcl", "reader.hcl~", false),
            ("*.hcl", "reader.HCL", false),
            ("*", "", true),
            ("team-?.yaml", "team-a.yaml", true),
            ("team-?.yaml", "team-ab.yaml", false),
            ("team-?.yaml", "team-é.yaml", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-cd", false),
            ("*ab", "aab", true),
            ("[ab]*", "a", false),
            ("a", "a", true),
            ("a?", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_is_the_files_of_one_directory_in_order() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path();
        std::fs::create_dir(directory.join("p")).unwrap();
        std::fs::create_dir(directory.join("p/z.hcl")).unwrap();
        for name in ["p/b.hcl", "p/a.hcl", "p/.#a.hcl", "p/c.txt", "d.hcl"] {
            std::fs::write(directory.join(name), "").unwrap();
        }
        let found = |pattern| files(directory, pattern).map_err(|(_, text)| text);
        let names = |names: &[&str]| Ok(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(found("p/*.hcl"), names(&["p/a.hcl", "p/b.hcl"]));
        assert_eq!(found("*.hcl"), names(&["d.hcl"]));
        assert_eq!(found("./p/?.hcl"), names(&["./p/a.hcl", "./p/b.hcl"]));
        assert_eq!(found("p/.*.hcl"), names(&["p/.#a.hcl"]));
        assert_eq!(found("p/nothing.hcl"), names(&["p/nothing.hcl"]));
        for (pattern, expected) in [
            ("p/**/*.hcl", "`**` is not known here"),
            ("p/**", "`**` is not known here"),
            ("*/a.hcl", "`*` and `?` may only stand in the last part"),
            ("p/", "expected the path of a file"),
            ("", "expected the path of a file"),
            (
                "p/*.hlc",
                "no file matches `p/*.hlc`; did you mean `*.hcl`?",
            ),
            ("p/x*", "no file matches `p/x*`"),
            ("q/*", "q/: cannot be read: no such directory"),
        ] {
            let text = found(pattern).unwrap_err();
            assert!(text.contains(expected), "{pattern}: {text}");
        }
    }
}
