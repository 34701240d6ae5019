//! Any other API write of the file, one after the other, compared where it can be read back.

use crate::bootstrap::view::View;
use crate::desired::observation::Observation;
use crate::desired::{self, Document, resolve};
use crate::failure::Failure;

pub(super) async fn observe(view: &View<'_>) -> Result<Observation, Failure> {
    if view.config.writes.is_empty() {
        return Ok(Observation::nothing_declared());
    }
    let documents = view.config.writes.iter().map(|write| {
        Ok(Document::new(
            write.path.clone(),
            resolve::body(view, &write.data)?,
        ))
    });
    let documents = documents.collect::<Result<_, Failure>>()?;
    Ok(desired::observe(&view.documents(), documents)
        .await?
        .into_observation())
}
