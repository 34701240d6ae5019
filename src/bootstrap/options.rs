//! What was typed, without the command line's own types.

use crate::changes::{Meant, SavedPlan};
use crate::checkpoint::ReplicatedCheckpoint;
use crate::code::Code;
use crate::config::Config;
use crate::failure::Failure;
use crate::machine::{Machine, Thing};
use crate::pruning::Prune;
use crate::shell::ShellCommand;
use crate::step::Step;
use crate::step::decide::Recorded;

/// Choices of one `apply`.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Nobody is there to answer.
    pub yes: bool,
    /// Typed beside `revoke_root: false` of the file.
    pub keep_root: bool,
    /// Paths of documents that are written once, and are to be written once more.
    pub again_once: Vec<String>,
    /// Other root tokens are revoked as well instead of stopping the step.
    pub revoke_other_roots: bool,
    /// Addresses that the checkpoint does not know and shares and root may go to all the same.
    pub accept_addresses: Vec<String>,
    /// The lease on the replica of the checkpoint that may be taken over.
    pub take_over: Option<String>,
    /// How long a person is waited for, in seconds.
    pub sign_in_seconds: u64,
    /// Files of identities that open shares of people.
    pub identities: Vec<std::path::PathBuf>,
    /// For the drill, holders whose shares cannot be opened here give them from machines of their own: how long they are
    /// waited for.
    pub holders: Option<std::time::Duration>,
    /// A copy of the report goes here.
    pub report: Option<std::path::PathBuf>,
    /// Who looks and writes once root is revoked, where that is not the first login that opens and needs nobody.
    pub login: Option<String>,
    /// What is on the server and not in the file is named.
    pub all: bool,
    /// After the hand-over, nothing is written: from where it is looked.
    pub check: Option<Machine>,
    /// Documents that are there, and that nothing here remembers having written, are overwritten after the hand-over.
    pub adopt_documents: bool,
    /// A cluster that this checkpoint has not initialised is taken over.
    pub adopt_cluster: bool,
    /// With `yes`, writes that let in more people or addresses are meant too.
    pub allow_widening: bool,
    /// What was planned: that is written after the hand-over, and nothing else.
    pub plan: Option<SavedPlan>,
    /// What is deleted after the hand-over once the file names it no more.
    pub prune: Prune,
    /// Whether there is a terminal to ask on.
    pub terminal: bool,
}

impl Options {
    /// `apply` as it was typed, for advice that can be pasted.
    pub fn again(&self, config: &Config) -> ShellCommand {
        self.again_with(config, "")
    }

    /// `apply` as it was typed, with one more option, for advice that can be pasted.
    pub fn again_with(&self, config: &Config, option: &str) -> ShellCommand {
        let typed = [
            (self.yes, "--yes"),
            (self.keep_root, "--keep-root"),
            (self.revoke_other_roots, "--revoke-other-roots"),
            (self.adopt_cluster, "--adopt-cluster"),
            (self.adopt_documents, "--adopt-documents"),
            (self.allow_widening, "--allow-widening"),
        ];
        let mut verb = ShellCommand::new("apply");
        let names = typed.iter().filter(|(set, name)| *set || *name == option);
        for (_, name) in names {
            verb = verb.and(name);
        }
        if let Some(login) = &self.login {
            verb = verb.and("--login").with(login);
        }
        config.command(self.prune.added_to(verb))
    }

    /// Holds that what is meant for a cluster without a root token is asked of one: while root is valid, `apply` goes on with the
    /// ceremony and writes as root.
    pub(crate) fn need_the_end(
        &self,
        config: &Config,
        records: &ReplicatedCheckpoint,
    ) -> Result<(), Failure> {
        let diary = records.diary();
        if let Some(plan) = &self.plan {
            plan.fits(config, &diary)?;
        }
        let prunes = !self.prune.kinds.is_empty();
        let meant = self.check.is_some() || self.plan.is_some() || self.login.is_some() || prunes;
        let nothing = diary.recorded(Step::Initialize) == Recorded::Nothing;
        if self
            .check
            .is_some_and(|from| nothing && from.sees(Thing::Checkpoint))
        {
            let here = config.checkpoint.path.display();
            let text = format!(
                "{here} has no checkpoint of this cluster, so nobody knows here what was done"
            );
            let advice = format!(
                "run it where the ceremony was held, or name its checkpoint.replica in the file; if none was held yet: {}",
                config.command("plan")
            );
            return Err(Failure::refused(Code::CheckpointEmpty, text).advise(advice));
        }
        let over = diary.handed_over() && !records.borrow().keeps_something()?;
        if !meant || over {
            return Ok(());
        }
        Err(Failure::refused(
            Code::NotHandedOver,
            "--check, --plan, --prune and --login are for a cluster that is handed over, with its root token revoked; this one is not",
        )
        .advise(format!("see what is to be done: {}", config.command("plan"))))
    }

    /// What may be written after the hand-over. A person, and whoever made a plan, have seen all of it.
    pub(crate) fn meant<'a>(&self, made: &'a [String]) -> Meant<'a> {
        Meant {
            made,
            adopted: self.adopt_documents,
            wider: !self.yes || self.allow_widening,
        }
    }

    /// True where root is to be kept, as both the file and the command line say.
    pub fn keeps_root(&self, config: &Config) -> bool {
        self.keep_root && !config.revoke_root
    }

    /// Holds that what was typed and what the file says of the root token are the same.
    pub fn agree_about_root(&self, config: &Config) -> Result<(), Failure> {
        if self.check.is_some() || self.plan.is_some() {
            // Neither leaves or revokes a root token.
            return Ok(());
        }
        match (config.revoke_root, self.keep_root) {
            (false, false) => Err(Failure::usage(
                Code::ConfirmationMissing,
                format!(
                    "{} says revoke_root: false, which leaves a root token without end",
                    config.file.display()
                ),
            )
            .advise(format!(
                "take revoke_root: false out of the file to revoke root now; or, if that is meant, type it as well: {}",
                self.again_with(config, "--keep-root")
            ))),
            (true, true) => Err(Failure::usage(
                Code::ConfirmationMissing,
                "--keep-root was typed, and the file revokes root",
            )
            .advise("say it in the file as well: revoke_root: false")),
            _ => Ok(()),
        }
    }
}
