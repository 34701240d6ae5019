//! People sign in through a real OpenID provider, programs through a real Kubernetes.

use serde_json::{Value, json};

use crate::support::{
    Account, HttpClient, Kubernetes, OpenIdProvider, Setup, VaultServer, is_gone, require,
};

const CALLBACK: &str = "http://127.0.0.1:8250/oidc/callback";

fn enable_oidc(server: &VaultServer, root: &str, provider: &OpenIdProvider) {
    server.must_put("sys/auth/oidc", root, json!({ "type": "oidc" }));
    server.must_put(
        "auth/oidc/config",
        root,
        json!({
            "oidc_discovery_url": provider.issuer(),
            "oidc_client_id": provider.client_id(),
            "oidc_client_secret": provider.client_secret(),
            "default_role": "platform",
        }),
    );
    server.must_put(
        "auth/oidc/role/platform",
        root,
        json!({
            "role_type": "oidc",
            "user_claim": "email",
            "groups_claim": "groups",
            "oidc_scopes": ["email"],
            "bound_claims": { "hd": "example.com" },
            "allowed_redirect_uris": [CALLBACK],
            "token_policies": ["reader"],
        }),
    );
}

/// What the server answers once this person has signed in.
fn log_in(server: &VaultServer, provider: &OpenIdProvider, account: Account) -> (u16, Value) {
    let body = json!({ "role": "platform", "redirect_uri": CALLBACK, "client_nonce": "the-nonce" });
    let answer = server.must_put("auth/oidc/oidc/auth_url", None, body);
    let address = answer["data"]["auth_url"].as_str().expect("an address");
    let callback = provider
        .sign_in(address, account)
        .expect("the provider lets them in");
    let (at, query) = callback.split_once('?').expect("a query");
    assert_eq!(at, CALLBACK);
    server.get(
        &format!("auth/oidc/oidc/callback?{query}&client_nonce=the-nonce"),
        None,
    )
}

#[test]
fn alice_signs_in_through_openbao_and_mallory_does_not() {
    require!(["openbao-2.7.2", "oidc-provider-9.13.3"]);
    let server = VaultServer::start(Setup::OpenBao272Static);
    let mut provider = OpenIdProvider::start();
    let root = server.init_by_hand().root_token;
    enable_oidc(&server, &root, &provider);
    let (status, alice) = log_in(&server, &provider, Account::Alice);
    assert_eq!(status, 200, "{alice}");
    assert_eq!(
        alice["auth"]["token_policies"],
        json!(["default", "reader"])
    );
    let (status, mallory) = log_in(&server, &provider, Account::Mallory);
    assert_eq!(status, 400, "{mallory}");
    assert!(
        mallory["errors"][0]
            .as_str()
            .expect("a reason")
            .contains("\"hd\""),
        "{mallory}"
    );
    let (id, port) = (provider.id().expect("it runs"), provider.port());
    provider.stop();
    assert!(is_gone(id, port));
    provider.restart();
    assert_eq!(provider.port(), port);
}

#[test]
fn a_device_is_approved_at_the_provider() {
    require!(["oidc-provider-9.13.3"]);
    let provider = OpenIdProvider::start();
    let client = HttpClient::default();
    let credentials = format!("client_id={}&", provider.client_id());
    let basic = basic(provider.client_id(), provider.client_secret());
    let post = |path: &str, body: String| {
        let headers = [
            ("Authorization", basic.as_str()),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        let url = format!("{}{path}", provider.issuer());
        client
            .call("POST", &url, &headers, Some(body))
            .expect("the provider answers")
            .json()
    };
    let started = post("/device/auth", format!("{credentials}scope=openid+email"));
    let text = |name: &str| {
        started[name]
            .as_str()
            .unwrap_or_else(|| panic!("{started}"))
            .to_owned()
    };
    let poll = || {
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        post(
            "/token",
            format!("grant_type={grant}&device_code={}", text("device_code")),
        )
    };
    assert_eq!(poll()["error"], "authorization_pending");
    let approved = provider.approve_device(
        &text("verification_uri"),
        Some(&text("user_code")),
        Account::Alice,
    );
    approved.expect("the provider takes the code");
    assert!(poll()["id_token"].is_string());
    let started = post("/device/auth", format!("{credentials}scope=openid+email"));
    let whole = started["verification_uri_complete"]
        .as_str()
        .expect("an address");
    provider
        .approve_device(whole, None, Account::Mallory)
        .expect("the provider takes the code");
}

fn basic(name: &str, secret: &str) -> String {
    use base64::Engine as _;
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(name), encode(secret));
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair)
    )
}

#[test]
fn a_service_account_logs_in_with_a_requested_token() {
    require!(["openbao-2.7.2", "kubeapi-1.34.2"]);
    let server = VaultServer::start(Setup::OpenBao272Static);
    let cluster = Kubernetes::start();
    let root = server.init_by_hand().root_token;
    cluster.create_namespace("vault");
    for account in ["reviewer", "requester", "app"] {
        cluster.create_service_account("vault", account);
    }
    cluster.allow_token_review("vault", "reviewer");
    let reviewer = cluster.token_request("vault", "reviewer", &cluster.address());
    server.must_put(
        "sys/auth/kubernetes",
        root.as_str(),
        json!({ "type": "kubernetes" }),
    );
    let config = json!({
        "kubernetes_host": cluster.address(),
        "kubernetes_ca_cert": cluster.ca_pem(),
        "token_reviewer_jwt": reviewer,
        "disable_local_ca_jwt": true,
    });
    server.must_put("auth/kubernetes/config", root.as_str(), config);
    let role = json!({
        "bound_service_account_names": ["app"],
        "bound_service_account_namespaces": ["vault"],
        "audience": "vault",
    });
    server.must_put("auth/kubernetes/role/app", root.as_str(), role);
    let log_in = |audience: &str| {
        let token = cluster.token_request("vault", "app", audience);
        server.put(
            "auth/kubernetes/login",
            None,
            json!({ "role": "app", "jwt": token }),
        )
    };
    assert_eq!(log_in("vault").0, 200);
    assert_eq!(log_in("other").0, 403);
    cluster.forbid_token_review("vault", "reviewer");
    assert_eq!(log_in("vault").0, 403);
    check_token_requests(&cluster);
    let (ids, port) = (cluster.ids(), cluster.port());
    drop(cluster);
    assert!(ids.iter().all(|id| is_gone(*id, port)));
}

/// An account may ask for tokens of others once it is allowed to, and not before.
fn check_token_requests(cluster: &Kubernetes) {
    let requester = cluster.token_request("vault", "requester", &cluster.address());
    let ask = || cluster.token_request_as(&requester, "vault", "app", "vault");
    assert_eq!(ask().0, 403);
    cluster.allow_token_requests("vault", "requester");
    let allowed = || ask().0 == 201;
    assert!(crate::support::eventually(
        std::time::Duration::from_secs(10),
        allowed
    ));
}
