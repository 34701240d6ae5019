//! What a ceremony came to, as lines that somebody pastes into a ticket.

use crate::event::{Adopted, AuditProof, BreakGlassState, RootState, SharesKept, Shown, Summary};
use crate::machine::Apart;
use crate::report::results::one_line;

/// Columns of what each line is about.
const ABOUT: usize = 13;

/// Each fact on a line, wrapped below itself where a person reads along.
pub(super) fn facts(summary: &Summary, width: Option<usize>) -> String {
    let mut text = String::new();
    let mut line = |about: &str, fact: &str| {
        text.push_str(&format!(
            "{about:<ABOUT$}{}\n",
            one_line(fact, ABOUT, width)
        ));
    };
    line(
        "cluster",
        &format!("{}, {}", summary.cluster, summary.address),
    );
    let id = summary.cluster_id.as_deref();
    line("id", id.unwrap_or("not known"));
    if let Some(adopted) = &summary.adopted {
        line("taken over", &taken_over(adopted));
    }
    if let Some(kept) = &summary.shares {
        line("shares", &shares(kept));
    }
    line("audit", &audit(&summary.audit));
    line("logins", &logins(&summary.logins));
    line("break-glass", &break_glass(&summary.break_glass));
    line("root", &root(&summary.root));
    text
}

/// What lies on other machines, and where it is seen: each machine once.
pub(super) fn apart(all: &[Apart], width: Option<usize>) -> String {
    let mut text = String::new();
    if all.is_empty() {
        return text;
    }
    text.push_str("on another machine, counted apart:\n");
    let mut machines: Vec<(&str, &str)> = Vec::new();
    for one in all {
        text.push_str(&format!("  - {}\n", one_line(&one.what, 4, width)));
        let machine = (one.on.as_str(), one.look.as_str());
        if !machines.contains(&machine) {
            machines.push(machine);
        }
    }
    for (on, look) in machines {
        let on = one_line(&format!("look on {on}:"), 2, width);
        text.push_str(&format!("  {on}\n      {}\n", one_line(look, 6, None)));
    }
    text
}

/// What was compared with what was sent alone.
pub(super) fn not_shown(all: &[String], width: Option<usize>) -> String {
    let documents = match all.len() {
        0 => return String::new(),
        1 => "1 document has".to_owned(),
        many => format!("{many} documents have"),
    };
    let text = format!(
        "{documents} fields that no server shows, such as passwords: whether somebody else has set them since was not seen \
         (named above, and all of them in --output json)"
    );
    format!("{}\n", one_line(&text, 2, width))
}

/// The command on a line of its own.
pub(super) fn next(summary: &Summary, width: Option<usize>) -> String {
    let why = one_line(&summary.why, 6, width);
    format!("next: {}\n      {why}\n", one_line(&summary.next, 6, None))
}

/// What is not of this run is said to be of the record.
fn recorded<T>(shown: &Shown<T>) -> String {
    match (shown.in_this_run, &shown.at) {
        (true, _) => String::new(),
        (false, Some(at)) => format!(" (recorded {at})"),
        (false, None) => " (recorded)".to_owned(),
    }
}

/// Since when, and what is not known of it here.
pub(super) fn taken_over(adopted: &Adopted) -> String {
    let Adopted { at, login } = adopted;
    format!("{at} as {login}; initialised by somebody else: shares and root are not known here")
}

fn shares(kept: &SharesKept) -> String {
    let kind = if kept.recovery { "recovery" } else { "unseal" };
    let SharesKept {
        shares, threshold, ..
    } = kept;
    let names = kept.custodians.facts.join(", ");
    format!(
        "{shares} {kind} shares, {threshold} needed: {names}{}",
        recorded(&kept.custodians)
    )
}

fn audit(shown: &Shown<Vec<AuditProof>>) -> String {
    if shown.facts.is_empty() {
        return format!("no device{}", recorded(shown));
    }
    let device = |one: &AuditProof| match &one.proof {
        Some(proof) => format!("{}: {proof}", one.device),
        None => one.device.clone(),
    };
    let devices: Vec<_> = shown.facts.iter().map(device).collect();
    format!("{}{}", devices.join("; "), recorded(shown))
}

fn logins(shown: &Shown<Vec<String>>) -> String {
    if shown.facts.is_empty() {
        return format!("none opened{}", recorded(shown));
    }
    format!("opened: {}{}", shown.facts.join(", "), recorded(shown))
}

fn break_glass(state: &BreakGlassState) -> String {
    match state {
        BreakGlassState::NotDeclared { reason } => format!("none, on purpose: {reason}"),
        BreakGlassState::NotExercised { since: None } => "not exercised".to_owned(),
        BreakGlassState::NotExercised { since: Some(since) } => {
            format!("not exercised with the shares that are in effect since {since}")
        }
        BreakGlassState::Rehearsed {
            at,
            evidence,
            without,
        } => rehearsed(at, without, evidence),
        BreakGlassState::Exercised { login, quorums } => {
            let at = quorums.at.as_deref().unwrap_or("at an unknown time");
            let together = quorums.facts.iter().map(|names| names.join("+"));
            let together = together.collect::<Vec<_>>().join(", ");
            let login = login.as_deref().unwrap_or("a login");
            let origin = if quorums.in_this_run {
                ""
            } else {
                " (recorded)"
            };
            format!("exercised {at} by {login} with {together}{origin}")
        }
    }
}

/// When it was rehearsed last, without whom, and where that is shown.
pub(super) fn rehearsed(at: &str, without: &[String], evidence: &str) -> String {
    let without = match without {
        [] => String::new(),
        names => format!(", without {}", names.join(", ")),
    };
    format!("last rehearsed {at}{without}: {evidence}")
}

fn root(state: &RootState) -> String {
    match state {
        RootState::Revoked { proof } => {
            let at = proof.at.as_deref().unwrap_or("at an unknown time");
            let origin = if proof.in_this_run { "" } else { " (recorded)" };
            format!("revoked {at}: {}{origin}", proof.facts.in_words())
        }
        RootState::Kept { in_use: true } => "kept on purpose, and still valid".to_owned(),
        RootState::Kept { in_use: false } => {
            "kept on purpose; whether it is valid was not looked at".to_owned()
        }
        RootState::NotShown {} => "nothing recorded shows that it was revoked".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{ControlLogin, RootProof};

    fn shown<T>(facts: T, in_this_run: bool) -> Shown<T> {
        Shown {
            facts,
            in_this_run,
            at: Some("2026-11-21T18:36:24Z".into()),
        }
    }

    fn summary(now: bool) -> Summary {
        let names = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        Summary {
            cluster: "prod".into(),
            address: "https://vault.internal:8200".into(),
            cluster_id: Some("4d0b5f3f-6d0c-7c1b-5a50-2a8a5c8d6c31".into()),
            adopted: None,
            shares: Some(SharesKept {
                recovery: true,
                shares: 5,
                threshold: 3,
                custodians: shown(names(&["alice", "bob", "carol", "dave", "erin"]), now),
            }),
            audit: shown(
                vec![AuditProof {
                    device: "file".into(),
                    proof: Some("marker found in the log".into()),
                }],
                now,
            ),
            logins: shown(names(&["auditor", "operator", "ada"]), now),
            break_glass: BreakGlassState::Exercised {
                login: Some("ada".into()),
                quorums: shown(vec![names(&["alice", "bob", "carol"])], now),
            },
            root: RootState::Revoked {
                proof: shown(
                    RootProof {
                        before: Some(200),
                        after: Some(403),
                        found: None,
                        control: Some(ControlLogin {
                            login: "auditor".into(),
                            status: 200,
                        }),
                    },
                    now,
                ),
            },
            not_shown: Vec::new(),
            apart: Vec::new(),
            next: "vault-bootstrap apply".into(),
            why: "compares the server with the file once more".into(),
        }
    }

    #[test]
    fn it_has_what_a_ticket_needs_and_fits_it() {
        let text = facts(&summary(true), Some(80)) + &next(&summary(true), Some(80));
        assert_eq!(
            text,
            "cluster      prod, https://vault.internal:8200\n\
             id           4d0b5f3f-6d0c-7c1b-5a50-2a8a5c8d6c31\n\
             shares       5 recovery shares, 3 needed: alice, bob, carol, dave, erin\n\
             audit        file: marker found in the log\n\
             logins       opened: auditor, operator, ada\n\
             break-glass  exercised 2026-11-21T18:36:24Z by ada with alice+bob+carol\n\
             root         revoked 2026-11-21T18:36:24Z: root token 200 before, 403 after;\n\
             \u{20}            control login auditor 200\n\
             next: vault-bootstrap apply\n      compares the server with the file once more\n"
        );
        for width in 50..80 {
            let text = facts(&summary(false), Some(width));
            assert!(text.lines().all(|line| line.len() <= width), "{text}");
        }
    }

    #[test]
    fn what_lies_on_other_machines_is_named_with_each_of_them_once() {
        let one = |what: &str, on: &str, look: &str| Apart {
            thing: crate::machine::Thing::Secret,
            what: what.into(),
            on: on.into(),
            look: look.into(),
        };
        let all = [
            one("a secret", "the operator's machine", "x --from operator"),
            one("a log", "the server's own machine", "x --from server"),
            one("a share", "the operator's machine", "x --from operator"),
        ];
        assert_eq!(
            apart(&all, Some(80)),
            "on another machine, counted apart:\n\
             \u{20} - a secret\n  - a log\n  - a share\n\
             \u{20} look on the operator's machine:\n      x --from operator\n\
             \u{20} look on the server's own machine:\n      x --from server\n"
        );
        assert_eq!(apart(&[], None), "");
    }

    #[test]
    fn what_an_earlier_run_has_shown_is_called_recorded() {
        let text = facts(&summary(false), None);
        let of_others = text.lines().filter(|line| line.contains("(recorded"));
        assert_eq!(of_others.count(), 5, "{text}");
        assert!(!facts(&summary(true), None).contains("recorded"));
    }

    #[test]
    fn nothing_good_is_said_of_what_nobody_has_seen() {
        let mut open = summary(true);
        open.root = RootState::NotShown {};
        open.break_glass = BreakGlassState::NotExercised { since: None };
        open.logins.facts.clear();
        let text = facts(&open, None);
        for said in ["not exercised", "none opened", "nothing recorded shows"] {
            assert!(text.contains(said), "{text}");
        }
        let since = Some("2026-04-01T00:00:00Z".to_owned());
        open.break_glass = BreakGlassState::NotExercised { since };
        let said = "not exercised with the shares that are in effect since 2026-04-01T00:00:00Z";
        assert!(facts(&open, None).contains(said));
        open.root = RootState::Kept { in_use: true };
        assert!(facts(&open, None).contains("kept on purpose, and still valid"));
    }
}
