//! The pages: the README and those of `docs/` name commands, files, tests and links that exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use vault_bootstrap::cli::Cli;

/// The front page fits a short reading.
const LONGEST_FRONT_PAGE: usize = 250;

/// A page of the documentation.
pub(crate) struct Page {
    /// From the root of the repository on.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
}

/// The front page first, then those of `docs/` by name.
pub(crate) fn pages() -> Vec<Page> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(root.join("docs")).expect("a directory");
    let files = entries.map(|entry| entry.expect("an entry").path());
    let files = files.filter(|file| file.extension().is_some_and(|end| end == "md"));
    let names = files.filter_map(|file| Some(file.file_name()?.display().to_string()));
    let mut paths: Vec<String> = names.map(|name| format!("docs/{name}")).collect();
    paths.sort();
    paths.insert(0, "README.md".to_owned());
    let page = |path: String| Page {
        text: std::fs::read_to_string(root.join(&path)).expect("a page"),
        path,
    };
    paths.into_iter().map(page).collect()
}

/// The text without its fenced blocks, in which backticks and brackets mean nothing.
fn prose(text: &str) -> String {
    let parts = text.split("\n```").step_by(2);
    // A block begins behind its info string and ends behind its closing fence.
    parts.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_front_page_has_at_most_250_lines() {
    let lines = pages()[0].text.lines().count();
    assert!(
        lines <= LONGEST_FRONT_PAGE,
        "README.md has {lines} lines, more than {LONGEST_FRONT_PAGE}"
    );
}

#[test]
fn every_command_of_the_pages_exists() {
    let (mut unknown, mut known) = (Vec::new(), 0);
    for Page { path, text } in pages() {
        for words in commands(&text) {
            known += 1;
            if !exists(&words) {
                unknown.push(format!("{path}: {}", words.join(" ")));
            }
        }
    }
    assert_eq!(unknown, Vec::<String>::new());
    assert!(known > 20, "the commands are written in another way");
}

#[test]
fn a_command_that_does_not_exist_is_noticed() {
    for (line, expected) in [
        ("$ vault-bootstrap -c prod.yaml apply --yes", true),
        ("    vault-bootstrap custodian prove bob", true),
        ("`vault-bootstrap break-glass start --reason x`", true),
        ("`vault-bootstrap forgive`", false),
        ("vault-bootstrap custodian forget bob", false),
    ] {
        assert!(
            commands(line).all(|words| exists(&words)) == expected,
            "{line}"
        );
    }
}

#[test]
fn every_make_target_of_the_pages_exists() {
    let makefile = include_str!("../../Makefile");
    let there = |target: &str| makefile.contains(&format!("\n{target}:"));
    let (mut missing, mut known) = (Vec::new(), 0);
    for Page { path, text } in pages() {
        for target in make_targets(&text) {
            known += 1;
            if !there(target) {
                missing.push(format!("{path}: make {target}"));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
    assert!(known > 10, "the targets are written in another way");
    let some = "make demo    # x\nor `make test-all`, and make nothing\n";
    assert_eq!(make_targets(some).collect::<Vec<_>>(), ["demo", "test-all"]);
}

#[test]
fn every_file_of_the_pages_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut missing, mut found) = (Vec::new(), BTreeSet::new());
    for Page { path, text } in pages() {
        for file in files(&prose(&text)) {
            if !root.join(file).exists() {
                missing.push(format!("{path}: {file}"));
            }
            found.insert(file.to_owned());
        }
    }
    assert_eq!(missing, Vec::<String>::new());
    assert!(found.len() > 10, "the files are written in another way");
    assert!(found.contains("bootstrap.example.yaml"));
}

#[test]
fn every_link_of_the_pages_leads_somewhere() {
    let (mut broken, mut links, mut linked) = (Vec::new(), 0, BTreeSet::new());
    let pages = pages();
    for page in &pages {
        for target in targets(&prose(&page.text)) {
            links += 1;
            match end_of(&page.path, target) {
                Some(path) => _ = linked.insert(path),
                None => broken.push(format!("{}: {target}", page.path)),
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
    assert!(links > 30, "the links are written in another way");
    let unlinked = pages.iter().filter(|page| !linked.contains(&page.path));
    let unlinked: Vec<&str> = unlinked.map(|page| page.path.as_str()).collect();
    assert_eq!(unlinked, Vec::<&str>::new());
}

#[test]
fn a_link_that_leads_nowhere_is_noticed() {
    for (target, expected) in [
        ("docs/security.md", true),
        ("docs/security.md#what-is-trusted", true),
        ("#quick-start", true),
        ("#slow-start", false),
        ("docs/security.md#quick-start", false),
        ("docs/insecurity.md", false),
        ("security.md", false),
    ] {
        assert_eq!(end_of("README.md", target).is_some(), expected, "{target}");
    }
    let links = "[a](b.md#c), [d](https://example.com), [e] (f)";
    assert_eq!(targets(links).collect::<Vec<_>>(), ["b.md#c"]);
    let headings = "# At 3 a.m.: break-glass\n\n```sh run\n# Not one\n```\n\n## `apply` again\n";
    assert_eq!(anchors(headings), ["at-3-am-break-glass", "apply-again"]);
}

#[test]
fn the_page_of_dependencies_says_why_each_is_there() {
    let table = include_str!("../../docs/dependencies.md");
    let table = table.split_once("|---").expect("a table").1;
    let table = table.split("\n\n").next().expect("its end");
    let explained: BTreeSet<&str> = table.split('`').skip(1).step_by(2).collect();
    let manifest = include_str!("../../Cargo.toml");
    let sections = manifest.split("\n[").filter(|section| {
        let heading = section.lines().next().unwrap_or_default();
        heading.ends_with("dependencies]")
    });
    let names = sections.flat_map(|section| section.lines().skip(1));
    let names = names
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name);
    assert_eq!(names.collect::<BTreeSet<&str>>(), explained);
}

#[test]
fn every_test_of_the_threat_model_exists() {
    let page = include_str!("../../docs/security.md");
    let sources = tests_of(Path::new(env!("CARGO_MANIFEST_DIR")));
    let spans = page.split('`').skip(1).step_by(2);
    // A test's name is a sentence; a key or a field is a word or two.
    let named: Vec<&str> = spans
        .filter(|span| span.matches('_').count() > 2 && !span.contains(char::is_whitespace))
        .collect();
    let missing: Vec<&&str> = named
        .iter()
        .filter(|name| !sources.contains(&format!("fn {name}()")))
        .collect();
    assert_eq!(missing, Vec::<&&str>::new());
    assert!(named.len() > 20, "the tests are written in another way");
}

/// Every line of Rust below `src` and `tests`.
fn tests_of(root: &Path) -> String {
    let mut text = String::new();
    let mut open = vec![root.join("src"), root.join("tests")];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                text.push_str(&std::fs::read_to_string(path).expect("a source"));
            }
        }
    }
    text
}

/// The words of each command line: after the name of the program, without options and their values.
fn commands(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let after = text.lines().flat_map(|line| {
        let starts = line.match_indices("vault-bootstrap ").filter(|(at, _)| {
            // At the beginning of a line, of code in a line, or of what a terminal shows.
            let before = line[..*at].trim_end_matches("./target/release/");
            before.trim().is_empty() || before.ends_with('`') || before.ends_with("$ ")
        });
        starts
            .map(|(at, found)| &line[at + found.len()..])
            .collect::<Vec<_>>()
    });
    after
        .map(|rest| {
            let mut words = rest
                .split(['`', '|', '>', '#'])
                .next()
                .unwrap_or("")
                .split_whitespace();
            let mut found = Vec::new();
            while let Some(word) = words.next() {
                match word {
                    "-c" | "--config" | "--output" | "--color" => _ = words.next(),
                    word if word.starts_with('-') => {}
                    word => found.push(word),
                }
            }
            found
        })
        .filter(|words| !words.is_empty())
}

fn exists(words: &[&str]) -> bool {
    let cli = Cli::command();
    let Some(command) = cli.find_subcommand(words[0]) else {
        return false;
    };
    !command.is_subcommand_required_set()
        || words
            .get(1)
            .is_some_and(|name| command.find_subcommand(name).is_some())
}

/// What make is asked for at the beginning of a line or of code in one.
fn make_targets(text: &str) -> impl Iterator<Item = &str> {
    let starts = text.match_indices("make ").filter(|(at, _)| {
        let before = &text[..*at];
        before.is_empty() || before.ends_with(['`', '\n'])
    });
    let ends = |letter: char| !letter.is_alphanumeric() && letter != '-';
    starts.filter_map(move |(at, found)| text[at + found.len()..].split(ends).next())
}

/// Paths in backticks that begin in a folder of ours or are a file at the top.
fn files(text: &str) -> impl Iterator<Item = &str> {
    let spans = text.split('`').skip(1).step_by(2);
    let ours = ["src/", "tests/", "benches/", ".ci/"];
    let top = [
        "bootstrap.example.yaml",
        "Cargo.toml",
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
    ];
    spans.filter(move |span| {
        !span.contains(char::is_whitespace)
            && (ours.iter().any(|folder| span.starts_with(folder)) || top.contains(span))
    })
}

/// Where the links of a text lead to, but those that lead out of the repository.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    let behind = text.split("](").skip(1);
    behind
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .filter(|target| !target.contains("://"))
}

/// The file that a link of a page leads to, from the root on, if it is there and has the heading.
fn end_of(page: &str, target: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = match (path, Path::new(page).parent()) {
        ("", _) => PathBuf::from(page),
        (path, directory) => directory.unwrap_or(Path::new("")).join(path),
    };
    let file = root.join(&path).canonicalize().ok()?;
    let text = std::fs::read_to_string(&file).ok()?;
    let path = file.strip_prefix(root.canonicalize().ok()?).ok()?;
    let there = anchor.is_empty() || anchors(&text).iter().any(|found| found == anchor);
    there.then(|| path.display().to_string())
}

/// The anchors of the headings of a page, as GitHub makes them. Headings of one page have different names.
fn anchors(text: &str) -> Vec<String> {
    let prose = prose(text);
    let headings = prose.lines().filter_map(|line| {
        let title = line.trim_start_matches('#');
        (title.len() < line.len()).then(|| title.trim().to_lowercase())
    });
    let kept = |letter: &char| letter.is_alphanumeric() || " -_".contains(*letter);
    headings
        .map(|title| title.chars().filter(kept).collect::<String>())
        .map(|title| title.replace(' ', "-"))
        .collect()
}
