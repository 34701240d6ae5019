//! Who opens what a custodian keeps.

use crate::shell::ShellCommand;

/// Who opens what a custodian keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opener {
    /// A machine, with the credentials of this run.
    Machine,
    /// A person with an age identity.
    Identity,
    /// A person with a PGP key.
    Gpg,
}

impl Opener {
    /// What a person types to read it, before the name of a file.
    pub fn command(self) -> ShellCommand {
        ShellCommand::new(match self {
            Self::Machine => "aws ssm get-parameter --with-decryption --name",
            Self::Identity => "age -d -i KEYFILE",
            Self::Gpg => "gpg --decrypt",
        })
    }
}
