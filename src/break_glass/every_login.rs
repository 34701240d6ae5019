//! A rehearsal opens each break-glass login that needs no person. Those that do are named: whoever has them rehearses
//! with theirs.

use serde_json::{Value, json};

use crate::break_glass::evidence::Evidence;
use crate::break_glass::session::BreakGlassSession;
use crate::failure::Failure;
use crate::finding::Finding;
use crate::session::login::break_glass_logins;
use crate::shell::ShellCommand;

/// Opens them, looks whether each may generate a root token, and ends it. Those that were not opened, with the reason;
/// one that should have opened is a finding.
///
/// # Errors
/// No node leads in time.
pub(super) async fn each(
    session: &mut BreakGlassSession<'_>,
    evidence: &mut Evidence,
    findings: &mut Vec<Finding>,
) -> Result<Vec<String>, Failure> {
    let in_use = session.login()?.name.clone();
    let (mut facts, mut closed): (Vec<Value>, Vec<String>) = (Vec::new(), Vec::new());
    for login in break_glass_logins(session.config) {
        let name = &login.name;
        let why = if *name == in_use {
            None
        } else if session.options.login.is_some() {
            Some(format!("--login {in_use} was typed"))
        } else if login.needs_a_person() {
            Some("it needs a person".to_owned())
        } else {
            session.keep_to_active().await?;
            match session.open_and_end(login).await {
                Ok(()) => {
                    session.note(format!("the break-glass login {name} opens too"));
                    None
                }
                Err(failure) => {
                    let why = failure.to_string();
                    findings.push(Finding::BreakGlassLoginClosed(name.clone(), why.clone()));
                    facts.push(json!({"name": name, "opened": false, "why": why}));
                    continue;
                }
            }
        };
        facts.push(json!({"name": name, "opened": why.is_none(), "why": why}));
        if let Some(why) = why {
            let with_it = ShellCommand::new("rehearse --login").with(name);
            session.note(format!(
                "the break-glass login {name} was not opened: {why}; to rehearse with it: {}",
                session.config.command(with_it)
            ));
            closed.push(name.clone());
        }
    }
    evidence.set("logins", facts);
    Ok(closed)
}
