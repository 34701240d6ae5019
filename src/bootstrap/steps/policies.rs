//! Policies of the file, the built-in ones, and the break-glass grant, which is always written.

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::view::View;
use crate::config::PolicySource;
use crate::desired::observation::Observation;
use crate::desired::{self, Document, Read, grant};
use crate::failure::Failure;
use crate::vault::{Body, compare, policies, sys};

pub(super) async fn observe(view: &View<'_>) -> Result<Observation, Failure> {
    let product = sys::health(&view.client()).await?.product;
    let given = view.config.policies.iter().map(|policy| {
        let text = match &policy.source {
            PolicySource::Auditor => grant::auditor(),
            PolicySource::Rules { text, .. } => text.clone(),
        };
        document(&policy.name, text)
    });
    let ours = document(grant::POLICY, grant::of(view.config, product));
    let documents = given.chain([ours]).collect();
    Ok(desired::observe_collection(&view.documents(), documents)
        .await?
        .into_observation())
}

/// Holds that the grant is the text that was written: a door with more than it is no way back but a way in.
///
/// # Errors
/// It is another one, or cannot be read.
pub(super) async fn grant_is_as_written(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    let client = ceremony.client();
    let product = sys::health(&client).await?.product;
    let wanted = grant::of(ceremony.config, product);
    let found = policies::read(&client, ceremony.token()?, grant::POLICY).await?;
    if found.is_some_and(|found| compare::same_policy(&wanted, &found)) {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "sys/policies/acl/{} is not what this run wrote",
        grant::POLICY
    ))
    .advise("see in the audit log who wrote it, then run apply again: it is written anew"))
}

fn document(name: &str, text: String) -> Document {
    Document {
        path: format!("sys/policies/acl/{name}"),
        body: Body::map([("policy", text)]),
        read: Read::Policy,
        known: true,
    }
}
