//! `include: [teams/*.yaml]`: sections of other files, merged into those of the configuration.
//!
//! A name stands once in all files. Nothing is replaced and nothing comes before anything else, so the order of the
//! files means nothing but for `writes`, which come in it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::auth_types::mount_path;
use super::check::{quoted, unknown};
use super::document::Documents;
use super::files::Files;
use super::problem::{Place, Problem, text_of};
use super::tree::{Entry, Kind, Node, shown, step};
use super::{LONGEST_FILE, SCHEMA, pattern, policy_files};
use crate::code::Code;

/// What an included file may have: what belongs to a team. The cluster, its shares, its audit and its emergency access
/// are those of the configuration itself.
const SECTIONS: [&str; 6] = [
    "policies", "auth", "secrets", "identity", "writes", "logins",
];

/// Most files that are included.
const MOST_FILES: usize = 2_000;

/// Merges all files that `include` names into `root`. False where one of them could not be read: nobody knows then which
/// names there are.
pub(super) fn merge(root: &mut Node, files: &mut Files, documents: &mut Documents) -> bool {
    let before = documents.problems.len();
    let found = included(root, files, &mut documents.problems);
    let mut complete = documents.problems.len() == before;
    if found.is_empty() {
        return complete;
    }
    let mut merging = Merging::of(root);
    for Included { path, place, file } in found {
        let number = files.add(file.clone());
        let read = text_of(&file, LONGEST_FILE).map_err(|(code, why)| {
            let text = format!("{}: {why}", file.display());
            documents
                .problems
                .push(Problem::new(code, place, path, text));
        });
        let mut document = read.ok().and_then(|text| documents.read(&text, number));
        let problems = &mut documents.problems;
        if let Some(document) = &mut document {
            policy_files::expand(document, files, problems);
        }
        complete &= document.is_some();
        merging.file(root, document, (files, problems));
    }
    complete
}

/// A file to include, and where it is named.
struct Included {
    path: String,
    place: Place,
    file: PathBuf,
}

/// The files that `include` names, in their order.
fn included(root: &Node, files: &Files, problems: &mut Vec<Problem>) -> Vec<Included> {
    let Some(given) = root.get("include") else {
        return Vec::new();
    };
    let alone = [("include".to_owned(), given)];
    let items = given.items().iter().enumerate();
    let items = items.map(|(index, item)| (format!("include{}", step(index)), item));
    let directory = files.directory(Place::START);
    let same = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut known = HashSet::from([same(files.main())]);
    let mut found = Vec::new();
    for (path, node) in alone.into_iter().chain(items) {
        let Some(text) = node.text() else { continue };
        let mut refuse =
            |code, text| problems.push(Problem::new(code, node.place, path.clone(), text));
        let names = match pattern::files(directory, text) {
            Ok(names) => names,
            Err((code, text)) => {
                refuse(code, text);
                continue;
            }
        };
        for file in names.iter().map(|name| directory.join(name)) {
            if !known.insert(same(&file)) {
                let text = format!("{}: this file is read already", file.display());
                refuse(Code::FileContradicts, text);
            } else if found.len() < MOST_FILES {
                let (path, place) = (path.clone(), node.place);
                found.push(Included { path, place, file });
            } else {
                let text = format!("more than {MOST_FILES} files are included");
                refuse(Code::FileValueInvalid, text);
                return found;
            }
        }
    }
    found
}

/// Everything that has a name so far.
struct Merging {
    /// Where each stands, and the file of a policy that a pattern made, by its path as it is shown.
    names: HashMap<String, (Place, Option<String>)>,
}

impl Merging {
    fn of(root: &Node) -> Self {
        let names = HashMap::new();
        let mut merging = Self { names };
        for entry in root.entries() {
            if SECTIONS.contains(&entry.key.as_str()) {
                merging.note(&mut Vec::new(), entry);
            }
        }
        merging
    }

    /// Remembers a name, and those below it that could be somebody else's as well.
    fn note(&mut self, path: &mut Vec<String>, entry: &Entry) {
        path.push(name_at(path, &entry.key));
        let file = policy_files::file_of(entry).map(str::to_owned);
        self.names.insert(shown(path), (entry.place, file));
        if is_merged(path) {
            for inner in entry.value.entries() {
                self.note(path, inner);
            }
        }
        path.pop();
    }

    /// Merges one file.
    fn file(&mut self, root: &mut Node, document: Option<Node>, to: (&Files, &mut Vec<Problem>)) {
        let Some(document) = document else { return };
        let mut into = Into {
            merging: self,
            files: to.0,
            problems: to.1,
        };
        let place = document.place;
        match document.kind {
            Kind::Map(entries) => into.root(root, entries),
            Kind::Unknown => {}
            _ => {
                let text = format!("expected a map with {}", quoted(SECTIONS, "and"));
                into.report(Code::FileValueInvalid, place, &[], text);
            }
        }
    }
}

/// Whether the keys of the map at this path are merged one by one.
fn is_merged(path: &[String]) -> bool {
    match path {
        [section] => section != "writes",
        [section, _] => ["auth", "identity"].contains(&section.as_str()),
        [section, _, kind] => section == "auth" && ["roles", "users"].contains(&kind.as_str()),
        _ => false,
    }
}

/// A name as it stands below `path`: the servers add a slash to those of mounts.
fn name_at(path: &[String], key: &str) -> String {
    match path {
        [section] if section == "auth" || section == "secrets" => mount_path(key),
        _ => key.to_owned(),
    }
}

struct Into<'m> {
    merging: &'m mut Merging,
    files: &'m Files,
    problems: &'m mut Vec<Problem>,
}

impl Into<'_> {
    fn root(&mut self, root: &mut Node, entries: Vec<Entry>) {
        let given: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        let Some(sections) = root.entries_mut() else {
            return;
        };
        for entry in entries {
            if !SECTIONS.contains(&entry.key.as_str()) {
                let (code, text) = self.refusal(&entry.key, &given);
                self.report(code, entry.place, &[entry.key], text);
                continue;
            }
            let mut path = vec![entry.key.clone()];
            let known = sections.iter_mut().find(|section| section.key == entry.key);
            if let Some(section) = known {
                self.value(&mut path, &mut section.value, entry.value);
            } else {
                let mut section = Entry {
                    value: Node::new(entry.value.place, Kind::Null),
                    key: entry.key,
                    place: entry.place,
                };
                self.value(&mut path, &mut section.value, entry.value);
                sections.push(section);
            }
        }
    }

    /// Why there can be no such section.
    fn refusal(&self, key: &str, given: &HashSet<String>) -> (Code, String) {
        let main = self.files.main().display();
        if key == "include" {
            let text =
                format!("an included file includes no other; name that in `include` of {main}");
            return (Code::FileContradicts, text);
        }
        if SCHEMA["properties"].get(key).is_some() {
            let sections = quoted(SECTIONS, "and");
            let text = format!("`{key}` can only stand in {main}; an included file has {sections}");
            return (Code::FileContradicts, text);
        }
        let sections: serde_json::Map<String, Value> = SECTIONS
            .iter()
            .map(|name| ((*name).to_owned(), json!({})))
            .collect();
        let text = unknown(key, &sections.into(), given);
        (Code::FileKeyUnknown, text)
    }

    fn value(&mut self, path: &mut Vec<String>, into: &mut Node, from: Node) {
        if matches!(into.kind, Kind::Null) {
            *into = match from.kind {
                Kind::Map(_) => Node::new(from.place, Kind::Map(Vec::new())),
                Kind::List(_) => Node::new(from.place, Kind::List(Vec::new())),
                // The shape check says what is wrong with it.
                _ => from.clone(),
            };
        }
        let (is_map, is_writes) = match into.kind {
            Kind::Map(_) => (true, false),
            Kind::List(_) => (false, path == &["writes"]),
            // Wrong already where it stands.
            _ => (false, false),
        };
        let mut report = |text: &str| {
            self.report(Code::FileValueInvalid, from.place, path, text.to_owned());
        };
        match from.kind {
            Kind::Null | Kind::Unknown => {}
            Kind::Map(more) if is_map => {
                if let Some(entries) = into.entries_mut() {
                    for entry in more {
                        self.entry(path, entries, entry);
                    }
                }
            }
            Kind::List(more) if is_writes => {
                if let Kind::List(items) = &mut into.kind {
                    items.extend(more);
                }
            }
            _ if is_map => report("expected a map"),
            _ if is_writes => report("expected a list"),
            _ => {}
        }
    }

    fn entry(&mut self, path: &mut Vec<String>, entries: &mut Vec<Entry>, entry: Entry) {
        path.push(name_at(path, &entry.key));
        let first = self.merging.names.get(&shown(path));
        match first {
            None => {
                path.pop();
                self.merging.note(path, &entry);
                entries.push(entry);
                return;
            }
            Some(_) if is_merged(path) => {
                let (above, name) = (&path[..path.len() - 1], &path[path.len() - 1]);
                let same = |there: &&mut Entry| name_at(above, &there.key) == *name;
                if let Some(there) = entries.iter_mut().find(same) {
                    self.value(path, &mut there.value, entry.value);
                }
            }
            Some((place, file)) => {
                let also =
                    |file: Option<&str>| file.map(|file| format!(" ({file})")).unwrap_or_default();
                let text = format!(
                    "duplicate key `{}`{}; it stands in {}{} already",
                    entry.key,
                    also(policy_files::file_of(&entry)),
                    self.files.line(*place),
                    also(file.as_deref()),
                );
                self.report(Code::FileContradicts, entry.place, path, text);
            }
        }
        path.pop();
    }

    fn report(&mut self, code: Code, place: Place, path: &[String], text: String) {
        self.problems
            .push(Problem::new(code, place, shown(path), text));
    }
}
