//! The answer to a write that makes a secret: which is handed out, and never shown.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::secret::SecretText;
use crate::vault::http::{Error, Reply, field};

/// What the server has made. Nothing of it prints.
pub(crate) struct Made {
    data: Map<String, Value>,
    /// The token that gives the answer, where the server has wrapped it.
    wrapping: Option<SecretText>,
    leased: bool,
    warnings: Vec<String>,
}

/// Why there is nothing to hand out in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Lacks {
    /// A field that is to be handed out.
    #[error("the answer has no {0}")]
    Field(String),
    /// The answer came in clear.
    #[error("the server has not wrapped its answer")]
    Wrapping,
    /// It has a lease.
    #[error("it hangs on a lease, which ends with the token of this run")]
    Lease,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default, deserialize_with = "field::compared")]
    lease_id: String,
    #[serde(default, deserialize_with = "field::compared")]
    data: Map<String, Value>,
    wrap_info: Option<Wrapped>,
}

#[derive(Deserialize)]
struct Wrapped {
    token: SecretText,
}

impl Made {
    pub(crate) fn of(reply: &Reply) -> Result<Self, Error> {
        let (data, wrapping, leased) = if reply.is_empty() {
            (Map::new(), None, false)
        } else {
            let Envelope {
                lease_id,
                data,
                wrap_info,
            } = reply.whole()?;
            (
                data,
                wrap_info.map(|wrapped| wrapped.token),
                !lease_id.is_empty(),
            )
        };
        Ok(Self {
            data,
            wrapping,
            leased,
            warnings: reply.warnings(),
        })
    }

    /// What is to be handed out: one field as it is, several as a JSON object; where it was to be wrapped, the token.
    ///
    /// # Errors
    /// It is not in the answer, or would not live on.
    pub(crate) fn text(&self, fields: &[String], wrapped: bool) -> Result<SecretText, Lacks> {
        if self.leased {
            return Err(Lacks::Lease);
        }
        if wrapped {
            let token = self.wrapping.as_ref().ok_or(Lacks::Wrapping)?;
            return Ok(SecretText::new(token.expose().to_owned()));
        }
        let field = |name: &String| {
            let value = self.data.get(name).filter(|value| !is_nothing(value));
            value.ok_or_else(|| Lacks::Field(name.clone()))
        };
        if let [only] = fields {
            let text = match field(only)? {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            return Ok(SecretText::new(text));
        }
        let all = fields.iter().map(|name| Ok((name, field(name)?)));
        let all: BTreeMap<_, _> = all.collect::<Result<_, Lacks>>()?;
        // Maps with names for keys always serialise.
        Ok(SecretText::new(
            serde_json::to_string(&all).unwrap_or_default(),
        ))
    }

    /// These fields of it, which anybody may see.
    pub(crate) fn known(&self, fields: &[String]) -> Value {
        let known = fields.iter().filter_map(|name| {
            let value = self.data.get(name)?;
            Some((name.clone(), value.clone()))
        });
        Value::Object(known.collect())
    }

    /// What the server wants us to know although it did as told.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn made(answer: &Value) -> Made {
        Made::of(&crate::vault::http::reply::tests::json_reply(
            200,
            &answer.to_string(),
            "x",
        ))
        .unwrap()
    }

    fn text(answer: &Value, fields: &[&str], wrapped: bool) -> Result<String, Lacks> {
        let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
        let text = made(answer).text(&fields, wrapped)?;
        Ok(text.expose().to_owned())
    }

    #[test]
    fn one_field_comes_as_it_is_and_several_as_an_object() {
        let answer = json!({"request_id": "r", "lease_id": "", "data": {
            "private_key": "KEY", "ca_chain": ["a", "b"], "ttl": 3, "none": null, "empty": "",
        }});
        let of = |fields: &[&str]| text(&answer, fields, false);
        assert_eq!(of(&["private_key"]), Ok("KEY".to_owned()));
        assert_eq!(of(&["ca_chain"]), Ok("[\"a\",\"b\"]".to_owned()));
        let both = of(&["private_key", "ttl"]);
        assert_eq!(both, Ok("{\"private_key\":\"KEY\",\"ttl\":3}".to_owned()));
        for lacking in ["none", "empty", "other"] {
            let lacks = Err(Lacks::Field(lacking.to_owned()));
            assert_eq!(of(&["private_key", lacking]), lacks);
        }
    }

    #[test]
    fn a_wrapped_answer_is_its_token_and_one_in_clear_is_not_taken_for_it() {
        let wrapped = json!({"request_id": "", "data": null, "lease_id": "", "wrap_info": {"token": "hvs.x", "ttl": 60}});
        assert_eq!(text(&wrapped, &[], true), Ok("hvs.x".to_owned()));
        let clear = json!({"request_id": "r", "lease_id": "", "data": {"secret_id": "s"}, "wrap_info": null});
        assert_eq!(text(&clear, &[], true), Err(Lacks::Wrapping));
    }

    #[test]
    fn what_hangs_on_a_lease_is_not_handed_out() {
        let leased = json!({"request_id": "r", "lease_id": "pki/issue/web/x", "data": {"private_key": "KEY"}});
        assert_eq!(text(&leased, &["private_key"], false), Err(Lacks::Lease));
    }
}
