//! What is deleted once the file names it no more.

use clap::{Args, ValueEnum};

/// Options of `apply` about what is deleted.
#[derive(Debug, Args)]
pub struct Prune {
    /// After hand-over: delete what was made here, is as it was made, and is not in the file any more; of one kind or
    /// several: policies, roles, users, groups, entities, aliases, quotas
    #[arg(
        long = "prune",
        value_name = "KIND",
        value_enum,
        value_delimiter = ',',
        hide_possible_values = true
    )]
    #[arg(conflicts_with_all = ["check", "plan", "keep_root"])]
    pub kinds: Vec<PruneKind>,
    /// With --yes: delete more than ten as well; the name of the cluster
    #[arg(long = "prune-confirm", value_name = "NAME", requires = "kinds")]
    pub confirm: Option<String>,
}

/// The same of `plan`.
#[derive(Debug, Args)]
pub struct PlannedPrune {
    /// After hand-over: show what apply --prune would delete, and what not, and why
    #[arg(
        long = "prune",
        value_name = "KIND",
        value_enum,
        value_delimiter = ',',
        hide_possible_values = true
    )]
    #[arg(conflicts_with = "out")]
    pub kinds: Vec<PruneKind>,
}

/// What is deleted once the file names it no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PruneKind {
    /// Policies that nothing uses
    Policies,
    /// Roles of auth methods
    Roles,
    /// Users of auth methods
    Users,
    /// Groups, with their alias
    Groups,
    /// Entities, with their aliases
    Entities,
    /// Aliases of groups and entities
    Aliases,
    /// Quotas of writes
    Quotas,
    // Refused, with what to do instead.
    #[value(hide = true, aliases = ["secrets", "auth"])]
    Mounts,
}
