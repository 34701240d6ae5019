//! What a ceremony is made of in a test: a fresh directory with its `bootstrap.yaml`, identities and
//! passwords, the tool itself, and a look at what the server says afterwards.

mod api;
mod audit;
mod custody;
mod file;
mod in_aws;
mod people;
mod run;
mod secrecy;
mod server;
mod template;

use std::time::Duration;

use crate::support::{Proxy, Running};

pub use api::Api;
pub use audit::AuditLog;
pub use custody::{EVERY_KEY, looks_like_a_share, root_from_shares};
pub use file::{Ceremony, OPERATOR};
pub use people::AUDIENCE;
pub use run::{Run, SCHEMA};
pub use server::{Server, builder, declared};
pub use template::{
    handed_over, handed_over_elsewhere, handed_over_for_rotation, handed_over_managed,
    handed_over_on,
};

/// The end of a run, or nothing where it was killed with a request in the air.
pub fn killed_or_ended(mut run: Running, proxies: &[&Proxy]) -> Option<Run> {
    loop {
        let wait = Duration::from_millis(2);
        if proxies.iter().any(|proxy| proxy.wait_for_held(wait)) {
            run.kill();
            return None;
        }
        if run.has_ended() {
            return Some(Run::from(run.finish()));
        }
    }
}
