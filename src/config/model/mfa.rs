//! `mfa`: second factors of logins by name. A section of its own, and not one of `identity`: an enforcement names auth methods
//! as much as groups, and may shut out every login, so it is no file of a team's that says it.
#![expect(
    dead_code,
    reason = "the types of methods are read by the schema generator alone"
)]

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::config::auth_types::mount_path;
use crate::config::forms::{Named, Ttl, form};
use crate::config::section::{At, Read};
use crate::config::values::{Fields, Given, SecretRef};

/// Second factors, and who needs one to log in.
#[derive(Debug, Clone, Default, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mfa {
    /// Methods by name; `type` says which fields they take.
    #[schemars(with = "Named<Method>")]
    pub methods: Vec<MfaMethod>,
    /// Whose logins need one of which methods, by name.
    #[schemars(with = "Named<Enforcement>")]
    pub enforcements: Vec<Enforcement>,
}

impl Read for Mfa {
    fn read(at: At) -> Option<Self> {
        Some(Self {
            methods: at.each("methods", MfaMethod::read)?,
            enforcements: at.each("enforcements", Enforcement::read)?,
        })
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

impl Mfa {
    /// True when the file says nothing of it.
    pub fn is_empty(&self) -> bool {
        self.methods.is_empty() && self.enforcements.is_empty()
    }
}

/// A second factor.
#[derive(Debug, Clone)]
pub struct MfaMethod {
    /// Its name.
    pub name: String,
    /// `totp`, `duo`, `okta` or `pingid`.
    pub method_type: String,
    /// What its type takes.
    pub fields: Fields,
}

impl MfaMethod {
    fn read(name: &str, at: At) -> Option<Self> {
        let mut fields = Fields::read(at)?;
        fields.0.retain(|(field, _)| field != "type");
        Some(Self {
            name: name.to_owned(),
            method_type: at.key("type")?,
            fields,
        })
    }
}

/// Whose logins need a second factor: one of the methods, for whoever any of the other lines is about.
#[derive(Debug, Clone, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Enforcement {
    /// Its name.
    #[serde(skip)]
    pub name: String,
    /// Names of `methods`, of which one is enough.
    pub methods: Vec<String>,
    /// Paths of auth methods.
    #[schemars(with = "Option<Vec<String>>")]
    pub auth_methods: Vec<String>,
    /// Types of auth methods: all that are mounted, and all to come.
    #[schemars(with = "Option<Vec<String>>")]
    pub auth_method_types: Vec<String>,
    /// Names of `identity.groups`: whoever is in them, or in a group in them.
    #[schemars(with = "Option<Vec<String>>")]
    pub groups: Vec<String>,
    /// Names of `identity.entities`.
    #[schemars(with = "Option<Vec<String>>")]
    pub entities: Vec<String>,
}

impl Enforcement {
    fn read(name: &str, at: At) -> Option<Self> {
        let paths: Vec<String> = at.key("auth_methods")?;
        Some(Self {
            name: name.to_owned(),
            methods: at.key("methods")?,
            auth_methods: paths.iter().map(|path| mount_path(path)).collect(),
            auth_method_types: at.key("auth_method_types")?,
            groups: at.key("groups")?,
            entities: at.key("entities")?,
        })
    }
}

form! {
    /// A second factor; `type` says which fields it takes.
    Method, "MfaMethod", |generator| by_type(generator)
}

/// `if type is … then … else …`.
fn by_type(generator: &mut SchemaGenerator) -> Schema {
    let types = [
        ("totp", generator.subschema_for::<Totp>()),
        ("duo", generator.subschema_for::<Duo>()),
        ("okta", generator.subschema_for::<Okta>()),
        ("pingid", generator.subschema_for::<PingId>()),
    ];
    let names: Vec<&str> = types.iter().map(|(name, _)| *name).collect();
    let mut schema: Value = json!({
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"description": "The kind of second factor.", "type": "string", "enum": names}}
    });
    for (name, of_type) in types {
        schema = json!({
            "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
            "then": of_type.to_value(),
            "else": schema
        });
    }
    // `json!` above makes an object, which is what a schema is.
    Schema::try_from(schema).unwrap_or_default()
}

/// Codes of an app on a telephone.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct Totp {
    /// `totp`.
    r#type: String,
    /// Who gives the codes out, as the app shows it.
    issuer: String,
    /// How long a code is good: 30 seconds by default.
    period: Option<Ttl>,
    /// Digits of a code, 6 (by default) or 8.
    digits: Option<u64>,
    /// `SHA1` (by default), `SHA256` or `SHA512`.
    algorithm: Option<String>,
    /// Bytes of a key: 20 by default.
    key_size: Option<u64>,
    /// Pixels of the picture of a key; 0 makes none.
    qr_size: Option<u64>,
    /// Periods before and after that are taken too, 0 or 1 (by default).
    skew: Option<u64>,
    /// Wrong codes until somebody has to wait: 5 by default.
    max_validation_attempts: Option<u64>,
}

/// Duo.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct Duo {
    /// `duo`.
    r#type: String,
    /// Its API, without `https://`.
    api_hostname: String,
    /// The key of the integration; no server shows it.
    integration_key: Given,
    /// Its secret, as a reference.
    secret_key: SecretRef,
    /// What the push message says, `from=a&domain=b`.
    push_info: Option<String>,
    /// What an entity is called there, such as `{{identity.entity.name}}`.
    username_format: Option<String>,
    /// A typed code instead of a push message.
    use_passcode: Option<bool>,
}

/// Okta.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct Okta {
    /// `okta`.
    r#type: String,
    /// Name of the organisation.
    org_name: String,
    /// A token of its API, as a reference.
    api_token: SecretRef,
    /// Domain of the API, such as `okta.com`.
    base_url: Option<String>,
    /// Old: `false` is the preview of Okta, instead of `base_url`.
    production: Option<bool>,
    /// What an entity is called there, such as `{{identity.entity.name}}`.
    username_format: Option<String>,
    /// Only the first e-mail address of an account counts; no server shows it.
    primary_email: Option<bool>,
}

/// PingID.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct PingId {
    /// `pingid`.
    r#type: String,
    /// The file of settings that PingID gives out, in base64, as a reference.
    settings_file_base64: SecretRef,
    /// What an entity is called there, such as `{{identity.entity.name}}`.
    username_format: Option<String>,
}
