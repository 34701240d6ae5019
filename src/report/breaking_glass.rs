//! Events of `rehearse` and `break-glass` as lines for a person.

use super::Style;
use crate::break_glass::event::{Event, Invitation, Node};
use crate::layout::hanging;

/// Columns in front of what is said of a run.
const INDENT: usize = 2;

/// What to write on stderr for an event, `width` columns wide.
pub(super) fn lines(event: &Event, style: Style, width: usize) -> String {
    match event {
        Event::Begin {
            command,
            cluster,
            address,
        } => format!(
            "{}\n",
            style.bold(&format!("{command}  {cluster}  {address}"))
        ),
        Event::Note { text } => format!("  {}\n", hanging(text, INDENT, width)),
        Event::Warning { text } => {
            let text = hanging(&format!("warning: {text}"), INDENT, width);
            let (mark, rest) = text.split_at("warning:".len());
            format!("  {}{rest}\n", style.warning(mark))
        }
        Event::SignIn {
            login,
            url,
            code,
            seconds,
        } => {
            let code = code
                .as_ref()
                .map(|code| format!("\n    and type there: {code}"))
                .unwrap_or_default();
            let minutes = seconds.div_ceil(60);
            format!("  {login}: sign in within {minutes} min at\n    {url}{code}\n")
        }
        Event::Started {
            spoken, required, ..
        } => format!(
            "  {}\n",
            hanging(
                &format!(
                    "send this to the holders; each types vault-bootstrap share submit CODE, and compares the end of \
                     the code with you by telephone: {spoken}. {required} shares are needed; then \
                     vault-bootstrap break-glass finish"
                ),
                INDENT,
                width
            )
        ),
        Event::Holders(asked) => invitation(asked, INDENT, width),
        Event::Complete { custodian, .. } => format!(
            "  {}\n",
            hanging(
                &format!(
                    "the share of {custodian} was the last one. Send this back to whoever started it, who types \
                     vault-bootstrap break-glass finish ENCODED -- CMD; it is of no use to anybody else"
                ),
                INDENT,
                width
            )
        ),
        _ => String::new(),
    }
}

/// What holders elsewhere are told: the command on a line of its own, whole, to be copied.
pub(super) fn invitation(asked: &Invitation, indent: usize, width: usize) -> String {
    let Invitation {
        names,
        code,
        spoken,
        cluster_id,
        seconds,
    } = asked;
    let space = " ".repeat(indent);
    let minutes = seconds.div_ceil(60);
    let call = format!(
        "{}: asked for their shares within {minutes} min, each from a machine of their own:",
        names.join(", ")
    );
    let compare = format!(
        "Compare by telephone the end of the code, {spoken}, and the cluster's id in their files, {cluster_id}."
    );
    format!(
        "{space}{}\n{space}  vault-bootstrap share submit {code}\n{space}{}\n",
        hanging(&call, indent, width),
        hanging(&compare, indent, width)
    )
}

/// The result of a short command, for stdout.
pub(super) fn result(event: &Event) -> Option<String> {
    Some(match event {
        Event::Started { code, .. } => format!("{code}\n"),
        Event::Progress { started: false, .. } => "no attempt is under way\n".to_owned(),
        Event::Progress {
            given,
            required,
            nonce,
            ..
        } => format!("{given} of {required} shares given (nonce {nonce})\n"),
        Event::Cancelled {} => "ended\n".to_owned(),
        Event::Given {
            custodian,
            given,
            required,
        } => format!("the share of {custodian} counts: {given} of {required}\n"),
        Event::Complete { encoded, .. } => format!("{encoded}\n"),
        Event::Unsealed { nodes } => nodes.iter().map(node).collect(),
        _ => return None,
    })
}

fn node(node: &Node) -> String {
    let address = &node.address;
    if node.sealed {
        format!(
            "{address}  sealed, {} of {} shares given\n",
            node.given, node.required
        )
    } else {
        format!("{address}  open\n")
    }
}

/// The result, for stdout, or for stderr where stdout is a command's.
pub(super) fn end(
    (text, findings, evidence): (&str, &[String], &str),
    within: impl Fn(&str, usize) -> String,
) -> String {
    let mut lines = format!("{text}\n");
    if !findings.is_empty() {
        lines.push_str("findings:\n");
    }
    for finding in findings {
        lines.push_str(&format!("  - {}\n", within(finding, 4)));
    }
    lines.push_str(&format!("evidence: {evidence}\n"));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_wrapped_below_itself() {
        let style = Style {
            colored: false,
            terminal: false,
        };
        let text = "carol does not answer: no terminal to ask on for the share that she keeps";
        let event = Event::Warning { text: text.into() };
        let text = lines(&event, style, 40);
        assert!(text.starts_with("  warning: carol does not"), "{text}");
        assert!(text.lines().count() > 1);
        assert!(
            text.lines()
                .all(|line| line.chars().count() <= 40 && line.starts_with("  "))
        );
    }
}
