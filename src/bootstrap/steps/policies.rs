//! Policies of the file, the built-in ones, and the break-glass grant, which is always written.

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::desired::{self, Document, Read};
use crate::bootstrap::grant;
use crate::bootstrap::step::{Observation, Step};
use crate::config::PolicySource;
use crate::failure::Failure;
use crate::vault::{Body, sys};

pub(super) async fn observe(ceremony: &Ceremony<'_>) -> Result<Observation, Failure> {
    let product = sys::health(&ceremony.client()).await?.product;
    let given = ceremony.config.policies.iter().map(|policy| {
        let text = match &policy.source {
            PolicySource::Auditor => grant::AUDITOR.to_owned(),
            PolicySource::Rules { text, .. } => text.clone(),
        };
        document(&policy.name, text)
    });
    let ours = document(
        grant::POLICY,
        grant::rules(product, grant::needs_self(ceremony.config)),
    );
    let documents = given.chain([ours]).collect();
    Ok(
        desired::observe_collection(ceremony, Step::Policies, documents)
            .await?
            .into_observation(),
    )
}

fn document(name: &str, text: String) -> Document {
    Document {
        path: format!("sys/policies/acl/{name}"),
        body: Body::map([("policy", text)]),
        read: Read::Policy,
        known: true,
    }
}
