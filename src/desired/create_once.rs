//! What a server takes once, refuses the second time and never shows: whether it has it is asked in another way.
//!
//! Without that, a run that was killed between such a write and its note would never come to its end.

use crate::code::Code;
use crate::config::Config;
use crate::desired::document::Document;
use crate::desired::kind::Kind;
use crate::failure::Failure;
use crate::session::Session;
use crate::vault::{self, Body, compare};

/// `auth/MOUNT/role/ROLE/custom-secret-id`, which answers a secret id that it has with 500 (OpenBao 2.6.2 and
/// 2.7.2, Vault 1.21.1, measured).
const CUSTOM_SECRET_ID: &str = "/custom-secret-id";
/// The field with the secret id.
const SECRET_ID: &str = "secret_id";

/// Whether the server has this very document already; `None` where it cannot be asked that.
pub(crate) async fn is_there(
    session: &Session<'_>,
    document: &Document,
) -> Result<Option<bool>, vault::Error> {
    let Ok(token) = session.token() else {
        return Ok(None);
    };
    let client = session.client();
    if let Some(named) = named(document) {
        return match client.read(Some(token), &named).await {
            Ok(found) => Ok(Some(found.is_some())),
            // Both say so while there is none (measured).
            Err(error) if matches!(error.status(), Some(400 | 500)) => Ok(Some(false)),
            Err(error) if error.is_forbidden() => Ok(None),
            Err(error) => Err(error),
        };
    }
    let Some((look_up, question, rest)) = question(document) else {
        return Ok(None);
    };
    let answer = match client.write(Some(token), &look_up, &question).await {
        Ok(answer) => answer,
        // Whoever may not look does not know.
        Err(error) if error.is_forbidden() => return Ok(None),
        Err(error) => return Err(error),
    };
    // A secret id that it does not have is answered with nothing.
    let is_there = answer.data.is_object() && compare::compare(&rest, &answer.data).is_same();
    Ok(Some(is_there))
}

/// Where what it makes stands under a name that is known beforehand: the key of an `ssh` engine, and an issuer that the file
/// gives a name.
fn named(document: &Document) -> Option<String> {
    let path = document.path.as_str();
    if path.ends_with("/config/ca") {
        return Some(path.to_owned());
    }
    let (mount, _) = path.split_once("/root/generate/")?;
    match document.body.get("issuer_name") {
        Some(Body::String(name)) => Some(format!("{mount}/issuer/{name}")),
        _ => None,
    }
}

/// Where to ask and what, and the fields that the answer must agree with.
fn question(document: &Document) -> Option<(String, Body, Body)> {
    let role = document.path.strip_suffix(CUSTOM_SECRET_ID)?;
    let Body::Map(fields) = &document.body else {
        return None;
    };
    let id = document.body.get(SECRET_ID)?.clone();
    let rest = fields.iter().filter(|(name, _)| name != SECRET_ID);
    // Metadata goes in as text and comes out as a map.
    let rest = rest.map(|(name, value)| match value {
        Body::String(text) if name == "metadata" => {
            let parsed = serde_json::from_str(text).map(serde_json::Value::into);
            (name.clone(), parsed.unwrap_or_else(|_| value.clone()))
        }
        _ => (name.clone(), value.clone()),
    });
    let rest = Body::Map(rest.collect());
    let look_up = format!("{role}/secret-id/lookup");
    Some((look_up, Body::map([(SECRET_ID, id)]), rest))
}

/// Holds that the file has what is to be done once more.
///
/// # Errors
/// It does not: nothing would be done, and nobody would notice.
pub(crate) fn again_is_in_the_file(config: &Config, asked: &[String]) -> Result<(), Failure> {
    let paths = config.writes.iter().map(|one| one.path.as_str());
    let once: Vec<&str> = paths
        .filter(|path| Kind::of_path(config, path).once)
        .collect();
    let mut asked = asked.iter();
    let Some(unknown) = asked.find(|path| !once.contains(&path.as_str())) else {
        return Ok(());
    };
    let file = config.file.display();
    let failure = Failure::usage(
        Code::NameUnknown,
        format!("--again {unknown}: writes of {file} has nothing there that is done once"),
    );
    Err(failure.advise(match once.as_slice() {
        [] => "leave it out: what differs is written anyway".to_owned(),
        once => format!("one of these: {}", once.join(", ")),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(path: &str, body: serde_json::Value) -> Option<(String, Body, Body)> {
        let kind = crate::desired::Kind::auth_role("approle");
        question(&Document::new(path, Body::from(body), kind))
    }

    #[test]
    fn a_secret_id_is_looked_up_beside_the_other_ids_of_its_role() {
        let body =
            json!({"secret_id": "x", "metadata": "{\"for\":\"ci\"}", "cidr_list": ["10.0.0.0/8"]});
        let (path, question, rest) = of("auth/ci/role/deploy/custom-secret-id", body).unwrap();
        assert_eq!(path, "auth/ci/role/deploy/secret-id/lookup");
        assert_eq!(
            format!("{question:?}"),
            format!("{:?}", Body::from(json!({"secret_id": "x"})))
        );
        let have =
            |purpose: &str| json!({"metadata": {"for": purpose}, "cidr_list": ["10.0.0.0/8"]});
        assert!(compare::compare(&rest, &have("ci")).is_same());
        assert!(!compare::compare(&rest, &have("backup")).is_same());
    }

    #[test]
    fn what_makes_a_key_is_looked_for_under_the_name_that_it_is_given() {
        let named = |path: &str, body: serde_json::Value| {
            let kind = crate::desired::Kind::auth_role("approle");
            named(&Document::new(path, Body::from(body), kind))
        };
        let first = json!({"issuer_name": "first"});
        assert_eq!(
            named("pki/root/generate/internal", first).as_deref(),
            Some("pki/issuer/first")
        );
        assert_eq!(named("pki/root/generate/internal", json!({})), None);
        assert_eq!(
            named("ssh/config/ca", json!({})).as_deref(),
            Some("ssh/config/ca")
        );
    }

    #[test]
    fn nothing_else_is_looked_up() {
        assert!(of("auth/ci/role/deploy/role-id", json!({"role_id": "x"})).is_none());
        assert!(of("auth/ci/role/deploy/custom-secret-id", json!({})).is_none());
    }
}
