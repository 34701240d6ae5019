//! What a ceremony forgets as soon as it does not need it any more, and before it waits for a person.
//!
//! Freed memory is wiped by the allocator, so scrubbing is dropping. What lives longest is not what we hold
//! ourselves but the buffers of open connections: the last request with its token is still in them.

use crate::aws::forget_credentials;
use crate::bootstrap::ceremony::Ceremony;
use crate::config::{Config, Login, SecretRef};
use crate::edge::{custodians, references};
use crate::failure::Failure;
use crate::secret::wipe_stack_and_registers;

/// Once the custodians hold the shares: the checkpoint's key is not asked again in this run, and they only once,
/// for a last look.
pub(crate) fn after_the_shares(ceremony: &mut Ceremony<'_>) {
    ceremony.custodians = Vec::new();
    ceremony.forget_key();
    wipe_stack_and_registers();
}

/// While a person thinks, nothing waits in memory that can be read again, and no connection that remembers
/// what was sent over it. The root token stays; so does what only a person could type again.
pub(crate) fn before_a_question(ceremony: &mut Ceremony<'_>) -> Result<(), Failure> {
    let asks_a_person =
        ceremony.control_login.is_none() && unattended(ceremony.config).next().is_none();
    ceremony.resolved.retain(|reference, text| {
        let typed = matches!(reference, SecretRef::Prompt(_));
        (asks_a_person && typed) || text.certificates().is_some()
    });
    ceremony.client().close_connections()?;
    aws(ceremony);
    wipe_stack_and_registers();
    Ok(())
}

/// What reaches AWS, wherever its credentials came from: they are looked for anew when it is asked again.
pub(crate) fn aws(ceremony: &Ceremony<'_>) {
    if let Some(place) = ceremony.records.replica() {
        place.forget();
    }
    forget_credentials();
}

/// The custodians for a last look at the shares.
pub(crate) async fn custodians_again(ceremony: &mut Ceremony<'_>) -> Result<(), Failure> {
    let mut failures = Vec::new();
    ceremony.custodians = custodians::all(ceremony.config, &mut failures).await;
    Failure::check(failures)
}

/// After the answer: what the remaining logins need is read again.
///
/// # Errors
/// A secret that was there a moment ago is gone; root is still valid.
pub(crate) async fn after_the_answer(ceremony: &mut Ceremony<'_>) -> Result<(), Failure> {
    let wanted = references::of_logins(unattended(ceremony.config));
    let mut failures = Vec::new();
    // Where a secret lies open was said the first time.
    let read = references::resolve(wanted, &mut failures, &mut Vec::new()).await;
    ceremony.resolved.extend(read);
    Failure::check(failures)
}

fn unattended(config: &Config) -> impl Iterator<Item = &Login> {
    config.logins.iter().filter(|login| !login.needs_a_person())
}
