//! Values of the servers' API, and references to the secrets among them.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;

use super::section::{At, Read, section};
use super::tree::Kind;

section! {
    /// How AWS is reached; what is missing comes from the AWS defaults.
    #[derive(Default, PartialEq, Eq, PartialOrd, Ord)]
    pub struct Aws {
        /// Region; otherwise the AWS default.
        pub region: Option<String>,
        /// Profile of the shared AWS configuration.
        pub profile: Option<String>,
        /// ARN of a role to assume.
        pub role_arn: Option<String>,
    }
}

/// Where a secret is: never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretRef {
    /// A file; one newline at its end is dropped.
    File(PathBuf),
    /// An environment variable. Other programs of this user, and every child, can read those.
    Env(String),
    /// A `SecureString` of AWS Systems Manager Parameter Store.
    #[schemars(with = "Parameter")]
    Ssm {
        /// Name of the parameter.
        parameter: String,
        /// Which account and region.
        aws: Aws,
    },
    /// Asked for on the terminal, with this text.
    Prompt(String),
}

/// A parameter: its name, or a map that says more.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "read by the schema generator alone")]
enum Parameter {
    Name(String),
    More(ParameterMore),
}

/// A parameter and how to reach it.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by the schema generator alone")]
struct ParameterMore {
    /// Name of the parameter.
    parameter: String,
    #[serde(flatten)]
    aws: Aws,
}

impl Read for SecretRef {
    fn read(at: At) -> Option<Self> {
        if at.node.text().is_some() {
            // The schema takes the path of a certificate as well.
            return at.read().map(Self::File);
        }
        let (kind, at) = at.entries().next()?;
        Some(match kind {
            "file" => Self::File(at.read()?),
            "env" => Self::Env(at.read()?),
            "prompt" => Self::Prompt(at.read()?),
            "ssm" => {
                let (parameter, aws) = in_aws(at, "parameter")?;
                Self::Ssm { parameter, aws }
            }
            _ => return None,
        })
    }
}

/// Something in AWS: its name alone, or a map with the name under `key`.
pub(super) fn in_aws(at: At, key: &str) -> Option<(String, Aws)> {
    match at.node.kind {
        Kind::Map(_) => Some((at.key(key)?, at.read()?)),
        _ => Some((at.read()?, Aws::default())),
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Env(name) => write!(formatter, "environment variable {name}"),
            Self::Ssm { parameter, aws } => {
                let region = aws.region.as_deref().unwrap_or("default-region");
                let parameter = parameter.trim_start_matches('/');
                write!(formatter, "aws-ssm://{region}/{parameter}")
            }
            Self::Prompt(text) => write!(formatter, "prompt \"{text}\""),
        }
    }
}

/// The text itself, or a reference.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[serde(rename = "TextOrReference", untagged)]
pub enum Given {
    Plain(String),
    Secret(SecretRef),
}

impl Read for Given {
    fn read(at: At) -> Option<Self> {
        match at.node.kind {
            Kind::Map(_) => at.read().map(Self::Secret),
            _ => at.read().map(Self::Plain),
        }
    }
}

/// Fields of an API request, only those that were given, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields(pub Vec<(String, Field)>);

impl Fields {
    /// The field of this name.
    pub fn get(&self, name: &str) -> Option<&Field> {
        let found = self.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value)
    }

    /// All fields in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (String, Field)> {
        self.0.iter()
    }

    /// True when nothing was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Read for Fields {
    fn read(at: At) -> Option<Self> {
        let entry = |(name, at): (&str, At)| Some((name.to_owned(), at.read()?));
        at.entries().map(entry).collect::<Option<_>>().map(Self)
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

/// One value of an API request.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it was written.
    Number(serde_json::Number),
    /// Text.
    String(String),
    /// A list.
    List(Vec<Field>),
    /// A map, in order.
    Map(Fields),
    /// A secret that is elsewhere.
    Secret(SecretRef),
    /// What the server answers to an earlier entry of `writes`.
    Answer(AnswerRef),
}

/// The key of a map that stands for a value which the server makes: `{from_write: NAME.FIELD}`.
pub(super) const FROM_WRITE: &str = "from_write";

/// A field of the answer to an entry of `writes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerRef {
    /// The entry's `name`.
    pub write: String,
    /// The field.
    pub field: String,
}

impl AnswerRef {
    /// `NAME.FIELD`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (write, field) = text.split_once('.')?;
        let whole = !write.is_empty() && !field.is_empty();
        whole.then(|| Self {
            write: write.to_owned(),
            field: field.to_owned(),
        })
    }

    /// The map that stands for one; `None` where it is any other.
    fn of(at: At) -> Option<Self> {
        let (key, value) = at.entries().next()?;
        let alone = key == FROM_WRITE && at.entries().count() == 1;
        Self::parse(value.node.text()?).filter(|_| alone)
    }
}

impl Field {
    /// The text, where it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The texts of a list, or the parts of a comma-separated text, as the servers read both.
    pub fn strings(&self) -> Vec<&str> {
        match self {
            Self::String(text) => {
                let parts = text.split(',').map(str::trim);
                parts.filter(|part| !part.is_empty()).collect()
            }
            Self::List(items) => items.iter().filter_map(Field::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

impl Read for Field {
    fn read(at: At) -> Option<Self> {
        Some(match &at.node.kind {
            Kind::Null | Kind::Unknown => Self::Null,
            Kind::Bool(value) => Self::Bool(*value),
            Kind::Number(number) => Self::Number(number.clone()),
            Kind::Text(text) | Kind::Filled(text) => Self::String(text.clone()),
            Kind::List(_) => Self::List(at.read()?),
            Kind::Map(_) if at.node.reference => Self::Secret(at.read()?),
            Kind::Map(_) => match AnswerRef::of(at) {
                Some(answer) => Self::Answer(answer),
                None => Self::Map(at.read()?),
            },
        })
    }
}
