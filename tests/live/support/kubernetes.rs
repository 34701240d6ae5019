//! A real Kubernetes API server on loopback with its etcd; no nodes, so nothing runs there, but accounts, tokens
//! and their review are real.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::certificates::Authority;
use super::component::installed;
use super::http::HttpClient;
use super::process::{Process, free_port, start_on_free_ports};

const START: Duration = Duration::from_secs(90);
const CORE: &str = "/api/v1";
const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1";

/// The API server. Dropping it ends both processes.
#[derive(Debug)]
pub struct Kubernetes {
    server: Process,
    etcd: Process,
    authority: Authority,
    port: u16,
    client: HttpClient,
}

impl Kubernetes {
    /// The instance that tests share, started at the first call. It ends with the test binary. Use a namespace of
    /// your own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Kubernetes> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// An instance of one's own.
    pub fn start() -> Self {
        start_on_free_ports(Self::try_start)
    }

    fn try_start() -> Result<Self, String> {
        let authority = Authority::new();
        let port = free_port();
        let (etcd, etcd_address) = start_etcd(authority.directory())?;
        let server = start_server(&authority, port, &etcd_address)?;
        let client = HttpClient::default();
        let mut kubernetes = Self {
            server,
            etcd,
            authority,
            port,
            client,
        };
        kubernetes.wait()?;
        Ok(kubernetes)
    }

    fn wait(&mut self) -> Result<(), String> {
        let url = format!("{}/readyz", self.address());
        let bearer = format!("Bearer {}", self.admin_token());
        let Self { server, client, .. } = self;
        let headers = [("Authorization", bearer.as_str())];
        let ready = || {
            client
                .call("GET", &url, &headers, None)
                .is_ok_and(|answer| answer.status == 200)
        };
        server.wait_until("a ready API server", START, ready)
    }

    /// The address of the API.
    pub fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The port of the API.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The ids of the API server and of its etcd.
    pub fn ids(&self) -> [u32; 2] {
        [self.server.id(), self.etcd.id()]
    }

    /// The authority of the server's certificate.
    pub fn ca_pem(&self) -> String {
        std::fs::read_to_string(self.authority.certificate()).expect("the authority's certificate")
    }

    /// The token of somebody who may do everything.
    pub fn admin_token(&self) -> &'static str {
        "the-administrator's-token"
    }

    /// Sends any request as the administrator.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.call_as(self.admin_token(), method, path, body)
    }

    /// Sends any request with this token.
    pub fn call_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let url = format!("{}{path}", self.address());
        let bearer = format!("Bearer {token}");
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        let answer = self
            .client
            .call(method, &url, &headers, body.map(Value::to_string));
        let answer = answer.unwrap_or_else(|error| panic!("{error}\n{}", self.server.log_tail()));
        (answer.status, answer.json())
    }

    fn create(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.call("POST", path, Some(body));
        assert!(status < 300, "POST {path}: {status} {answer}");
        answer
    }

    /// Makes a namespace.
    pub fn create_namespace(&self, name: &str) {
        self.create(
            &format!("{CORE}/namespaces"),
            &json!({ "metadata": { "name": name } }),
        );
    }

    /// Makes a service account.
    pub fn create_service_account(&self, namespace: &str, name: &str) {
        let path = format!("{CORE}/namespaces/{namespace}/serviceaccounts");
        self.create(&path, &json!({ "metadata": { "name": name } }));
    }

    /// Lets a service account review other tokens, as an auth method's reviewer needs it.
    pub fn allow_token_review(&self, namespace: &str, account: &str) {
        let binding = json!({
            "metadata": { "name": review_binding(namespace, account) },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator" },
            "subjects": [{ "kind": "ServiceAccount", "namespace": namespace, "name": account }],
        });
        self.create(&format!("{ROLES}/clusterrolebindings"), &binding);
    }

    /// Takes back [`allow_token_review`](Self::allow_token_review).
    pub fn forbid_token_review(&self, namespace: &str, account: &str) {
        let path = format!(
            "{ROLES}/clusterrolebindings/{}",
            review_binding(namespace, account)
        );
        let (status, answer) = self.call("DELETE", &path, None);
        assert_eq!(status, 200, "{answer}");
    }

    /// Lets a service account ask for tokens of the accounts in its namespace.
    pub fn allow_token_requests(&self, namespace: &str, account: &str) {
        let name = format!("{account}-requests-tokens");
        let role = json!({
            "metadata": { "name": name },
            "rules": [{ "apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"] }],
        });
        self.create(&format!("{ROLES}/namespaces/{namespace}/roles"), &role);
        let binding = json!({
            "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
            "subjects": [{ "kind": "ServiceAccount", "namespace": namespace, "name": account }],
        });
        self.create(
            &format!("{ROLES}/namespaces/{namespace}/rolebindings"),
            &binding,
        );
    }

    /// Gives a service account a right to Secrets of its namespace: those of these names, or all.
    pub fn allow_secrets(&self, namespace: &str, account: &str, verbs: &[&str], names: &[&str]) {
        let name = format!("{account}-{}", verbs.join("-"));
        let mut rule = json!({ "apiGroups": [""], "resources": ["secrets"], "verbs": verbs });
        if !names.is_empty() {
            rule["resourceNames"] = json!(names);
        }
        let role = json!({ "metadata": { "name": name }, "rules": [rule] });
        self.create(&format!("{ROLES}/namespaces/{namespace}/roles"), &role);
        let binding = json!({
            "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
            "subjects": [{ "kind": "ServiceAccount", "namespace": namespace, "name": account }],
        });
        let bindings = format!("{ROLES}/namespaces/{namespace}/rolebindings");
        self.create(&bindings, &binding);
    }

    /// A Secret, `NAMESPACE/NAME`, as it is.
    pub fn secret(&self, name: &str) -> Option<Value> {
        let (status, found) = self.call("GET", &secret_path(name), None);
        (status == 200).then_some(found)
    }

    /// What a Secret of ours keeps.
    pub fn kept_share(&self, name: &str) -> Option<String> {
        let found = self.secret(name)?;
        let bytes = STANDARD.decode(found["data"]["share"].as_str()?).ok()?;
        String::from_utf8(bytes).ok()
    }

    /// Makes a Secret.
    pub fn create_secret(&self, name: &str, content: &str) {
        let (parent, own) = name.split_once('/').expect("a namespace");
        let body =
            json!({ "metadata": { "name": own }, "data": { "share": STANDARD.encode(content) } });
        self.create(&format!("{CORE}/namespaces/{parent}/secrets"), &body);
    }

    /// Deletes a Secret.
    pub fn delete_secret(&self, name: &str) {
        let (status, answer) = self.call("DELETE", &secret_path(name), None);
        assert_eq!(status, 200, "{answer}");
    }

    /// A token of this account for this audience, ten minutes long.
    pub fn token_request(&self, namespace: &str, account: &str, audience: &str) -> String {
        let (status, answer) =
            self.token_request_as(self.admin_token(), namespace, account, audience);
        assert_eq!(status, 201, "{answer}");
        answer["status"]["token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// The same asked by somebody else, with the API's answer.
    pub fn token_request_as(
        &self,
        token: &str,
        namespace: &str,
        account: &str,
        audience: &str,
    ) -> (u16, Value) {
        let path = format!("{CORE}/namespaces/{namespace}/serviceaccounts/{account}/token");
        let body = json!({ "spec": { "audiences": [audience], "expirationSeconds": 600 } });
        self.call_as(token, "POST", &path, Some(&body))
    }
}

fn secret_path(name: &str) -> String {
    let (namespace, name) = name.split_once('/').expect("a namespace");
    format!("{CORE}/namespaces/{namespace}/secrets/{name}")
}

fn review_binding(namespace: &str, account: &str) -> String {
    format!("{namespace}-{account}-reviews-tokens")
}

fn start_etcd(directory: &Path) -> Result<(Process, String), String> {
    let clients = format!("http://127.0.0.1:{}", free_port());
    let peers = format!("http://127.0.0.1:{}", free_port());
    let mut command = program(directory);
    command
        .args(["etcd", "--unsafe-no-fsync", "--data-dir=etcd"])
        .arg(format!("--listen-client-urls={clients}"))
        .arg(format!("--advertise-client-urls={clients}"))
        .arg(format!("--listen-peer-urls={peers}"))
        .arg(format!("--initial-advertise-peer-urls={peers}"))
        .arg(format!("--initial-cluster=default={peers}"));
    let mut etcd =
        Process::start(command, &directory.join("etcd.log")).map_err(|error| error.to_string())?;
    let client = HttpClient::default();
    let url = format!("{clients}/health");
    let healthy = || {
        client
            .call("GET", &url, &[], None)
            .is_ok_and(|answer| answer.status == 200)
    };
    etcd.wait_until("a healthy etcd", START, healthy)?;
    Ok((etcd, clients))
}

fn start_server(authority: &Authority, port: u16, etcd: &str) -> Result<Process, String> {
    let directory = authority.directory();
    authority.issue("apiserver", "DNS:localhost,IP:127.0.0.1");
    authority.openssl("genrsa -out accounts.key 2048", &[]);
    authority.openssl("rsa -in accounts.key -pubout -out accounts.pub", &[]);
    let administrator = "the-administrator's-token,administrator,administrator,system:masters\n";
    std::fs::write(directory.join("tokens.csv"), administrator).expect("the directory is writable");
    let issuer = format!("https://127.0.0.1:{port}");
    let mut command = program(directory);
    command
        .args([
            "apiserver",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
        ])
        .arg(format!("--secure-port={port}"))
        .arg(format!("--etcd-servers={etcd}"))
        .args([
            "--tls-cert-file=apiserver.pem",
            "--tls-private-key-file=apiserver.key",
        ])
        .args([
            "--client-ca-file=ca.pem",
            "--token-auth-file=tokens.csv",
            "--authorization-mode=RBAC",
        ])
        .arg(format!("--service-account-issuer={issuer}"))
        .arg(format!("--api-audiences={issuer},vault"))
        .args([
            "--service-account-signing-key-file=accounts.key",
            "--service-account-key-file=accounts.pub",
        ])
        .args([
            "--service-cluster-ip-range=10.96.0.0/16",
            "--endpoint-reconciler-type=none",
        ])
        // Nobody issues the default accounts that this would wait for.
        .arg("--disable-admission-plugins=ServiceAccount");
    Process::start(command, &directory.join("apiserver.log")).map_err(|error| error.to_string())
}

fn program(directory: &Path) -> Command {
    let mut command = Command::new(installed("kubeapi-1.34.2"));
    command
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", directory);
    command
}
