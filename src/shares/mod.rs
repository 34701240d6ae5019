//! Shares of the key: stored with custodians, and fetched back in a quorum.

pub(crate) mod as_stored;
pub(crate) mod doubles;
pub(crate) mod exercised;
pub(crate) mod fetch;
pub(crate) mod key_set;
pub(crate) mod location_conflicts;
pub(crate) mod looked_at;
pub(crate) mod one_trust_domain;
pub(crate) mod proofs;
pub(crate) mod quorum;
pub(crate) mod storing;
pub(crate) mod trial;
pub(crate) mod unverified;

pub(crate) use crate::root_generation::Held;
