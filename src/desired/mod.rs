//! What the file wants of the server, compared with what is there: the common ground of the steps that
//! configure.
//!
//! A step lists its documents; [`observe`] reads them with bounded concurrency and says which differ;
//! [`apply`] writes those and nothing else, so a second run sends no write.

pub(crate) mod audit_device;
pub(crate) mod comparing;
pub(crate) mod create_once;
pub(crate) mod document;
pub(crate) mod grant;
pub(crate) mod listing;
mod missed;
pub mod observation;
pub(crate) mod privilege_escalation;
pub(crate) mod resolve;
pub(crate) mod step_digest;
pub(crate) mod view;
pub(crate) mod write_only_fields;
pub(crate) mod writing;

pub use comparing::Comparison;
pub(crate) use comparing::observe;
pub use document::{Document, Pending, Read, WriteOnly};
pub(crate) use missed::observe_with_missed;
pub use view::CONCURRENCY;
pub(crate) use view::View;
pub(crate) use writing::begin_digests;
pub use writing::{Target, apply, write_pending};
