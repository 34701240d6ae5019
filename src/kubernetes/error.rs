//! Why there is no token, and what to do about it.

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value is missing and this process does not run in a pod.
    #[error("token_request has no {field}, and {looked_for} is not there either")]
    NotInPod {
        /// The configuration's name of the value.
        field: &'static str,
        /// The file or variable that a pod would have.
        looked_for: String,
    },
    /// A value cannot be used.
    #[error("token_request: {field} {problem}")]
    Invalid {
        /// The configuration's name of the value.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// No connection, or none that can be trusted.
    #[error("{url}: {reason}")]
    Unreachable {
        /// The request's address.
        url: String,
        /// What the network or the TLS library says.
        reason: String,
    },
    /// 401.
    #[error("{url}: the credential was not accepted (401)")]
    Unauthenticated {
        /// The request's address.
        url: String,
    },
    /// 403.
    #[error("{url}: {} may not create serviceaccounts/token in namespace {namespace} (403)", .user.as_deref().unwrap_or("the credential's user"))]
    Forbidden {
        /// The request's address.
        url: String,
        /// Who asked, as the API server calls it.
        user: Option<String>,
        /// Namespace of the service account.
        namespace: String,
        /// Name of the service account.
        service_account: String,
    },
    /// 404.
    #[error("{url}: there is no service account {service_account} in namespace {namespace} (404)")]
    Missing {
        /// The request's address.
        url: String,
        /// Namespace of the service account.
        namespace: String,
        /// Name of the service account.
        service_account: String,
    },
    /// Any other status.
    #[error("{url}: answered {status}")]
    Status {
        /// The request's address.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// Not the answer of an API server.
    #[error("{url}: {problem}")]
    Malformed {
        /// The request's address.
        url: String,
        /// What is wrong with the answer; never its text.
        problem: &'static str,
    },
}

impl Error {
    /// The second half of the message: what to do.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::NotInPod { field, .. } => Some(format!(
                "write {field} under token_request, or run this in a pod of the cluster"
            )),
            Self::Invalid { .. } | Self::Malformed { .. } => None,
            Self::Unreachable { .. } => Some(
                "look at api_server and ca_cert: the certificate must be the API server's own, and the port is often 6443"
                    .to_owned(),
            ),
            Self::Unauthenticated { .. } => Some(
                "the token is expired or of another cluster: make a new one, for example with `kubectl create token NAME -n NAMESPACE`"
                    .to_owned(),
            ),
            Self::Forbidden { user, namespace, service_account, .. } => {
                Some(role_commands(user.as_deref(), namespace, service_account))
            }
            Self::Missing { namespace, service_account, .. } => Some(format!(
                "kubectl create serviceaccount {service_account} -n {namespace}"
            )),
            Self::Status { status, .. } => (*status >= 500)
                .then(|| "the API server is in trouble: `kubectl get --raw /readyz?verbose`".to_owned()),
        }
    }
}

/// The two commands that give the asking user this one right and no other.
fn role_commands(user: Option<&str>, namespace: &str, service_account: &str) -> String {
    let subject = match user.map(|user| (user, user.strip_prefix("system:serviceaccount:"))) {
        Some((_, Some(account))) => format!("--serviceaccount={account}"),
        Some((user, None)) => format!("--user={user}"),
        None => "--user=USER".to_owned(),
    };
    format!(
        "kubectl create role vault-bootstrap-token -n {namespace} --verb=create --resource=serviceaccounts/token --resource-name={service_account} && \
         kubectl create rolebinding vault-bootstrap-token -n {namespace} --role=vault-bootstrap-token {subject}"
    )
}
