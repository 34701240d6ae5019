//! The checkpoint's replica during a run: leased by one machine at a time, reconciled, and kept up to date.

pub(crate) mod at_replica;
pub(crate) mod damaged;
pub(crate) mod evidence;
pub(crate) mod lease;
pub(crate) mod looking;
pub(crate) mod reconcile;
pub(crate) mod sync;
