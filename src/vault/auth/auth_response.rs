//! A login: what an auth method answers when it lets somebody in.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::secret::Token;
use crate::vault::http::field;
use crate::vault::http::{Ask, Body, Client, Error, Kind, NoLogin, Reply, SecondFactor};

/// A session of a login. The token is a secret, all else is evidence.
#[derive(Debug, Deserialize)]
pub struct AuthResponse {
    /// The token.
    #[serde(rename = "client_token")]
    pub token: Token,
    /// Names the token without being one. Empty for batch tokens.
    #[serde(default, deserialize_with = "field::words")]
    pub accessor: String,
    /// All policies in force, those of the identity among them.
    #[serde(default, deserialize_with = "field::words")]
    pub policies: Vec<String>,
}

/// Logs in at `path` (`auth/userpass/login/ada`) with `body`.
///
/// # Errors
/// The server's refusal, or a login that is not finished by one request (a second factor).
pub async fn login(client: &Client, path: &str, body: &Body) -> Result<AuthResponse, Error> {
    let reply = client.ask(Ask::post(path, None, body)).await?;
    AuthResponse::of(&reply.ok()?)
}

/// What an answer says that wants a second factor first.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Unfinished {
    auth: Demand,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Demand {
    mfa_requirement: Requirement,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Requirement {
    /// Enforcements by name, each with the methods of which one is enough.
    #[serde(deserialize_with = "field::words")]
    mfa_constraints: BTreeMap<String, Value>,
}

/// The names in it, with the types of the methods. Ids tell nobody anything.
fn wanted(reply: &Reply) -> Vec<(String, Vec<String>)> {
    let Ok(Unfinished { auth }) = reply.whole() else {
        return Vec::new();
    };
    let all = auth.mfa_requirement.mfa_constraints.into_iter();
    let all = all.map(|(name, constraint)| {
        let methods = constraint["any"].as_array().into_iter().flatten();
        let said = methods.map(|method| {
            let text = |field: &str| method[field].as_str().unwrap_or_default();
            format!("{} {}", text("type"), text("name"))
                .trim()
                .to_owned()
        });
        (name, said.collect())
    });
    all.collect()
}

#[derive(Deserialize)]
struct LoggedIn {
    auth: Option<AuthResponse>,
}

impl AuthResponse {
    /// The session in the answer of a login.
    pub(crate) fn of(reply: &Reply) -> Result<Self, Error> {
        let answer: LoggedIn = reply.whole()?;
        let Some(session) = answer.auth else {
            return Err(reply.fail(Kind::NoLogin(NoLogin::NoToken)));
        };
        if session.token.is_empty() {
            let wanted = wanted(reply);
            return Err(reply.fail(Kind::SecondFactor(SecondFactor(wanted))));
        }
        Ok(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;
    use crate::vault::http::reply::tests::json_reply;

    fn refused(auth: &str) -> Error {
        let body = format!(r#"{{"request_id":"r","data":null,"auth":{auth}}}"#);
        AuthResponse::of(&json_reply(200, &body, "auth/userpass/login/ada")).unwrap_err()
    }

    #[test]
    fn a_demand_for_a_second_factor_says_what_is_enforced_by_name() {
        let error = refused(
            r#"{"client_token":"","mfa_requirement":{"mfa_request_id":"1-2","mfa_constraints":
            {"people":{"any":[{"type":"totp","id":"3-4","uses_passcode":true,"name":"phone"},{"type":"duo","id":"5"}]}}}}"#,
        );
        assert_eq!(error.code(), Code::SecondFactor);
        let text = error.to_string();
        assert!(
            text.ends_with(
                "a demand for a second factor, by the enforcement people (totp phone or duo)"
            ),
            "{text}"
        );
        assert!(!text.contains("1-2") && !text.contains("3-4"), "{text}");
        let advice = error.advice().unwrap();
        assert!(
            advice.contains("vault read identity/mfa/login-enforcement/people"),
            "{advice}"
        );
    }

    #[test]
    fn one_that_says_nothing_more_is_none_the_less_a_demand() {
        for auth in [
            r#"{"client_token":""}"#,
            r#"{"client_token":"","mfa_requirement":null}"#,
        ] {
            let error = refused(auth);
            assert!(
                error.to_string().ends_with("a demand for a second factor"),
                "{error}"
            );
        }
    }
}
