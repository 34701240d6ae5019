//! `bootstrap.yaml`, read into a [`Config`]: all problems at once, each with line and column.
//!
//! Never asks a server, and never reads a secret: secret values are references that stay references here.
//!
//! `document` reads YAML into a `tree` of keys and values with their places, `check` holds them against the schema
//! that `shape` and `api` make, `rules` look at how what is sound fits together, and where nothing was found wrong
//! `reading` with `sections` and `logins` turns the document into the `model`.

mod api;
mod check;
mod document;
mod logins;
mod model;
mod problem;
mod reading;
mod rules;
mod scalar;
mod sections;
mod shape;
#[cfg(test)]
mod tests;
mod tree;
mod typed;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::Value;

pub use crate::config::model::*;
pub use crate::config::problem::{Problem, Problems};
pub(crate) use crate::config::sections::in_words;
pub use crate::config::typed::Typed;

use crate::config::reading::Reading;
use crate::config::tree::{Kind, Node};

/// Longest file, in bytes.
const LONGEST_FILE: u64 = 1 << 20;
/// Most problems that are reported in one go.
const MOST_PROBLEMS: usize = 500;

static SCHEMA: LazyLock<Value> = LazyLock::new(shape::schema);

/// Reads and checks the file at `path`; `${NAME}` in it is asked of `env`.
///
/// Files of policies are read as well; files of secrets are not. Relative paths start at the directory of the file.
///
/// # Errors
/// All problems of the file, when there is any.
pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Problems> {
    let text = read(path).map_err(|text| {
        let problem = Problem {
            line: 1,
            column: 1,
            path: String::new(),
            text,
        };
        Problems::new(path.to_path_buf(), vec![problem])
    })?;
    parse(&text, path, env).map_err(|problems| Problems::new(path.to_path_buf(), problems))
}

/// The JSON Schema (draft 2020-12) of the file, for editors.
#[must_use]
pub fn schema() -> Value {
    SCHEMA.clone()
}

/// How the problem of a file that is not there begins.
const UNREAD: &str = "cannot be read";

fn read(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| format!("{UNREAD}: {}", in_words(error.kind())))?;
    let mut bytes = Vec::new();
    file.take(LONGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("{UNREAD}: {}", in_words(error.kind())))?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(format!(
            "longer than {LONGEST_FILE} bytes, which no configuration is"
        ));
    }
    String::from_utf8(bytes).map_err(|_| "not text in UTF-8".into())
}

fn parse(
    text: &str,
    file: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Vec<Problem>> {
    let mut problems = Vec::new();
    let Some(mut root) = document::parse(text, env, &mut problems) else {
        return Err(problems);
    };
    check::check(&mut root, &SCHEMA, &mut problems);
    if !matches!(root.kind, Kind::Map(_)) || problems.len() > MOST_PROBLEMS {
        problems.truncate(MOST_PROBLEMS);
        return Err(problems);
    }
    let directory = file.parent().unwrap_or(Path::new(""));
    let mut reading = Reading::new(&root, directory, problems);
    let policies = reading.policies();
    rules::check(&mut reading);
    if reading.problems.is_empty()
        && let Some(config) = config(&mut reading, file, policies)
        && reading.problems.is_empty()
    {
        return Ok(config);
    }
    if reading.problems.is_empty() {
        reading.problems.push(not_understood());
    }
    Err(reading.problems)
}

/// The types of a document that is as it must be.
fn config(reading: &mut Reading, file: &Path, policies: Vec<Policy>) -> Option<Config> {
    let auth = reading.auth();
    Some(Config {
        version: 1,
        file: file.to_path_buf(),
        directory: file.parent().unwrap_or(Path::new("")).to_path_buf(),
        cluster: reading.cluster()?,
        init: reading.init()?,
        checkpoint: reading.checkpoint()?,
        audit: reading.audit(),
        secrets: reading.secrets(),
        logins: reading.logins(&auth)?,
        auth,
        policies,
        writes: reading.writes(),
        break_glass: reading.break_glass()?,
        revoke_root: !matches!(
            reading
                .root
                .get("revoke_root")
                .map(|node: &Node| &node.kind),
            Some(Kind::Bool(false))
        ),
        warnings: std::mem::take(&mut reading.warnings),
        typed: Typed::default(),
    })
}

/// A section is missing although every check passed: a mistake of ours.
fn not_understood() -> Problem {
    Problem {
        line: 1,
        column: 1,
        path: String::new(),
        text: "the file could not be understood, and why is not known; please report this".into(),
    }
}
