//! Doors of people and workloads for a ceremony: a real identity provider and a real Kubernetes API.

use serde_json::{Value, json};

use super::file::Ceremony;
use super::run::Run;
use crate::support::{Account, Kubernetes, OpenIdProvider, Running, free_port};

/// The audience of workloads' tokens.
pub const AUDIENCE: &str = "vault";

/// A namespace of one's own, with a workload and a reviewer of tokens.
pub struct Workload {
    /// Its namespace.
    pub namespace: String,
}

impl Ceremony {
    /// Named people sign in at the provider, as a break-glass door beside `ada`.
    pub fn on_call_door(&mut self, provider: &OpenIdProvider) {
        self.write("oidc.password", provider.client_secret());
        self.secrets
            .insert("oidc".into(), provider.client_secret().into());
        let back = format!("http://localhost:{}/oidc/callback", free_port());
        self.set(
            "/auth/oidc",
            json!({
                "type": "oidc",
                "config": {
                    "oidc_discovery_url": provider.issuer(),
                    "oidc_client_id": provider.client_id(),
                    "oidc_client_secret": { "file": "oidc.password" },
                },
                "roles": { "on-call": {
                    "user_claim": "email",
                    "oidc_scopes": ["email", "groups"],
                    "bound_claims": { "hd": "example.com", "groups": ["platform"] },
                    "allowed_redirect_uris": [back],
                    "token_ttl": "15m",
                } },
            }),
        );
        self.set(
            "/logins/on-call",
            json!({ "auth": "oidc", "role": "on-call", "with": "url" }),
        );
        self.set("/break_glass/logins", json!(["on-call", "ada"]));
    }

    /// A workload's service account logs in with a token that the API server makes for it.
    pub fn workload_door(&mut self, kubernetes: &Kubernetes) -> Workload {
        let namespace = self
            .prefix()
            .replace(['/', '_', '.'], "-")
            .trim_matches('-')
            .to_lowercase();
        kubernetes.create_namespace(&namespace);
        for account in ["payments", "other", "reviewer", "deployer"] {
            kubernetes.create_service_account(&namespace, account);
        }
        kubernetes.allow_token_review(&namespace, "reviewer");
        kubernetes.allow_token_requests(&namespace, "deployer");
        let issuer = kubernetes.address();
        let reviewer = kubernetes.token_request(&namespace, "reviewer", &issuer);
        let deployer = kubernetes.token_request(&namespace, "deployer", &issuer);
        for (name, token) in [("reviewer", &reviewer), ("deployer", &deployer)] {
            self.write(&format!("{name}.jwt"), token);
            self.secrets.insert(name.into(), token.clone());
        }
        self.write("kubernetes.pem", &kubernetes.ca_pem());
        self.set(
            "/auth/kubernetes",
            json!({
                "type": "kubernetes",
                "config": {
                    "kubernetes_host": issuer,
                    "kubernetes_ca_cert": { "file": "kubernetes.pem" },
                    "token_reviewer_jwt": { "file": "reviewer.jwt" },
                    "disable_local_ca_jwt": true,
                },
                "roles": { "payments": {
                    "bound_service_account_names": ["payments"],
                    "bound_service_account_namespaces": [namespace],
                    "audience": AUDIENCE,
                    "token_policies": ["operator"],
                    "token_ttl": "1h",
                } },
            }),
        );
        self.set(
            "/logins/payments",
            json!({
                "auth": "kubernetes",
                "role": "payments",
                "with": { "token_request": {
                    "api_server": issuer,
                    "ca_cert": "kubernetes.pem",
                    "credential": { "file": "deployer.jwt" },
                    "namespace": namespace,
                    "service_account": "payments",
                    "audience": AUDIENCE,
                    "expiration": "10m",
                } },
                "can": { "secret/data/production/stripe": ["read"] },
            }),
        );
        Workload { namespace }
    }

    /// Where Secrets of this ceremony are: a namespace with an account that may do nothing yet, whose token is in
    /// `NAME.token`.
    pub fn kubernetes_account(&mut self, account: &str) -> String {
        let kubernetes = Kubernetes::shared();
        let namespace = self.kubernetes_namespace();
        let (status, _) = kubernetes.call("GET", &format!("/api/v1/namespaces/{namespace}"), None);
        if status == 404 {
            kubernetes.create_namespace(&namespace);
        }
        kubernetes.create_service_account(&namespace, account);
        let token = kubernetes.token_request(&namespace, account, &kubernetes.address());
        self.write(&format!("{account}.token"), &token);
        self.secrets.insert(account.to_owned(), token);
        self.write("kubernetes.pem", &kubernetes.ca_pem());
        namespace
    }

    fn kubernetes_namespace(&self) -> String {
        let name = self
            .path("")
            .file_name()
            .map(|name| name.to_string_lossy().to_lowercase());
        name.expect("a name")
    }

    /// An entry of `init.custodians` in a Secret, with an identity of its own; `account` reaches it.
    pub fn secret_custodian(&mut self, name: &str, account: &str) -> Value {
        let recipient = self.age_custodian(name)["age"]["recipient"].take();
        let namespace = self.kubernetes_namespace();
        json!({ "name": name, "kubernetes": {
            "secret": format!("{namespace}/{name}-share"),
            "recipient": recipient,
            "api_server": Kubernetes::shared().address(),
            "ca_cert": "kubernetes.pem",
            "token_file": format!("{account}.token"),
        } })
    }

    /// Applies while this person signs in, and delivers what the provider sends back.
    #[track_caller]
    pub fn apply_with(&self, provider: &OpenIdProvider, account: Account) -> Run {
        let run: Running = self.start();
        let address = run.wait_for_url(&provider.issuer());
        let page = provider.sign_in_and_deliver(&address, account);
        let run = Run::from(run.finish());
        assert!(page.is_ok(), "{page:?}\n{run}");
        run
    }
}
