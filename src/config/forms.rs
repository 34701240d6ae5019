//! What the schema says about values that the file can write in a form of their own.
#![expect(
    dead_code,
    reason = "these types are read by the schema generator alone"
)]

use std::collections::BTreeMap;

use schemars::{JsonSchema, json_schema};

use super::values::{Aws, SecretRef};

/// A map whose keys are names of the operator.
pub(super) type Named<T> = Option<BTreeMap<String, T>>;

/// A type that is nothing but its schema.
macro_rules! form {
    ($(#[$doc:meta])* $type:ident, $name:literal, |$generator:pat_param| $schema:expr) => {
        $(#[$doc])*
        pub(super) struct $type;

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema($generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $schema
            }
        }
    };
}

pub(super) use form;

form! {
    /// An `http` or `https` address without user, query or fragment.
    Address, "Address", |_| json_schema!({"type": "string", "format": "uri", "pattern": "^https?://[^@?#]+$"})
}

form! {
    /// A time: `30s`, `10m`, `1h30m`.
    Span, "Duration", |_| json_schema!({
        "description": "A time: `30s`, `10m`, `1h30m`.",
        "type": "string",
        "format": "time-span",
        "pattern": "^([0-9]+(ms|s|m|h|d))+$"
    })
}

form! {
    /// A day: `2027-03-31`.
    Day, "Day", |_| json_schema!({
        "description": "A day: `2027-03-31`.",
        "type": "string",
        "format": "date",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
    })
}

form! {
    /// How much of a document is the file's.
    ManageNamed, "Manage", |_| json_schema!({
        "description": "`named`: only the fields that the file names are compared and written; the others are left to another tool.",
        "enum": ["named", null]
    })
}

form! {
    /// How much of an entry of `writes` is the file's.
    ManageWrite, "ManageWrite", |_| json_schema!({
        "description": "`true`: values of `kv` are compared after hand-over too. `named`: only the fields that are named are compared and written; the others are left to another tool.",
        "enum": [true, false, "named", null]
    })
}

form! {
    /// A time, or seconds.
    Ttl, "Ttl", |_| json_schema!({
        "description": "A time as the servers read it: `15m`, `1h30m`, `1.5h`, days alone as `7d`, or a number of seconds.",
        "type": ["string", "integer"],
        "minimum": 0,
        "format": "time-of-servers",
        "pattern": "^([0-9]+d?|(([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|µs|ms|s|m|h))+)$"
    })
}

form! {
    /// A tolerance; negative for none.
    Leeway, "Leeway", |_| json_schema!({"description": "A tolerance in seconds; negative for none.", "type": ["string", "integer"]})
}

form! {
    /// A list of texts, or one text.
    Strings, "Strings", |_| json_schema!({"description": "A list of texts, or one text.", "type": ["array", "string"], "items": {"type": "string"}})
}

form! {
    /// Any fields of the API.
    FreeFields, "Fields", |generator| {
        let field = generator.subschema_for::<FreeField>();
        json_schema!({"description": "Any fields of the API.", "type": "object", "additionalProperties": field})
    }
}

form! {
    /// Any value of the API, or a reference to a secret.
    FreeField, "Field", |generator| {
        let reference = generator.subschema_for::<SecretRef>();
        let field = generator.subschema_for::<FreeField>();
        json_schema!({
            "description": "A value, or a reference to a secret.",
            "anyOf": [
                {"type": ["null", "boolean", "number", "string"]},
                {"type": "array", "items": field},
                reference,
                {"type": "object", "additionalProperties": field}
            ]
        })
    }
}

/// An option: text, or true or false.
#[derive(JsonSchema)]
#[serde(untagged)]
pub(super) enum Setting {
    Text(String),
    Flag(bool),
}

/// The path of a file, or a reference.
#[derive(JsonSchema)]
#[serde(untagged)]
pub(super) enum PathOrReference {
    Path(String),
    Reference(SecretRef),
}

/// A key of AWS KMS: its id, ARN or alias, or a map that says more.
#[derive(JsonSchema)]
#[serde(untagged)]
pub(super) enum KmsKey {
    Key(String),
    More(KmsKeyMore),
}

/// A key of AWS KMS and how to reach it.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KmsKeyMore {
    /// Id, ARN or alias.
    key: String,
    #[serde(flatten)]
    aws: Aws,
}
