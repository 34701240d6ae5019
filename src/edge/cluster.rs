//! The servers of the file, as a client that is ready to ask.

use crate::code::Code;
use crate::config::{Config, SecretRef};
use crate::edge::references::{Resolved, resolve};
use crate::failure::Failure;
use crate::plain_http::Peers;
use crate::vault::{Client, Target, Timeouts, Tls};

/// The cluster alone, for commands that look only at what anybody may see.
///
/// # Errors
/// A certificate cannot be read, or the address cannot be used.
pub async fn open(config: &Config) -> Result<Client, Failure> {
    let mut failures = Vec::new();
    let resolved = certificates_of(config, &mut failures).await;
    let client = client(config, &resolved).map_err(|failure| failures.push(failure));
    match (Failure::all(failures), client) {
        (None, Ok(client)) => Ok(client),
        (failure, _) => {
            Err(failure.unwrap_or_else(|| Failure::failed(Code::Unexpected, "no address to ask")))
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
    let cluster = &config.cluster;
    let (tls, timeouts) = (&cluster.tls, &cluster.timeouts);
    let client_key = tls.client_key.as_ref().and_then(|key| resolved.get(key));
    let target = Target {
        address: cluster.address.clone(),
        nodes: cluster.nodes.clone(),
        tls: Tls {
            ca_cert: certificates(tls.ca_cert.as_ref(), resolved)?,
            server_name: tls.server_name.clone(),
            client_cert: certificates(tls.client_cert.as_ref(), resolved)?,
            client_key: client_key.cloned(),
        },
        plain_http: Peers {
            server_uid: cluster.plain_http.server_uid,
            unchecked: cluster.plain_http.unchecked,
        },
        namespace: cluster.namespace.clone(),
        timeouts: Timeouts {
            request: timeouts.request,
            init: timeouts.init,
        },
    };
    Ok(Client::open(&target)?)
}

/// The certificates behind a reference. A private key in their place is refused, since these go on.
pub(super) fn certificates(
    reference: Option<&SecretRef>,
    resolved: &Resolved,
) -> Result<Option<Vec<u8>>, Failure> {
    let found = reference.and_then(|reference| Some((reference, resolved.get(reference)?)));
    let Some((reference, text)) = found else {
        return Ok(None);
    };
    match text.certificates() {
        Some(pem) => Ok(Some(pem)),
        None => Err(Failure::usage(
            Code::FileValueInvalid,
            format!("{reference} does not hold certificates alone"),
        )
        .advise("name a PEM file of certificates there, without a private key")),
    }
}
