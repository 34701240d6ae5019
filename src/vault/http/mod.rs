//! Requests and answers: one node, one exchange, typed and bounded.

pub(crate) mod body;
pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod exchange;
pub(crate) mod node;
pub(crate) mod reply;
pub(crate) mod target;
pub(crate) mod transport;
