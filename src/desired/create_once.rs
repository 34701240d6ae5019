//! What a server takes once, refuses the second time and never shows: whether it has it is asked in another way.
//!
//! Without that, a run that was killed between such a write and its note would never come to its end.

use crate::desired::document::Document;
use crate::session::Session;
use crate::vault::{self, Body, compare};

/// `auth/MOUNT/role/ROLE/custom-secret-id`, which answers a secret id that it has with 500 (OpenBao 2.6.2 and
/// 2.7.2, Vault 1.21.1, measured).
const CUSTOM_SECRET_ID: &str = "/custom-secret-id";
/// The field with the secret id.
const SECRET_ID: &str = "secret_id";

/// Whether the server has this very document already.
pub(crate) async fn is_there(
    session: &Session<'_>,
    document: &Document,
) -> Result<bool, vault::Error> {
    let Some((look_up, question, rest)) = question(document) else {
        return Ok(false);
    };
    let Ok(token) = session.token() else {
        return Ok(false);
    };
    let client = session.client();
    let answer = client.write(Some(token), &look_up, &question).await?;
    // A secret id that it does not have is answered with nothing.
    Ok(answer.data.is_object() && compare::compare(&rest, &answer.data).is_same())
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
    fn nothing_else_is_looked_up() {
        assert!(of("auth/ci/role/deploy/role-id", json!({"role_id": "x"})).is_none());
        assert!(of("auth/ci/role/deploy/custom-secret-id", json!({})).is_none());
    }
}
