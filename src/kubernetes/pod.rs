//! A TokenRequest, with what a pod knows about its own cluster in the gaps.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::failure::Problem;
use crate::kubernetes::reach::{Given, POD, Section, from_pod, own_address, reach};
use crate::kubernetes::{SHORTEST_EXPIRATION, TokenRequest};
use crate::secret::SecretText;

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
        Self::complete_from(wanted, own_address(), Path::new(POD))
    }

    fn complete_from(wanted: Wanted, here: Option<Url>, pod: &Path) -> Result<Self, Problem> {
        let given = Given {
            api_server: wanted.api_server,
            ca_cert: wanted.ca_cert,
            credential: wanted.credential,
        };
        let reached = reach(given, (here, pod), &TOKEN_REQUEST)?;
        let namespace = match wanted.namespace {
            Some(given) => given,
            None => from_pod(pod, "namespace", ("namespace", &TOKEN_REQUEST))?,
        };
        Ok(Self {
            api_server: reached.api_server,
            ca_cert: reached.ca_cert,
            credential: reached.credential,
            namespace,
            service_account: wanted.service_account,
            audience: wanted.audience,
            expiration: wanted.expiration.unwrap_or(SHORTEST_EXPIRATION),
        })
    }
}

const TOKEN_REQUEST: Section = Section {
    name: "token_request",
    token: "credential",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::reach::pod_address;

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
            TokenRequest::complete_from(
                wanted,
                pod_address(Some("10.9.0.1"), Some("443")),
                pod.path(),
            )
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
