//! `policies: {files: PATTERN}`: a policy for each file, called as the file is.

use std::collections::HashMap;

use super::files::Files;
use super::pattern;
use super::problem::{Place, Problem};
use super::rules::unfit_policy_name;
use super::tree::{Entry, Kind, Node, shown, step};
use crate::code::Code;

/// Where the patterns stand.
const PATTERNS: [&str; 2] = ["policies", "files"];

/// Puts an entry `NAME: {file: PATH}` in the place of `policies.files` for each file that it stands for. Where it is a
/// map, it is the policy of this name.
pub(super) fn expand(root: &mut Node, files: &Files, problems: &mut Vec<Problem>) {
    let mut sections = root.entries_mut().into_iter().flatten();
    let policies = sections.find(|entry| entry.key == PATTERNS[0]);
    let Some(entries) = policies.and_then(|entry| entry.value.entries_mut()) else {
        return;
    };
    let patterns = |entry: &Entry| entry.key == PATTERNS[1] && is_pattern(&entry.value);
    let Some(place) = entries.iter().position(patterns) else {
        return;
    };
    let given = entries.remove(place).value;
    let named = entries.iter();
    let mut found = Found {
        from: named
            .map(|entry| (entry.key.clone(), of_line(entry.place)))
            .collect(),
        entries: Vec::new(),
        problems,
    };
    if given.text().is_some() {
        found.pattern(&given, &PATTERNS, files);
    }
    for (index, pattern) in given.items().iter().enumerate() {
        found.pattern(pattern, &[PATTERNS[0], PATTERNS[1], &step(index)], files);
    }
    entries.extend(found.entries);
}

/// The file of an entry that a pattern made: its key and its value stand in one place.
pub(super) fn file_of(entry: &Entry) -> Option<&str> {
    let made = entry.place == entry.value.place;
    made.then(|| entry.value.get("file")?.text()).flatten()
}

fn is_pattern(value: &Node) -> bool {
    let items = value.items();
    value.text().is_some() || (!items.is_empty() && items.iter().all(|item| item.text().is_some()))
}

fn of_line(place: Place) -> String {
    format!("stands on line {}", place.line)
}

struct Found<'a> {
    /// Where each policy comes from.
    from: HashMap<String, String>,
    entries: Vec<Entry>,
    problems: &'a mut Vec<Problem>,
}

impl Found<'_> {
    fn pattern(&mut self, pattern: &Node, path: &[&str], files: &Files) {
        let text = pattern.text().unwrap_or_default();
        let mut refuse = |(code, text): pattern::Wrong| {
            let problem = Problem::new(code, pattern.place, shown(path), text);
            self.problems.push(problem);
        };
        let found = match pattern::files(files.directory(pattern.place), text) {
            Ok(found) => found,
            Err(wrong) => return refuse(wrong),
        };
        for file in found {
            let last = file.rsplit('/').next().unwrap_or_default();
            let name = last.rsplit_once('.').map_or(last, |(name, _)| name);
            if let Some(why) = unfit_policy_name(name) {
                refuse((Code::FileValueInvalid, format!("{file}: {why}")));
            } else if let Some(first) = self.from.get(name) {
                let text = format!("{file}: the policy `{name}` {first} already");
                refuse((Code::FileContradicts, text));
            } else {
                self.from
                    .insert(name.to_owned(), format!("comes from {file}"));
                self.entries.push(entry(name, &file, pattern.place));
            }
        }
    }
}

fn entry(name: &str, file: &str, place: Place) -> Entry {
    let file = Entry {
        key: "file".to_owned(),
        place,
        value: Node::new(place, Kind::Text(file.to_owned())),
    };
    Entry {
        key: name.to_owned(),
        place,
        value: Node::new(place, Kind::Map(vec![file])),
    }
}
