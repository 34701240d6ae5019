//! What a ceremony is made of in a test: a fresh directory with its `bootstrap.yaml`, identities and
//! passwords, the tool itself, and a look at what the server says afterwards.

mod api;
mod audit;
mod custody;
mod file;
mod proxy;
mod run;
mod server;

pub use api::Api;
pub use audit::AuditLog;
pub use custody::{Custody, root_from_shares};
pub use file::{Ceremony, OPERATOR};
pub use proxy::{Fate, Proxy};
pub use run::{Run, tool};
pub use server::Server;

/// Looks again and again, for ten seconds at the most.
pub fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let begun = std::time::Instant::now();
    while !holds() {
        if begun.elapsed() > std::time::Duration::from_secs(10) {
            return false;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    true
}
