//! One file a step, each with `observe`, which never changes anything, and `apply`.
//!
//! This is the only match from [`Step`] to its file.

mod audit;
mod auth_methods;
mod clock;
pub(super) mod drill;
mod hand_over;
pub(super) mod initialize;
mod logins;
mod mounts;
mod namespace;
mod policies;
mod preflight;
mod revoke_root;
mod roles;
mod secrets;
mod store_recovery_keys;
mod two_phase;
mod unseal;
mod wait_until_active;
mod writes;

use super::ceremony::Ceremony;
use super::desired::{self, CONCURRENCY};
use super::evidence::Evidence;
use super::step::{Observation, Step};
use crate::failure::Failure;

/// Looks at what a step promises.
///
/// # Errors
/// It could not be looked at, and waiting or trying again may help.
pub(super) async fn observe(step: Step, ceremony: &Ceremony<'_>) -> Result<Observation, Failure> {
    match step {
        Step::Preflight => preflight::observe(ceremony).await,
        Step::Initialize => initialize::observe(ceremony).await,
        Step::StoreRecoveryKeys => store_recovery_keys::observe(ceremony).await,
        Step::WaitUntilActive => wait_until_active::observe(ceremony).await,
        Step::Audit => audit::observe(ceremony).await,
        Step::Secrets => secrets::observe(ceremony).await,
        Step::AuthMethods => auth_methods::observe(ceremony).await,
        Step::Policies => policies::observe(ceremony).await,
        Step::Roles => roles::observe(ceremony).await,
        Step::Writes => writes::observe(ceremony).await,
        Step::Logins => logins::observe(ceremony),
        Step::Drill => Ok(drill::observe(ceremony)),
        Step::RevokeRoot => revoke_root::observe(ceremony).await,
        Step::HandOver => Ok(hand_over::observe(ceremony)),
    }
}

/// Makes it so, from what was observed just before.
///
/// # Errors
/// It did not come to its end; nothing after it is done.
pub(super) async fn apply(
    step: Step,
    ceremony: &mut Ceremony<'_>,
    observation: Observation,
) -> Result<Evidence, Failure> {
    match step {
        Step::Preflight => preflight::apply(ceremony).await,
        Step::Initialize => initialize::apply(ceremony).await,
        Step::StoreRecoveryKeys => store_recovery_keys::apply(ceremony).await,
        Step::WaitUntilActive => wait_until_active::apply(ceremony).await,
        Step::Audit => audit::apply(ceremony, observation).await,
        Step::Secrets => secrets::apply(ceremony, observation).await,
        Step::AuthMethods => mounts::apply(ceremony, observation).await,
        Step::Policies | Step::Roles => {
            desired::write_pending(ceremony, observation, CONCURRENCY).await
        }
        // In the order of the file, since one may need what another made.
        Step::Writes => desired::write_pending(ceremony, observation, 1).await,
        Step::Logins => logins::apply(ceremony).await,
        Step::Drill => Box::pin(drill::apply(ceremony)).await,
        Step::RevokeRoot => revoke_root::apply(ceremony).await,
        Step::HandOver => hand_over::apply(ceremony).await,
    }
}
