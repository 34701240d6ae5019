//! A code with its words.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::code::Code;

/// A finding as it is told and kept: its code and its words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reported {
    /// What it is.
    pub code: Code,
    /// The same in a sentence.
    pub text: String,
    /// Why the file accepts it, where it does: then it is no reason for exit 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Accepted>,
}

/// What the file says of a finding that it accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// Why.
    pub reason: String,
    /// The last day, in UTC: `2027-03-31`.
    pub until: String,
}

impl Reported {
    /// A finding that nobody has accepted.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
            accepted: None,
        }
    }

    /// Whether one of them is accepted by nobody.
    pub fn any_open(findings: &[Self]) -> bool {
        findings.iter().any(|one| one.accepted.is_none())
    }
}

impl fmt::Display for Reported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)?;
        match &self.accepted {
            Some(Accepted { reason, until }) => {
                write!(formatter, " (accepted until {until}: {reason})")
            }
            None => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Reported {
    /// What was recorded before there were codes is a sentence alone.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Words(String),
            Both {
                code: Code,
                text: String,
                accepted: Option<Accepted>,
            },
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Words(text) => Self::new(Code::Recorded, text),
            Form::Both {
                code,
                text,
                accepted,
            } => Self {
                code,
                text,
                accepted,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_or_a_later_release_recorded_is_still_read() {
        let read = |text: &str| serde_json::from_str::<Reported>(text).unwrap();
        let mut kept = Reported::new(Code::ShareGone, "gone");
        assert_eq!(read(&serde_json::to_string(&kept).unwrap()), kept);
        kept.accepted = Some(Accepted {
            reason: "moved".into(),
            until: "2027-03-31".into(),
        });
        assert_eq!(read(&serde_json::to_string(&kept).unwrap()), kept);
        for recorded in [r#""gone""#, r#"{"code": "of-a-later-one", "text": "gone"}"#] {
            let Reported { code, text, .. } = read(recorded);
            assert_eq!((code, text.as_str()), (Code::Recorded, "gone"));
        }
    }
}
