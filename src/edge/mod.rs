//! From the file to the systems: what it names, opened and ready to be used by any verb.
//!
//! Nothing here decides, and nothing here is written but what a door's login makes at the server.

pub mod cluster;
pub(crate) mod custodians;
pub(crate) mod doors;
pub(crate) mod failures;
pub(crate) mod others;
pub(crate) mod receivers;
pub(crate) mod references;
pub mod token;
