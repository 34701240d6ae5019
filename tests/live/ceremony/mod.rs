//! What a ceremony is made of in a test: a fresh directory with its `bootstrap.yaml`, identities and
//! passwords, the tool itself, and a look at what the server says afterwards.

mod api;
mod audit;
mod custody;
mod file;
mod run;
mod server;

pub use api::Api;
pub use audit::AuditLog;
pub use custody::{Custody, root_from_shares};
pub use file::{Ceremony, OPERATOR};
pub use run::Run;
pub use server::Server;
