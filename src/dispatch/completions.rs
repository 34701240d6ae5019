//! Shell completions and man pages.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::{Cli, CompletionTarget};
use crate::code::Code;
use crate::failure::Failure;

pub(super) fn completions(target: CompletionTarget, of: &[String]) -> Result<String, Failure> {
    let mut command = Cli::command();
    if !of.is_empty() && !matches!(target, CompletionTarget::Man) {
        let text = format!(
            "completions are for all commands: nothing is made for {} alone",
            of.join(" ")
        );
        return Err(Failure::usage(Code::NameUnknown, text).advise("leave it out"));
    }
    let mut text = Vec::new();
    let shell = match target {
        CompletionTarget::Bash => Shell::Bash,
        CompletionTarget::Elvish => Shell::Elvish,
        CompletionTarget::Fish => Shell::Fish,
        CompletionTarget::Powershell => Shell::PowerShell,
        CompletionTarget::Zsh => Shell::Zsh,
        CompletionTarget::Man => {
            // Writing into memory does not fail.
            let _ = clap_mangen::Man::new(page_of(command, of)?).render(&mut text);
            return Ok(String::from_utf8_lossy(&text).into_owned());
        }
    };
    clap_complete::generate(shell, &mut command, "vault-bootstrap", &mut text);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The command that these words name, with the options of every command.
fn page_of(all: clap::Command, words: &[String]) -> Result<clap::Command, Failure> {
    let mut command = all.disable_help_subcommand(true);
    command.build();
    for word in words {
        let Some(found) = command.find_subcommand(word) else {
            let text = format!("there is no command {}", words.join(" "));
            let advice = "see them: vault-bootstrap --help";
            return Err(Failure::usage(Code::NameUnknown, text).advise(advice));
        };
        command = found.clone();
    }
    Ok(command)
}
