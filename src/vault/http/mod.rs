//! Requests and answers: one node, one exchange, typed and bounded.

pub(crate) mod body;
pub(crate) mod client;
pub(crate) mod client_certificate;
pub(crate) mod error;
pub(crate) mod exchange;
pub(crate) mod field;
pub(crate) mod made;
pub(crate) mod node;
pub(crate) mod reply;
mod second_factor;
pub(crate) mod target;
mod tls_advice;
pub(crate) mod transport;

pub(crate) use http::Method;

pub use body::Body;
pub use client::{Answer, Client};
pub use client_certificate::{ClientCertificate, Unusable, Validity, authorities_in_words};
pub use error::{Error, Kind, NoLogin};
pub(crate) use exchange::Ask;
pub(crate) use made::Made;
pub(crate) use reply::{Reply, null_is_empty};
pub use second_factor::SecondFactor;
pub use target::{Target, Timeouts, Tls};
