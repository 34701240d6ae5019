//! From the file's fields to request bodies: references become secrets that stay opaque.

use crate::config::{Field, Fields};
use crate::failure::Failure;
use crate::session::Session;
use crate::vault::Body;

/// The fields as the body of a request.
pub(crate) fn body(session: &Session<'_>, fields: &Fields) -> Result<Body, Failure> {
    // A field left empty in the file is one that was not given.
    let given = fields
        .iter()
        .filter(|(_, field)| !matches!(field, Field::Null));
    let fields = given.map(|(name, field)| Ok((name.clone(), value(session, field)?)));
    Ok(Body::Map(fields.collect::<Result<_, Failure>>()?))
}

fn value(session: &Session<'_>, field: &Field) -> Result<Body, Failure> {
    Ok(match field {
        Field::Null => Body::Null,
        Field::Bool(value) => Body::Bool(*value),
        Field::Number(number) => Body::Number(number.clone()),
        Field::String(text) => Body::String(text.clone()),
        Field::List(items) => Body::List(
            items
                .iter()
                .map(|item| value(session, item))
                .collect::<Result<_, _>>()?,
        ),
        Field::Map(fields) => body(session, fields)?,
        // It is put there once it is known.
        Field::Answer(_) => Body::Unknown,
        Field::Secret(reference) => match session.secret(reference) {
            Ok(text) => Body::Secret(text),
            // After hand-over a secret may be gone from here; it is then not compared.
            Err(_) if !session.is_root() => Body::Unknown,
            Err(failure) => return Err(failure),
        },
    })
}

/// An object of texts, as the servers keep options.
pub(crate) fn texts(pairs: &[(String, String)]) -> Body {
    Body::map(
        pairs
            .iter()
            .map(|(name, text)| (name.clone(), text.as_str())),
    )
}
