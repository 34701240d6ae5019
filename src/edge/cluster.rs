//! The servers of the file, as a client that is ready to ask.

use crate::config::{Config, SecretRef};
use crate::edge::references::{Resolved, resolve};
use crate::failure::Failure;
use crate::vault::{Client, Target, Timeouts, Tls};

/// The cluster alone, for commands that look only at what anybody may see.
///
/// # Errors
/// A certificate cannot be read, or the address cannot be used.
pub async fn open(config: &Config) -> Result<Client, Failure> {
    let mut failures = Vec::new();
    let resolved = certificates_of(config, &mut failures).await;
    match client(config, &resolved) {
        Ok(client) if failures.is_empty() => Ok(client),
        Ok(_) => {
            Err(Failure::all(failures).unwrap_or_else(|| Failure::failed("no address to ask")))
        }
        Err(failure) => {
            failures.push(failure.clone());
            Err(Failure::all(failures).unwrap_or(failure))
        }
    }
}

/// What the connection itself needs.
pub(crate) async fn certificates_of(config: &Config, failures: &mut Vec<Failure>) -> Resolved {
    let tls = &config.cluster.tls;
    let wanted = [&tls.ca_cert, &tls.client_cert, &tls.client_key];
    let wanted = wanted.into_iter().flatten().collect();
    resolve(wanted, failures, &mut Vec::new()).await
}

/// The cluster at the address of the file.
///
/// # Errors
/// A certificate or key that cannot be used, or plain http to elsewhere.
pub(crate) fn client(config: &Config, resolved: &Resolved) -> Result<Client, Failure> {
    let tls = &config.cluster.tls;
    let client_key = tls
        .client_key
        .as_ref()
        .and_then(|key| resolved.get(key).cloned());
    let target = Target {
        address: config.cluster.address.clone(),
        nodes: config.cluster.nodes.clone(),
        tls: Tls {
            ca_cert: certificates(tls.ca_cert.as_ref(), resolved)?,
            server_name: tls.server_name.clone(),
            client_cert: certificates(tls.client_cert.as_ref(), resolved)?,
            client_key,
        },
        namespace: config.cluster.namespace.clone(),
        timeouts: Timeouts {
            request: config.cluster.timeouts.request,
            init: config.cluster.timeouts.init,
            active: config.cluster.timeouts.active,
        },
    };
    Ok(Client::open(&target)?)
}

/// The certificates behind a reference. A private key in their place is refused, since these go on.
pub(super) fn certificates(
    reference: Option<&SecretRef>,
    resolved: &Resolved,
) -> Result<Option<Vec<u8>>, Failure> {
    let Some(reference) = reference else {
        return Ok(None);
    };
    let Some(text) = resolved.get(reference) else {
        return Ok(None);
    };
    match text.certificates() {
        Some(pem) => Ok(Some(pem)),
        None => Err(
            Failure::usage(format!("{reference} does not hold certificates alone"))
                .advise("name a PEM file of certificates there, without a private key"),
        ),
    }
}
