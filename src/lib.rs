//! Takes a HashiCorp Vault or OpenBao cluster from uninitialised to handed over.
//!
//! `bootstrap` is the ceremony; `config`, `edge`, `reference`, `door`, `prompt`, `layout` and `report` serve every
//! verb;
//! `vault`, `custodian`, `kubernetes` and `envelope` are the systems at the edge. Verbs import systems,
//! never the reverse, and a test reads the `use` lines and holds this.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod abandon;
pub(crate) mod audit_log;
pub mod aws;
pub mod backend;
pub mod bootstrap;
pub mod break_glass;
pub mod changes;
pub mod checkpoint;
pub(crate) mod child;
pub mod cli;
pub mod code;
pub mod config;
pub mod custodian;
pub mod desired;
pub(crate) mod disk;
pub mod dispatch;
pub mod door;
pub mod edge;
pub mod envelope;
pub mod event;
pub mod evidence;
pub mod examples;
pub mod failure;
pub mod finding;
pub mod hardening;
pub(crate) mod hex;
pub(crate) mod holder_file;
pub mod holders;
pub mod import;
pub mod interrupt;
pub mod kubernetes;
pub mod machine;
pub(crate) mod memory;
pub mod plain_http;
pub mod plan;
pub mod printable;
pub mod prompt;
pub mod pruning;
pub mod recovery;
pub mod reference;
pub mod replica;
pub mod report;
pub mod root_generation;
pub mod screen;
pub mod secret;
pub mod session;
pub(crate) mod shares;
pub mod shell;
pub(crate) mod span;
pub mod status;
pub mod step;
pub mod text_layout;
#[cfg(feature = "throwaway")]
pub mod throwaway;
pub mod vault;
