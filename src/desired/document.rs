//! A document of the server's API, as the file wants it.

use std::sync::Arc;

use serde_json::Value;

use crate::finding::Change;
use crate::secret::SecretText;
use crate::vault::{Body, compare};

/// One document of the server's API: where it is written and read, and what it shall say.
#[derive(Debug)]
pub struct Document {
    /// How it is called in reports: its API path.
    pub path: String,
    /// The whole body of the write.
    pub body: Body,
    /// How its present state is read.
    pub read: Read,
    /// Its fields are known to this program, and so is that the server gives the plain ones back.
    pub known: bool,
}

/// How the present state of a document is read.
#[derive(Debug)]
pub enum Read {
    /// By `GET` of the same path.
    SamePath,
    /// Already read with the listing of its step; `None` where there is none.
    Known(Option<Value>),
    /// A policy: its text is compared byte by byte.
    Policy,
    /// Tuning of a mount: effective values are compared.
    Tune,
}

/// A document that has to be written, and why, without any secret.
#[derive(Debug)]
pub struct Pending {
    /// The document.
    pub document: Document,
    /// Why, one thing a field.
    pub why: Vec<Change>,
    /// What the server does not give back, to be remembered as digests once written.
    pub remember: Vec<WriteOnly>,
}

impl Document {
    /// A document that is read where it is written.
    pub fn new(path: impl Into<String>, body: Body) -> Self {
        Self {
            path: path.into(),
            body,
            read: Read::SamePath,
            known: false,
        }
    }

    /// Both texts, where it is a policy: what the server has, `have`, and what the file says.
    pub(crate) fn policy_texts(&self, have: &Value) -> Option<(String, String)> {
        match (&self.read, self.body.get("policy")) {
            (Read::Policy, Some(Body::String(want))) => {
                let have = have.get("policy").and_then(Value::as_str)?;
                Some((have.to_owned(), want.clone()))
            }
            _ => None,
        }
    }

    /// A path without a read has nothing to compare: only a digest can tell.
    pub(crate) fn compare(&self, have: &Value) -> compare::Comparison {
        match self.read {
            _ if have.is_null() => compare::Comparison::default(),
            Read::Policy => compare::compare_policy(&self.body, have),
            Read::Tune => compare::compare_tune(&self.body, have),
            Read::SamePath | Read::Known(_) => compare::compare(&self.body, have),
        }
    }
}

/// One value to be remembered as a digest.
#[derive(Debug)]
pub struct WriteOnly {
    /// Under which name, beside the document's path.
    pub name: String,
    /// What it is, in words.
    pub what: String,
    /// The value, never to be shown.
    pub value: Arc<SecretText>,
}

impl WriteOnly {
    pub(super) fn field(name: &str, value: &Body) -> Self {
        Self::new(name, name.to_owned(), value)
    }

    pub(super) fn new(name: &str, what: String, value: &Body) -> Self {
        Self {
            name: name.to_owned(),
            what,
            value: Arc::new(value.text()),
        }
    }
}
