//! What signed evidence is evidence of: a good signature alone says only who wrote it.

use std::collections::BTreeSet;
use std::fmt::{Formatter, Result as FmtResult};
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::code::{Code, Reported};
use crate::failure::Failure;

/// Form of the document.
pub(crate) const VERSION: u32 = 1;

/// A rehearsal, an emergency or a rotation, as its evidence tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedRun {
    /// `rehearsal`, `break-glass` or `rotation`.
    pub(crate) kind: String,
    /// Name of the cluster.
    pub(crate) cluster: String,
    /// When it began, RFC 3339.
    pub(crate) began: String,
    /// When it ended, RFC 3339.
    pub(crate) ended: String,
    /// What it did not show, and what it found.
    pub(crate) findings: Vec<Reported>,
}

#[derive(Deserialize)]
struct Document {
    version: u32,
    kind: Kind,
    cluster: Cluster,
    began: String,
    ended: String,
    failed: Option<String>,
    findings: Vec<Reported>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Rehearsal,
    BreakGlass,
    Rotation,
}

#[derive(Deserialize)]
struct Cluster {
    name: String,
}

/// Reads evidence that was signed with `comment`, in the file of this name.
///
/// # Errors
/// It is none of this program, a key stands in it twice, or comment or name say another kind, cluster or time.
pub(crate) fn signed_run(file: &Path, text: &str, comment: &str) -> Result<SignedRun, Failure> {
    let refused = |why: &str| {
        Failure::refused(
            Code::EvidenceWrong,
            format!("{} is signed, and {why}", file.display()),
        )
        .advise("ask whoever signed it what it is: do not rely on it")
    };
    if let Err(error) = serde_json::from_str::<Once>(text) {
        return Err(refused(&format!("is not read in one way only: {error}")));
    }
    let document: Document = serde_json::from_str(text)
        .map_err(|error| refused(&format!("is no evidence of this program: {error}")))?;
    if document.version > VERSION {
        let (found, known) = (document.version, VERSION);
        return Err(Failure::usage(
            Code::FormNewer,
            format!(
                "{} has form {found}, this program reads up to {known}",
                file.display()
            ),
        )
        .advise("use the program that wrote it, or a later one"));
    }
    let kind = match document.kind {
        Kind::Rehearsal => "rehearsal",
        Kind::BreakGlass => "break-glass",
        Kind::Rotation => "rotation",
    };
    for time in [&document.began, &document.ended] {
        if time.parse::<Timestamp>().is_err() {
            return Err(refused(&format!(
                "is no evidence of this program: {time:?} is no time"
            )));
        }
    }
    let (cluster, began) = (document.cluster.name, document.began);
    let meant = signed_comment(kind, &cluster, &began);
    if comment != meant {
        return Err(refused(&format!(
            "its comment is {comment:?}, where the evidence itself is of {meant:?}"
        )));
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = file_stem(kind, &began);
    if names_a_time(&name) && !name.starts_with(&stem) {
        return Err(refused(&format!(
            "its name is not the one it was written under, which begins with {stem}"
        )));
    }
    let failed = document.failed.map(|why| {
        Reported::new(
            Code::RunFailed,
            format!("it is evidence of a run that failed: {why}"),
        )
    });
    Ok(SignedRun {
        kind: kind.to_owned(),
        cluster,
        began,
        ended: document.ended,
        findings: failed.into_iter().chain(document.findings).collect(),
    })
}

/// What is signed beside the evidence.
pub(crate) fn signed_comment(kind: &str, cluster: &str, began: &str) -> String {
    format!("{kind} of {cluster}, began {began}")
}

/// Beginning of the name of the file.
pub(crate) fn file_stem(kind: &str, began: &str) -> String {
    format!("{kind}-{}", began.replace([':', '-'], ""))
}

/// Whether a name tells a kind and a time, as ours do; what a person calls it says nothing.
fn names_a_time(name: &str) -> bool {
    let rest = ["rehearsal-", "break-glass-", "rotation-"]
        .iter()
        .find_map(|kind| name.strip_prefix(kind));
    rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// JSON in which no object has a key twice: two programs might read two things in it.
struct Once;

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Once)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = Self;

    fn expecting(&self, formatter: &mut Formatter<'_>) -> FmtResult {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Once>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if keys.contains(&key) {
                map.next_value::<IgnoredAny>()?;
                return Err(de::Error::custom(format!("it has the key {key:?} twice")));
            }
            map.next_value::<Once>()?;
            keys.insert(key);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMENT: &str = "rehearsal of prod, began 2026-11-29T10:00:00Z";

    fn evidence(more: &str) -> String {
        format!(
            r#"{{"version": 1, "kind": "rehearsal", "cluster": {{"name": "prod"}}, "began": "2026-11-29T10:00:00Z",
                "ended": "2026-11-29T10:01:00Z"{more}}}"#
        )
    }

    fn read(name: &str, text: &str, comment: &str) -> Result<SignedRun, String> {
        signed_run(Path::new(name), text, comment).map_err(|failure| failure.to_string())
    }

    #[test]
    fn evidence_tells_what_it_is_of_and_what_it_did_not_show() {
        let text = evidence(r#", "findings": ["a"], "failed": "nobody answered""#);
        let found = read("rehearsal-20261129T100000Z.json", &text, COMMENT).unwrap();
        assert_eq!((&*found.kind, &*found.cluster), ("rehearsal", "prod"));
        let failed = "it is evidence of a run that failed: nobody answered";
        let found = found.findings.iter();
        let found: Vec<_> = found.map(|one| (one.code, one.text.as_str())).collect();
        assert_eq!(found, [(Code::RunFailed, failed), (Code::Recorded, "a")]);
    }

    #[test]
    fn whatever_else_is_signed_is_no_evidence() {
        let sound = evidence(r#", "findings": []"#);
        let ours = "rehearsal-20261129T100000Z.json";
        assert!(read(ours, &sound, COMMENT).is_ok());
        assert!(read("rehearsal-20261129T100000Z-2.json", &sound, COMMENT).is_ok());
        assert!(read("q4.json", &sound, COMMENT).is_ok());
        let refused = |name: &str, text: &str, comment: &str, why: &str| {
            let said = read(name, text, comment).unwrap_err();
            assert!(said.contains(why), "{said}");
        };
        let day = "rehearsal-20261130T100000Z.json";
        refused(day, &sound, COMMENT, "its name is not the one");
        refused(
            "break-glass-20261129T100000Z.json",
            &sound,
            COMMENT,
            "its name is not",
        );
        refused(
            ours,
            &sound,
            "rehearsal of test, began 2026-11-29T10:00:00Z",
            "its comment is",
        );
        refused(ours, "\"any text\"", COMMENT, "no evidence of this program");
        refused(ours, "any text", COMMENT, "not read in one way only");
        let twice = evidence(r#", "findings": [], "findings": ["a"]"#);
        refused(ours, &twice, COMMENT, "has the key \"findings\" twice");
        let deep = evidence(r#", "findings": [], "x": [{"y": 1, "y": 2}]"#);
        refused(ours, &deep, COMMENT, "has the key \"y\" twice");
        refused(ours, &evidence(""), COMMENT, "missing field `findings`");
    }
}
