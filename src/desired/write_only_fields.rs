//! What the server does not give back, so that only a digest tells whether it is as it was written.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::desired::document::{Document, Read, WriteOnly};
use crate::desired::view::{View, digest_key};
use crate::vault::{Body, compare};

/// The name under which a body is remembered that cannot be read back at all.
const WHOLE: &str = "*";
/// The name under which the plain fields of a document are remembered, all in one: a digest takes its time.
const PLAIN: &str = "+";

/// What of `document` does not stand in `have`, the server's own answer; `Null` where it has none.
pub(crate) fn write_only(
    document: &Document,
    have: &Value,
    comparison: &compare::Comparison,
) -> Vec<WriteOnly> {
    let body = &document.body;
    if have.is_null() {
        if body.holds_unknown() {
            return Vec::new();
        }
        return vec![WriteOnly::new(WHOLE, "what was written".into(), body)];
    }
    let Body::Map(fields) = body else {
        return Vec::new();
    };
    let kept_back = fields
        .iter()
        .filter(|(name, _)| comparison.unreadable.iter().any(|path| is_at(path, name)))
        .filter(|(_, value)| !value.holds_unknown());
    let (secret, mut plain): (Vec<_>, Vec<_>) =
        kept_back.partition(|(_, value)| value.holds_secret());
    let secret = secret.into_iter();
    let mut found: Vec<_> = secret
        .map(|(name, value)| WriteOnly::field(name, value))
        .collect();
    if document.may_keep_plain_fields_back() && !plain.is_empty() {
        // By name: an order changed in the file changes nothing.
        plain.sort_by(|(one, _), (other, _)| one.cmp(other));
        let names: Vec<_> = plain.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(", ");
        let values = Body::Map(plain.into_iter().cloned().collect());
        found.push(WriteOnly::new(PLAIN, names, &values));
    }
    found
}

/// Before anything was read: every secret may be kept back.
pub(crate) fn secrets_of(body: &Body) -> Vec<WriteOnly> {
    let Body::Map(fields) = body else {
        return Vec::new();
    };
    let secret = fields.iter().filter(|(_, value)| value.holds_secret());
    secret
        .map(|(name, value)| WriteOnly::field(name, value))
        .collect()
}

/// Which fields are references and not yet known to be, to be remembered before anything is sent: turned into plain
/// text later, or taken out of the file, the server still has the secret there.
pub(crate) fn new_references(view: &View<'_>, documents: &[Document]) -> BTreeSet<String> {
    let all = documents.iter().flat_map(|document| {
        let places = document.body.secret_places().into_iter();
        places.map(|place| digest_key(&document.path, &place))
    });
    all.filter(|place| !view.diary.references.contains(place))
        .collect()
}

/// Whether a field of a document is, holds or stands in what is or once was a reference.
pub(crate) fn was_reference(references: &BTreeSet<String>, document: &str, field: &str) -> bool {
    references.iter().any(|reference| {
        let place = reference.strip_prefix(document);
        let place = place.and_then(|rest| rest.strip_prefix('#'));
        place.is_some_and(|place| is_at(place, field) || is_at(field, place))
    })
}

/// Whether a dotted path is that of a field, or of something in it.
fn is_at(path: &str, field: &str) -> bool {
    path.strip_prefix(field)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl Document {
    /// Whether the server may take a plain field and not show it. It shows all of a policy and of a mount, and
    /// roles whose fields this program knows; of anything else nobody knows before it was read.
    pub(crate) fn may_keep_plain_fields_back(&self) -> bool {
        !self.known && matches!(self.read, Read::SamePath | Read::Tune)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::digest;
    use crate::secret::SecretText;
    use serde_json::json;

    fn secret(text: &str) -> Body {
        SecretText::new(text.into()).into()
    }

    fn document(fields: &[(&str, Body)]) -> Document {
        Document::new("radius/config", Body::map(fields.to_vec()))
    }

    /// Names and words of what is write_only where the server answers `have`.
    fn of(document: &Document, have: &Value) -> Vec<(String, String)> {
        let found = write_only(document, have, &document.compare(have));
        found.into_iter().map(|one| (one.name, one.what)).collect()
    }

    fn names(found: &[(String, String)]) -> Vec<&str> {
        found.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Whether a digest takes what is write_only of one for that of the other.
    fn same(left: &Document, right: &Document) -> bool {
        let value = |document: &Document| {
            let have = json!({});
            let found = write_only(document, &have, &document.compare(&have));
            assert_eq!(found.len(), 1);
            found[0].value.clone()
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let digest = digest::secret_digest(&value(left)).await.unwrap();
            digest::matches(&value(right), digest).await.unwrap()
        })
    }

    #[test]
    fn plain_fields_that_do_not_come_back_are_remembered_together() {
        let fields = [
            ("host", Body::from("h")),
            ("mode", "strict".into()),
            ("size", 20.into()),
        ];
        let found = of(&document(&fields), &json!({"host": "h"}));
        assert_eq!(found, [("+".into(), "mode, size".into())]);
        assert_eq!(of(&document(&fields[..1]), &json!({"host": "h"})), []);
    }

    #[test]
    fn their_order_in_the_file_does_not_matter_and_their_values_do() {
        let one = document(&[("a", "1".into()), ("b", "2".into())]);
        let turned = document(&[("b", "2".into()), ("a", "1".into())]);
        let other = document(&[("a", "1".into()), ("b", "3".into())]);
        assert!(same(&one, &turned));
        assert!(!same(&one, &other));
    }

    #[test]
    fn a_secret_has_a_digest_of_its_own_also_inside_a_map() {
        let fields = [
            ("pin", secret("1234")),
            ("provider", Body::map([("key", secret("5678"))])),
            ("mode", "strict".into()),
        ];
        let found = of(&document(&fields), &json!({"provider": {}}));
        assert_eq!(names(&found), ["pin", "provider", "+"]);
    }

    #[test]
    fn a_role_of_a_known_kind_has_no_plain_field_to_remember() {
        let known = Document {
            known: true,
            ..document(&[("mode", "strict".into()), ("pin", secret("1234"))])
        };
        assert_eq!(names(&of(&known, &json!({}))), ["pin"]);
    }

    #[test]
    fn a_field_that_once_was_a_reference_is_known_by_its_place() {
        let references = BTreeSet::from(["kv/data/app#data.password".to_owned()]);
        let was = |document, field| was_reference(&references, document, field);
        assert!(was("kv/data/app", "data.password"));
        assert!(was("kv/data/app", "data.password.inner"));
        assert!(was("kv/data/app", "data"));
        assert!(!was("kv/data/app", "data.user"));
        assert!(!was("kv/data/app2", "data.password"));
    }

    #[test]
    fn what_is_not_here_any_more_has_no_digest() {
        let fields = [("pin", Body::Unknown), ("mode", "strict".into())];
        assert_eq!(of(&document(&fields), &Value::Null), []);
        let found = of(&document(&fields), &json!({}));
        assert_eq!(found, [("+".into(), "mode".into())]);
    }

    #[test]
    fn what_cannot_be_read_at_all_is_remembered_whole() {
        let found = of(&document(&[("a", "1".into())]), &Value::Null);
        assert_eq!(found, [("*".into(), "what was written".into())]);
    }
}
