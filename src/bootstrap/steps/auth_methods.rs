//! Auth methods and their `config`. Roles come after policies, in a step of their own.

use super::mounts::{self, Wanted};
use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::step::Observation;
use crate::failure::Failure;
use crate::vault::mounts as listing;

pub(super) async fn observe(ceremony: &Ceremony<'_>) -> Result<Observation, Failure> {
    if ceremony.config.auth.is_empty() {
        return Ok(Observation::nothing_declared());
    }
    let listing = listing::list_auth(&ceremony.client(), ceremony.token()?).await;
    let wanted = ceremony.config.auth.iter().map(|method| Wanted {
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
    mounts::observe(ceremony, "sys/auth", listing, wanted.collect()).await
}
