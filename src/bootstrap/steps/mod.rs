//! Each step with `observe`, which never changes anything, and `apply`.
//!
//! These are the only matches from [`Step`] to its code.

mod audit;
mod clock;
mod documents;
pub(super) mod drill;
mod hand_over;
pub(super) mod initialize;
mod logins;
mod mounts;
mod preflight;
pub(super) mod revoke_root;
mod store_recovery_keys;
pub(super) mod two_phase;
mod unseal;
mod wait_until_active;

pub(super) use wait_until_active::look_for_all_nodes;

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::view::View;
use crate::desired::observation::Observation;
use crate::desired::{self, CONCURRENCY};
use crate::evidence::facts::Evidence;
use crate::failure::Failure;
use crate::step::Step;

/// Looks at what a step promises.
///
/// # Errors
/// It could not be looked at, and waiting or trying again may help.
pub(super) async fn observe(view: &View<'_>) -> Result<Observation, Failure> {
    match view.step {
        Step::Preflight => preflight::observe(view).await,
        Step::Initialize => initialize::observe(view).await,
        Step::StoreRecoveryKeys => store_recovery_keys::observe(view).await,
        Step::WaitUntilActive => wait_until_active::observe(view).await,
        Step::Audit => audit::observe(view).await,
        Step::Secrets => mounts::observe_secrets(view).await,
        Step::AuthMethods => mounts::observe_auth_methods(view).await,
        Step::Policies => documents::observe_policies(view).await,
        Step::Roles => documents::observe_roles(view).await,
        Step::Writes => documents::observe_writes(view).await,
        Step::Logins => Ok(logins::observe(view)),
        Step::Drill => Ok(drill::observe(view)),
        Step::RevokeRoot => revoke_root::observe(view).await,
        Step::HandOver => Ok(hand_over::observe(view)),
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
        Step::Audit => audit::apply(ceremony, &observation).await,
        Step::Secrets => mounts::apply_secrets(ceremony, observation).await,
        Step::AuthMethods => mounts::apply((step, ceremony), observation).await,
        Step::Policies | Step::Roles => write(ceremony, observation, CONCURRENCY).await,
        // In the order of the file, since one may need what another made.
        Step::Writes => write(ceremony, observation, 1).await,
        Step::Logins => logins::apply(ceremony).await,
        Step::Drill => Box::pin(drill::apply(ceremony)).await,
        Step::RevokeRoot => revoke_root::apply(ceremony).await,
        Step::HandOver => hand_over::apply(ceremony).await,
    }
}

async fn write(
    ceremony: &Ceremony<'_>,
    observation: Observation,
    in_flight: usize,
) -> Result<Evidence, Failure> {
    let written = desired::write_pending(&ceremony.target(), observation, in_flight).await;
    let (evidence, findings) = written?;
    for one in findings {
        ceremony.find(one);
    }
    Ok(evidence)
}
