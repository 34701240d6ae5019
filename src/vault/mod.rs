//! The server: everything that goes over HTTP to Vault or OpenBao.
//!
//! One [`Client`] is pinned to one node and never wanders off the nodes that the operator listed. It sends
//! each request once; waiting and trying again belong to the verbs. Answers that hold secrets are read
//! straight into secret types, and no answer's body ever reaches an error or a log line.

pub mod audit;
pub mod compare;
pub mod generation;
pub mod init;
pub mod mounts;
pub mod oidc;
pub mod policies;
pub mod root;
pub mod rotation;
pub mod scan;
pub mod sys;
pub mod token;
pub mod typed_share;

mod body;
mod client;
mod error;
mod exchange;
mod node;
mod reply;
mod session;
mod target;
mod transport;

pub use audit::AuditDevice;
pub use body::Body;
pub use client::{Answer, Client};
pub use compare::{Comparison, Difference, compare, compare_tune, same_policy};
pub use error::{Error, Kind, NoLogin, answered_with};
pub use generation::{Dialect, Generation};
pub use init::{InitAnswer, InitAnswerError, InitKeys, InitRequest};
pub use mounts::Mount;
pub use policies::ResultantAcl;
pub use root::{Revocation, RootGeneration, RootSession, probe_root_generation};
pub use rotation::{Rotation, probe_rotation};
pub use session::{Session, login};
pub use sys::{Health, Leader, Product, SealStatus};
pub use target::{Target, Timeouts, Tls};
pub use token::TokenInfo;
