//! Which custodians have opened something before a share is given to them.

use crate::checkpoint::Diary;
use crate::code::Code;
use crate::config::Config;
use crate::custodian::Custodian;
use crate::failure::Failure;
use crate::shell::ShellCommand;

/// The custodians of the file, by name.
pub(crate) struct Proofs {
    /// Something kept by them was opened.
    proved: Vec<String>,
    /// The file accepts them without.
    pub(crate) taken: Vec<String>,
    /// Nobody knows whether they can open anything.
    pub(crate) open: Vec<String>,
}

impl Proofs {
    /// Sorts them by the diary, and by what this run `opened` or will.
    pub(crate) fn of(
        custodians: &[Custodian],
        config: &Config,
        diary: &Diary,
        opened: impl Fn(&Custodian) -> bool,
    ) -> Self {
        let (mut proved, mut taken, mut open) = (Vec::new(), Vec::new(), Vec::new());
        for custodian in custodians {
            let name = custodian.name().to_owned();
            let proof = diary.proofs.get(&name);
            let of_this_key = proof.is_some_and(|proof| proof.subject == custodian.proof_subject());
            if of_this_key || opened(custodian) {
                proved.push(name);
            } else if config.init.accept_unproved.contains(&name) {
                taken.push(name);
            } else {
                open.push(name);
            }
        }
        Self {
            proved,
            taken,
            open,
        }
    }

    /// Why nothing may be initialised: fewer than a quorum are proved or accepted.
    pub(crate) fn too_few(&self, config: &Config) -> Option<Failure> {
        let enough = usize::try_from(config.init.threshold).unwrap_or(usize::MAX);
        if self.proved.len() + self.taken.len() >= enough {
            return None;
        }
        let (proved, open) = (self.proved.len(), self.open.join(", "));
        let first = self.open.first().map_or("NAME", String::as_str);
        let prove = config.command(ShellCommand::new("custodian prove").with(first));
        let failure = Failure::refused(
            Code::CustodianUnproved,
            format!(
                "only {proved} of the {enough} custodians that a quorum needs are proved; nobody has opened anything kept \
                 by {open}"
            ),
        );
        Some(failure.advise(format!(
            "let each holder open a challenge: {prove}; or take the risk by name: init.accept_unproved: [{open}]"
        )))
    }
}
