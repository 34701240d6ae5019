//! What is not as the file says, or could not be seen, in one place.

use serde::Serialize;
use thiserror::Error;

use crate::machine::{Machine, Thing};
use crate::printable;

/// One thing that is not as the file says, or could not be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "kebab-case", tag = "detail")]
pub enum Detail {
    /// A document is to be written.
    #[error("{path}: {change}")]
    Document {
        /// Its API path.
        path: String,
        /// Why.
        #[serde(flatten)]
        change: Change,
    },
    /// This login may not read them.
    #[error("{}", may_not_read(paths))]
    MayNotRead {
        /// API paths.
        paths: Vec<String>,
    },
    /// Some fields cannot be compared here: the file's secret, the checkpoint's key or what was sent is not here.
    #[error(
        "{} of {path}: not compared: it takes the file's secret, what was sent and the key of the memory, and one of them is not here",
        fields.join(", ")
    )]
    NotCompared {
        /// API path of the document.
        path: String,
        /// The fields.
        fields: Vec<String>,
    },
    /// Documents that hold secrets, and that this login may not read.
    #[error("not compared, since reading it may show secrets, and this login may not: {}", paths.join(", "))]
    SecretsUnread {
        /// API paths.
        paths: Vec<String>,
        /// The file asks for values of `kv` to be compared.
        managed: bool,
    },
    /// A custodian could not be looked at.
    #[error("{error}")]
    Custodian {
        /// What they answered.
        error: String,
    },
    /// The log of an audit device could not be read here.
    #[error("audit device {device}: its log {file} was not looked at: {why}")]
    AuditLog {
        /// The path of the device.
        device: String,
        /// Its log.
        file: String,
        /// Why not.
        why: String,
    },
    /// Of an audit device whose log can be read here.
    #[error("no marker was found in the log yet")]
    NoMarker,
    /// Nothing could be asked.
    #[error("there is no login to look with")]
    NoLogin,
    /// Others than the file names now were, before root was revoked.
    #[error(
        "the file names other logins than those that were tried before root was revoked; they are not tried now"
    )]
    OtherLogins,
    /// They were, before root was revoked.
    #[error("logins are not tried again")]
    LoginsNotTried,
    /// It was, before root was revoked.
    #[error("no drill is held after the hand-over: vault-bootstrap rehearse holds one")]
    NoDrill,
    /// Nobody can store them any more.
    #[error("shares are missing and no longer in the checkpoint")]
    SharesMissing,
    /// Each is a finding.
    #[error("there are root tokens that are still valid, or may be")]
    RootTokensFound,
    /// Whether there is a root token is not known.
    #[error("this login may not list accessors")]
    MayNotListAccessors,
    /// A step of a cluster that this checkpoint took over.
    #[error("somebody else initialised the cluster, and nothing of this is recorded here")]
    OfAnother,
    /// What was seen is among them.
    #[error("see the findings")]
    SeeFindings,
}

impl Detail {
    /// Whether it only says what was not seen.
    pub(crate) fn is_unseen(&self) -> bool {
        matches!(
            self,
            Self::MayNotRead { .. }
                | Self::NotCompared { .. }
                | Self::SecretsUnread { .. }
                | Self::AuditLog { .. }
        )
    }

    /// What was not seen, where that may lie on another machine.
    fn thing(&self) -> Option<Thing> {
        match self {
            Self::AuditLog { .. } => Some(Thing::AuditLog),
            Self::Custodian { .. } => Some(Thing::CustodiansShare),
            Self::NotCompared { .. } => Some(Thing::Secret),
            _ => None,
        }
    }

    /// Whether whoever looks after the hand-over should have seen it: what a login may not read, and where looking is all
    /// that was asked for, `from` some machine, whatever was not looked at and is not another machine's.
    pub(crate) fn is_missed(&self, from: Option<Machine>) -> bool {
        match self {
            Self::MayNotRead { .. } => true,
            Self::NoLogin | Self::MayNotListAccessors | Self::OtherLogins => from.is_some(),
            Self::SecretsUnread { managed, .. } => from.is_some() && *managed,
            _ => from
                .zip(self.thing())
                .is_some_and(|(from, thing)| from.sees(thing)),
        }
    }

    /// What lies on another machine than the one that it is looked at from.
    pub(crate) fn is_apart(&self, from: Option<Machine>) -> Option<Thing> {
        self.thing()
            .filter(|thing| from.is_some_and(|from| !from.sees(*thing)))
    }

    /// Something that is to be made.
    pub(crate) fn create(path: impl Into<String>) -> Self {
        Self::Document {
            path: path.into(),
            change: Change::Create,
        }
    }
}

/// Why a document is to be written. Never a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum Change {
    /// It is not there.
    #[error("it is not on the server")]
    Create,
    /// A field differs.
    #[error(
        "{field} is {}, the file says {}",
        printable::line(have, 1000),
        printable::line(want, 1000)
    )]
    Differs {
        /// Its name; dotted inside maps.
        field: String,
        /// What the server has, as JSON.
        have: String,
        /// What the file says, in the same way.
        want: String,
    },
    /// What an auth method calls somebody belongs to somebody else.
    #[error(
        "it belongs to {}, and moves to {}: logins from then on get what that has",
        printable::line(from, 1000),
        printable::line(to, 1000)
    )]
    Moves {
        /// Who has it, as JSON.
        from: String,
        /// Who is to have it, in the same way.
        to: String,
    },
    /// The text of a policy differs.
    #[error("its text differs from that of the file")]
    PolicyDiffers {
        /// What the server has.
        have: String,
        /// What the file says.
        want: String,
    },
    /// A field differs, and one of the values was named by a reference: it may be secret, or a public certificate.
    #[error("{field} differs (not shown: it may be a secret)")]
    SecretDiffers {
        /// Its name; dotted inside maps.
        field: String,
    },
    /// A field is not set.
    #[error("{field} is not set, the file says {want}")]
    NotSet {
        /// Its name.
        field: String,
        /// What the file says.
        want: String,
    },
    /// The file says otherwise than what was sent, and the server may take the two for the same.
    #[error(
        "{field} was sent as {}, the file says {}",
        printable::line(sent, 1000),
        printable::line(want, 1000)
    )]
    Edited {
        /// Its place; dotted inside maps.
        field: String,
        /// What was sent, as JSON.
        sent: String,
        /// What the file says.
        want: String,
    },
    /// The same of a value that may be secret.
    #[error("{field} is another one in the file than was sent (not shown: it may be a secret)")]
    SecretEdited {
        /// Its place; dotted inside maps.
        field: String,
    },
    /// The file names a field that was not sent.
    #[error("{field} is new in the file: {}", printable::line(want, 1000))]
    Added {
        /// Its place.
        field: String,
        /// What the file says.
        want: String,
    },
    /// A field was sent and is not in the file any more.
    #[error("{field} is not in the file any more{}", if *widens { " (without it more is let in)" } else { "" })]
    TakenOut {
        /// Its place.
        field: String,
        /// Without it more people or addresses are let in.
        widens: bool,
    },
    /// The server has something else than after the last write.
    #[error(
        "{field} is {}, and was {} after the last write{}",
        printable::line(have, 1000),
        printable::line(then, 1000),
        leave_it(field, *may_move)
    )]
    Drifted {
        /// Its place.
        field: String,
        /// What it was then, as JSON.
        then: String,
        /// What it is.
        have: String,
        /// Whether such a document may change by itself is not known.
        may_move: bool,
    },
    /// The same of a value that may be secret.
    #[error(
        "{field} is not what it was after the last write (not shown: it may be a secret){}",
        leave_it(field, *may_move)
    )]
    HiddenDrift {
        /// Its place.
        field: String,
        /// Whether such a document may change by itself is not known.
        may_move: bool,
    },
    /// A secret of its answer is handed out.
    #[error("hands out {what} to {to}, once")]
    HandsOut {
        /// Which, in words.
        what: String,
        /// Where it goes.
        to: String,
    },
    /// A run was killed while it was sent.
    #[error("its last write has no known end")]
    Unsettled,
    /// It is as the file says, and was asked for.
    #[error("--again asks for it once more")]
    Again,
    /// A write takes away what no server shows, where somebody else has set it.
    #[error(
        "{what} goes with this write, if somebody else gave it one, which no server shows: name it in the file to keep it"
    )]
    Loses {
        /// What, in words.
        what: String,
    },
    /// The server does not give it back.
    #[error("{what} is not known to be the same as last time")]
    NotRemembered {
        /// The fields.
        what: String,
    },
}

/// What ends a difference that is none.
fn leave_it(field: &str, may_move: bool) -> String {
    if !may_move {
        return String::new();
    }
    format!("; if it changes by itself: unmanaged_fields: [{field}]")
}

fn may_not_read(paths: &[String]) -> String {
    let first = paths.first().map_or("", String::as_str);
    match paths.len() {
        0 | 1 => format!("this login may not read {first}"),
        many => format!("this login may not read {first} and {} more", many - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_a_login_may_not_read_is_said_by_name() {
        let said = |paths: &[&str]| {
            let paths = texts(paths);
            Detail::MayNotRead { paths }.to_string()
        };
        assert_eq!(said(&["sys/a"]), "this login may not read sys/a");
        assert_eq!(
            said(&["sys/a", "sys/b", "sys/c"]),
            "this login may not read sys/a and 2 more"
        );
    }
}
