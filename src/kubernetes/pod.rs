//! What a pod knows about its own cluster.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::code::Code;
use crate::disk::read;
use crate::failure::Problem;
use crate::kubernetes::{SHORTEST_EXPIRATION, TokenRequest, invalid};
use crate::secret::SecretText;

/// Largest token, certificate or namespace file read from a pod.
const LARGEST_FILE: u64 = 256 * 1024;
/// Where every pod finds its own service account.
const POD: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// What a configuration says about a TokenRequest; the pod it runs in fills the gaps.
#[derive(Debug, Default)]
pub struct Wanted {
    /// See [`TokenRequest::api_server`].
    pub api_server: Option<Url>,
    /// See [`TokenRequest::ca_cert`].
    pub ca_cert: Option<Vec<u8>>,
    /// See [`TokenRequest::credential`].
    pub credential: Option<Arc<SecretText>>,
    /// See [`TokenRequest::namespace`].
    pub namespace: Option<String>,
    /// See [`TokenRequest::service_account`].
    pub service_account: String,
    /// See [`TokenRequest::audience`].
    pub audience: Option<String>,
    /// See [`TokenRequest::expiration`].
    pub expiration: Option<Duration>,
}

impl TokenRequest {
    /// Fills what `wanted` leaves out from the pod this process runs in.
    pub fn complete(wanted: Wanted) -> Result<Self, Problem> {
        let host = std::env::var("KUBERNETES_SERVICE_HOST").ok();
        let port = std::env::var("KUBERNETES_SERVICE_PORT").ok();
        Self::complete_from(wanted, host.as_deref(), port.as_deref(), Path::new(POD))
    }

    fn complete_from(
        wanted: Wanted,
        host: Option<&str>,
        port: Option<&str>,
        pod: &Path,
    ) -> Result<Self, Problem> {
        let here = pod_address(host, port);
        // The pod's credential and CA belong to the pod's API server; another server gets neither.
        let foreign = match (&wanted.api_server, &here) {
            (Some(asked), Some(own)) => asked.origin() != own.origin(),
            (Some(_), None) => true,
            (None, _) => false,
        };
        let api_server = wanted
            .api_server
            .or(here)
            .ok_or_else(|| not_in_pod("api_server", "the variable KUBERNETES_SERVICE_HOST"))?;
        let credential = match wanted.credential {
            Some(given) => given,
            None if foreign => {
                let problem = "is needed: the pod's own is not sent to another API server";
                return Err(invalid("credential", problem));
            }
            None => Arc::new(SecretText::new(from_pod(pod, "token", "credential")?)),
        };
        let ca_cert = match wanted.ca_cert {
            Some(given) => Some(given),
            None if foreign => None,
            None => Some(from_pod(pod, "ca.crt", "ca_cert")?.into_bytes()),
        };
        let namespace = match wanted.namespace {
            Some(given) => given,
            None => from_pod(pod, "namespace", "namespace")?,
        };
        Ok(Self {
            api_server,
            ca_cert,
            credential,
            namespace,
            service_account: wanted.service_account,
            audience: wanted.audience,
            expiration: wanted.expiration.unwrap_or(SHORTEST_EXPIRATION),
        })
    }
}

fn pod_address(host: Option<&str>, port: Option<&str>) -> Option<Url> {
    let host = host.filter(|host| !host.is_empty())?;
    let port = port.filter(|port| !port.is_empty()).unwrap_or("443");
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    Url::parse(&format!("https://{host}:{port}")).ok()
}

/// A value is missing in the configuration, and this process does not run in a pod.
fn not_in_pod(field: &str, looked_for: &str) -> Problem {
    Problem::new(
        Code::FileKeyMissing,
        format!("token_request has no {field}, and {looked_for} is not there either"),
    )
    .advise(format!(
        "write {field} under token_request, or run this in a pod of the cluster"
    ))
}

fn from_pod(pod: &Path, name: &str, field: &str) -> Result<String, Problem> {
    let path = pod.join(name);
    let read = read::bytes(&path, LARGEST_FILE);
    match read.map(String::from_utf8) {
        Ok(Ok(mut text)) if !text.trim().is_empty() => {
            text.truncate(text.trim_end().len());
            Ok(text)
        }
        _ => Err(not_in_pod(field, &path.display().to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pod_fills_the_gaps_and_its_credential_stays_at_home() {
        let pod = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("token", "pod-token\n"),
            ("ca.crt", "pem"),
            ("namespace", "here"),
        ] {
            std::fs::write(pod.path().join(name), text).unwrap();
        }
        let complete = |api_server: Option<&str>| {
            let wanted = Wanted {
                api_server: api_server.map(|address| Url::parse(address).unwrap()),
                service_account: "payments".into(),
                ..Wanted::default()
            };
            TokenRequest::complete_from(wanted, Some("10.9.0.1"), Some("443"), pod.path())
        };
        let own = complete(None).unwrap();
        assert_eq!(
            (
                own.api_server.as_str(),
                own.namespace.as_str(),
                own.credential.len()
            ),
            ("https://10.9.0.1/", "here", 9)
        );
        assert!(complete(Some("https://10.9.0.1:443")).is_ok());
        assert!(
            complete(Some("https://elsewhere:6443"))
                .unwrap_err()
                .to_string()
                .contains("credential is needed")
        );
    }
}
