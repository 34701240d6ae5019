//! `plan`: what `apply` would do, as events carry it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::code::Reported;
use crate::failure::Problem;
use crate::step::Step;

/// What `apply` would do to a server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Plan {
    /// `cluster.name` of the file.
    pub cluster: String,
    /// `cluster.address` of the file.
    pub address: String,
    /// What the server says of itself.
    pub server: String,
    /// Who looked: `root`, or the name of a login. None where nobody needs to log in yet, or nobody could.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looked_as: Option<String>,
    /// Each step, in its order.
    pub steps: Vec<PlannedStep>,
    /// Who must be there, and when.
    pub people: Vec<String>,
    /// How many steps `apply` would carry out, or find other than the file.
    pub changes: usize,
    /// How many steps hold something that the file says and that was not seen.
    pub unseen: usize,
    /// Documents that are as the file says as far as the server shows them, each by its path with what it does not show, such
    /// as a password.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_shown: Vec<String>,
    /// Whether a person is told the names of what is not in the file.
    #[serde(skip)]
    pub all: bool,
    /// Whether somebody else has initialised the cluster: shares, root and logins are not known here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
    /// Whether this checkpoint has taken over such a cluster.
    #[serde(skip)]
    pub taken_over: bool,
    /// The file that the plan was written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The command that does it; with a token alone, the one that looks again.
    pub next: String,
}

impl Plan {
    /// Whether `apply` would stop at one of its steps.
    pub fn stops(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| step.action == PlannedAction::Refuse)
    }
}

/// What is about to be written or deleted after the hand-over, for whoever is asked.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Changes {
    /// The login that writes it.
    pub login: String,
    /// Each step with what of it is written, and what is not.
    pub steps: Vec<PlannedStep>,
    /// Whether it is deleted, and not written: the file names it no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deletes: bool,
}

/// One step of a [`Plan`].
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PlannedStep {
    /// Which.
    pub step: Step,
    /// What would be done.
    pub action: PlannedAction,
    /// What of it, one thing each.
    pub items: Vec<PlannedItem>,
    /// How many documents are as the file says.
    pub unchanged: usize,
    /// What is on the server and not in the file, by path: it is left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmanaged: Vec<String>,
    /// What does not hold, and is nothing that the step could mend.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Reported>,
    /// Why it cannot be judged, or is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// What `apply` would do about a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlannedAction {
    /// Nothing: all of it was seen, and is as the file says.
    Nothing,
    /// Do it.
    Do,
    /// Write again what is not as in the file.
    Repair,
    /// Write what is other than the file, through the login that looks, once somebody agrees.
    Write,
    /// Nothing, and a finding: it is other than the file, and nobody here may write it.
    Differs,
    /// Record what is there already.
    Adopt,
    /// Nothing: it is recorded as done, and is not looked at again.
    NotRepeated,
    /// Nothing: it is recorded as done, and was not seen from here.
    NotSeen,
    /// Stop there.
    Refuse,
}

impl PlannedAction {
    /// Whether the server or the file is not as the other says.
    pub fn is_change(self) -> bool {
        !matches!(self, Self::Nothing | Self::NotRepeated | Self::NotSeen)
    }
}

/// One thing in a [`PlannedStep`].
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PlannedItem {
    /// In words.
    pub text: String,
    /// What it is, where the server was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<PlannedChange>,
    /// Its API path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The field; dotted inside maps. Several fields where none of them can be told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What the server has, as JSON; the text of a policy as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub have: Option<String>,
    /// What the file says, in the same way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub want: Option<String>,
    /// Whether it may let in more people or addresses than before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub widens: bool,
    /// Why `apply` would leave it, where it writes the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_written: Option<String>,
}

/// What a [`PlannedItem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlannedChange {
    /// It is not there.
    Create,
    /// A field differs.
    Differs,
    /// It belongs to somebody else: `have` and `want` are who has it and who is to.
    Moves,
    /// The text of a policy differs: `have` and `want` are the texts themselves.
    PolicyDiffers,
    /// A field differs, and one of the values is secret.
    SecretDiffers,
    /// A field is not set.
    NotSet,
    /// The file says otherwise than what was sent.
    Edited,
    /// A field is not in the file any more.
    TakenOut,
    /// The server has something else than after the last write: `want` is what it was then.
    Drifted,
    /// A secret of the answer is handed out: `text` says which, and where it goes.
    HandsOut,
    /// A run was killed while it was written.
    Unsettled,
    /// It was done, and is asked for once more.
    Again,
    /// What no server shows goes with the write, if it is there: `field` says what.
    Loses,
    /// The server does not give it back, and it is not known to be the same as last time.
    NotRemembered,
    /// It was not seen from here.
    Unseen,
    /// The file names it no more, and it is deleted.
    Delete,
}

impl From<String> for PlannedItem {
    fn from(text: String) -> Self {
        Self {
            text,
            change: None,
            path: None,
            field: None,
            have: None,
            want: None,
            widens: false,
            not_written: None,
        }
    }
}
