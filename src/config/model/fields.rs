//! Values of the servers' API, and references to the secrets among them.

use std::fmt;
use std::path::PathBuf;

use crate::config::model::Aws;

/// Where a secret is; never the secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretRef {
    /// `{file: PATH}`
    File(PathBuf),
    /// `{env: NAME}`
    Env(String),
    /// `{ssm: PARAMETER}` or `{ssm: {parameter, region, profile, role_arn}}`
    Ssm {
        /// Name of the parameter.
        parameter: String,
        /// Which account and region.
        aws: Aws,
    },
    /// `{prompt: TEXT}`: asked for on the terminal.
    Prompt(String),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Env(name) => write!(formatter, "environment variable {name}"),
            Self::Ssm { parameter, aws } => {
                let region = aws.region.as_deref().unwrap_or("default-region");
                write!(
                    formatter,
                    "aws-ssm://{region}/{}",
                    parameter.trim_start_matches('/')
                )
            }
            Self::Prompt(text) => write!(formatter, "prompt \"{text}\""),
        }
    }
}

/// A value that may stand in the file or be a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// In the file.
    Plain(String),
    /// Elsewhere.
    Secret(SecretRef),
}

/// Fields of an API request, only those that were given, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields(pub Vec<(String, Field)>);

impl Fields {
    /// The field of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value)
    }

    /// All fields in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (String, Field)> {
        self.0.iter()
    }

    /// True when nothing was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
}

impl Field {
    /// The text, where it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The texts of a list, or the parts of a comma-separated text, as the servers read both.
    #[must_use]
    pub fn strings(&self) -> Vec<&str> {
        match self {
            Self::String(text) => text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .collect(),
            Self::List(items) => items.iter().filter_map(Field::as_str).collect(),
            _ => Vec::new(),
        }
    }
}
