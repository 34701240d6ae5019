//! A document of the server's API, as the file wants it.

use serde_json::Value;

use crate::config::Manage;
use crate::desired::answers::Taken;
use crate::desired::kind::Kind;
use crate::finding::Change;
use crate::memory::Remembered;
use crate::memory::leaf::{field_of, is_in};
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
    /// What is known of such documents.
    pub(crate) kind: Kind,
    /// Fields of the answer that the file leaves to others.
    pub(crate) unmanaged: Vec<String>,
    /// What the file does not name is left to others.
    pub(crate) named_only: bool,
    /// The file says nothing of it any more: what it once said goes back to what the server has without it.
    pub(crate) emptied: bool,
    /// Values that the server makes for other documents.
    pub(crate) takes: Vec<Taken>,
    /// Fields of the answer that other documents take.
    pub(crate) keeps: Vec<String>,
    /// It is an entry whose answer is handed out.
    pub(crate) hands_out: bool,
    /// Where it is written, if that is not its own path.
    pub(crate) at: Option<String>,
    /// Documents, by path, without which it cannot be written.
    pub(crate) needs: Vec<String>,
}

/// How the present state of a document is read.
#[derive(Debug)]
pub enum Read {
    /// By `GET` of the same path.
    SamePath,
    /// Already read with the listing of its step; `None` where there is none.
    Known(Option<Value>),
    /// It could not be read with its step: this login may not.
    Denied,
    /// A policy: its text is compared byte by byte.
    Policy,
    /// Tuning of a mount: effective values are compared.
    Tune,
    /// A plugin of this version: the catalogue has each version by itself, under one path.
    Catalogue(String),
}

/// A document that has to be written, and why, without any secret.
#[derive(Debug)]
pub struct Pending {
    /// The document.
    pub document: Document,
    /// Why, one thing a field.
    pub why: Vec<Change>,
    /// What is sent, where that is not the body as it is: without secrets that the server keeps, with what puts fields back.
    pub send: Option<Body>,
    /// Fields that are put back by not being named, or by the value that is sent.
    pub(crate) reset: Vec<Reset>,
}

/// A field that the file no longer names, or that somebody else has set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reset {
    /// Its name.
    pub(crate) field: String,
    /// What it is to be; `None` where only reading it tells what became of it.
    pub(crate) to: Option<Value>,
    /// What the server had there before.
    pub(crate) was: Value,
}

impl Pending {
    /// Where it is written.
    pub(crate) fn written_at(&self) -> String {
        let path = self.document.at.as_ref().unwrap_or(&self.document.path);
        match self.document.kind.set_below {
            Some(below) if self.why != [Change::Create] => format!("{path}/{}", below.name),
            _ => path.clone(),
        }
    }
}

impl Document {
    /// A document that is read where it is written.
    pub(crate) fn new(path: impl Into<String>, body: Body, kind: Kind) -> Self {
        Self {
            path: path.into(),
            body,
            read: Read::SamePath,
            kind,
            unmanaged: Vec::new(),
            named_only: false,
            emptied: false,
            takes: Vec::new(),
            keeps: Vec::new(),
            hands_out: false,
            at: None,
            needs: Vec::new(),
        }
    }

    /// A setting of which the file says nothing any more.
    pub(crate) fn emptied(path: impl Into<String>, kind: Kind) -> Self {
        Self {
            emptied: true,
            ..Self::new(path, Body::Map(Vec::new()), kind)
        }
    }

    /// The same, with fields of the answer that the file leaves to others.
    #[must_use]
    pub(crate) fn leaving(self, unmanaged: &[String]) -> Self {
        let unmanaged = unmanaged.to_vec();
        Self { unmanaged, ..self }
    }

    /// The same, of which so much is the file's.
    #[must_use]
    pub(crate) fn managed(self, manage: Manage) -> Self {
        let named_only = manage == Manage::Named;
        Self { named_only, ..self }
    }

    /// Whether what stands at this place of it is left to others, since the file does not name it.
    pub(super) fn leaves(&self, place: &str) -> bool {
        let field = field_of(place);
        let named = |name: &str| self.body.get(name).is_some();
        // Its fields are answered beside the others, by longer names.
        let lockout = field.starts_with("user_lockout_") && named("user_lockout_config");
        // Whoever knows the id of a role would get in without it.
        self.named_only && field != "bind_secret_id" && !named(&field) && !lockout
    }

    /// What a write of it takes away unseen, where it was not made here and somebody else has set it.
    pub(super) fn takes_away(&self, made_here: bool) -> Option<Change> {
        let is_plugin = matches!(self.read, Read::Catalogue(_));
        (is_plugin && !made_here && self.body.get("env").is_none()).then(|| Change::Loses {
            what: "its environment".to_owned(),
        })
    }

    /// Whether it is still to be read, and was not read with its step.
    pub(super) fn is_read(&self) -> bool {
        !matches!(self.read, Read::Known(_) | Read::Denied)
    }

    /// Where what the server has of it is read.
    pub(crate) fn read_at(&self) -> &str {
        let above = self.path.rsplit_once('/').map(|(above, _)| above);
        above.filter(|_| self.kind.read_above).unwrap_or(&self.path)
    }

    /// Whether the value at this place moves by itself, or is left to others.
    pub(crate) fn moves(&self, place: &str) -> bool {
        if self.leaves(place) || self.unmanaged.iter().any(|field| is_in(place, field)) {
            return true;
        }
        // What the file names does not move without anybody.
        let named = self.body.get(&field_of(place)).is_some();
        !named && (self.kind.moves(place) || self.gains_members(place))
    }

    /// Whether the value at this place moves, or of a setting that the file names no more, was left to others or came later.
    pub(super) fn is_not_ours(&self, place: &str, known: &Remembered) -> bool {
        let made = known.made.as_ref().filter(|_| self.emptied);
        self.moves(place) || made.is_some_and(|made| !made.has_field(&field_of(place)))
    }

    /// Whether logins change the members of it: of a group that a provider fills.
    fn gains_members(&self, place: &str) -> bool {
        let external =
            matches!(self.body.get("type"), Some(Body::String(kind)) if kind == "external");
        external && self.path.starts_with("identity/group/") && is_in(place, "member_entity_ids")
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
            _ if self.kind.exact => compare::compare_stored(&self.body, have),
            Read::Tune => compare::compare_tune(&self.body, have),
            Read::SamePath | Read::Known(_) | Read::Denied | Read::Catalogue(_) => {
                compare::compare(&self.body, have)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_file_does_not_name_is_left_but_whether_a_secret_id_is_asked_for() {
        let body = Body::from(
            json!({ "token_ttl": "1h", "metadata": { "a": "b" }, "user_lockout_config": {} }),
        );
        let whole = Document::new("auth/approle/role/a", body, Kind::auth_role("approle"));
        assert!(!whole.moves("token_policies"));
        let named = whole.managed(Manage::Named);
        for left in ["token_policies", "token_bound_cidrs", "description"] {
            assert!(named.moves(left), "{left}");
        }
        for ours in [
            "token_ttl",
            "metadata.c",
            "bind_secret_id",
            "user_lockout_threshold",
        ] {
            assert!(!named.moves(ours), "{ours}");
        }
    }
}
