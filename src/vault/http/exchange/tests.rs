//! What becomes of odd answers, against a responder on the loopback address.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::secret::SecretText;
use crate::vault::http::exchange::*;
use crate::vault::keys::init::{InitRequest, initialize};
use crate::vault::{Target, Timeouts, Tls, sys};

/// Answers each connection's single request with the next of `answers`, and passes on what it was sent.
async fn responder(answers: Vec<String>) -> (String, UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (seen, requests) = unbounded_channel();
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 8192];
            let read = stream.read(&mut request).await.unwrap();
            seen.send(String::from_utf8_lossy(&request[..read]).into_owned())
                .unwrap();
            if answer == "silence" {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, requests)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

const JSON: &str = "content-type: application/json\r\n";

fn json_answer(status: &str, body: &serde_json::Value) -> String {
    answer(status, JSON, &body.to_string())
}

fn redirect(status: &str, location: &str) -> String {
    answer(status, &format!("location: {location}\r\n"), "")
}

fn target(address: &str, nodes: &[&str]) -> Target {
    Target {
        plain_http: crate::plain_http::Peers::default(),
        address: address.parse().unwrap(),
        nodes: nodes.iter().map(|node| node.parse().unwrap()).collect(),
        tls: Tls::default(),
        namespace: None,
        timeouts: Timeouts {
            request: PATIENCE,
            init: PATIENCE,
        },
    }
}

/// No answer of these tests takes long, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);
/// Where none comes at all.
const SHORT: Duration = Duration::from_millis(300);

fn open(address: &str, nodes: &[&str]) -> Client {
    Client::open(&target(address, nodes)).unwrap()
}

fn impatient(address: &str) -> Client {
    let mut target = target(address, &[]);
    (target.timeouts.request, target.timeouts.init) = (SHORT, SHORT);
    Client::open(&target).unwrap()
}

/// What a read with this token ends in.
async fn fails(client: &Client, token: Option<&str>, path: &str) -> Error {
    let token = token.map(|token| Token::new(token.into()));
    client.read(token.as_ref(), path).await.unwrap_err()
}

/// What a read ends in that nobody answers but with this.
async fn fails_at(answer: String) -> Error {
    let (address, _requests) = responder(vec![answer]).await;
    fails(&open(&address, &[]), None, "x").await
}

#[tokio::test]
async fn prefix_namespace_token_and_body_arrive() {
    let enveloped = json_answer("200 OK", &json!({"request_id": "r", "data": {}}));
    let (address, mut requests) = responder(vec![enveloped]).await;
    let client = open(&format!("{address}/prefix/"), &[]).in_namespace(Some("team/"));
    let token = Token::new("hvs.T".into());
    let body = Body::map([("password", SecretText::new("hunter2".into()))]);
    client
        .write(Some(&token), "auth/userpass/users/a b?", &body)
        .await
        .unwrap();
    let request = requests.recv().await.unwrap();
    assert!(
        request.starts_with("POST /prefix/v1/auth/userpass/users/a%20b%3F HTTP/1.1\r\n"),
        "{request}"
    );
    for header in [
        "x-vault-token: hvs.T",
        "x-vault-namespace: team",
        "x-vault-request: true",
    ] {
        assert!(request.contains(header), "{header}");
    }
    assert!(request.ends_with(r#"{"password":"hunter2"}"#));
    assert_eq!(client.requests_sent(), 1);
}

#[tokio::test]
async fn descriptions_with_slashes_and_tabs_are_put_right() {
    let (address, mut requests) = responder(vec![answer("204 No Content", "", "")]).await;
    let client = open(&format!("{address}/prefix"), &[]);
    crate::vault::auth::token::revoke_self(&client, Token::new("s.T".into()))
        .await
        .unwrap();
    let request = requests.recv().await.unwrap();
    assert!(
        request.starts_with("POST /prefix/v1/auth/token/revoke-self HTTP/1.1\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn a_web_page_is_told_from_the_server() {
    let page = answer("404 Not Found", "content-type: text/html\r\n", "<html>");
    let error = fails_at(page).await;
    let expected = Kind::NotVault {
        status: 404,
        content_type: "text/html".into(),
    };
    assert_eq!(error.kind(), &expected);
}

#[tokio::test]
async fn a_redirect_is_followed_to_a_listed_node_with_the_token() {
    let enveloped = json_answer("200 OK", &json!({"request_id": "r", "data": {"a": 1}}));
    let (leader, mut at_leader) = responder(vec![enveloped]).await;
    let away = redirect("307 Temporary Redirect", &format!("{leader}/v1/secret/x"));
    let (standby, _at_standby) = responder(vec![away]).await;
    let client = open(&standby, &[&leader]);
    let token = Token::new("hvs.T".into());
    let found = client.read(Some(&token), "secret/x").await.unwrap();
    assert_eq!(found, Some(json!({"a": 1})));
    let request = at_leader.recv().await.unwrap();
    assert!(request.contains("x-vault-token: hvs.T"), "{request}");
    assert_eq!(client.requests_sent(), 2);
}

#[tokio::test]
async fn a_redirect_elsewhere_ends_there_and_the_token_stays() {
    let (stranger, mut at_stranger) = responder(vec![json_answer("200 OK", &json!({}))]).await;
    let location = format!("{stranger}/v1/secret/x?state=hunter2");
    let away = redirect("307 Temporary Redirect", &location);
    let (standby, _at_standby) = responder(vec![away]).await;
    let error = fails(&open(&standby, &[]), Some("hvs.T"), "secret/x").await;
    assert_eq!(error.kind(), &Kind::Redirect { to: stranger });
    assert!(at_stranger.try_recv().is_err());
}

#[tokio::test]
async fn a_write_is_not_turned_into_a_read() {
    let (address, _requests) = responder(vec![redirect("302 Found", "/v1/x/")]).await;
    let client = open(&address, &[]);
    let error = client.write(None, "x", &Body::Null).await.unwrap_err();
    assert_eq!(error.kind(), &Kind::Redirect { to: address });
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let round = redirect("307 Temporary Redirect", "/v1/x");
    let (address, _requests) = responder(vec![round; 5]).await;
    let client = open(&address, &[]);
    let error = fails(&client, None, "x").await;
    assert!(matches!(error.kind(), Kind::Redirect { .. }), "{error}");
    assert_eq!(client.requests_sent(), 3);
}

const ASKED: InitRequest = InitRequest {
    shares: 3,
    threshold: 2,
    recovery: true,
    sealed: false,
};

#[tokio::test]
async fn init_is_one_request_whatever_is_answered() {
    let elsewhere = redirect("307 Temporary Redirect", "/v1/sys/init");
    let failed = json_answer("500 Internal Server Error", &json!({"errors": ["x"]}));
    for answer in [elsewhere, failed, "silence".into(), String::new()] {
        let (address, _requests) =
            responder(vec![answer.clone(), json_answer("200 OK", &json!({}))]).await;
        let client = if answer == "silence" {
            impatient(&address)
        } else {
            open(&address, &[])
        };
        assert!(initialize(&client, &ASKED, Vec::new()).await.is_err());
        assert_eq!(client.requests_sent(), 1);
    }
}

#[tokio::test]
async fn the_answer_to_init_is_kept_unread() {
    let (address, mut requests) = responder(vec![answer("200 OK", "", "not even json")]).await;
    let kept = initialize(&open(&address, &[]), &ASKED, Vec::new())
        .await
        .unwrap();
    assert_eq!(kept.raw().expose(), "not even json");
    let request = requests.recv().await.unwrap();
    assert!(
        request.ends_with(r#"{"recovery_shares":3,"recovery_threshold":2}"#),
        "{request}"
    );
}

#[tokio::test]
async fn an_answer_without_end_is_refused_by_its_announcement() {
    let large = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_owned();
    assert_eq!(fails_at(large).await.kind(), &Kind::TooLarge);
}

#[tokio::test]
async fn silence_and_absence_are_told_apart() {
    let (address, _requests) = responder(vec!["silence".into()]).await;
    let error = fails(&impatient(&address), None, "x").await;
    assert_eq!(error.kind(), &Kind::TimedOut(SHORT));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let error = fails(&open(&format!("http://{closed}"), &[]), None, "x").await;
    let refused = "cannot be reached: connection refused";
    assert!(error.to_string().contains(refused), "{error}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn health_reads_every_state_and_both_products() {
    let vault =
        json!({"initialized": true, "sealed": true, "enterprise": false, "version": "1.21.1"});
    let sealed = json_answer("503 Service Unavailable", &vault);
    let bao = json!({"initialized": true, "sealed": false, "standby": false, "version": "2.6.2"});
    let (address, _requests) = responder(vec![sealed, json_answer("200 OK", &bao)]).await;
    let client = open(&address, &[]);
    let health = sys::health(&client).await.unwrap();
    assert_eq!((health.status, health.product), (503, sys::Product::Vault));
    let health = sys::health(&client).await.unwrap();
    let (active, product) = (health.is_active(), health.product);
    assert_eq!((active, product), (true, sys::Product::OpenBao));
}

#[tokio::test]
async fn the_active_node_is_found_among_dead_and_standby_ones() {
    let state = json!({"initialized": true, "sealed": false, "version": "2.6.2"});
    let standby = json_answer("429 Too Many Requests", &state);
    let (standby, _at_standby) = responder(vec![standby]).await;
    let (leader, _at_leader) = responder(vec![json_answer("200 OK", &state)]).await;
    let client = open(&standby, &["http://127.0.0.1:1", &standby, &leader]);
    let (active, _) = sys::active(&client).await.unwrap();
    assert_eq!(active.address(), leader);
    assert_eq!(client.nodes().len(), 3);
}

#[tokio::test]
async fn tokens_and_paths_that_cannot_be_sent_are_errors() {
    let client = open("http://127.0.0.1:1", &[]);
    for bad in ["", "hvs.x\n", "a\u{7f}b"] {
        let error = fails(&client, Some(bad), "x").await;
        assert_eq!(error.kind(), &Kind::InvalidToken, "{bad:?}");
    }
    for bad in ["", "/x", "a//b", "a/../b", "./a", "a\nb"] {
        let error = fails(&client, None, bad).await;
        assert!(matches!(error.kind(), Kind::InvalidPath(_)), "{bad:?}");
    }
    assert_eq!(client.requests_sent(), 0);
}

#[test]
fn addresses_that_would_leak_are_refused() {
    let kind = |address: &str| {
        Client::open(&target(address, &[]))
            .map(|_| ())
            .unwrap_err()
            .kind()
            .clone()
    };
    assert_eq!(kind("http://vault.internal:8200"), Kind::PlainHttp);
    assert_eq!(kind("http://localhost.example:8200"), Kind::PlainHttp);
    assert!(matches!(kind("ftp://localhost"), Kind::InvalidAddress(_)));
    let error = Client::open(&target("https://ada:hunter2@vault", &[])).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    let nodes = Client::open(&target("https://vault", &["http://vault-1.internal"])).unwrap_err();
    assert_eq!(nodes.kind(), &Kind::PlainHttp);
    for good in [
        "https://vault.internal",
        "http://127.0.0.2:8200",
        "http://[::1]:8200",
        "http://localhost:1",
    ] {
        assert_eq!(open(good, &[]).address(), good);
    }
}

#[test]
fn a_node_is_found_by_scheme_host_and_port() {
    let client = open(
        "https://vault.internal",
        &["https://vault-1:8200", "https://vault-2:8200"],
    );
    let found = |address: &str| client.at(address).map(|client| client.address().to_owned());
    let (second, first) = ("https://vault-2:8200", "https://vault.internal");
    assert_eq!(found("https://vault-2:8200/").as_deref(), Some(second));
    assert_eq!(found("https://vault.internal:443").as_deref(), Some(first));
    for other in [
        "http://vault-2:8200",
        "https://vault-2",
        "https://vault-3:8200",
        "nonsense",
    ] {
        assert_eq!(found(other), None, "{other}");
    }
}

#[test]
fn unusable_certificates_are_named() {
    type Set = fn(&mut Tls);
    let settings: [(&str, Set); 3] = [
        (
            "no trusted connection to https://vault: ca_cert holds no certificate",
            |tls| tls.ca_cert = Some(b"x".to_vec()),
        ),
        ("client_cert and client_key belong together", |tls| {
            tls.client_cert = Some(b"x".to_vec());
        }),
        ("tls.server_name is not a DNS name", |tls| {
            tls.server_name = Some("127.0.0.1".into());
        }),
    ];
    for (why, set) in settings {
        let mut target = target("https://vault", &[]);
        set(&mut target.tls);
        let text = Client::open(&target).unwrap_err().to_string();
        assert!(text.ends_with(why), "{text}");
    }
}
