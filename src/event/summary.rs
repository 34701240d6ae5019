//! What a ceremony came to, for a ticket: as the run saw it itself, or as an earlier run has recorded it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::machine::Apart;

/// A cluster after `apply`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Summary {
    /// `cluster.name` of the file.
    pub cluster: String,
    /// `cluster.address` of the file.
    pub address: String,
    /// The server's own id for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// When the cluster was taken over, where somebody else initialised it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Adopted>,
    /// The shares and who keeps them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shares: Option<SharesKept>,
    /// The audit devices.
    pub audit: Shown<Vec<AuditProof>>,
    /// The logins that opened.
    pub logins: Shown<Vec<String>>,
    /// Whether break-glass was exercised.
    pub break_glass: BreakGlassState,
    /// What became of the root token.
    pub root: RootState,
    /// Documents of which something was sent as the file says and no server shows it, such as a password: whether somebody has
    /// changed that since is not seen. Each by its path, with the fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_shown: Vec<String>,
    /// What was not seen by `apply --check`, since it lies on another machine, and where it is seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apart: Vec<Apart>,
    /// The command to type next, as it can be pasted.
    pub next: String,
    /// What that does.
    pub why: String,
}

/// When a cluster that somebody else has initialised was taken over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Adopted {
    /// When, RFC 3339.
    pub at: String,
    /// The login of the file that looked first.
    pub login: String,
}

/// Facts, and where they are from.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Shown<T> {
    /// The facts.
    pub facts: T,
    /// Whether this run has shown them; an earlier one has recorded them otherwise.
    pub in_this_run: bool,
    /// When they were recorded, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// Which shares there are, as `sys/init` or a rotation made them, and where they are.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SharesKept {
    /// Recovery shares, or unseal shares.
    pub recovery: bool,
    /// How many there are.
    pub shares: u32,
    /// How many of them are needed.
    pub threshold: u32,
    /// Who was given one.
    pub custodians: Shown<Vec<String>>,
}

/// An audit device and what shows that it writes.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AuditProof {
    /// Its path.
    pub device: String,
    /// What was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

/// Whether anybody knows that break-glass works.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum BreakGlassState {
    /// The file declares none, on purpose.
    NotDeclared {
        /// Why, as the file says.
        reason: String,
    },
    /// Root tokens were made and revoked in the ceremony, before its own was revoked.
    Exercised {
        /// With this login.
        #[serde(skip_serializing_if = "Option::is_none")]
        login: Option<String>,
        /// Custodians whose shares made one together.
        quorums: Shown<Vec<Vec<String>>>,
    },
    /// `rehearse` has passed.
    Rehearsed {
        /// When it was over, RFC 3339.
        at: String,
        /// Its evidence.
        evidence: String,
        /// Custodians whose share was in none of its quorums.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        without: Vec<String>,
    },
    /// Nobody knows.
    NotExercised {
        /// Since when the shares are in effect that nobody has tried, where they took the place of others. RFC 3339.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<String>,
    },
}

/// What became of the root token.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum RootState {
    /// It was revoked.
    Revoked {
        /// What was seen of it.
        proof: Shown<RootProof>,
    },
    /// It was kept on purpose.
    Kept {
        /// Whether this run has used it.
        in_use: bool,
    },
    /// Nothing recorded says that it was revoked.
    NotShown {},
}

/// What was seen of the end of a root token, each only where it was seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct RootProof {
    /// The server's answer to it just before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u16>,
    /// And on the same node afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u16>,
    /// How it was found to be revoked, where the revocation itself broke off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// A login from before that the server answered afterwards, and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlLogin>,
}

/// A login that the server answers while it does not answer root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ControlLogin {
    /// Its name in the file.
    pub login: String,
    /// The server's answer to it.
    pub status: u16,
}

impl RootProof {
    /// In one line, and no more than was seen.
    pub fn in_words(&self) -> String {
        let root = match (self.before, self.after, &self.found) {
            (Some(before), Some(after), _) => {
                format!("root token {before} before, {after} after")
            }
            (_, _, Some(found)) => format!("root token {found}"),
            _ => "nothing was seen of the root token".to_owned(),
        };
        match &self.control {
            Some(ControlLogin { login, status }) => {
                format!("{root}; control login {login} {status}")
            }
            None => format!("{root}; no control login was seen"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_says_no_more_than_was_seen() {
        let whole = RootProof {
            before: Some(200),
            after: Some(403),
            found: None,
            control: Some(ControlLogin {
                login: "ada".into(),
                status: 200,
            }),
        };
        assert_eq!(
            whole.in_words(),
            "root token 200 before, 403 after; control login ada 200"
        );
        let found = RootProof {
            found: Some("403, on the next active node".into()),
            ..RootProof::default()
        };
        assert_eq!(
            found.in_words(),
            "root token 403, on the next active node; no control login was seen"
        );
        assert_eq!(
            RootProof::default().in_words(),
            "nothing was seen of the root token; no control login was seen"
        );
    }
}
