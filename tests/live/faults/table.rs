//! The result in Markdown, and its place in the README.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use super::outcome::{Outcome, Verdict};
use super::point::{Kind, Product};

const BEGIN: &str = "<!-- faults -->";
const END: &str = "<!-- /faults -->";

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
    let refused = outcomes
        .iter()
        .filter(|outcome| outcome.point.product == product && outcome.verdict == Verdict::Refused);
    refused
        .filter_map(|outcome| outcome.request.as_deref())
        .collect()
}

/// By server and by kind of fault.
pub fn markdown(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "| server | requests | points | converged | refused | lost | leaked | answers that cannot be had again |\n\
         |---|--:|--:|--:|--:|--:|--:|---|\n",
    );
    for product in Product::ALL {
        let of_it = || {
            let of_it = outcomes.iter();
            of_it.filter(|outcome| outcome.point.product == product)
        };
        let requests = of_it().map(|outcome| outcome.point.number).max();
        let windows = windows(outcomes, product);
        let names: Vec<_> = windows.iter().map(|name| format!("`{name}`")).collect();
        let names = names.join(", ");
        let _ = writeln!(
            text,
            "| {} | {} | {} | {}: {names} |",
            product.title(),
            requests.unwrap_or_default(),
            Count::of(of_it()).cells(),
            windows.len(),
        );
    }
    let all = Count::of(outcomes.iter());
    let _ = writeln!(text, "| all |  | {} |  |", all.cells());
    text += "\n| at each request | points | converged | refused | lost | leaked | longest |\n\
             |---|--:|--:|--:|--:|--:|--:|\n";
    for kind in Kind::ALL {
        let count = Count::of(outcomes.iter().filter(|outcome| outcome.point.kind == kind));
        let (title, cells, longest) = (kind.title(), count.cells(), count.longest);
        let _ = writeln!(text, "| {title} | {cells} | {longest:.0} s |");
    }
    text
}

/// Puts the table into the README between its marks.
pub fn into_readme(facts: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("a README");
    let new = between_the_marks(&readme, &format!("{facts}\n\n{table}"));
    std::fs::write(&path, new).expect("a README that can be written");
}

fn between_the_marks(readme: &str, text: &str) -> String {
    let (before, rest) = readme.split_once(BEGIN).expect("a mark");
    let (_, after) = rest.split_once(END).expect("a second mark");
    format!("{before}{BEGIN}\n{text}{END}{after}")
}

#[test]
fn only_what_stands_between_the_marks_is_replaced() {
    let readme = format!("a\n{BEGIN}\nold\n{END}\nb\n");
    let new = between_the_marks(&readme, "new\n");
    assert_eq!(new, format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
}
