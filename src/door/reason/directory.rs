//! Refusals of the auth methods `ldap` and `cert`.

use super::{Refusal, detailed, plain};
use crate::code::Code;
use crate::failure::Problem;

/// ldap: the servers say the same of a wrong password, an unknown user and a `binddn` that does not open.
pub(super) const DIRECTORY: Refusal = (
    Code::LoginDenied,
    "the directory knows no such user with this password, or does not let the server search",
    "compare username and password of the login with the directory (ldapwhoami -x -D DN -W); then userdn, userattr, upndomain, binddn and bindpass in config of the auth method; a directory may lock a user after a few wrong passwords",
);
/// ldap: the server's own request to the directory failed.
pub(super) const DIRECTORY_AWAY: Refusal = (
    Code::ProviderRefused,
    "the server could not ask the directory",
    "see whether the server reaches url of the auth method's config, and trusts its certificate (certificate, starttls)",
);
/// cert: nothing arrived.
pub(super) const NO_CERTIFICATE: Refusal = (
    Code::LoginMisconfigured,
    "no certificate arrived at the server",
    "take tls_disable_client_certs out of the server's listener; where a load balancer ends TLS, name the nodes in cluster.nodes",
);
pub(super) const CERTIFICATE: Refusal = (
    Code::LoginDenied,
    "no role takes this certificate",
    "compare it with certificate, allowed_common_names and the other allowed_ of the role, and with its required_extensions; a role may ask for a revocation list too",
);
/// cert: what stands before the words of Go's verification.
const UNVERIFIED_CERTIFICATE: &str = "failed to verify client's certificate";

/// A certificate that Go does not hold for good, which the servers see before they look at a role.
pub(super) fn of_verification(text: &str) -> Option<Problem> {
    let (_, why) = text.split_once(UNVERIFIED_CERTIFICATE)?;
    Some(detailed(CERTIFICATE, why.trim_start_matches(':').trim()))
}

/// What the LDAP method says of a directory.
pub(super) fn of_directory(text: &str) -> Option<Problem> {
    let any = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if any(&["error connecting to host", "failed to connect"]) {
        return Some(plain(DIRECTORY_AWAY));
    }
    any(&[
        "failed to bind",
        "ldap operation failed",
        "invalid credentials",
    ])
    .then(|| plain(DIRECTORY))
}

/// What the cert method says of a certificate.
pub(super) fn of_certificate(text: &str) -> Option<Problem> {
    let any = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if any(&[
        "no client certificate found",
        "client certificate must be supplied",
        "tls connection required",
    ]) {
        return Some(plain(NO_CERTIFICATE));
    }
    any(&[
        "invalid certificate",
        "failed to match all constraints",
        "no chain matching",
    ])
    .then(|| plain(CERTIFICATE))
}
