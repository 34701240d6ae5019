//! The commands around a ceremony that are not its loop.

pub(crate) mod abandon;
pub(crate) mod status;
