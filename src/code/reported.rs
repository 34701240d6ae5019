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
}

impl fmt::Display for Reported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Reported {
    /// What was recorded before there were codes is a sentence alone.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Words(String),
            Both { code: Code, text: String },
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Words(text) => Self {
                code: Code::Recorded,
                text,
            },
            Form::Both { code, text } => Self { code, text },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_or_a_later_release_recorded_is_still_read() {
        let read = |text: &str| serde_json::from_str::<Reported>(text).unwrap();
        let kept = Reported {
            code: Code::ShareGone,
            text: "gone".into(),
        };
        assert_eq!(read(&serde_json::to_string(&kept).unwrap()), kept);
        for recorded in [r#""gone""#, r#"{"code": "of-a-later-one", "text": "gone"}"#] {
            let Reported { code, text } = read(recorded);
            assert_eq!((code, text.as_str()), (Code::Recorded, "gone"));
        }
    }
}
