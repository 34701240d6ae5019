//! Answers of Vault, OpenBao and the Kubernetes API server: whatever comes is understood or refused.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use vault_bootstrap::kubernetes::TokenRequest;
use vault_bootstrap::secret::{RootToken, SecretText, Share, Token};
use vault_bootstrap::vault::auth::{oidc, token};
use vault_bootstrap::vault::compare::{compare, compare_policy, compare_tune, same_policy};
use vault_bootstrap::vault::keys::init::{InitAnswer, InitRequest, initialize};
use vault_bootstrap::vault::{
    Body, Client, Error, RootSession, Target, Timeouts, Tls, audit, login, mounts, policies,
    probe_root_generation, sys,
};

use crate::feed::{answers, for_a_while, json};
use crate::responder::{Responder, runtime};

/// A secret of ours that a server may send back in its words.
const OURS: &str = "hvs.ours-and-nobody-elses-0123456789";

const WORDS: &[&str] = &[
    "request_id",
    "data",
    "auth",
    "errors",
    "warnings",
    "error",
    "initialized",
    "sealed",
    "standby",
    "version",
    "cluster_name",
    "cluster_id",
    "server_time_utc",
    "t",
    "n",
    "progress",
    "type",
    "seal_type",
    "recovery_seal",
    "nonce",
    "migration",
    "storage_type",
    "ha_enabled",
    "is_self",
    "leader_address",
    "keys",
    "keys_base64",
    "recovery_keys_base64",
    "root_token",
    "client_token",
    "accessor",
    "policies",
    "token_policies",
    "identity_policies",
    "entity_id",
    "lease_duration",
    "renewable",
    "token_type",
    "orphan",
    "metadata",
    "num_uses",
    "auth_url",
    "state",
    "poll_interval",
    "user_code",
    "exact_paths",
    "glob_paths",
    "root",
    "capabilities",
    "hash",
    "hmac-sha256:aa",
    "options",
    "description",
    "config",
    "local",
    "seal_wrap",
    "policy",
    "rules",
    "file/",
    "expire_time",
    "ttl",
    "path",
    "id",
    "display_name",
    "creation_time",
    "explicit_max_ttl",
    "authorization_pending",
    "slow_down",
    "status",
    "token",
    OURS,
];

const TRUE: &[&str] = &[
    r#"{"initialized":true,"sealed":false,"standby":false,"performance_standby":false,"server_time_utc":1795248000,"version":"2.7.2","cluster_name":"c","cluster_id":"6a"}"#,
    r#"{"type":"shamir","initialized":true,"sealed":true,"t":2,"n":3,"progress":1,"nonce":"n","version":"1.21.1","migration":false,"recovery_seal":false,"storage_type":"raft"}"#,
    r#"{"ha_enabled":true,"is_self":true,"leader_address":"http://127.0.0.1:8200"}"#,
    r#"{"keys":["00","01"],"keys_base64":["AA==","AQ=="],"recovery_keys_base64":["AA==","AQ=="],"root_token":"s.root"}"#,
    r#"{"request_id":"r","auth":{"client_token":"hvs.t","accessor":"a","policies":["default"],"token_policies":null,"metadata":{"role":"x"},"lease_duration":900,"renewable":true,"entity_id":"e","token_type":"service","orphan":true,"num_uses":0}}"#,
    r#"{"request_id":"r","data":{"accessor":"a","id":"hvs.t","policies":["root"],"path":"auth/token/root","ttl":0,"creation_time":1795248000,"display_name":"root","entity_id":"","expire_time":null,"explicit_max_ttl":0,"num_uses":0,"orphan":true,"type":"service"}}"#,
    r#"{"request_id":"r","data":{"file/":{"type":"file","description":"","options":{"file_path":"/x","log_raw":"false"},"local":false,"path":"file/"}}}"#,
    r#"{"request_id":"r","data":{"secret/":{"type":"kv","accessor":"kv_1","config":{"default_lease_ttl":0},"options":{"version":"2"},"local":false,"seal_wrap":false,"description":""}}}"#,
    r#"{"request_id":"r","data":{"exact_paths":{"sys/generate-root/attempt":{"capabilities":["read"]}},"glob_paths":{"secret/":{"capabilities":["list"]}},"root":false}}"#,
    r#"{"request_id":"r","data":{"capabilities":["read"],"a/b":["read","update"]}}"#,
    r#"{"request_id":"r","data":{"keys":["a","b"],"hash":"hmac-sha256:00","policy":"path \"a\" {}"},"warnings":["w"]}"#,
    r#"{"request_id":"r","data":{"auth_url":"https://idp/auth?state=st_1","state":"st_1","poll_interval":"5","user_code":"AB-CD"}}"#,
    r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#,
    r#"{"errors":["authorization_pending"]}"#,
    r#"{"kind":"TokenRequest","status":{"token":"ey.J.x","expirationTimestamp":"2026-11-21T08:00:00Z"}}"#,
];

/// What comes back: status, type and body, or bytes that may not even be HTTP.
#[derive(Debug, Clone)]
enum Said {
    Http(u16, &'static str, Vec<u8>),
    Raw(Vec<u8>),
}

impl Said {
    fn is_seldom(&self) -> bool {
        let (Self::Http(.., body) | Self::Raw(body)) = self;
        body.len().is_multiple_of(8)
    }
}

fn said() -> impl Strategy<Value = Said> {
    let status = select(
        &[
            200u16, 200, 200, 200, 201, 204, 301, 307, 400, 403, 404, 405, 429, 472, 473, 500, 503,
            530,
        ][..],
    );
    let kind = select(
        &[
            "application/json",
            "application/json; charset=utf-8",
            "text/html",
            "",
        ][..],
    );
    let raw = |body: Vec<u8>| {
        let head = "HTTP/1.1 200 OK\r\nlocation: //[\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n";
        Said::Raw([head.as_bytes(), &body].concat())
    };
    prop_oneof![
        12 => (status, kind, answers(TRUE, WORDS)).prop_map(|(status, kind, body)| Said::Http(status, kind, body)),
        1 => answers(TRUE, WORDS).prop_map(raw),
        1 => prop::collection::vec(any::<u8>(), 0..400).prop_map(Said::Raw),
    ]
}

fn client(address: &str) -> Client {
    let limit = Duration::from_secs(2);
    let target = Target {
        plain_http: vault_bootstrap::plain_http::Peers::default(),
        address: address.parse().unwrap(),
        nodes: Vec::new(),
        tls: Tls::default(),
        namespace: None,
        timeouts: Timeouts {
            request: limit,
            init: limit,
        },
    };
    Client::open(&target).unwrap()
}

/// An error names what happened, once as text and once for developers, and never repeats a secret of ours.
fn judge<T>(result: Result<T, Error>) {
    if let Err(error) = result {
        let shown = format!("{error} {error:?} {:?}", error.advice());
        assert!(!shown.contains(OURS), "{shown}");
        let _ = (error.is_retryable(), error.is_forbidden(), error.status());
    }
}

async fn ask_everything(client: &Client) {
    let ours = || Token::new(OURS.into());
    let secret = || SecretText::new(OURS.into());
    let token = &ours();
    judge(sys::health(client).await);
    judge(sys::seal_status(client).await);
    judge(sys::leader(client).await);
    judge(sys::initialized(client).await);
    let _ = sys::active(client).await;
    judge(sys::unseal(client, &Share::new("AA==".into())).await);
    judge(audit::list_audit(client, token).await);
    judge(audit::audit_hash(client, token, "file", secret()).await);
    judge(mounts::list_mounts(client, token).await);
    judge(mounts::list_auth(client, token).await);
    judge(policies::read(client, token, "a").await);
    judge(policies::capabilities_self(client, token, &["a/b"]).await);
    judge(policies::resultant_acl(client, token).await);
    judge(probe_root_generation(client, Some(token)).await);
    judge(token::lookup_self(client, token).await);
    judge(token::lookup_accessor(client, token, "a").await);
    judge(token::list_accessors(client, token).await);
    judge(token::revoke_accessor(client, token, "a").await);
    judge(token::revoke_self(client, ours()).await);
    judge(client.read(Some(token), "a").await);
    judge(client.list(Some(token), "a").await);
    let body = Body::map([("password", secret())]);
    judge(client.write(Some(token), "a", &body).await);
    judge(login(client, "auth/userpass/login/ada", &body).await);
    judge(oidc::auth_url(client, "oidc", None, None, &secret()).await);
    judge(oidc::callback(client, "oidc", &secret(), &secret(), &secret()).await);
    judge(oidc::poll(client, "oidc", &secret(), &secret()).await);
    let root = RootSession::new(client, RootToken::new(ours()));
    if let Err(broken) = root.revoke().await {
        judge::<()>(Err(broken.error));
    }
}

async fn initialise(client: &Client) {
    let asked = InitRequest {
        shares: 2,
        threshold: 2,
        recovery: true,
        sealed: false,
    };
    match initialize(client, &asked, Vec::new()).await {
        Ok(answer) => {
            let _ = InitAnswer::parse(answer.raw(), &asked).map_err(|error| error.to_string());
        }
        Err(error) => judge::<()>(Err(error)),
    }
}

#[test]
fn any_answer_of_a_server_is_understood_or_refused() {
    let runtime = runtime();
    let responder = runtime.block_on(Responder::start(0));
    let client = client(&responder.address);
    let kubernetes = TokenRequest {
        api_server: responder.address.parse().unwrap(),
        ca_cert: None,
        credential: Arc::new(SecretText::new(OURS.into())),
        namespace: "production".into(),
        service_account: "payments".into(),
        audience: None,
        expiration: Duration::from_secs(600),
    };
    for_a_while("server", &said(), |said| {
        let seldom = said.is_seldom();
        match said {
            Said::Http(status, kind, body) => responder.say(status, kind, &body),
            Said::Raw(bytes) => responder.say_raw(bytes),
        }
        runtime.block_on(async {
            ask_everything(&client).await;
            initialise(&client).await;
            // It reads the certificates of the system each time, which takes longer than all the others.
            if seldom && let Err(error) = kubernetes.send().await {
                assert!(!format!("{error} {error:?}").contains(OURS));
            }
        });
    });
}

#[test]
fn any_answer_can_be_compared_with_what_is_wanted() {
    let cases = (json(WORDS), json(WORDS), "\\PC{0,60}");
    for_a_while("compare", &cases, |(want, have, text)| {
        let want = Body::from(want);
        for comparison in [
            compare(&want, &have),
            compare_tune(&want, &have),
            compare_policy(&want, &have),
        ] {
            let _ = (comparison.is_same(), format!("{comparison:?}"));
        }
        let _ = same_policy(&text, have.as_str().unwrap_or_default());
        assert!(same_policy(&text, &text));
        let own = serde_json::to_value(&have).unwrap_or(Value::Null);
        assert_eq!(own, have);
    });
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let runtime = runtime();
    let responder = runtime.block_on(Responder::start(0));
    let body = vec![b'['; 40 << 20];
    responder.say(200, "application/json", &body);
    let announced = runtime.block_on(client(&responder.address).read(None, "a"));
    assert!(announced.unwrap_err().to_string().contains("larger"));
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
    responder.say_raw([head.as_bytes(), &body].concat());
    let unannounced = runtime.block_on(client(&responder.address).read(None, "a"));
    assert!(unannounced.unwrap_err().to_string().contains("larger"));
}

/// Each level of nesting is a call of the reader.
#[test]
fn an_answer_that_is_nested_without_end_is_refused() {
    let runtime = runtime();
    let responder = runtime.block_on(Responder::start(0));
    for (open, close) in [("[", "]"), ("{\"data\":", "}")] {
        let body = format!("{}{}", open.repeat(200_000), close.repeat(200_000));
        responder.say(200, "application/json", body.as_bytes());
        runtime.block_on(ask_everything(&client(&responder.address)));
    }
}
