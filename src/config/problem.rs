//! What is wrong with a configuration: every problem with its place, in words, and never with a value.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{self, Files};
use crate::code::Code;
use crate::disk::read::{self, Unfit};
use crate::shell::ShellCommand;

/// The file that is read where none is named on the command line.
pub(super) const DEFAULT_FILE: &str = "bootstrap.yaml";

/// Most problems that are reported in one go.
pub(super) const MOST_PROBLEMS: usize = 500;

/// Most letters inserted, removed, changed or swapped with their neighbour that still make a misspelling of a name.
const NEAREST: usize = 2;

/// One problem, or one warning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file: 0 is the configuration itself, and then those that it includes.
    pub file: u16,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Place in the document: `auth.oidc.roles.operator.token_ttl`; empty for the whole.
    pub path: String,
    /// The rule and what to do, without the value.
    pub text: String,
    /// What a script decides by.
    pub code: Code,
}

/// Where something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the file.
    pub(super) file: u16,
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Place {
    /// The beginning of the configuration itself.
    pub(super) const START: Self = Self {
        file: 0,
        line: 1,
        column: 1,
    };
}

impl Problem {
    pub(super) fn new(
        code: Code,
        Place { file, line, column }: Place,
        path: String,
        text: impl Into<String>,
    ) -> Self {
        Self {
            file,
            line,
            column,
            path,
            text: text.into(),
            code,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        formatter.write_str(&self.text)
    }
}

/// All problems of a configuration, in the order of their place. Never empty.
#[derive(Debug, Clone)]
pub struct Problems {
    /// The file, as it was named.
    pub file: PathBuf,
    /// The files that it includes.
    pub included: Vec<PathBuf>,
    /// Sorted by file, line and column.
    pub list: Vec<Problem>,
}

impl Problems {
    pub(super) fn new(files: &Files, mut list: Vec<Problem>) -> Self {
        for problem in &mut list {
            // Keys of the file stand in the text, and the text goes to a terminal.
            problem.text = problem.text.replace(char::is_control, "\u{fffd}");
        }
        list.sort();
        list.dedup_by(|next, kept| {
            (next.file, next.line, next.column, &next.text)
                == (kept.file, kept.line, kept.column, &kept.text)
        });
        list.truncate(MOST_PROBLEMS);
        Self {
            file: files.main().to_owned(),
            included: files.included().map(Path::to_owned).collect(),
            list,
        }
    }

    /// A problem with the file that it stands in: `teams/a.yaml:3:5: …`
    pub fn located(&self, problem: &Problem) -> String {
        files::located(&self.file, &self.included, problem)
    }

    /// What to do next.
    pub fn advice(&self) -> Option<String> {
        let unread =
            |problem: &Problem| problem.path.is_empty() && problem.code == Code::FileFailed;
        if self.list.iter().all(unread) {
            let begin = ShellCommand::new("vault-bootstrap example");
            // A file that is there, or is not the one to begin with, is not to be written over.
            let may_write = self.file.as_path() == Path::new(DEFAULT_FILE) && !self.file.exists();
            let begin = if may_write {
                begin.and("> bootstrap.yaml")
            } else {
                begin
            };
            return Some(format!(
                "name the configuration: vault-bootstrap -c FILE COMMAND; for one to begin with: {begin}"
            ));
        }
        Some("correct the lines above; `vault-bootstrap schema` prints every key; nothing was sent to any server".into())
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.list.iter().map(|problem| self.located(problem));
        formatter.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

impl std::error::Error for Problems {}

/// The text of a file, or why there is none.
pub(super) fn text_of(file: &Path, longest: u64) -> Result<String, (Code, String)> {
    let unfit = |why: String| (Code::FileValueInvalid, why);
    let bytes = read::bytes_or_handed(file, longest).map_err(|error| match Unfit::of(&error) {
        Some(Unfit::TooLong(_)) => unfit(format!("longer than {longest} bytes")),
        _ => (
            Code::FileFailed,
            format!("cannot be read: {}", in_words(&error)),
        ),
    })?;
    String::from_utf8(bytes).map_err(|_| unfit("not text in UTF-8".into()))
}

/// What the system says, as everybody knows it from a shell.
pub(crate) fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".into(),
        // A reason of ours.
        _ if error.get_ref().is_some() => error.to_string(),
        kind => kind.to_string(),
    }
}

/// The nearest of `names` as the end of a sentence; nothing where none is near enough to be what was meant.
pub(super) fn meant<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> String {
    let near = names
        .map(|name| (strsim::osa_distance(word, name), name))
        .filter(|(distance, name)| *distance <= NEAREST && *distance * 2 < name.chars().count());
    near.min()
        .map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelling_is_recognised_and_another_word_is_not() {
        let names = ["options", "type", "description"];
        for (word, expected) in [
            ("optoins", Some("options")),
            ("option", Some("options")),
            ("descripton", Some("description")),
            ("tpye", Some("type")),
            ("typ", Some("type")),
            ("path", None),
            ("", None),
        ] {
            let expected = expected.map(|name| format!("; did you mean `{name}`?"));
            let found = meant(word, names.into_iter());
            assert_eq!(found, expected.unwrap_or_default(), "{word}");
        }
    }

    #[test]
    fn problems_are_shown_by_place_and_each_once() {
        let problem = |line, column, text: &str| Problem {
            file: 0,
            line,
            column,
            path: "init.shares".into(),
            text: text.into(),
            code: Code::FileContradicts,
        };
        let all = Problems::new(
            &Files::new(Path::new("b.yaml"), Path::new("")),
            vec![
                problem(9, 1, "later"),
                problem(2, 3, "first"),
                problem(2, 3, "first"),
            ],
        );
        assert_eq!(
            all.to_string(),
            "b.yaml:2:3: init.shares: first\nb.yaml:9:1: init.shares: later"
        );
    }
}
