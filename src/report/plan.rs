//! A plan as text: what changes, step by step; what does not is folded.

use std::time::Duration;

use similar::TextDiff;

use crate::code::Reported;
use crate::event::{Changes, Plan, PlannedAction, PlannedChange, PlannedItem, PlannedStep};
use crate::printable;
use crate::report::results::{Layout, found, one_line};
use crate::report::style::{Painted, Style};

/// Lines of one policy that are shown at the most.
const LINES: usize = 200;
/// For finding the shortest difference of two texts, which may be long.
const PATIENCE: Duration = Duration::from_millis(500);
/// Lines around a change in a policy.
const AROUND: usize = 2;
/// Letters of one line of a policy that are shown.
const LONGEST_LINE: usize = 300;

/// The whole plan.
pub(super) fn text(plan: &Plan, layout: Layout) -> String {
    let width = layout.width;
    let mut text = format!(
        "cluster      {}, {}\nserver       {}\n",
        plan.cluster, plan.address, plan.server
    );
    if let Some(name) = &plan.looked_as {
        text.push_str(&format!("looked as    {name}\n"));
    }
    text.push('\n');
    let leaves = |item: &PlannedItem| item.change == Some(PlannedChange::Delete);
    let folds = |step: &PlannedStep| {
        !step.items.iter().any(leaves)
            && matches!(
                step.action,
                PlannedAction::Nothing | PlannedAction::NotRepeated
            )
            && step.findings.is_empty()
    };
    for step in plan.steps.iter().filter(|step| !folds(step)) {
        text.push_str(&one_step(step, layout));
    }
    let of = |action| {
        plan.steps
            .iter()
            .filter(move |step| folds(step) && step.action == action)
    };
    let folded = of(PlannedAction::Nothing).count();
    let unchanged: usize = plan.steps.iter().map(|step| step.unchanged).sum();
    if folded > 0 {
        let documents = match unchanged {
            0 => String::new(),
            1 => "; 1 document is as the file says".to_owned(),
            many => format!("; {many} documents are as the file says"),
        };
        text.push_str(&one_line(
            &format!("= {} with nothing to do{documents}", steps(folded)),
            2,
            width,
        ));
        text.push('\n');
    }
    let not_repeated: Vec<_> = of(PlannedAction::NotRepeated)
        .map(|step| step.step.title())
        .collect();
    if !not_repeated.is_empty() {
        let line = format!("- not repeated once done: {}", not_repeated.join("; "));
        text.push_str(&format!("{}\n", one_line(&line, 2, width)));
    }
    if !plan.people.is_empty() {
        text.push_str("\nwho must be there:\n");
        for person in &plan.people {
            text.push_str(&format!("  - {}\n", one_line(person, 4, width)));
        }
    }
    text.push_str(&not_in_file(plan, width));
    text.push_str(&format!("\n{}\n", headline(plan)));
    text.push_str(&format!("{}\n", one_line(&not_looked_at(plan), 0, width)));
    if let Some(file) = &plan.file {
        text.push_str(&format!("plan file: {}\n", one_line(file, 2, width)));
    }
    text.push_str(&format!("next: {}\n", plan.next));
    text
}

/// What the plan says nothing about.
fn not_looked_at(plan: &Plan) -> String {
    let what = match plan.looked_as {
        _ if plan.taken_over => {
            "not looked at: shares, logins, other nodes; somebody else initialised this cluster, and nothing of them is recorded here"
        }
        _ if plan.elsewhere => {
            "not looked at: shares, logins, other nodes. Somebody else initialised this cluster: apply --adopt-cluster takes \
             over what the file says of it, and nothing else"
        }
        None => {
            "not asked: custodians, AWS, logins, other nodes; apply tries them before it writes anything"
        }
        Some(_) => {
            "not looked at: other nodes, when break-glass was last rehearsed (apply tells both)"
        }
    };
    let hidden = match plan.not_shown.len() {
        0 => String::new(),
        1 => "; what no server shows of 1 document, such as passwords".to_owned(),
        many => format!("; what no server shows of {many} documents, such as passwords"),
    };
    format!("{what}{hidden}")
}

/// What is about to be written, and what of it is not.
pub(super) fn to_be_written(changes: &Changes, width: usize, style: Style) -> Painted {
    let layout = Layout {
        width: Some(width),
        codes: false,
    };
    // Nobody agrees to what they have not seen.
    let steps = changes
        .steps
        .iter()
        .map(|step| step_with(step, layout, usize::MAX));
    let text = format!(
        "{} as {}:\n{}",
        if changes.deletes {
            "not in the file any more, to be deleted"
        } else {
            "other than the file, to be written"
        },
        changes.login,
        steps.collect::<String>()
    );
    painted(&text, style)
}

/// A plan with colour where there is any: what comes, what goes, what changes, and what is not known or left.
pub(super) fn painted(text: &str, style: Style) -> Painted {
    let lines = text.split_inclusive('\n');
    lines.fold(Painted::default(), |all, whole| {
        let line = whole.trim_end_matches('\n');
        let end = &whole[line.len()..];
        let painted = match line.trim_start().split_once(' ').map(|(mark, _)| mark) {
            Some("+") => style.good(line),
            Some("-") if line.starts_with("        ") => style.bad(line),
            Some("!") => style.bad(line),
            Some("~" | "?") => style.warning(line),
            Some("=") => style.dim(line),
            _ => Painted::text(line),
        };
        all + painted + end
    })
}

/// What is there beside the file.
fn not_in_file(plan: &Plan, width: Option<usize>) -> String {
    let all: Vec<_> = plan.steps.iter().flat_map(|step| &step.unmanaged).collect();
    if all.is_empty() {
        return String::new();
    }
    if !plan.all {
        let line = format!(
            "- {} on the server and not in the file, left alone: plan --all names them",
            all.len()
        );
        return format!("{}\n", one_line(&line, 2, width));
    }
    let names: String = all
        .iter()
        .map(|path| format!("    {}\n", one_line(path, 6, width)))
        .collect();
    format!("- on the server and not in the file, left alone:\n{names}")
}

fn steps(count: usize) -> String {
    if count == 1 {
        "1 step".to_owned()
    } else {
        format!("{count} steps")
    }
}

/// Says no more than was looked at.
fn headline(plan: &Plan) -> String {
    let seen = match plan.unseen {
        0 => String::new(),
        1 => "; of 1 step not all was seen from here".to_owned(),
        many => format!("; of {many} steps not all was seen from here"),
    };
    let change = match (plan.changes, plan.unseen) {
        (0, 0) => "no change: all that was looked at is as the file says".to_owned(),
        (0, _) => "no change in what was seen".to_owned(),
        _ => changes(&plan.steps),
    };
    format!("plan: {change}{seen}; nothing was written")
}

/// How many steps are to be done, how many differ, and where `apply` would stop.
fn changes(all: &[PlannedStep]) -> String {
    let count = |of: fn(&PlannedStep) -> bool| all.iter().filter(|step| of(step)).count();
    let kinds = [
        (
            count(|step| {
                matches!(
                    step.action,
                    PlannedAction::Do
                        | PlannedAction::Adopt
                        | PlannedAction::Repair
                        | PlannedAction::Write
                )
            }),
            "to do",
        ),
        (
            count(|step| step.action == PlannedAction::Differs),
            "other than the file",
        ),
        (
            count(|step| step.action == PlannedAction::Refuse),
            "where apply would stop",
        ),
        (count(|step| !step.findings.is_empty()), "with findings"),
    ];
    let some = kinds.into_iter().filter(|(count, _)| *count > 0);
    let some: Vec<_> = some
        .map(|(count, what)| format!("{count} step{} {what}", if count == 1 { "" } else { "s" }))
        .collect();
    some.join(", ")
}

fn one_step(step: &PlannedStep, layout: Layout) -> String {
    step_with(step, layout, LINES)
}

/// With so many lines of each policy at the most.
fn step_with(step: &PlannedStep, layout: Layout, lines: usize) -> String {
    let (mark, what) = words(step.action);
    let title = step.step.title();
    let mut text = format!(
        "{}\n",
        one_line(&format!("{mark} {title}{what}"), 2, layout.width)
    );
    for item in &step.items {
        text.push_str(&one_item(item, layout, lines));
    }
    let problems = step.problems.iter().map(|problem| {
        let advice = problem.advice.iter().map(|advice| format!("; {advice}"));
        let text = format!("{}{}", problem.what, advice.collect::<String>());
        Reported::new(problem.code, text)
    });
    let all: Vec<_> = step.findings.iter().cloned().chain(problems).collect();
    text.push_str(&found(&all, layout));
    text
}

/// The mark before a step, and what is said behind its title.
fn words(action: PlannedAction) -> (char, &'static str) {
    match action {
        PlannedAction::Nothing | PlannedAction::NotRepeated => ('=', ""),
        PlannedAction::Do => ('+', ""),
        PlannedAction::Repair => ('~', ": not as in the file"),
        PlannedAction::Write => ('~', ""),
        PlannedAction::Differs => ('~', ": other than the file; this login does not write it"),
        PlannedAction::Adopt => ('+', ": is there, and will be recorded"),
        PlannedAction::NotSeen => ('?', ": not seen from here"),
        PlannedAction::Refuse => ('!', ": apply would stop here"),
    }
}

fn one_item(item: &PlannedItem, layout: Layout, lines: usize) -> String {
    let mut text = what_of(item, layout, lines);
    if let Some(why) = &item.not_written {
        let what = match item.change {
            Some(PlannedChange::Delete) => "not deleted",
            _ => "not written",
        };
        let line = format!("{what}: {why}");
        text.push_str(&format!("      ! {}\n", one_line(&line, 8, layout.width)));
    }
    text
}

fn what_of(item: &PlannedItem, Layout { width, .. }: Layout, lines: usize) -> String {
    let line = |mark: char, text: &str| format!("    {mark} {}\n", one_line(text, 6, width));
    let path = item.path.as_deref().unwrap_or_default();
    match item.change {
        None => line('+', &item.text),
        Some(PlannedChange::Create) => {
            let want = item.want.as_deref().unwrap_or_default();
            format!("{}{}", line('+', path), diff(("", want), lines))
        }
        Some(PlannedChange::HandsOut) => line('+', &item.text),
        Some(PlannedChange::Unseen) => line('?', &item.text),
        Some(PlannedChange::Delete) => line('-', &item.text),
        Some(PlannedChange::PolicyDiffers) => {
            let (have, want) = (item.have.as_deref(), item.want.as_deref());
            let texts = (have.unwrap_or_default(), want.unwrap_or_default());
            format!("{}{}", line('~', path), diff(texts, lines))
        }
        Some(_) => line('~', &item.text),
    }
}

/// Lines that go and lines that come, with those around them.
fn diff((have, want): (&str, &str), lines: usize) -> String {
    let diff = TextDiff::configure()
        .timeout(PATIENCE)
        .diff_lines(have, want);
    let (mut text, mut shown) = (String::new(), 0);
    for hunk in diff.unified_diff().context_radius(AROUND).iter_hunks() {
        for change in hunk.iter_changes() {
            shown += 1;
            if shown > lines {
                text.push_str("        …\n");
                return text;
            }
            let line = printable::line(change.value().trim_end_matches(['\r', '\n']), LONGEST_LINE);
            text.push_str(&format!("        {} {line}\n", change.tag()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_follows_the_marks_and_is_nothing_where_there_is_none() {
        let style = |colored| Style {
            colored,
            terminal: true,
            unicode: true,
        };
        let text =
            "~ policies\n    ~ sys/a\n        - old\n        + new\nplan: none\n  - a person\n";
        assert_eq!(painted(text, style(false)).as_str(), text);
        let shown = painted(text, style(true));
        for part in [
            "\u{1b}[33m~ policies\u{1b}[0m\n",
            "\u{1b}[1;31m        - old\u{1b}[0m\n",
        ] {
            assert!(shown.as_str().contains(part), "{:?}", shown.as_str());
        }
        assert!(shown.as_str().contains("\nplan: none\n  - a person\n"));
    }

    #[test]
    fn a_policy_shows_the_lines_that_go_and_come_and_nothing_that_a_terminal_would_act_on() {
        let have = "one\ntwo\nthree\nfour\nfive\nsix\n";
        let want = "one\ntwo\nthree\nfour\nfive\u{1b}[2J\nsix\n";
        let shown = diff((have, want), LINES);
        assert!(shown.contains("        - five\n"), "{shown}");
        assert!(shown.contains("        + five"), "{shown}");
        assert!(!shown.contains('\u{1b}'), "{shown}");
        // Only what is around it.
        assert!(!shown.contains("one"), "{shown}");
        assert_eq!(diff((have, have), LINES), "");
    }
}
