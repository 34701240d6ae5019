//! The server: everything that goes over HTTP to Vault or OpenBao.
//!
//! One [`Client`] is pinned to one node and never wanders off the nodes that the operator listed. It sends
//! each request once; waiting and trying again belong to the verbs. Answers that hold secrets are read
//! straight into secret types, and no answer's body ever reaches an error or a log line.

mod body;
mod client;
mod error;
mod reply;
mod session;
mod target;
mod transport;

pub use body::Body;
pub use client::{Answer, Client};
pub use error::{Error, Kind};
pub use session::{Session, login};
pub use target::{Target, Timeouts, Tls};
