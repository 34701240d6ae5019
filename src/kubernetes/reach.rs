//! An API server as the file says it, with what a pod knows about its own in the gaps.

use std::path::Path;
use std::sync::Arc;

use url::Url;

use crate::code::Code;
use crate::disk::read;
use crate::failure::Problem;
use crate::kubernetes::api;
use crate::secret::SecretText;

/// Largest token, certificate or namespace file read from a pod.
const LARGEST_FILE: u64 = 256 * 1024;
/// Where every pod finds its own service account.
pub(super) const POD: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A section of the file that says how an API server is reached, and what it calls the token.
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) token: &'static str,
}

/// An API server, whom to trust there, and who asks.
pub(super) struct Reached {
    pub(super) api_server: Url,
    pub(super) ca_cert: Option<Vec<u8>>,
    pub(super) credential: Arc<SecretText>,
}

/// What the file says of an API server.
pub(super) struct Given {
    pub(super) api_server: Option<Url>,
    pub(super) ca_cert: Option<Vec<u8>>,
    pub(super) credential: Option<Arc<SecretText>>,
}

/// As [`reach`], from where this process runs.
pub(super) fn reach_from_here(given: Given, section: &Section) -> Result<Reached, Problem> {
    reach(given, (own_address(), Path::new(POD)), section)
}

/// The API server of the pod that this process runs in.
pub(super) fn own_address() -> Option<Url> {
    let host = std::env::var("KUBERNETES_SERVICE_HOST").ok();
    let port = std::env::var("KUBERNETES_SERVICE_PORT").ok();
    pod_address(host.as_deref(), port.as_deref())
}

/// What the file says of an API server, with what the pod knows in the gaps.
pub(super) fn reach(
    given: Given,
    (here, pod): (Option<Url>, &Path),
    section: &Section,
) -> Result<Reached, Problem> {
    // The pod's credential and CA belong to the pod's API server; another server gets neither.
    let foreign = match (&given.api_server, &here) {
        (Some(asked), Some(own)) => asked.origin() != own.origin(),
        (Some(_), None) => true,
        (None, _) => false,
    };
    let variable = "the variable KUBERNETES_SERVICE_HOST";
    let api_server = given
        .api_server
        .or(here)
        .ok_or_else(|| not_in_pod(("api_server", section), variable))?;
    let credential = match given.credential {
        Some(given) => given,
        None if foreign => {
            let name = format!("{}: {}", section.name, section.token);
            let problem = "is needed: the pod's own is not sent to another API server";
            return Err(api::invalid(&name, problem));
        }
        None => Arc::new(SecretText::new(from_pod(
            pod,
            "token",
            (section.token, section),
        )?)),
    };
    let ca_cert = match given.ca_cert {
        Some(given) => Some(given),
        None if foreign => None,
        None => Some(from_pod(pod, "ca.crt", ("ca_cert", section))?.into_bytes()),
    };
    Ok(Reached {
        api_server,
        ca_cert,
        credential,
    })
}

pub(super) fn pod_address(host: Option<&str>, port: Option<&str>) -> Option<Url> {
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
fn not_in_pod((field, section): (&str, &Section), looked_for: &str) -> Problem {
    let section = section.name;
    Problem::new(
        Code::FileKeyMissing,
        format!("{section} has no {field}, and {looked_for} is not there either"),
    )
    .advise(format!(
        "write {field} under {section}, or run this in a pod of the cluster"
    ))
}

pub(super) fn from_pod(pod: &Path, name: &str, field: (&str, &Section)) -> Result<String, Problem> {
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
