//! A machine's token that was not taken: which one it was, so that nobody has to guess.

use jiff::Timestamp;

use crate::code::Code;
use crate::door::model::{JwtSource, Kind};
use crate::door::reason;
use crate::failure::Problem;
use crate::secret::{Claims, SecretText};

/// A token that has ended, before anybody is asked to take it.
///
/// # Errors
/// It has.
pub(super) fn is_current(source: &JwtSource, token: &SecretText) -> Result<(), Problem> {
    let now = Timestamp::now();
    match token.claims() {
        Some(claims) if claims.ended(now).is_some() => Err(ended(source, &claims, now)),
        _ => Ok(()),
    }
}

/// Whether it ended by itself.
pub(super) fn has_ended(token: &SecretText) -> bool {
    let claims = token.claims();
    claims.is_some_and(|claims| claims.ended(Timestamp::now()).is_some())
}

/// The server's refusal, with what the refused token says of itself.
pub(super) fn explain(kind: &Kind, token: &SecretText, problem: Problem) -> Problem {
    let (Kind::Jwt { jwt, .. } | Kind::Kubernetes { jwt, .. }, Some(claims)) =
        (kind, token.claims())
    else {
        return problem;
    };
    let refused = [
        Code::LoginDenied,
        Code::LoginMisconfigured,
        Code::SignInExpired,
    ];
    if !refused.contains(&problem.code) {
        return problem;
    }
    let now = Timestamp::now();
    // Kubernetes does not tell a token that has ended from one that it cannot review.
    if claims.ended(now).is_some() {
        return ended(jwt, &claims, now);
    }
    let claim = named_in(&problem.what).and_then(|name| Some((name, claims.value(name)?)));
    let claim = claim.map(|(name, value)| format!("; its {name} is {value}"));
    let (place, words) = (place(jwt), claims.in_words(now));
    Problem {
        what: format!(
            "{}; the token, from {place}, is {words}{}",
            problem.what,
            claim.unwrap_or_default()
        ),
        ..problem
    }
}

fn ended(source: &JwtSource, claims: &Claims, now: Timestamp) -> Problem {
    let problem = reason::plain(reason::EXPIRED);
    let (place, words) = (place(source), claims.in_words(now));
    Problem {
        what: format!("{}: the token, from {place}, is {words}", problem.what),
        ..problem
    }
}

/// Where a person looks for it.
fn place(source: &JwtSource) -> String {
    match source {
        JwtSource::TokenFile(path) => path.display().to_string(),
        JwtSource::Command(argv) => argv.first().cloned().unwrap_or_default(),
        JwtSource::TokenRequest(request) => request.api_server.to_string(),
    }
}

/// The claim that the server's sentence is about: `claim "email" does not match …`.
fn named_in(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("claim \"")?;
    let (name, _) = rest.split_once('"')?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn kubernetes() -> Kind {
        Kind::Kubernetes {
            role: "app".into(),
            jwt: JwtSource::TokenFile("/run/token".into()),
            reviewer: None,
        }
    }

    fn token(payload: &str) -> SecretText {
        SecretText::new(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload)))
    }

    fn denied(text: &str) -> Problem {
        Problem::new(Code::LoginDenied, text).advise("look")
    }

    #[test]
    fn a_refused_token_is_told_by_its_place_and_the_claim_that_was_compared() {
        let text = r#"not let in: claim "project_id" does not match"#;
        let token = token(r#"{"sub":"ci","project_id":"23"}"#);
        let said = explain(&kubernetes(), &token, denied(text));
        let shown = r#"; the token, from /run/token, is of ci; its project_id is "23""#;
        assert_eq!(said.what, format!("{text}{shown}"));
        assert_eq!(said.advice.as_deref(), Some("look"));
    }

    #[test]
    fn a_token_that_has_ended_is_said_to_have_ended_whatever_the_server_thought() {
        let token = token(r#"{"sub":"ci","exp":1000}"#);
        let said = explain(&kubernetes(), &token, denied("could not be reviewed"));
        assert_eq!(said.code, Code::SignInExpired);
        let begins = "the token is not valid at this time: the token, from /run/token, is of ci, ended at 1970-01-01T00:16:40Z, ";
        assert!(said.what.starts_with(begins), "{}", said.what);
        let Kind::Kubernetes { jwt, .. } = kubernetes() else {
            unreachable!("made as one");
        };
        assert!(is_current(&jwt, &token).is_err());
        assert!(is_current(&jwt, &SecretText::new("a.b.c".into())).is_ok());
    }

    #[test]
    fn a_server_that_failed_is_no_fault_of_the_token() {
        let away = Problem::new(Code::ServerUnreachable, "no answer");
        let said = explain(&kubernetes(), &token(r#"{"sub":"ci"}"#), away.clone());
        assert_eq!(said, away);
    }
}
