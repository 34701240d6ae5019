//! `bootstrap.yaml`, read into a [`Config`]: all problems at once, each with line and column.
//!
//! Never asks a server, and never reads a secret: secret values are references that stay references here.
//!
//! The types of `model` (with `values`, and `api` for the fields of the servers) are what the file says and what its
//! schema is made from. `document` reads YAML into a `tree` of keys and values with their places; `policy_files` and
//! `include` add what stands in other files. `check` holds the tree against the schema, and `rules` look at how what is sound fits together, as `reading` shows it to them. Where
//! nothing was found wrong, each type reads itself from the tree (`section`).

pub(crate) mod accessors;
mod auth_types;
mod check;
mod command_line;
mod document;
mod files;
mod foreign;
mod forms;
mod include;
pub(crate) mod makes_root;
mod model;
mod pattern;
mod policy_files;
pub(crate) mod policy_text;
mod problem;
mod reading;
mod rules;
mod scalar;
mod section;
mod sections;
mod tree;
mod values;
mod written;

use std::path::Path;
use std::sync::LazyLock;

use serde_json::Value;

pub(crate) use auth_types::role_id_path;
pub use command_line::Typed;
pub(crate) use foreign::{Foreign, ForeignValue, foreign, foreign_text};
pub use model::*;
pub(crate) use problem::in_words;
pub use problem::{Problem, Problems};
pub(crate) use rules::is_secret;
pub use values::*;
pub(crate) use written::yaml;

use crate::code::Code;
use document::Documents;
use files::Files;
use problem::{MOST_PROBLEMS, Place};
use reading::Reading;
use tree::{Kind, Node};

/// Longest file of the configuration, in bytes: some 10,000 policies with their rules fit.
pub(crate) const LONGEST_FILE: u64 = 16 << 20;

static SCHEMA: LazyLock<Value> = LazyLock::new(model::schema);

/// Reads and checks the file at `path`; `${NAME}` in it is asked of `env`.
///
/// Files that it includes and those of policies are read as well; files of secrets are not. Relative paths start at the
/// directory of the file in which they stand.
///
/// # Errors
/// All problems of the file, when there is any.
pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Problems> {
    let directory = path.parent().unwrap_or(Path::new(""));
    let text = problem::text_of(path, LONGEST_FILE).map_err(|(code, why)| {
        Problems::new(&Files::new(path, directory), vec![whole(code, why)])
    })?;
    from_text(&text, path, directory, env)
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
    let mut documents = Documents::new(env);
    let files = Files::new(name, directory);
    match documents.read(text, Place::START.file) {
        Some(root) => checked(root, documents, files),
        None => Err(Problems::new(&files, documents.problems)),
    }
}

/// The same from a value that a program made. Its texts are taken as they stand: no `${NAME}` is filled in, nor in the
/// files that it includes.
///
/// # Errors
/// All problems of the value, when there is any; they have a path, and no line of their own.
pub fn from_value(value: &Value, name: &Path, directory: &Path) -> Result<Config, Problems> {
    let files = Files::new(name, directory);
    checked(Node::from(value), Documents::new(&|_| None), files)
}

/// The JSON Schema (draft 2020-12) of the file, for editors.
pub fn schema() -> Value {
    SCHEMA.clone()
}

/// The fields that a type of the schema takes, such as `AppRole`; none where there is no such type.
pub(crate) fn fields_of(name: &str) -> Vec<&'static str> {
    let fields = SCHEMA["$defs"][name]["properties"].as_object();
    fields.map_or_else(Vec::new, |all| all.keys().map(String::as_str).collect())
}

/// What the schema says of a field of such a type; null where it has none.
pub(crate) fn property_of(name: &str, field: &str) -> &'static Value {
    &SCHEMA["$defs"][name]["properties"][field]
}

/// The way of every document: what stands in other files is added, all is held against the schema and the rules, then
/// read.
fn checked(mut root: Node, mut documents: Documents, mut files: Files) -> Result<Config, Problems> {
    policy_files::expand(&mut root, &files, &mut documents.problems);
    let complete = include::merge(&mut root, &mut files, &mut documents);
    let mut problems = documents.problems;
    check::check(&mut root, &SCHEMA, &mut problems);
    if !matches!(root.kind, Kind::Map(_)) || problems.len() > MOST_PROBLEMS {
        return Err(Problems::new(&files, problems));
    }
    let mut reading = Reading::new(&root, &files, problems);
    let policies = model::policies(&mut reading);
    // A name that is not here may stand in a file that could not be read.
    if complete {
        rules::check(&mut reading);
    }
    let Reading {
        problems, warnings, ..
    } = reading;
    if !problems.is_empty() {
        return Err(Problems::new(&files, problems));
    }
    Config::read(&root, &files, policies, warnings).ok_or_else(|| {
        // The schema and the types have one source, so a section that cannot be read is a mistake of ours.
        let text = "the file could not be understood, and why is not known; please report this";
        Problems::new(&files, vec![whole(Code::Unexpected, text)])
    })
}

/// A problem of the file as a whole.
fn whole(code: Code, text: impl Into<String>) -> Problem {
    Problem::new(code, Place::START, String::new(), text)
}

#[cfg(test)]
mod tests;
