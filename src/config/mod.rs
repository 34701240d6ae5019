//! `bootstrap.yaml`, read into a [`Config`]: all problems at once, each with line and column.
//!
//! Never asks a server, and never reads a secret: secret values are references that stay references here.
//!
//! The types of `model` (with `values`, and `api` for the fields of the servers) are what the file says and what its
//! schema is made from. `document` reads YAML into a `tree` of keys and values with their places, `check` holds that
//! against the schema, and `rules` look at how what is sound fits together, as `reading` shows it to them. Where
//! nothing was found wrong, each type reads itself from the tree (`section`).

mod auth_types;
mod check;
mod command_line;
mod document;
mod forms;
mod model;
mod problem;
mod reading;
mod rules;
mod scalar;
mod section;
mod tree;
mod values;
mod written;

use std::path::Path;
use std::sync::LazyLock;

use serde_json::Value;

pub use command_line::Typed;
pub use model::*;
pub(crate) use problem::in_words;
pub use problem::{Problem, Problems};
pub use values::*;
pub(crate) use written::yaml;

use crate::code::Code;
use reading::Reading;
use tree::{Kind, Node};

/// Longest file, of the configuration or of a policy, in bytes.
const LONGEST_FILE: u64 = 1 << 20;
/// Most problems that are reported in one go.
const MOST_PROBLEMS: usize = 500;

static SCHEMA: LazyLock<Value> = LazyLock::new(model::schema);

/// Reads and checks the file at `path`; `${NAME}` in it is asked of `env`.
///
/// Files of policies are read as well; files of secrets are not. Relative paths start at the directory of the file.
///
/// # Errors
/// All problems of the file, when there is any.
pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Problems> {
    let text = problem::text_of(path, LONGEST_FILE)
        .map_err(|(code, why)| Problems::new(path.to_path_buf(), vec![whole(code, why)]))?;
    from_text(&text, path, path.parent().unwrap_or(Path::new("")), env)
}

/// The same from a `text` that no file needs to hold: messages call it `name`, and relative paths start at `directory`.
///
/// # Errors
/// All problems of the text, when there is any.
pub fn from_text(
    text: &str,
    name: &Path,
    directory: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Problems> {
    let mut problems = Vec::new();
    match document::parse(text, env, &mut problems) {
        Some(root) => checked(root, problems, name, directory),
        None => Err(Problems::new(name.to_path_buf(), problems)),
    }
}

/// The same from a value that a program made. Its texts are taken as they stand: no `${NAME}` is filled in.
///
/// # Errors
/// All problems of the value, when there is any; they have a path, and no line of their own.
pub fn from_value(value: &Value, name: &Path, directory: &Path) -> Result<Config, Problems> {
    checked(Node::from(value), Vec::new(), name, directory)
}

/// The JSON Schema (draft 2020-12) of the file, for editors.
pub fn schema() -> Value {
    SCHEMA.clone()
}

/// The way of every document: held against the schema, then against the rules, then read.
fn checked(
    mut root: Node,
    mut problems: Vec<Problem>,
    name: &Path,
    directory: &Path,
) -> Result<Config, Problems> {
    let refused = |problems| Err(Problems::new(name.to_path_buf(), problems));
    check::check(&mut root, &SCHEMA, &mut problems);
    if !matches!(root.kind, Kind::Map(_)) || problems.len() > MOST_PROBLEMS {
        problems.truncate(MOST_PROBLEMS);
        return refused(problems);
    }
    let mut reading = Reading::new(&root, directory, problems);
    let policies = model::policies(&mut reading);
    rules::check(&mut reading);
    if !reading.problems.is_empty() {
        return refused(reading.problems);
    }
    match Config::read(&root, (name, directory), policies, reading.warnings) {
        Some(config) => Ok(config),
        // The schema and the types have one source, so a section that cannot be read is a mistake of ours.
        None => refused(vec![whole(
            Code::Unexpected,
            "the file could not be understood, and why is not known; please report this",
        )]),
    }
}

/// A problem of the file as a whole.
fn whole(code: Code, text: impl Into<String>) -> Problem {
    Problem::new(code, (1, 1), String::new(), text)
}

#[cfg(test)]
mod tests;
