//! What a person does next, beside the result of a short command.

use crate::event::{Event, Invitation, NodeSeal};
use crate::printable;
use crate::report::imported;
use crate::shell::ShellCommand;
use crate::span;
use crate::text_layout::hanging;

/// What a person does with the result of a short command; and a line to be copied, whole, where there is one.
pub(super) fn advice(event: &Event) -> Option<(String, String)> {
    let text = match event {
        Event::Started {
            spoken, required, ..
        } => format!(
            "send this to the holders; each types vault-bootstrap share submit CODE, and compares the end of the code \
             with you by telephone: {spoken}. {required} shares are needed; then vault-bootstrap break-glass finish"
        ),
        Event::Complete { custodian, .. } => format!(
            "the share of {custodian} was the last one. Send this back to whoever started it, who types \
             vault-bootstrap break-glass finish ENCODED -- CMD; it is of no use to anybody else"
        ),
        Event::NewIdentity(made) => {
            let text = format!(
                "{}: the secret key is in {}, which you alone can read; for {}:",
                made.name,
                made.file.display(),
                made.section
            );
            return Some((text, format!("    {}\n", printable::one_line(&made.entry))));
        }
        Event::Challenge(made) if made.file.is_some() => {
            let text = format!(
                "send it to {}, who reads the word in it with: {}; then, today or later:",
                made.custodian, made.decrypt
            );
            return Some((text, format!("    {}\n", made.next)));
        }
        Event::Unsealed { nodes } => {
            let missing = |node: &NodeSeal| node.required.saturating_sub(node.given);
            let missing = nodes.iter().filter(|node| node.sealed).map(missing).max()?;
            let (shares, types) = match missing {
                1 => ("share is", "one more holder types"),
                _ => ("shares are", "each further holder types"),
            };
            format!(
                "{missing} {shares} still missing: {types} vault-bootstrap unseal --identity KEYFILE"
            )
        }
        Event::Imported(made) => return imported::advice(made),
        Event::Converted(made) => return imported::advice_on_converted(made),
        Event::HolderFile(file) if file.cluster_id.is_none() => {
            "it has no cluster.id, which share submit needs: the checkpoint here knows of no initialised cluster; print it \
             again after the ceremony"
                .to_owned()
        }
        _ => return None,
    };
    Some((text, String::new()))
}

/// What holders elsewhere are told: the command on a line of its own, whole, to be copied.
pub(super) fn invite(asked: &Invitation, indent: usize, width: usize) -> String {
    let space = " ".repeat(indent);
    let call = format!(
        "{}: asked for their shares within {}, each from a machine of their own:",
        asked.names.join(", "),
        span::of_seconds(asked.seconds)
    );
    let compare = format!(
        "Compare by telephone the end of the code, {}, and the cluster's id in their files, {}.",
        asked.spoken, asked.cluster_id
    );
    format!(
        "{space}{}\n{space}  {}\n{space}{}\n",
        hanging(&call, indent, width),
        ShellCommand::new("vault-bootstrap share submit").with(&asked.code),
        hanging(&compare, indent, width)
    )
}

/// What a person does who is asked to sign in: where, what to type there, and how a browser of another machine comes back.
pub(super) fn sign_in(
    (login, url): (&str, &str),
    (code, port): (Option<&str>, Option<u16>),
    seconds: u64,
) -> String {
    let code = code.map(|code| format!("\n  and type there: {code}"));
    let (code, led) = (code.unwrap_or_default(), port.map(led_here));
    let limit = span::of_seconds(seconds);
    let led = led.unwrap_or_default();
    format!("{login}: sign in within {limit} at\n  {url}{code}{led}")
}

/// What brings the browser of another machine back to this port.
fn led_here(port: u16) -> String {
    let ports = format!("{port}:localhost:{port}");
    let command = ShellCommand::new("ssh -L").with(ports).and("THIS-MACHINE");
    format!("\nwith a browser on another machine, first type there\n  {command}")
}
