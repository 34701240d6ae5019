//! Results of commands, as events carry them.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use crate::code::{Code, Reported};
use crate::event::Adopted;
use crate::step::Step;
use crate::step::decide::Recorded;

/// How far the ceremony is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Status {
    /// `cluster.name` of the file.
    pub cluster: String,
    /// `cluster.address` of the file.
    pub address: String,
    /// What the server says, or why it says nothing.
    pub server: String,
    /// Each listed node and how it is, where there are several; else none.
    pub nodes: Vec<NodeLine>,
    /// When the cluster was taken over, where somebody else initialised it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Adopted>,
    /// The replica of the checkpoint, and what is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica: Option<String>,
    /// Whose run holds the replica, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseHolder>,
    /// The run that holds the checkpoint on this machine just now, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<RunLine>,
    /// What the report here says: when it was written, and the codes of its findings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportLine>,
    /// When break-glass was rehearsed last, as this directory or the replica knows; a drill of the ceremony is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsed: Option<LastRehearsal>,
    /// Each step and how far the checkpoint says that it came.
    pub steps: Vec<StepLine>,
    /// Where the server does not bear out what the checkpoint says, and what other users of this machine may change.
    pub findings: Vec<Reported>,
    /// The command to type next, as it can be pasted.
    pub next: String,
    /// What that does, where it is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A run that goes on.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RunLine {
    /// Its process id.
    pub process: u32,
    /// Its user.
    pub user: String,
    /// When it began, RFC 3339.
    pub since: String,
}

/// The last report of this checkpoint.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ReportLine {
    /// When it was written, RFC 3339.
    pub written: String,
    /// Where it is, as a person reads it.
    pub path: String,
    /// The codes of its findings.
    pub findings: Vec<Code>,
}

/// A rehearsal that passed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LastRehearsal {
    /// When it was over, RFC 3339.
    pub at: String,
    /// Where its evidence is.
    pub evidence: String,
    /// Custodians whose share was in none of its quorums.
    pub without: Vec<String>,
}

/// A run that holds the replica of a checkpoint.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LeaseHolder {
    /// What `--take-over` is to be given.
    pub id: String,
    /// User, machine and directory.
    pub owner: String,
    /// Since when, RFC 3339.
    pub at: String,
    /// Whether it is of this very directory, which goes on by itself.
    pub here: bool,
}

/// A listed node in [`Status`].
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NodeLine {
    /// As the file has it.
    pub address: String,
    /// `active`, `standby`, `sealed` or `not initialised`; or why it says nothing.
    pub state: String,
}

/// One step in [`Status`].
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StepLine {
    /// Which.
    pub step: Step,
    /// What it does.
    pub title: &'static str,
    /// How far it came.
    pub state: Recorded,
    /// When it was finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished: Option<String>,
}

/// What was destroyed of an abandoned ceremony, and what a person must still do.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Abandoned {
    /// `cluster.name` of the file.
    pub cluster: String,
    /// Each thing with its place.
    pub destroyed: Vec<String>,
    /// In the order in which it is to be done.
    pub remains: Vec<String>,
}

/// A challenge for a holder. Only they can read the word in it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Challenged {
    /// Name of the custodian in the file.
    pub custodian: String,
    /// What is proved by it: a recipient, a fingerprint.
    pub subject: String,
    /// The encrypted word.
    pub armored: String,
    /// When it was made.
    pub at: String,
    /// The file that it was written to, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// What the holder decrypts it with.
    pub decrypt: String,
    /// Takes the word, whenever the holder has read it.
    pub next: String,
}

/// A custodian whose holder has opened a challenge.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Proved {
    /// Its name in the file.
    pub custodian: String,
    /// What was proved: a recipient, a fingerprint, a parameter.
    pub subject: String,
}

/// A key that was made. Nothing of it is secret.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NewIdentity {
    /// Whose it is.
    pub name: String,
    /// The file that holds the secret key.
    pub file: PathBuf,
    /// What is encrypted to it, `age1…`.
    pub recipient: String,
    /// Where the configuration takes it: `init.custodians` or `checkpoint`.
    pub section: &'static str,
    /// The entry there, as YAML.
    pub entry: String,
}

/// A configuration for one holder. Nothing of it is secret.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HolderFile {
    /// Whose.
    pub custodian: String,
    /// The cluster's id; none while the checkpoint does not know it, and then `share submit` is not possible yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// The file, as YAML.
    pub text: String,
}

/// A configuration of a cluster that is there. Nothing of it is secret.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Imported {
    /// `cluster.name` of the file.
    pub cluster: String,
    /// Where it was read.
    pub address: String,
    /// Product and version.
    pub server: String,
    /// The file that was written; none where it was printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// How many devices, mounts, roles, users, policies and writes are in it.
    pub entries: usize,
    /// Secrets that no server shows: of which document, and which field and file.
    pub to_fill: Vec<Told>,
    /// What is there, and not in the file.
    pub left_out: Vec<Told>,
    /// What this login may not see.
    pub unseen: Vec<Told>,
    /// The file as YAML, where it is to be printed.
    #[serde(skip)]
    pub text: Option<String>,
}

/// A configuration made of a file of another program. Nothing of it is secret.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Converted {
    /// The program: `bank-vaults`.
    pub from: String,
    /// Its file.
    pub source: PathBuf,
    /// The file that was written; none where it was printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// How many devices, mounts, roles, users, policies, groups and writes are in it.
    pub entries: usize,
    /// Secrets that stand in the source: of which document, and which field and file.
    pub to_fill: Vec<Placed>,
    /// What the source says, and the file does not.
    pub left_out: Vec<Placed>,
    /// The file as YAML, where it is to be printed.
    #[serde(skip)]
    pub text: Option<String>,
}

/// Something that is said of a place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Placed {
    /// Its line, from 1.
    pub line: u32,
    /// What stands there: an API path, or a place in the file.
    pub path: String,
    /// What is said of it.
    pub what: String,
}

impl std::fmt::Display for Placed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "line {}: {}: {}",
            self.line, self.path, self.what
        )
    }
}

/// Something that is said of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Told {
    /// Its API path.
    pub path: String,
    /// What.
    pub why: String,
}

impl Told {
    /// This, of that path.
    pub fn new(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            why: why.into(),
        }
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.path, self.why)
    }
}

/// Evidence whose signature is good.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Verified {
    /// The evidence.
    pub file: PathBuf,
    /// The signed comment.
    pub comment: String,
    /// `rehearsal` or `break-glass`.
    pub kind: String,
    /// Name of the cluster.
    pub cluster: String,
    /// When it began, RFC 3339.
    pub began: String,
    /// When it ended, RFC 3339.
    pub ended: String,
    /// What it did not show, and what it found.
    pub findings: Vec<Reported>,
}

/// Which shares are in effect after a rotation.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Rotated {
    /// Version of the key set that is in effect.
    pub generation: u32,
    /// How many shares there are.
    pub shares: u32,
    /// How many of them make a quorum.
    pub threshold: u32,
    /// Where they are.
    pub custodians: Vec<String>,
    /// False where all of that was so before.
    pub changed: bool,
    /// The configuration that describes them.
    pub file: PathBuf,
    /// The configuration of the shares before.
    pub from: PathBuf,
    /// What this run has shown, where it changed something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<PathBuf>,
    /// Old shares that are left, and whatever else a person should see to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Reported>,
}

/// What holders elsewhere are told. Nothing of it is secret.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Invitation {
    /// Who are asked.
    pub names: Vec<String>,
    /// Names the root generation and its cluster.
    pub code: String,
    /// The end of the code, to be compared by telephone.
    pub spoken: String,
    /// The cluster's id, which stands in every holder's own file.
    pub cluster_id: String,
    /// How long they are waited for.
    pub seconds: u64,
}

/// A node and its Shamir seal.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NodeSeal {
    /// As the file has it.
    pub address: String,
    /// Whether it is still sealed.
    pub sealed: bool,
    /// Shares given towards the next unsealing.
    pub given: u32,
    /// Shares needed.
    pub required: u32,
}
