//! Fields that are or once were references of the file: what the server has there is never shown.

use std::collections::BTreeSet;

use crate::desired::document::Document;
use crate::desired::view::{View, field_key};

/// Which fields are references and not yet known to be, to be remembered before anything is sent: turned into plain
/// text later, or taken out of the file, the server still has the secret there.
pub(crate) fn new_references(view: &View<'_>, documents: &[Document]) -> BTreeSet<String> {
    let all = documents.iter().flat_map(|document| {
        let places = document.body.secret_places().into_iter();
        let places = places.filter(|place| !document.takes_at(place));
        places.map(|place| field_key(&document.path, &place))
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
