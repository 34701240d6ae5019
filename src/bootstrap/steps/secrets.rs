//! Secrets engines: mounted, tuned and configured as in the file; before them the namespace that they are in.

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::steps::mounts::{self, Wanted};
use crate::bootstrap::steps::namespace;
use crate::bootstrap::view::View;
use crate::desired::observation::{Detail, Observation};
use crate::evidence::facts::Evidence;
use crate::failure::Failure;
use crate::step::Step;
use crate::vault::mounts as listing;

pub(super) async fn observe(view: &View<'_>) -> Result<Observation, Failure> {
    let missing = namespace::missing(view).await?;
    if !missing.is_empty() {
        return Ok(Observation {
            details: missing
                .iter()
                .map(|(_, name)| Detail::create(format!("sys/namespaces/{name}")))
                .collect(),
            ..Observation::absent()
        });
    }
    if view.config.secrets.is_empty() {
        return Ok(Observation::nothing_declared());
    }
    let listing = listing::list_mounts(&view.client(), view.token()?).await;
    let wanted = view.config.secrets.iter().map(|engine| Wanted {
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
    mounts::observe(view, "sys/mounts", listing, wanted.collect()).await
}

/// The namespace first: nothing can be seen in it before.
pub(super) async fn apply(
    ceremony: &mut Ceremony<'_>,
    observation: Observation,
) -> Result<Evidence, Failure> {
    let made = namespace::make(ceremony).await?;
    if made.is_empty() {
        return mounts::apply((Step::Secrets, ceremony), observation).await;
    }
    let mut observation = observe(&ceremony.view(Step::Secrets)).await?;
    ceremony.remember(std::mem::take(&mut observation.learned))?;
    let evidence = mounts::apply((Step::Secrets, ceremony), observation).await?;
    Ok(evidence.with("namespaces", made))
}
