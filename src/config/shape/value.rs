//! The shape of values that stand in many places: addresses, times, keys and references.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// A key of AWS KMS: its id, ARN or alias, or a map that says more.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum KmsKey {
    Key(String),
    More(KmsKeyMore),
}

/// A key of AWS KMS and how to reach it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KmsKeyMore {
    /// Id, ARN or alias.
    pub(crate) key: String,
    /// Region; otherwise the AWS default.
    pub(crate) region: Option<String>,
    /// Profile of the shared AWS configuration.
    pub(crate) profile: Option<String>,
    /// ARN of a role to assume.
    pub(crate) role_arn: Option<String>,
}

/// An option: text, or true or false.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Setting {
    Text(String),
    Flag(bool),
}

/// Where a secret is: never the secret itself.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SecretRef {
    /// A file; one newline at its end is dropped.
    File(String),
    /// An environment variable. Other programs of this user, and every child, can read those.
    Env(String),
    /// A `SecureString` of AWS Systems Manager Parameter Store.
    Ssm(Parameter),
    /// Asked for on the terminal, with this text.
    Prompt(String),
}

/// A parameter: its name, or a map that says more.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Parameter {
    Name(String),
    More(ParameterMore),
}

/// A parameter and how to reach it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ParameterMore {
    /// Name of the parameter.
    pub(crate) parameter: String,
    /// Region; otherwise the AWS default.
    pub(crate) region: Option<String>,
    /// Profile of the shared AWS configuration.
    pub(crate) profile: Option<String>,
    /// ARN of a role to assume.
    pub(crate) role_arn: Option<String>,
}

/// The path of a file, or a reference.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum PathOrReference {
    Path(String),
    Reference(SecretRef),
}

/// The text itself, or a reference.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum TextOrReference {
    Text(String),
    Reference(SecretRef),
}

/// An `http` or `https` address without user, query or fragment.
#[derive(Deserialize)]
pub(crate) struct Address(pub(crate) String);

impl JsonSchema for Address {
    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "uri", "pattern": "^https?://[^@?#]+$"})
    }
}

/// A time: `30s`, `10m`, `1h30m`.
#[derive(Deserialize)]
pub(crate) struct Span(pub(crate) String);

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A time: `30s`, `10m`, `1h30m`.",
            "type": "string",
            "format": "time-span",
            "pattern": "^([0-9]+(ms|s|m|h|d))+$"
        })
    }
}
