//! The README names commands and files that exist.

use std::collections::BTreeSet;
use std::path::Path;

use clap::CommandFactory;
use vault_bootstrap::cli::Cli;

const README: &str = include_str!("../../README.md");

#[test]
fn every_command_of_the_readme_exists() {
    let unknown: Vec<String> = commands(README)
        .filter(|words| !exists(words))
        .map(|words| words.join(" "))
        .collect();
    assert_eq!(unknown, Vec::<String>::new());
    assert!(
        commands(README).count() > 5,
        "the commands are written in another way"
    );
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
fn every_file_of_the_readme_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files: Vec<&str> = files(README).collect();
    let missing: Vec<&&str> = files
        .iter()
        .filter(|file| !root.join(file).exists())
        .collect();
    assert_eq!(missing, Vec::<&&str>::new());
    assert!(files.len() > 10, "the files are written in another way");
    assert!(files.contains(&"bootstrap.example.yaml"));
}

#[test]
fn the_readme_says_why_each_dependency_is_there() {
    let table = README.split_once("### Dependencies").expect("a table").1;
    let table = table.split("\n## ").next().expect("its end");
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
