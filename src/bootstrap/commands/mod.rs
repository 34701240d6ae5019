//! The commands around a ceremony that are not its loop.

pub(crate) mod abandon;
pub(crate) mod holder_file;
pub(crate) mod new_identity;
pub(crate) mod prove_custodian;
pub(crate) mod status;
