//! Takes a HashiCorp Vault or OpenBao cluster from uninitialised to handed over.
#![forbid(unsafe_code)]

pub mod config;
pub mod custodian;
pub mod door;
pub mod envelope;
pub mod kubernetes;
pub mod prompt;
pub mod secret;
pub mod vault;
