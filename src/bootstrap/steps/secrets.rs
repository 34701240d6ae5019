//! Secrets engines: mounted, tuned and configured as in the file; before them the namespace that they are in.

use super::mounts::{self, Wanted};
use super::namespace;
use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::evidence::Evidence;
use crate::bootstrap::step::Observation;
use crate::failure::Failure;
use crate::vault::mounts as listing;

pub(super) async fn observe(ceremony: &Ceremony<'_>) -> Result<Observation, Failure> {
    let missing = namespace::missing(ceremony).await?;
    if !missing.is_empty() {
        return Ok(Observation {
            details: missing
                .iter()
                .map(|(_, name)| format!("create sys/namespaces/{name}"))
                .collect(),
            ..Observation::absent()
        });
    }
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

/// The namespace first: nothing can be seen in it before.
pub(super) async fn apply(
    ceremony: &mut Ceremony<'_>,
    observation: Observation,
) -> Result<Evidence, Failure> {
    let made = namespace::make(ceremony).await?;
    if made.is_empty() {
        return mounts::apply(ceremony, observation).await;
    }
    let observation = observe(ceremony).await?;
    let evidence = mounts::apply(ceremony, observation).await?;
    Ok(evidence.with("namespaces", made))
}
