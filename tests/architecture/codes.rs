//! The codes of problems and findings: each has its line in `docs/troubleshooting.md`, and somebody says it.

use vault_bootstrap::code::Code;

use crate::source::Source;

/// The codes that the page has a line for, in its order: what stands in backticks in the first column.
fn of_the_page(text: &str) -> impl Iterator<Item = &str> {
    let first = |line| Some(str::strip_prefix(line, "| `")?.split_once("` |")?.0);
    text.lines().filter_map(first)
}

/// What is missing from the page, stands there twice or is none.
fn wrong(text: &str) -> Vec<String> {
    let known = || Code::ALL.iter().map(|code| code.text());
    let times = |code: &str| of_the_page(text).filter(|found| *found == code).count();
    let not_once = known().filter(|code| times(code) != 1);
    let not_once = not_once.map(|code| format!("{code} stands there {} times", times(code)));
    let unknown = of_the_page(text).filter(|found| known().all(|code| code != *found));
    let unknown = unknown.map(|found| format!("{found} is no code"));
    not_once.chain(unknown).collect()
}

#[test]
fn every_code_has_its_line_in_the_page_and_the_page_has_no_other() {
    let page = include_str!("../../docs/troubleshooting.md");
    assert_eq!(wrong(page), Vec::<String>::new());
}

#[test]
fn a_code_that_is_missing_there_or_stands_there_twice_is_noticed() {
    let page = include_str!("../../docs/troubleshooting.md");
    let missing = page.replace("| `share-gone` |", "| `share-went` |");
    assert_eq!(
        wrong(&missing),
        ["share-gone stands there 0 times", "share-went is no code"]
    );
    let twice = format!("{page}\n| `share-gone` | 3 | x | y |\n");
    assert_eq!(wrong(&twice), ["share-gone stands there 2 times"]);
}

#[test]
fn every_code_is_said_somewhere() {
    let sources = Source::all();
    let said = |code: &&Code| {
        let name = format!("Code::{code:?}");
        let uses = |source: &Source| {
            let mut behind = source.text.split(&name).skip(1);
            // Not of a longer name.
            behind.any(|rest| !rest.starts_with(|letter: char| letter.is_alphanumeric()))
        };
        sources
            .iter()
            .filter(|source| source.path.starts_with("src/") && source.path != "src/code.rs")
            .any(uses)
    };
    let unsaid: Vec<_> = Code::ALL.iter().filter(|code| !said(code)).collect();
    assert_eq!(unsaid, Vec::<&Code>::new());
}
