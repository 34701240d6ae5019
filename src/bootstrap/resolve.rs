//! From the file's fields to request bodies: references become secrets that stay opaque.

use super::ceremony::Ceremony;
use crate::config::{Field, Fields};
use crate::failure::Failure;
use crate::vault::Body;

/// The fields as the body of a request.
///
/// # Errors
/// A reference was not resolved in preflight.
pub(super) fn body(ceremony: &Ceremony<'_>, fields: &Fields) -> Result<Body, Failure> {
    // A field left empty in the file is one that was not given.
    let given = fields
        .iter()
        .filter(|(_, field)| !matches!(field, Field::Null));
    let fields = given.map(|(name, field)| Ok((name.clone(), value(ceremony, field)?)));
    Ok(Body::Map(fields.collect::<Result<_, Failure>>()?))
}

fn value(ceremony: &Ceremony<'_>, field: &Field) -> Result<Body, Failure> {
    Ok(match field {
        Field::Null => Body::Null,
        Field::Bool(value) => Body::Bool(*value),
        Field::Number(number) => Body::Number(number.clone()),
        Field::String(text) => Body::String(text.clone()),
        Field::List(items) => Body::List(
            items
                .iter()
                .map(|item| value(ceremony, item))
                .collect::<Result<_, _>>()?,
        ),
        Field::Map(fields) => body(ceremony, fields)?,
        Field::Secret(reference) => match ceremony.secret(reference) {
            Ok(text) => Body::Secret(text),
            // After hand-over a secret may be gone from here; it is then not compared.
            Err(_) if !ceremony.is_root() => Body::Unknown,
            Err(failure) => return Err(failure),
        },
    })
}

/// An object of texts, as the servers keep options.
#[must_use]
pub(super) fn texts(pairs: &[(String, String)]) -> Body {
    Body::map(
        pairs
            .iter()
            .map(|(name, text)| (name.clone(), text.as_str())),
    )
}
