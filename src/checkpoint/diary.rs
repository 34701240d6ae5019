//! The public part of the checkpoint: attempts and evidence, and nothing that opens anything.
//!
//! ```text
//! diary.json  {"version": 1, "program": "0.1.0", "cluster": {name, address, cluster_id},
//!              "steps": {"initialize": {state, started, finished, evidence}, …},
//!              "proofs": {"alice": {subject, at}}, "shares": {"alice": {prepared, stored}}}
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::checkpoint::error::CheckpointError;
use crate::checkpoint::rotation::{Rotation, ShareRecord};
use crate::checkpoint::take_over::TakeOver;
use crate::code::Reported;
use crate::custodian::Stored;
use crate::event::Adopted;
use crate::evidence::facts::{Evidence, FINDINGS};
use crate::step::Step;
use crate::step::decide::Recorded;

/// Under which name the evidence of the drill keeps what each quorum did.
pub(crate) const QUORUMS: &str = "quorums";

/// The form of the diary that this program writes, and the newest that it reads.
pub const VERSION: u32 = 1;

/// What is known about one ceremony.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Diary {
    /// Form of this file.
    pub version: u32,
    /// Version of the program that wrote it last.
    pub program: String,
    /// Which cluster this is about.
    pub cluster: Cluster,
    /// Addresses of this cluster: nowhere else go its shares and its root token.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub addresses: BTreeSet<String>,
    /// How many shares the cluster was asked for, and how many of them open it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// A root generation of ours that was begun and not seen to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generating: Option<Generating>,
    /// New shares in the place of the old ones, as far as that came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// Where `sys/init` was sent last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// Part of the names of trial values with custodians: what a killed run left is known as ours by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<String>,
    /// Every replica that was given what is encrypted, be it that the file named another one later.
    #[serde(
        default,
        rename = "left_for",
        deserialize_with = "one_or_many",
        skip_serializing_if = "BTreeSet::is_empty"
    )]
    pub replicated_to: BTreeSet<String>,
    /// Runs of other machines that were taken over, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub take_overs: Vec<TakeOver>,
    /// What happened to each step so far.
    #[serde(default)]
    pub steps: BTreeMap<Step, Entry>,
    /// Custodians whose holder has opened something there, by name.
    #[serde(default)]
    pub proofs: BTreeMap<String, Proof>,
    /// Challenges that nobody has answered yet, by the name of the custodian.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub challenges: BTreeMap<String, Unanswered>,
    /// What is known about each share, by the name of its custodian.
    #[serde(default)]
    pub shares: BTreeMap<String, ShareRecord>,
    /// Documents that were about to be deleted, since the file names them no more, and the step that had made them: what
    /// became of it was not seen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pruning: BTreeMap<String, Step>,
    /// Fields that are or once were references, by path and field: what the server has there is never shown.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub references: BTreeSet<String>,
    /// Not initialised from this checkpoint: since when it looks after the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Adopted>,
}

/// A challenge that its holder is to open, and nothing that says what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    /// What is proved by it; another recipient has another challenge.
    pub subject: String,
    /// For the holder.
    pub armored: String,
    /// Argon2id digest of the word in it.
    pub word: String,
    /// When it was made.
    pub at: String,
    /// Name of the file that it was written to, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// The cluster that a checkpoint belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// `cluster.name` of the file.
    pub name: String,
    /// `cluster.address` of the file when the ceremony began.
    pub address: String,
    /// The server's own id, known once it was active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
}

/// What `sys/init` was asked for; a file that was changed since does not change the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Shares in all.
    pub shares: u32,
    /// Shares that together open.
    pub threshold: u32,
    /// Recovery shares, or unseal shares.
    pub recovery: bool,
    /// The server was to encrypt each share to its holder.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sealed: bool,
    /// Which making of the shares it is.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub generation: u32,
    /// `sys/init` was asked for no shares: they are made and verified afterwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub two_phase: bool,
}

/// What a diary says nothing about is the first making.
fn first() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_first(generation: &u32) -> bool {
    *generation == first()
}

/// An attempt at a root token: what may be left of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generating {
    /// Its nonce, once the server gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// Accessors of the root tokens that were there just before the last share was given; another one is of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roots: Option<BTreeSet<String>>,
    /// The server's clock then, in seconds since 1970, where it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<i64>,
}

/// The last request to `sys/init`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Address of the node that was asked; the file may list its nodes in another order since.
    pub node: String,
    /// It refused, and is initialised or may be: by whom, nobody has seen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
}

impl Attempt {
    /// A request that is about to be sent to this address.
    pub fn at(node: &str) -> Self {
        Self {
            node: node.to_owned(),
            refused: false,
        }
    }
}

/// One step in the diary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// How far it came.
    pub state: Recorded,
    /// When it was last begun, RFC 3339.
    pub started: String,
    /// When it was last finished, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<String>,
    /// Public facts that prove it.
    #[serde(default)]
    pub evidence: Evidence,
}

/// A holder has shown that what is kept for them can be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// What was proved: a recipient, or a parameter and its key. A change of it voids the proof.
    pub subject: String,
    /// When, RFC 3339.
    pub at: String,
}

impl Diary {
    /// A diary without entries.
    pub fn new(name: &str, address: &str) -> Self {
        Self {
            version: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: Cluster {
                name: name.to_owned(),
                address: address.to_owned(),
                cluster_id: None,
            },
            ..Self::default()
        }
    }

    /// A diary from its bytes, which are of `path`.
    pub fn read(bytes: &[u8], path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let path = path.as_ref();
        let damaged = |why: String| CheckpointError::Damaged {
            path: path.to_owned(),
            why,
        };
        let value: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        match value["version"].as_u64() {
            Some(found) if found > u64::from(VERSION) => Err(CheckpointError::Newer {
                path: path.to_owned(),
                found,
            }),
            Some(_) => serde_json::from_value(value).map_err(|error| damaged(error.to_string())),
            None => Err(damaged("it has no version".into())),
        }
    }

    /// Whether the shares are made after initialisation, and verified.
    pub fn two_phase(&self) -> bool {
        self.asked.is_some_and(|asked| asked.two_phase)
    }

    /// How far a step came. Of a cluster of somebody else's all was done.
    pub fn recorded(&self, step: Step) -> Recorded {
        match self.steps.get(&step) {
            Some(entry) => entry.state,
            None if self.adopted.is_some() => Recorded::Done,
            None => Recorded::Nothing,
        }
    }

    /// One fact of a step's evidence, if it was recorded in the shape asked for.
    pub fn fact<T: DeserializeOwned>(&self, step: Step, name: &str) -> Option<T> {
        self.steps.get(&step)?.evidence.get(name)
    }

    /// What this step has found, and what is over now, holds no longer.
    pub fn settle(&mut self, step: Step, is_over: impl Fn(&Reported) -> bool) {
        let Some(entry) = self.steps.get_mut(&step) else {
            return;
        };
        let Some(mut found) = entry.evidence.get::<Vec<Reported>>(FINDINGS) else {
            return;
        };
        found.retain(|finding| !is_over(finding));
        entry.evidence.set(FINDINGS, found);
    }

    /// What was stored with this custodian, once it was read back equal.
    pub fn stored(&self, custodian: &str) -> Option<&Stored> {
        self.shares.get(custodian)?.stored.as_ref()
    }

    /// Notes that a step begins. Evidence of an earlier run is kept until the step is done again, and
    /// what was proved of logins counts no more once anything that they stand on is written.
    pub fn start(&mut self, step: Step, now: String) {
        if (Step::Secrets..=Step::Writes).contains(&step)
            && let Some(logins) = self.steps.get_mut(&Step::Logins)
        {
            logins.state = Recorded::Started;
        }
        let evidence = self.steps.get(&step).map(|entry| entry.evidence.clone());
        let entry = Entry {
            state: Recorded::Started,
            started: now,
            finished: None,
            evidence: evidence.unwrap_or_default(),
        };
        self.steps.insert(step, entry);
    }

    /// Notes that a step is done.
    pub fn finish(&mut self, step: Step, evidence: Evidence, now: String) {
        let started = self
            .steps
            .get(&step)
            .map_or_else(|| now.clone(), |e| e.started.clone());
        let entry = Entry {
            state: Recorded::Done,
            started,
            finished: Some(now),
            evidence,
        };
        self.steps.insert(step, entry);
    }

    /// Whether a drill passed in this ceremony.
    pub fn drill_was_held(&self) -> bool {
        let quorums = self.fact::<Vec<serde_json::Value>>(Step::Drill, QUORUMS);
        self.recorded(Step::Drill) == Recorded::Done && quorums.is_some_and(|all| !all.is_empty())
    }

    /// True when the whole ceremony was handed over.
    pub fn handed_over(&self) -> bool {
        self.recorded(Step::HandOver) == Recorded::Done
    }
}

/// A set of texts; an earlier form has one text, or none, in its place.
fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Many(BTreeSet<String>),
        One(Option<String>),
    }
    Ok(match Form::deserialize(from)? {
        Form::Many(all) => all,
        Form::One(one) => one.into_iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diary_reads_back_as_it_was_written() {
        let mut diary = Diary::new("prod", "https://vault:8200");
        diary.start(Step::Initialize, "2026-11-21T10:00:00Z".into());
        diary.finish(
            Step::Audit,
            Evidence::default().with("devices", ["file"]),
            "t".into(),
        );
        let text = serde_json::to_string(&diary).unwrap();
        assert_eq!(serde_json::from_str::<Diary>(&text).unwrap(), diary);
        assert_eq!(diary.recorded(Step::Initialize), Recorded::Started);
        assert_eq!(diary.recorded(Step::Audit), Recorded::Done);
        assert_eq!(diary.recorded(Step::HandOver), Recorded::Nothing);
    }

    #[test]
    fn one_replica_of_an_earlier_form_is_a_set_of_one() {
        let read = |left: &str| {
            let text = format!(
                r#"{{"version": 1, "program": "0", "cluster": {{"name": "n", "address": "a"}}{left}}}"#
            );
            let diary = Diary::read(text.as_bytes(), Path::new("diary")).unwrap();
            diary.replicated_to.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(read(""), Vec::<String>::new());
        assert_eq!(read(r#", "left_for": null"#), Vec::<String>::new());
        assert_eq!(read(r#", "left_for": "s3://b/p""#), ["s3://b/p"]);
        assert_eq!(
            read(r#", "left_for": ["s3://b/p", "x"]"#),
            ["s3://b/p", "x"]
        );
    }

    #[test]
    fn a_written_policy_takes_the_proof_of_the_logins_with_it() {
        let mut diary = Diary::new("prod", "https://vault:8200");
        diary.finish(Step::Logins, Evidence::default(), "a".into());
        diary.start(Step::RevokeRoot, "b".into());
        assert_eq!(diary.recorded(Step::Logins), Recorded::Done);
        diary.start(Step::Policies, "c".into());
        assert_eq!(diary.recorded(Step::Logins), Recorded::Started);
    }

    #[test]
    fn starting_a_step_again_keeps_the_evidence_of_before() {
        let mut diary = Diary::new("prod", "https://vault:8200");
        diary.finish(
            Step::Audit,
            Evidence::default().with("devices", 1),
            "a".into(),
        );
        diary.start(Step::Audit, "b".into());
        assert_eq!(
            diary.steps[&Step::Audit].evidence.get::<u32>("devices"),
            Some(1)
        );
    }
}
