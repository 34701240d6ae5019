//! What to type once `apply` has come to its end, or has stopped.

use crate::changes;
use crate::checkpoint::{self, Diary};
use crate::code::Code;
use crate::config::Config;
use crate::finding::Finding;
use crate::session::unfinished;
use crate::shell::ShellCommand;

/// What `apply` does once all is done.
pub(crate) const LOOKS_AGAIN: &str = "compares the server with the file once more";
/// What `rehearse` does where a killed run left something.
pub(crate) const AFTER_A_KILL: &str =
    "cleans up and compares what that run has left, once it is no longer going";

/// The command to type once `apply` has come to its end, and what it does. `kept` is root; `open` whether break-glass works;
/// `login` the one that was typed.
pub(crate) fn next_after_the_end(
    config: &Config,
    diary: &Diary,
    (kept, open): (bool, bool),
    login: Option<&str>,
    (findings, looked_as): (&[Finding], Option<&str>),
) -> (String, String) {
    let half_made = diary.rotation.as_ref().filter(|one| one.is_half_made());
    if let Some(rotation) = half_made {
        let why = Finding::RotationIsOpen(rotation.wanted.generation);
        return (rotation.again.clone(), why.to_string());
    }
    if !unfinished::findings(config).is_empty() {
        return (config.command("rehearse").into(), AFTER_A_KILL.to_owned());
    }
    let (next, why) = match (kept, open) {
        (true, _) => (
            config.apply_that_revokes(),
            "take revoke_root: false out of the file, then this revokes root",
        ),
        (false, true) => (
            config.command("rehearse"),
            "shows whether break-glass works",
        ),
        // It needs no share and asks nobody.
        (false, false) => {
            let unseen = findings.iter().any(|one| one.code() == Code::NotSeen);
            let places: Vec<_> = findings.iter().filter_map(Finding::in_its_place).collect();
            if let Some((next, why)) = changes::next(config, unseen, &places, looked_as) {
                return (next.into(), why.to_owned());
            }
            let apply = ShellCommand::new("apply");
            let apply = match login {
                Some(name) => apply.and("--login").with(name),
                None => apply,
            };
            (config.bare_command(apply), LOOKS_AGAIN)
        }
    };
    (next.into(), why.to_owned())
}

/// What a stop leaves where nobody has begun to revoke the root token of the checkpoint.
pub fn root_stays(config: &Config) -> Option<Finding> {
    checkpoint::keeps_root(&config.checkpoint.path).then_some(Finding::RootStays)
}
