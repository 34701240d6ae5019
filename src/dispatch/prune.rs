//! What was typed to delete what the file names no more.

use crate::cli;
use crate::code::Code;
use crate::failure::Failure;
use crate::pruning::{Prune, PruneKind};

/// The kinds that were typed.
pub(super) fn prune(typed: &[cli::PruneKind], confirm: Option<String>) -> Result<Prune, Failure> {
    let kinds = typed.iter().map(|kind| {
        Ok(match kind {
            cli::PruneKind::Policies => PruneKind::Policies,
            cli::PruneKind::Roles => PruneKind::Roles,
            cli::PruneKind::Users => PruneKind::Users,
            cli::PruneKind::Groups => PruneKind::Groups,
            cli::PruneKind::Entities => PruneKind::Entities,
            cli::PruneKind::Aliases => PruneKind::Aliases,
            cli::PruneKind::Quotas => PruneKind::Quotas,
            cli::PruneKind::Mounts => return Err(mounts()),
        })
    });
    let kinds = kinds.collect::<Result<_, Failure>>()?;
    Ok(Prune { kinds, confirm })
}

/// Secrets and tokens of others go with a mount, and no file says which.
fn mounts() -> Failure {
    Failure::usage(
        Code::InputWrong,
        "--prune deletes no secrets engine and no auth method: all secrets, leases and tokens in it would go with it",
    )
    .advise("look what is in it, and unmount it by hand: bao secrets disable PATH, or bao auth disable PATH")
}
