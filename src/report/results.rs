//! What a command came to, as text for stdout.

use std::collections::BTreeMap;
use std::path::Path;

use crate::code::Reported;
use crate::event::{
    Abandoned, Challenged, Event, NodeSeal, ReportLine, Rotated, Status, Summary, Verified,
};
use crate::printable;
use crate::report::headline::{Seen, headline};
use crate::report::{imported, plan, summary};
use crate::step::decide::Recorded;
use crate::step::{ORDER, Step};
use crate::text_layout::hanging;

/// How results are laid out.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    /// Columns to wrap at, where a person reads along.
    pub(super) width: Option<usize>,
    /// The code of each finding stands before it.
    pub(super) codes: bool,
}

/// The text for stdout; none where an event is no result.
pub(super) fn text(event: &Event, layout: Layout) -> Option<String> {
    Some(match event {
        Event::Started { code, .. } => format!("{code}\n"),
        Event::Progress { started: false, .. } => "no root generation is in progress\n".to_owned(),
        Event::Progress {
            given,
            required,
            nonce,
            ..
        } => format!("{given} of {required} shares given (nonce {nonce})\n"),
        Event::Cancelled {} => "cancelled\n".to_owned(),
        Event::Given {
            custodian,
            given,
            required,
        } => format!("the share of {custodian} was accepted: {given} of {required}\n"),
        Event::Complete { encoded, .. } => format!("{encoded}\n"),
        Event::Unsealed { nodes } => nodes.iter().map(node).collect(),
        Event::Status(found) => status(found, layout),
        Event::Plan(made) => plan::text(made, layout),
        Event::Abandoned(done) => abandoned(done, layout.width),
        Event::Challenge(made) => challenge(made),
        Event::Proved(proved) => format!("{} is proved: {}\n", proved.custodian, proved.subject),
        Event::NewIdentity(made) => format!("{}\n", made.recipient),
        Event::HolderFile(file) => file.text.clone(),
        Event::Imported(found) => imported::text(found),
        Event::Converted(made) => imported::text_of_converted(made),
        Event::Verified(found) => verified(found, layout),
        Event::Rotated(done) => rotated(done),
        Event::End {
            unchanged,
            not_rechecked,
            text,
            summary,
            findings,
            report,
            ..
        } => {
            let unseen = not_rechecked.as_deref().unwrap_or_default();
            let headline = match text {
                Some(text) => text.as_str(),
                None => {
                    let seen = Seen::of(summary.as_deref(), unseen);
                    headline(*unchanged == Some(true), findings, seen)
                }
            };
            if let Some(summary) = summary {
                let open = (findings.as_slice(), unseen);
                return Some(for_a_ticket(
                    (headline, summary),
                    open,
                    report.as_deref(),
                    layout,
                ));
            }
            let label = if text.is_some() { "evidence" } else { "report" };
            end(
                (headline, findings, unseen),
                (label, report.as_deref()),
                layout,
            )
        }
        _ => return None,
    })
}

fn challenge(made: &Challenged) -> String {
    match &made.file {
        None => format!("{}\n", made.armored.trim_end()),
        Some(file) => format!(
            "the challenge of {} is in {}\n",
            made.custodian,
            file.display()
        ),
    }
}

fn verified(found: &Verified, layout: Layout) -> String {
    let (file, comment) = (found.file.display(), &found.comment);
    let headline = format!(
        "{file} is what was signed: {comment}, ended {}",
        found.ended
    );
    end((&headline, &found.findings, &[]), ("", None), layout)
}

fn end(
    (headline, findings, unseen): (&str, &[Reported], &[Step]),
    (label, report): (&str, Option<&str>),
    layout: Layout,
) -> String {
    let headline = one_line(headline, 0, layout.width);
    let mut text = format!("{headline}\n{}", left_open(findings, unseen, layout));
    if let Some(report) = report {
        text.push_str(&format!("{label}: {}\n", from_here(report)));
    }
    text
}

/// What `apply` came to: its codes too, since it is read elsewhere.
fn for_a_ticket(
    (headline, summary): (&str, &Summary),
    (findings, unseen): (&[Reported], &[Step]),
    report: Option<&str>,
    layout: Layout,
) -> String {
    let coded = Layout {
        codes: true,
        ..layout
    };
    let open = left_open(findings, unseen, coded);
    let none = if findings.is_empty() {
        "findings: none\n"
    } else {
        ""
    };
    let facts = summary::facts(summary, layout.width);
    let hidden = summary::not_shown(&summary.not_shown, layout.width);
    let apart = summary::apart(&summary.apart, layout.width);
    let next = summary::next(summary, layout.width);
    let report = report.map(|report| format!("report: {}\n", from_here(report)));
    format!(
        "{headline}\n\n{facts}\n{none}{open}{hidden}{apart}{next}{}",
        report.unwrap_or_default()
    )
}

fn left_open(findings: &[Reported], unseen: &[Step], layout: Layout) -> String {
    let mut text = String::new();
    if !findings.is_empty() {
        text.push_str("findings:\n");
    }
    text.push_str(&found(findings, layout));
    if !unseen.is_empty() {
        let titles: Vec<_> = unseen.iter().map(|step| step.title().to_owned()).collect();
        text.push_str(&format!(
            "{} of {} steps {} not checked again, or only in part:\n",
            unseen.len(),
            ORDER.len(),
            if unseen.len() == 1 { "was" } else { "were" }
        ));
        text.push_str(&list(&titles, layout.width));
    }
    text
}

pub(super) fn found(findings: &[Reported], Layout { width, codes }: Layout) -> String {
    let line = |one: &Reported| {
        if codes {
            format!("[{}] {one}", one.code)
        } else {
            one.to_string()
        }
    };
    list(&findings.iter().map(line).collect::<Vec<_>>(), width)
}

fn list(lines: &[String], width: Option<usize>) -> String {
    let line = |line: &String| format!("  - {}\n", one_line(line, 4, width));
    lines.iter().map(line).collect()
}

/// Characters of a time as a diary has it.
const WHEN: usize = 40;

fn status(status: &Status, layout: Layout) -> String {
    let width = layout.width;
    let mut text = format!(
        "cluster  {}\naddress  {}\nserver   {}\n",
        status.cluster,
        status.address,
        one_line(&status.server, 9, width)
    );
    for node in &status.nodes {
        let line = format!("{}  {}", node.address, node.state);
        text.push_str(&format!("node     {}\n", one_line(&line, 9, width)));
    }
    if let Some(replica) = &status.replica {
        text.push_str(&format!("replica  {}\n", one_line(replica, 9, width)));
    }
    if let Some(last) = &status.rehearsed {
        let (at, evidence) = (&last.at, &last.evidence);
        let line = summary::rehearsed(at, &last.without, evidence);
        text.push_str(&format!("break-glass  {}\n", one_line(&line, 13, width)));
    }
    if let Some(adopted) = &status.adopted {
        let line = summary::taken_over(adopted);
        text.push_str(&format!("taken over  {}\n", one_line(&line, 12, width)));
    }
    if let Some(run) = &status.running {
        let line = format!(
            "process {} of {}, since {}; what is below may be behind it",
            run.process,
            run.user,
            printable::line(&run.since, WHEN)
        );
        text.push_str(&format!("running  {}\n", one_line(&line, 9, width)));
    }
    if let Some(report) = &status.report {
        let line = format!("{}: {}", report.path, findings_of(report));
        text.push_str(&format!("report   {}\n", one_line(&line, 9, width)));
    }
    text.push_str("\nas recorded here; apply looks again, and names what it does not check\n");
    for step in &status.steps {
        let (mark, when) = match step.state {
            Recorded::Done => ("done", step.finished.as_deref().unwrap_or("")),
            Recorded::Started => ("begun", ""),
            Recorded::Nothing => ("-", ""),
        };
        let when = printable::line(when, WHEN);
        text.push_str(&format!("{:<46} {mark:<6} {when}\n", step.title));
    }
    if !status.findings.is_empty() {
        text.push_str(&format!("\nfindings:\n{}", found(&status.findings, layout)));
    }
    text.push_str(&format!("\nnext: {}\n", status.next));
    if let Some(why) = &status.why {
        text.push_str(&format!("      {}\n", one_line(why, 6, width)));
    }
    text
}

/// What a report says, by code: each once, with how often.
fn findings_of(report: &ReportLine) -> String {
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for code in &report.findings {
        *counted.entry(code.text()).or_default() += 1;
    }
    let each = counted.into_iter().map(|(name, count)| match count {
        1 => name.to_owned(),
        _ => format!("{name} ({count} times)"),
    });
    let written = printable::line(&report.written, WHEN);
    match report.findings.len() {
        0 => format!("no finding, {written}"),
        _ => format!("found {}, {written}", each.collect::<Vec<_>>().join(", ")),
    }
}

fn abandoned(done: &Abandoned, width: Option<usize>) -> String {
    format!(
        "abandoned: {}\ndestroyed:\n{}left for you to do:\n{}",
        done.cluster,
        list(&done.destroyed, width),
        list(&done.remains, width)
    )
}

fn rotated(done: &Rotated) -> String {
    let Rotated {
        generation,
        shares,
        threshold,
        ..
    } = done;
    if !done.changed {
        return format!(
            "generation {generation} of the shares is in effect already; nothing was written\n"
        );
    }
    let evidence = done.evidence.as_deref();
    let evidence = evidence.map(|path| format!("evidence: {}\n", path.display()));
    format!(
        "generation {generation} of the shares is in effect: any {threshold} of these {shares}\n  {}\nkeep {} as the file \
         of this cluster; the shares that {} names are no longer valid\n{}",
        done.custodians.join("\n  "),
        done.file.display(),
        done.from.display(),
        evidence.unwrap_or_default()
    )
}

fn node(node: &NodeSeal) -> String {
    let NodeSeal {
        address,
        sealed,
        given,
        required,
    } = node;
    if *sealed {
        format!("{address}  sealed, {given} of {required} shares given\n")
    } else {
        format!("{address}  unsealed\n")
    }
}

/// Wrapped where there is a terminal, and as it is for machines, which search in lines.
pub(super) fn within(text: &str, indent: usize, width: Option<usize>) -> String {
    match width {
        Some(width) => hanging(text, indent, width),
        None => text.to_owned(),
    }
}

/// The same of what has one line by nature: a line that somebody else begins in it would be taken for one of ours.
pub(super) fn one_line(text: &str, indent: usize, width: Option<usize>) -> String {
    within(&printable::one_line(text), indent, width)
}

/// A path below the working directory as a person would type it.
fn from_here(path: &str) -> &str {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| Path::new(path).strip_prefix(here).ok());
    below.and_then(Path::to_str).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_not_looked_at_is_said_to_be_as_the_file_says() {
        let end = |not_rechecked: Vec<Step>, unchanged| {
            let event = Event::End {
                unchanged: Some(unchanged),
                not_rechecked: Some(not_rechecked),
                text: None,
                summary: None,
                findings: Vec::new(),
                report: None,
                code: None,
            };
            let layout = Layout {
                width: None,
                codes: false,
            };
            text(&event, layout).unwrap()
        };
        assert!(end(Vec::new(), true).starts_with("everything is as the file says"));
        for unchanged in [true, false] {
            let text = end(vec![Step::Audit, Step::Secrets], unchanged);
            assert!(!text.contains("everything is"), "{text}");
            assert!(!text.contains("nothing left open"), "{text}");
            assert!(
                text.contains("2 of 14 steps were not checked again"),
                "{text}"
            );
            assert!(
                text.contains("- audit first\n") && text.contains("- secrets engines\n"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_path_below_the_working_directory_is_shown_as_it_would_be_typed() {
        let here = std::env::current_dir().unwrap();
        let below = here.join("checkpoint/report.json");
        assert_eq!(from_here(below.to_str().unwrap()), "checkpoint/report.json");
        assert_eq!(from_here("/somewhere/else"), "/somewhere/else");
    }
}
