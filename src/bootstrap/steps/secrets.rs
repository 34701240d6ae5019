//! Secrets engines: mounted, tuned and configured as in the file.

use super::mounts::{self, Wanted};
use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::step::Observation;
use crate::failure::Failure;
use crate::vault::mounts as listing;

pub(super) async fn observe(ceremony: &Ceremony<'_>) -> Result<Observation, Failure> {
    if ceremony.config.secrets.is_empty() {
        return Ok(Observation::nothing_declared());
    }
    let listing = listing::list_mounts(&ceremony.client(), ceremony.token()?).await;
    let wanted = ceremony.config.secrets.iter().map(|engine| Wanted {
        mount_path: format!("sys/mounts/{}", engine.path),
        config_path: format!("{}/config", engine.path),
        path: &engine.path,
        mount_type: &engine.engine_type,
        description: &engine.description,
        options: &engine.options,
        config: &engine.config,
        tune: &engine.tune,
        local: engine.local,
        seal_wrap: engine.seal_wrap,
    });
    mounts::observe(ceremony, "sys/mounts", listing, wanted.collect()).await
}
