//! What counts as an answer about a Secret.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A Secret at an API server that gives this one answer.
async fn answered(status: u16, body: String) -> (tempfile::TempDir, Secret) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut visitor, _) = listener.accept().await.unwrap();
        let (mut asked, mut chunk) = (String::new(), [0; 4096]);
        // Up to the end of the head, and of the body that begins with a brace.
        while !asked.contains("\r\n\r\n") || (asked.starts_with("POST") && !asked.ends_with('}')) {
            let read = visitor.read(&mut chunk).await.unwrap();
            asked.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
        }
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        visitor
            .write_all(format!("{head}{body}").as_bytes())
            .await
            .unwrap();
    });
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("token");
    std::fs::write(&token, "a.b.c").unwrap();
    let access = Access {
        api_server: Some(Url::parse(&address).unwrap()),
        ca_cert: None,
        token_file: Some(token),
    };
    let at = SecretName::parse("vault/alice").unwrap();
    (directory, Secret::new(at, access))
}

fn in_words(refusal: Refusal) -> String {
    match refusal {
        Refusal::Denied { what, why, .. } => format!("denied: {what}: {why}"),
        Refusal::Taken => "taken".to_owned(),
        Refusal::Away(problem) => format!("away: {problem}"),
        Refusal::Misconfigured(problem) => format!("misconfigured: {problem}"),
        Refusal::Refused(problem) => format!("refused: {problem}"),
    }
}

async fn outcome(method: &str, (status, body): (u16, &str)) -> String {
    let (_directory, secret) = answered(status, body.to_owned()).await;
    let done = match method {
        "GET" => secret.get().await.map(|found| match found {
            Some(kept) => format!("keeps {:?}", String::from_utf8(kept).unwrap()),
            None => "none".to_owned(),
        }),
        "DELETE" => secret.delete().await.map(|()| "gone".to_owned()),
        _ => {
            let marks = vec![("vault-bootstrap/custodian".to_owned(), "alice".to_owned())];
            let created = secret.create(b"a", &marks).await;
            created.map(|()| "created".to_owned())
        }
    };
    done.unwrap_or_else(in_words)
}

#[tokio::test]
async fn an_answer_counts_only_in_the_form_of_an_api_server() {
    let gone = r#"{"kind":"Status","reason":"NotFound","details":{"kind":"secrets"}}"#;
    let nowhere = r#"{"kind":"Status","reason":"NotFound","details":{"kind":"namespaces"}}"#;
    let taken = r#"{"kind":"Status","reason":"AlreadyExists","details":{"kind":"secrets"}}"#;
    let denied = r#"{"kind":"Status","message":"secrets is forbidden: User \"ada\" cannot get"}"#;
    let quota = r#"{"kind":"Status","message":"exceeded quota"}"#;
    let strange = "away: the answer is not the Secret that was asked for";
    for (method, status, body, expected) in [
        (
            "GET",
            200,
            r#"{"kind":"Secret","metadata":{"name":"alice"},"data":{"share":"YQ=="}}"#,
            "keeps \"a\"",
        ),
        (
            "GET",
            200,
            r#"{"kind":"Secret","metadata":{"name":"alice"},"data":{"other":"YQ=="}}"#,
            "keeps \"\"",
        ),
        (
            "GET",
            200,
            r#"{"kind":"Secret","metadata":{"name":"bob"},"data":{"share":"YQ=="}}"#,
            strange,
        ),
        ("GET", 200, "<html>", strange),
        ("GET", 404, gone, "none"),
        ("GET", 404, "<html>", "refused: answered 404"),
        (
            "GET",
            403,
            denied,
            "denied: get of this Secret: ada has no such right (403)",
        ),
        ("GET", 403, "<html>", "refused: answered 403"),
        (
            "GET",
            302,
            "",
            "refused: answered with a redirect, which is not followed",
        ),
        ("GET", 503, "", "away: answered 503"),
        ("POST", 201, r#"{"data":{"share":"YQ=="}}"#, "created"),
        ("POST", 201, r#"{"data":{"share":"Yg=="}}"#, strange),
        ("POST", 409, taken, "taken"),
        ("POST", 409, "{}", "refused: answered 409"),
        (
            "POST",
            404,
            nowhere,
            "refused: there is no namespace vault (404)",
        ),
        (
            "POST",
            403,
            quota,
            "denied: create of Secrets in namespace vault: exceeded quota (403)",
        ),
        ("DELETE", 404, gone, "gone"),
        ("DELETE", 404, "<html>", "refused: answered 404"),
    ] {
        assert_eq!(
            outcome(method, (status, body)).await,
            expected,
            "{method} {status} {body}"
        );
    }
}
