//! What a person is asked, and shown before the answer.

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::options::Options;
use crate::code::Code;
use crate::config::Config;
use crate::failure::Failure;
use crate::prompt;
use crate::step::Step;
use crate::vault::auth::scan::Found;

/// What to type where a question has nobody to answer it.
pub fn without_a_terminal(config: &Config, options: &Options) -> String {
    let command = options.again_with(config, "--yes");
    format!("to answer in advance: {command}")
}

/// Asks before the root token is revoked, showing what opened and what did not.
pub(crate) async fn before_revoking(
    ceremony: &Ceremony<'_>,
    others: &[Found],
    children: &[Found],
) -> Result<(), Failure> {
    let mut lines = vec![
        "The root token is about to be revoked. After this, only these logins get in:".to_owned(),
    ];
    let diary = ceremony.diary();
    let opened: Option<Vec<serde_json::Value>> = diary.fact(Step::Logins, "opened");
    for door in opened.iter().flatten() {
        let break_glass = match (door["break_glass"] == true, diary.drill_was_held()) {
            (true, true) => " (break-glass)",
            (true, false) => " (break-glass, not rehearsed)",
            (false, _) => "",
        };
        lines.push(format!(
            "  opened {}{break_glass}",
            door["login"].as_str().unwrap_or("?")
        ));
    }
    for finding in ceremony.findings.borrow().iter() {
        lines.push(format!("  finding: {finding}"));
    }
    for token in others {
        lines.push(format!("  also revoked: {}", token.line()));
    }
    for token in children {
        lines.push(format!("  may be revoked with it: {}", token.line()));
    }
    // A line each: whatever others have named cannot begin one.
    for line in lines {
        ceremony.caller.events.before_a_question(line);
    }
    let instead = without_a_terminal(ceremony.config, ceremony.options);
    match prompt::confirm("Revoke the root token now?", &instead).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::failed(
            Code::Declined,
            "the root token was not revoked: you said no",
        )
        .advise("it stays encrypted in the checkpoint; run apply again when you are ready")),
        Err(error) => Err(error.into()),
    }
}
