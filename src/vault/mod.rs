//! The server: everything that goes over HTTP to Vault or OpenBao.
//!
//! One [`Client`] is pinned to one node and never wanders off the nodes that the operator listed. It sends
//! each request once; waiting and trying again belong to the verbs. Answers that hold secrets are read
//! straight into secret types, and no answer's body ever reaches an error or a log line.
//!
//! Unless it says otherwise, a call fails with every answer but 2xx. Reading a document and listing names take the server's own 404 for an
//! answer: there is nothing.

pub mod audit;
pub mod auth;
pub mod compare;
pub(crate) mod http;
pub mod keys;
pub mod mounts;
pub mod plugins;
pub mod policies;
pub mod snapshot;
pub mod sys;

pub use crate::vault::audit::AuditDevice;
pub use crate::vault::auth::auth_response::{AuthResponse, login};
pub use crate::vault::auth::token::TokenInfo;
pub use crate::vault::compare::{Comparison, Difference, compare, compare_tune, same_policy};
pub(crate) use crate::vault::http::Made;
pub use crate::vault::http::{
    Answer, Body, Client, ClientCertificate, Error, Kind, NoLogin, SecondFactor, Target, Timeouts,
    Tls, Unusable, Validity, authorities_in_words,
};
pub use crate::vault::keys::generation::{Dialect, Generation};
pub use crate::vault::keys::init::{InitAnswer, InitAnswerError, InitKeys, InitRequest};
pub use crate::vault::keys::root::{
    Revocation, RootGeneration, RootSession, probe_root_generation,
};
pub use crate::vault::keys::rotation::{Rotation, probe_rotation};
pub use crate::vault::policies::ResultantAcl;
pub use crate::vault::sys::{Health, Product, SealStatus};
