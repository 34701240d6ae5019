//! What was typed, without the command line's own types.

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
    /// Other root tokens are revoked as well instead of stopping the step.
    pub revoke_other_roots: bool,
    /// How long a person is waited for, in seconds.
    pub sign_in_seconds: u64,
    /// A copy of the report goes here.
    pub report: Option<std::path::PathBuf>,
}
