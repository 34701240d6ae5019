//! What was typed, without the command line's own types.

use crate::changes::{Meant, SavedPlan};
use crate::checkpoint::ReplicatedCheckpoint;
use crate::code::Code;
use crate::config::Config;
use crate::desired::Kind;
use crate::failure::Failure;
use crate::pruning::Prune;
use crate::shell::ShellCommand;

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
    /// After the hand-over, nothing is written.
    pub check: bool,
    /// Where this looks, neither the secrets nor the custodians of an operator are at hand.
    pub from_pipeline: bool,
    /// Documents that are there, and that nothing here remembers having written, are overwritten after the hand-over.
    pub adopt_documents: bool,
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
        let meant = self.check || self.plan.is_some() || self.login.is_some() || prunes;
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

    /// Holds that the file has what is to be done once more.
    ///
    /// # Errors
    /// It does not: nothing would be done, and nobody would notice.
    pub fn again_is_in_the_file(&self, config: &Config) -> Result<(), Failure> {
        let paths = config.writes.iter().map(|one| one.path.as_str());
        let once: Vec<&str> = paths
            .filter(|path| Kind::of_path(config, path).once)
            .collect();
        let mut asked = self.again_once.iter();
        let Some(unknown) = asked.find(|path| !once.contains(&path.as_str())) else {
            return Ok(());
        };
        let file = config.file.display();
        let failure = Failure::usage(
            Code::NameUnknown,
            format!("--again {unknown}: writes of {file} has nothing there that is done once"),
        );
        Err(failure.advise(match once.as_slice() {
            [] => "leave it out: what differs is written anyway".to_owned(),
            once => format!("one of these: {}", once.join(", ")),
        }))
    }

    /// Holds that what was typed and what the file says of the root token are the same.
    pub fn agree_about_root(&self, config: &Config) -> Result<(), Failure> {
        if self.check || self.plan.is_some() {
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
