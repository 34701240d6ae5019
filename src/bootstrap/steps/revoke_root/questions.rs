//! What a person is asked, and shown before the answer.

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::options::Options;
use crate::code::Code;
use crate::config::Config;
use crate::failure::Failure;
use crate::prompt;
use crate::step::Step;
use crate::step::decide::Recorded;
use crate::vault::auth::scan::Found;
use crate::vault::sys;

/// Holds that somebody can be asked before root is revoked. A server that somebody else has initialised is told as that.
pub(crate) async fn can_be_asked(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    let (config, options, diary) = (ceremony.config, ceremony.options, ceremony.diary());
    if options.yes || options.terminal || !config.revoke_root || diary.handed_over() {
        return Ok(());
    }
    let begun = diary.recorded(Step::Initialize) != Recorded::Nothing;
    if !begun && sys::initialized(&ceremony.client()).await.unwrap_or(false) {
        return Ok(());
    }
    Err(Failure::usage(
        Code::NoTerminal,
        "there is no terminal to ask on before the root token is revoked",
    )
    .advise(without_a_terminal(config, options)))
}

/// What to type where a question has nobody to answer it.
fn without_a_terminal(config: &Config, options: &Options) -> String {
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
