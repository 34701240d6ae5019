//! Auth methods and their `config`. Roles come after policies, in a step of their own.

use crate::bootstrap::steps::mounts::{self, Wanted};
use crate::bootstrap::view::View;
use crate::desired::observation::Observation;
use crate::failure::Failure;
use crate::vault::mounts as listing;

pub(super) async fn observe(view: &View<'_>) -> Result<Observation, Failure> {
    if view.config.auth.is_empty() {
        return Ok(Observation::nothing_declared());
    }
    let listing = listing::list_auth(&view.client(), view.token()?).await;
    let wanted = view.config.auth.iter().map(|method| Wanted {
        mount_path: format!("sys/auth/{}", method.path),
        config_path: format!("auth/{}/config", method.path),
        path: &method.path,
        mount_type: &method.auth_type,
        description: &method.description,
        options: &[],
        config: &method.config,
        tune: &method.tune,
        local: method.local,
        seal_wrap: false,
    });
    mounts::observe(view, "sys/auth", listing, wanted.collect()).await
}
