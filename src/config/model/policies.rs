//! `policies`, with the text of those that have a file of their own.

use std::path::PathBuf;

use schemars::{JsonSchema, json_schema};

use crate::code::Code;
use crate::config::forms::form;
use crate::config::problem::text_of;
use crate::config::reading::Reading;
use crate::config::section::At;
use crate::config::{accessors, policy_text};

/// Longest text of a policy, in bytes.
const LONGEST_POLICY: u64 = 1 << 20;
/// Longest texts of all policies together.
const LONGEST_POLICIES: usize = 256 << 20;

/// One entry of `policies`.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Name, in lower case.
    pub name: String,
    /// Where its text comes from.
    pub source: PolicySource,
}

/// Where the text of a policy comes from.
#[derive(Debug, Clone)]
pub enum PolicySource {
    /// Written by the tool: read-only, with the scan of accessors.
    Auditor,
    /// The operator's text, from the file or from a file of its own.
    Rules {
        /// The text, byte for byte.
        text: String,
        /// The file that it was read from.
        file: Option<PathBuf>,
    },
}

/// An ACL policy: `{file: PATH}`, `{rules: TEXT}` or `{builtin: auditor}`.
#[derive(JsonSchema)]
#[serde(rename = "Policy", rename_all = "lowercase")]
#[expect(dead_code, reason = "read by the schema generator alone")]
pub(super) enum PolicyKeys {
    /// A policy that the program writes itself: `auditor` reads the posture and changes nothing.
    Builtin(Builtin),
    /// A file with the policy.
    File(String),
    /// The policy itself.
    Rules(String),
}

form! {
    /// Policies by name, and those of files.
    PolicySection, "PolicySection", |generator| {
        let policy = generator.subschema_for::<PolicyKeys>();
        let patterns = json_schema!({"type": ["array", "string"], "items": {"type": "string"}, "minItems": 1});
        json_schema!({
            "description": "ACL policies by name.",
            "type": "object",
            "properties": {"files": {
                "description": "A path or a pattern such as `policies/*.hcl`, or a list of those: each file is a policy that is called as the \
                                file without its extension. A map is the policy `files`.",
                "anyOf": [patterns, policy]
            }},
            "additionalProperties": policy
        })
    }
}

/// Policies that the program writes itself.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "read by the schema generator alone")]
pub(super) enum Builtin {
    Auditor,
}

/// The policies of the document, those from files among them, where nothing is wrong with their shape. What is wrong
/// with a text is found here, so that each file is read once.
pub(in crate::config) fn read(reading: &mut Reading) -> Vec<Policy> {
    let mut policies = Vec::new();
    let mut length = 0;
    let methods = reading.keys(&["auth"]);
    for path in reading.all(&["policies", "*"]) {
        if length > LONGEST_POLICIES {
            let text = format!("the policies together are longer than {LONGEST_POLICIES} bytes");
            reading.refuse(Code::FileValueInvalid, &path[..1], text);
            break;
        }
        let sound = reading.node(&path).map(|node| reading.at(node));
        match sound.and_then(source) {
            None => {}
            Some(Ok(source)) => {
                if let PolicySource::Rules { text, .. } = &source {
                    length += text.len();
                    if let Some(why) = accessors::problem(text, methods.as_deref()) {
                        reading.refuse(Code::FileValueInvalid, &path, why);
                    }
                }
                let name = path[1].clone();
                policies.push(Policy { name, source });
            }
            Some(Err((key, (code, why)))) => reading.refuse(code, &[path, vec![key]].concat(), why),
        }
    }
    policies
}

/// What is wrong, and its code.
type Wrong = (Code, String);

/// Where a policy comes from, or the key that something is wrong with, and what.
fn source(at: At) -> Option<Result<PolicySource, (String, Wrong)>> {
    let (key, at) = at.entries().next()?;
    let (text, file) = match key {
        "builtin" => return Some(Ok(PolicySource::Auditor)),
        "file" => {
            let file: PathBuf = at.read()?;
            let unread = |(code, why)| (code, format!("{}: {why}", file.display()));
            // Editors of another system begin a file with it, and no server takes it.
            let plain = |text: String| {
                text.strip_prefix('\u{feff}')
                    .map_or(text.clone(), str::to_owned)
            };
            let text = text_of(&file, LONGEST_POLICY).map(plain);
            (text.map_err(unread), Some(file))
        }
        _ => (Ok(at.read()?), None),
    };
    Some(match text {
        Ok(text) if text.trim().is_empty() => {
            let why = "the policy is empty".to_owned();
            Err((key.to_owned(), (Code::FileValueInvalid, why)))
        }
        Ok(text) => match (policy_text::unknown_capability(&text), &file) {
            (None, _) => Ok(PolicySource::Rules { text, file }),
            (Some((line, why)), file) => {
                let place = file.as_ref().map(|file| format!("{}:", file.display()));
                let place = place.map_or_else(
                    || format!("line {line} of it"),
                    |file| format!("{file}{line}"),
                );
                let why = format!("{place}: {why}");
                Err((key.to_owned(), (Code::FileValueInvalid, why)))
            }
        },
        Err(why) => Err((key.to_owned(), why)),
    })
}
