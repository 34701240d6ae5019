//! The result in Markdown, and its place in `docs/measurements.md`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::outcome::{Outcome, Verdict};
use super::point::{Kind, Product};

/// Numbers of some outcomes.
struct Count {
    points: usize,
    converged: usize,
    refused: usize,
    lost: usize,
    leaked: usize,
    longest: f64,
}

impl Count {
    fn of<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Self {
        let mut count = Self {
            points: 0,
            converged: 0,
            refused: 0,
            lost: 0,
            leaked: 0,
            longest: 0.0,
        };
        for outcome in outcomes {
            count.points += 1;
            match outcome.verdict {
                Verdict::Converged => count.converged += 1,
                Verdict::Refused => count.refused += 1,
                Verdict::Lost => count.lost += 1,
            }
            count.leaked += outcome.leaked;
            count.longest = count.longest.max(outcome.seconds);
        }
        count
    }

    fn cells(&self) -> String {
        let Self {
            points,
            converged,
            refused,
            lost,
            leaked,
            ..
        } = self;
        format!("{points} | {converged} | {refused} | {lost} | {leaked}")
    }
}

/// The requests whose answers could not be had again, by name: each is sent once in a ceremony.
pub fn windows(outcomes: &[Outcome], product: Product) -> BTreeSet<&str> {
    let refused = outcomes.iter().filter(|outcome| {
        outcome.point.product == product
            && outcome.verdict == Verdict::Refused
            && !outcome.point.kind.is_of_the_disk()
    });
    refused
        .filter_map(|outcome| outcome.request.as_deref())
        .collect()
}

/// By server and by kind of fault.
pub fn markdown(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "| server | requests | writes | points | converged | refused | lost | leaked | answers that cannot be had again |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|---|\n",
    );
    for product in Product::ALL {
        let of_it = || {
            let of_it = outcomes.iter();
            of_it.filter(|outcome| outcome.point.product == product)
        };
        let longest = |of_the_disk: bool| {
            let points = of_it().map(|outcome| outcome.point);
            let points = points.filter(|point| point.kind.is_of_the_disk() == of_the_disk);
            points.map(|point| point.number).max().unwrap_or_default()
        };
        let windows = windows(outcomes, product);
        let names = windows.iter().map(|name| format!("`{name}`"));
        let names = if windows.is_empty() {
            "none".to_owned()
        } else {
            names.collect::<Vec<_>>().join(", ")
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {names} |",
            product.title(),
            longest(false),
            longest(true),
            Count::of(of_it()).cells(),
        );
    }
    let all = Count::of(outcomes.iter());
    let _ = writeln!(text, "| all |  |  | {} |  |", all.cells());
    text += "\n| at each request or write | points | converged | refused | lost | leaked | longest |\n\
             |---|--:|--:|--:|--:|--:|--:|\n";
    for kind in Kind::all() {
        let count = Count::of(outcomes.iter().filter(|outcome| outcome.point.kind == kind));
        let (title, cells, longest) = (kind.title(), count.cells(), count.longest);
        let _ = writeln!(text, "| {title} | {cells} | {longest:.0} s |");
    }
    text
}

/// How often each step made something durable.
pub fn of_syncs(steps: &[(String, usize, usize)]) -> String {
    let mut text = String::from("| step | files | directories | fsyncs |\n|---|--:|--:|--:|\n");
    let mut line = |name: &str, files: usize, directories: usize| {
        let _ = writeln!(
            text,
            "| {name} | {files} | {directories} | {} |",
            files + directories
        );
    };
    let (mut all_files, mut all_directories) = (0, 0);
    for (name, files, directories) in steps {
        line(name, *files, *directories);
        all_files += files;
        all_directories += directories;
    }
    line("all", all_files, all_directories);
    text
}

fn page() -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/measurements.md");
    let text = std::fs::read_to_string(&path).expect("a page");
    (path, text)
}

/// Puts a text into the page between the marks of this name.
pub fn into_page(name: &str, text: &str) {
    let (path, page) = page();
    let new = between_the_marks(name, &page, text);
    std::fs::write(&path, new).expect("a page that can be written");
}

/// Whether the page has exactly this text there.
pub fn is_in_page(name: &str, text: &str) -> bool {
    let (_, page) = page();
    between_the_marks(name, &page, text) == page
}

fn between_the_marks(name: &str, page: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let (before, rest) = page.split_once(&begin).expect("a mark");
    let (_, after) = rest.split_once(&end).expect("a second mark");
    format!("{before}{begin}\n{text}{end}{after}")
}

#[test]
fn only_what_stands_between_the_marks_is_replaced() {
    let page = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n<!-- y -->\n<!-- /y -->\n";
    let new = between_the_marks("x", page, "new\n");
    assert_eq!(new, page.replace("old", "new"));
}
