//! What the file wants of the server, compared with what is there: the common ground of the steps that
//! configure.
//!
//! A step lists its documents; [`observe`] reads them with bounded concurrency and says which differ;
//! [`apply`] writes those and nothing else, so a second run sends no write.

pub(crate) mod answers;
pub(crate) mod audit_device;
pub(crate) mod auditor;
pub(crate) mod auth_roles;
mod by_meaning;
pub(crate) mod comparing;
pub(crate) mod create_once;
pub(crate) mod defaults;
pub(crate) mod document;
pub(crate) mod grant;
pub(crate) mod hand_out;
mod handing_out;
pub(crate) mod identity;
pub(crate) mod kind;
pub(crate) mod listing;
pub(crate) mod memory;
mod missed;
pub(crate) mod mount;
pub(crate) mod named_only;
pub mod observation;
mod pending;
pub(crate) mod plugins;
pub(crate) mod privilege_escalation;
pub(crate) mod read_back;
mod record;
pub(crate) mod references;
mod rejected;
mod remembered;
pub(crate) mod resolve;
mod sending;
pub(crate) mod standing;
mod state;
pub(crate) mod unmanaged;
pub(crate) mod view;
pub(crate) mod writing;

pub use comparing::Comparison;
pub(crate) use comparing::{how_it_was_compared, observe};
pub use document::{Document, Pending, Read};
pub(crate) use kind::Kind;
pub(crate) use missed::{observe_with_missed, observe_writes};
pub use pending::write_pending;
pub(crate) use record::{read_back, to_be_sent};
pub use view::CONCURRENCY;
pub(crate) use view::{NOT_IN_FILE, View, named_before};
pub use writing::{Target, apply};
