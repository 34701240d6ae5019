//! Which file imports which, as the `use` lines and paths say it, and the circles that come of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Source, words};

/// A path below the crate, such as `vault`, `http`, `client`.
type Module = Vec<String>;

/// The files below `src/` and what they import.
pub(crate) struct Graph {
    /// Each file by its module.
    files: BTreeMap<Module, String>,
    /// What a module exports under another name than where it stands.
    exports: BTreeMap<Module, Module>,
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    pub(crate) fn of(sources: &[Source]) -> Self {
        let inside = |source: &&Source| source.path.starts_with("src/");
        let files = sources.iter().filter(inside);
        let files = files.map(|source| (module(&source.path), source.path.clone()));
        let mut graph = Self {
            files: files.collect(),
            exports: BTreeMap::new(),
            edges: BTreeMap::new(),
        };
        for source in sources.iter().filter(inside) {
            let here = module(&source.path);
            for (public, path) in graph.uses(source) {
                if public && let Some(name) = path.last() {
                    let mut exported = here.clone();
                    exported.push(name.clone());
                    graph.exports.insert(exported, path);
                }
            }
        }
        for source in sources.iter().filter(inside) {
            let found = graph.imports(source);
            graph.edges.insert(source.path.clone(), found);
        }
        graph
    }

    /// The paths that a file's `use` lines name, whole, and whether each is exported again.
    fn uses(&self, source: &Source) -> Vec<(bool, Module)> {
        let here = module(&source.path);
        let mut found = Vec::new();
        for (at, _) in source.live().match_indices("use ") {
            let line = source.live()[..at].rsplit('\n').next().unwrap_or("");
            if !line.is_empty() && !line.starts_with("pub") {
                continue;
            }
            let text = source.live()[at + 4..].split(';').next().unwrap_or("");
            for path in tree(text) {
                if let Some(path) = self.absolute(&here, path) {
                    found.push((line.starts_with("pub"), path));
                }
            }
        }
        found
    }

    /// A path from the crate on; `None` where it leads out of it.
    fn absolute(&self, here: &Module, path: Module) -> Option<Module> {
        let (mut from, mut rest) = match path.first()?.as_str() {
            "crate" => (Module::new(), &path[1..]),
            "self" => (here.clone(), &path[1..]),
            "super" => (here.clone(), &path[..]),
            name => {
                let child: Module = here.iter().cloned().chain([name.to_owned()]).collect();
                let known = self.files.contains_key(&child);
                known.then(|| (here.clone(), &path[..]))?
            }
        };
        while rest.first().is_some_and(|name| name == "super") {
            from.pop()?;
            rest = &rest[1..];
        }
        from.extend(rest.iter().filter(|name| *name != "self").cloned());
        Some(from)
    }

    /// The files that a file imports from.
    fn imports(&self, source: &Source) -> BTreeSet<String> {
        let here = module(&source.path);
        let uses = self.uses(source).into_iter();
        let mut paths: Vec<_> = uses
            .filter(|(public, _)| !public)
            .map(|(_, path)| path)
            .collect();
        for (at, _) in source.live().match_indices("crate::") {
            // Who may see an item is no import.
            if source.live()[..at].ends_with("(in ") {
                continue;
            }
            let text = &source.live()[at..];
            let end = text.find(|letter: char| !letter.is_alphanumeric() && !"_:".contains(letter));
            let path = &text[..end.unwrap_or(text.len())];
            // Before a group it is the beginning of paths that the `use` line has told already.
            if !path.ends_with("::") {
                let names = path.split("::").skip(1).filter(|name| !name.is_empty());
                paths.push(names.map(str::to_owned).collect());
            }
        }
        // A child by its bare name, where it is no `use` line.
        let plain: String = without_uses(source.live());
        for child in self.files.keys().filter(|one| one.len() == here.len() + 1) {
            if child.starts_with(&here) && calls(&plain, &child[here.len()]) {
                paths.push(child.clone());
            }
        }
        let found = paths.iter().filter_map(|path| self.file(path, 0));
        found.filter(|file| *file != source.path).collect()
    }

    /// The file in which a path is defined.
    fn file(&self, path: &[String], depth: usize) -> Option<String> {
        if depth > 8 {
            return None;
        }
        for length in (1..=path.len()).rev() {
            if let Some(target) = self.exports.get(&path[..length])
                && !self.files.contains_key(&path[..length])
            {
                let whole: Module = target.iter().chain(&path[length..]).cloned().collect();
                return self.file(&whole, depth + 1);
            }
        }
        (1..=path.len())
            .rev()
            .find_map(|length| self.files.get(&path[..length]).cloned())
    }

    /// Files that import each other, directly or not: each set of more than one.
    pub(crate) fn circles(&self) -> Vec<BTreeSet<String>> {
        let reaches: BTreeMap<&String, BTreeSet<&String>> = self
            .edges
            .keys()
            .map(|file| (file, self.reached(file)))
            .collect();
        let mut circles: BTreeSet<BTreeSet<String>> = BTreeSet::new();
        for (file, reached) in &reaches {
            let back = reached.iter().filter(|other| {
                reaches
                    .get(**other)
                    .is_some_and(|theirs| theirs.contains(*file))
            });
            let circle: BTreeSet<String> = back.map(|other| (**other).clone()).collect();
            if circle.len() > 1 {
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }

    fn reached<'a>(&'a self, from: &'a String) -> BTreeSet<&'a String> {
        let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(file) = open.pop() {
            for next in self.edges.get(file).into_iter().flatten() {
                if reached.insert(next) {
                    open.push(next);
                }
            }
        }
        reached
    }
}

fn module(path: &str) -> Module {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    let names = path
        .split('/')
        .filter(|name| !matches!(*name, "mod" | "lib"));
    names.map(str::to_owned).collect()
}

/// Every path of a `use` tree.
fn tree(text: &str) -> Vec<Module> {
    let Some((before, group)) = text.split_once('{') else {
        let text = text.split(" as ").next().unwrap_or(text);
        let path = text.split("::").map(|name| name.trim().to_owned());
        return vec![path.filter(|name| !name.is_empty()).collect()];
    };
    let prefix: Module = words(before).map(str::to_owned).collect();
    let group = &group[..group.rfind('}').unwrap_or(group.len())];
    let (mut depth, mut begins, mut parts) = (0_usize, 0, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&group[begins..at]);
                begins = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[begins..]);
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    let paths = parts.flat_map(tree);
    paths
        .map(|path| prefix.iter().cloned().chain(path).collect())
        .collect()
}

fn without_uses(text: &str) -> String {
    let lines = text.split(';').map(|part| {
        let begins = part.trim_start();
        if begins.starts_with("use ") || begins.starts_with("pub use ") {
            ""
        } else {
            part
        }
    });
    lines.collect::<Vec<_>>().join(";")
}

/// Whether a module is named by its bare name, as in `child::name`.
fn calls(text: &str, name: &str) -> bool {
    let path = format!("{name}::");
    text.match_indices(&path).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|letter| letter.is_alphanumeric() || "_:".contains(letter))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(files: &[(&str, &str)]) -> Graph {
        let sources: Vec<_> = files
            .iter()
            .map(|(path, text)| Source::new(path, text))
            .collect();
        Graph::of(&sources)
    }

    #[test]
    fn files_that_import_each_other_are_a_circle_also_through_what_a_room_exports() {
        let found = graph(&[
            ("src/lib.rs", "mod a; mod b;"),
            ("src/a/mod.rs", "mod x;\npub use x::Thing;\n"),
            ("src/a/x.rs", "use crate::b::{self, Other};\n"),
            ("src/b.rs", "use crate::a::Thing;\n"),
        ]);
        let circle = ["src/a/x.rs", "src/b.rs"].map(str::to_owned);
        assert_eq!(found.circles(), [BTreeSet::from(circle)]);
    }

    #[test]
    fn a_room_that_only_exports_its_files_is_no_circle_with_them() {
        let found = graph(&[
            ("src/a/mod.rs", "mod x;\nmod y;\npub use x::Thing;\n"),
            ("src/a/x.rs", "use super::y::Other;\n"),
            ("src/a/y.rs", "\n"),
        ]);
        assert!(found.circles().is_empty());
    }
}
