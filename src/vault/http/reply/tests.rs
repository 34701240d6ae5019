//! What is kept of an answer and what is not.

use crate::vault::http::reply::*;
use crate::vault::http::transport::Raw;
use serde_json::{Value, json};

/// A reply to a write of `path` that had these secrets in it.
fn reply(status: u16, content_type: &str, body: &str, path: &str, secrets: &[&str]) -> Reply {
    let raw = Raw {
        node: None,
        status,
        content_type: content_type.into(),
        location: None,
        body: Zeroizing::new(body.as_bytes().to_vec()),
    };
    let url = format!("https://vault/v1/{path}");
    Reply::new(raw, "POST", url, path, secrets)
}

/// A reply in JSON to a write of `path`.
pub(crate) fn json_reply(status: u16, body: &str, path: &str) -> Reply {
    reply(status, "application/json", body, path, &[])
}

#[test]
fn data_is_taken_out_of_an_envelope_and_only_out_of_one() {
    let enveloped = r#"{"request_id":"r","data":{"a":1},"warnings":["w"]}"#;
    let bare = r#"{"data":{"a":1},"sealed":true}"#;
    let none = r#"{"request_id":"r","data":null,"warnings":["w"]}"#;
    for (body, data) in [
        (enveloped, json!({"a": 1})),
        (bare, json!({"data": {"a": 1}, "sealed": true})),
        (none, Value::Null),
        ("", Value::Null),
    ] {
        let status = if body.is_empty() { 204 } else { 200 };
        let reply = json_reply(status, body, "x");
        assert_eq!(reply.data::<Value>().unwrap(), data, "{body}");
    }
    assert_eq!(json_reply(200, enveloped, "x").warnings(), ["w"]);
}

#[test]
fn warnings_are_fit_to_show_as_errors_are() {
    let body = r#"{"request_id":"r","warnings":["it took \u001b[31mhunter2-hunter2\nand more"]}"#;
    let reply = reply(200, "application/json", body, "x", &["hunter2-hunter2"]);
    assert_eq!(reply.warnings(), ["it took [31m… and more"]);
}

#[test]
fn a_parse_error_quotes_nothing_of_the_answer() {
    let bad = json_reply(200, r#"{"request_id":"r","data":"hvs.secret"}"#, "x");
    let error = bad.data::<Vec<u64>>().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hvs.secret"));
    let said = "its fields are not the expected ones";
    assert!(error.to_string().contains(said), "{error}");
}

#[test]
fn a_web_page_is_not_the_server() {
    let error = reply(200, "text/html", "<html>hvs.secret", "x", &[])
        .data::<Value>()
        .unwrap_err();
    assert_eq!(
        error.kind(),
        &Kind::NotVault {
            status: 200,
            content_type: "text/html".into()
        }
    );
    let error = reply(502, "text/html", "<html>", "x", &[]).refusal();
    assert!(error.is_retryable());
    let error = reply(503, "", "", "x", &[]).refusal();
    assert_eq!(
        error.kind(),
        &Kind::Status {
            code: 503,
            messages: vec![]
        }
    );
}

#[test]
fn a_refusal_in_another_form_is_not_the_servers() {
    let foreign = [
        "",
        "<html>",
        "{}",
        "[]",
        "{",
        r#"{"message": "Forbidden"}"#,
        r#"{"errors": "permission denied"}"#,
        r#"{"errors": [{"code": "denied"}]}"#,
        r#"{"error": {"code": 403}, "data": {"error": "permission denied"}}"#,
    ];
    for status in [400, 403, 404] {
        for body in foreign {
            let answer = json_reply(status, body, "sys/init");
            let error = answer.refusal();
            assert!(
                matches!(error.kind(), Kind::NotVault { .. }),
                "{status} {body}"
            );
            assert!(!error.is_forbidden(), "{status} {body}");
        }
        for body in [r#"{"errors": []}"#, r#"{"request_id": "r", "data": null}"#] {
            let error = json_reply(status, body, "sys/init").refusal();
            assert!(
                matches!(error.kind(), Kind::Status { .. }),
                "{status} {body}"
            );
        }
    }
}

#[test]
fn the_servers_texts_are_short_clean_and_few() {
    let body = json!({"errors": ["1 error occurred:\n\t* permission denied\n\n", "x".repeat(400), "c", "d"]});
    let error = json_reply(403, &body.to_string(), "x").refusal();
    assert_eq!(error.messages()[0], "1 error occurred: * permission denied");
    assert_eq!(error.messages()[1].len(), 300);
    assert_eq!(error.messages().len(), 3);
}

#[test]
fn what_we_sent_in_secret_does_not_come_back() {
    let body = json!({"errors": ["bad password \"hunter2\""]}).to_string();
    let error = reply(400, "application/json", &body, "auth/x", &["hunter2"]).refusal();
    assert_eq!(error.messages(), ["bad password \"…\""]);
}

#[test]
fn calls_that_deal_in_keys_keep_no_text() {
    let body = json!({"errors": ["incorrect nonce supplied; nonce is \"1-2-3\""]}).to_string();
    for path in [
        "sys/unseal",
        "sys/generate-root/update",
        "sys/generate-root-token/update",
        "sys/rekey-recovery-key/update",
        "sys/rotate/recovery/update",
    ] {
        let error = json_reply(400, &body, path).refusal();
        assert_eq!(error.messages(), [] as [&str; 0], "{path}");
    }
    let error = json_reply(500, &body, "sys/init").refusal();
    assert_eq!(error.messages(), [] as [&str; 0], "keys stand next to it");
}

#[test]
fn why_an_initialisation_was_refused_is_said() {
    let why = "invalid seal configuration: threshold cannot be larger than shares";
    let body = json!({"errors": [why]}).to_string();
    let error = json_reply(400, &body, "sys/init").refusal();
    assert_eq!(error.messages(), [why]);
}

#[test]
fn what_the_identity_provider_answered_is_cut_off() {
    let body =
        json!({"errors": ["error decoding issuer response: x; response: {\"id_token\":\"ey\"}"]});
    let error = json_reply(500, &body.to_string(), "auth/oidc/oidc/poll").refusal();
    assert!(!error.to_string().contains("ey"), "{error}");
}

#[test]
fn a_field_of_another_form_is_named_with_its_address_and_shown_where_nothing_secret_was_sent() {
    let body = r#"{"type":"x; touch F #\u001b[2J","initialized":true,"sealed":false}"#;
    let of = |secrets: &[&str]| {
        let path = "sys/seal-status";
        let reply = reply(200, "application/json", body, path, secrets);
        let seal = reply.whole::<crate::vault::sys::SealStatus>();
        seal.unwrap_err().to_string()
    };
    let begin = "the answer to POST https://vault/v1/sys/seal-status is unusable: its seal type is malformed";
    assert_eq!(of(&[]), format!("{begin} (\"x; touch F #\\u{{1b}}[2J\")"));
    let hidden = of(&["touch"]);
    assert!(
        hidden.starts_with(begin) && !hidden.contains("touch"),
        "{hidden}"
    );
}

#[test]
fn no_name_that_somebody_gave_a_token_is_in_the_way_of_a_look_at_it() {
    let body = json!({"request_id": "r", "data": {
        "accessor": "\u{1b}[2J; touch F #", "display_name": "\u{202e}", "policies": ["root"], "path": "x\ny",
    }});
    let token: crate::vault::auth::token::TokenInfo =
        json_reply(200, &body.to_string(), "auth/token/lookup-self")
            .data()
            .unwrap();
    assert!(token.is_root());
    let shown = [token.accessor, token.display_name, token.path].concat();
    assert!(!shown.chars().any(crate::printable::is_hidden), "{shown}");
}

#[test]
fn what_a_program_or_a_file_of_settings_holds_is_cut_off_where_a_server_quotes_it() {
    let said = |path: &str, text: &str| {
        let body = json!({ "errors": [text] }).to_string();
        let reply = reply(400, "application/json", &body, path, &[]);
        reply.ok().map(|_| ()).unwrap_err().to_string()
    };
    let plugin = said(
        "sys/mounts/leaky",
        "could not create: Unrecognized remote plugin message: RPC_TOKEN=hunter2-rpc; this usually means",
    );
    assert!(
        plugin.ends_with("Unrecognized remote plugin message"),
        "{plugin}"
    );
    let settings = said(
        "identity/mfa/method/pingid",
        "line that is not in key=value format: \"hunter2-line\"",
    );
    assert!(
        settings.contains("key=value format") && !settings.contains("hunter2"),
        "{settings}"
    );
}
