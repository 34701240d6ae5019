//! Any other API write of the file, one after the other, compared where it can be read back.

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::desired::{self, Document};
use crate::bootstrap::resolve;
use crate::bootstrap::step::Observation;
use crate::failure::Failure;

pub(super) async fn observe(ceremony: &Ceremony<'_>) -> Result<Observation, Failure> {
    if ceremony.config.writes.is_empty() {
        return Ok(Observation::nothing_declared());
    }
    let documents = ceremony.config.writes.iter().map(|write| {
        Ok(Document::new(
            write.path.clone(),
            resolve::body(ceremony, &write.data)?,
        ))
    });
    let documents = documents.collect::<Result<_, Failure>>()?;
    Ok(desired::observe(ceremony, documents)
        .await?
        .into_observation())
}
