//! A document that no write of its step brings to what the file says.

use thiserror::Error;

use crate::code::Code;
use crate::finding::detail::Detail;
use crate::finding::unpruned::Unpruned;
use crate::finding::words;
use crate::shell::ShellCommand;
use crate::step::Step;

/// What does not hold of a document, by its path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DocumentFinding {
    /// A policy, role or user that was as the file once said, made here or found there, which the file names no more.
    #[error(
        "{} is not in the file any more, and is left on the server: delete it there, or put it back{}", .0, words::pruned(.0)
    )]
    NotInFile(String),
    /// A policy of a role or user that is nowhere.
    #[error(
        "the policy {0} is neither in the file nor on the server: who has it may do nothing by it; correct token_policies, or \
         add it to policies"
    )]
    PolicyUnknown(String),
    /// A document and a field of it that a write cannot put back.
    #[error(
        "{1} of {0} was taken out of the file or changed by somebody else, and no write puts it back: delete and create \
         {0} yourself, or name {1} in the file"
    )]
    CannotReset(String, String),
    /// A document, a field of it that was to be put back, and what the server has there.
    #[error(
        "{1} of {0} stays {2} although it was to be put back: name it in the file, or change it there"
    )]
    StaysSet(String, String, String),
    /// A document that is written once, and the file says something else by now.
    #[error(
        "{0} was written once, and the file says something else by now: writing it again makes a second one; to do that: \
         --again {0}"
    )]
    DoneOnce(String),
    /// A document that is written once, and where its secret goes by now: nothing was handed out when it was written.
    #[error(
        "{0} was written before hand_out stood there, so its secret went nowhere, and not to {1}; to make another one: \
         --again {0}"
    )]
    NotHandedOut(String, String),
    /// The same, where its secret went, and where it is to go by now.
    #[error(
        "the secret of {0} was handed out to {1}, and the file says {2} by now: nothing was made or moved; take it there \
         yourself, or make another one: --again {0}"
    )]
    HandedOutElsewhere(String, String, String),
    /// A document that is written once, whose secret is handed out, of which nothing is remembered.
    #[error(
        "{0} is written once, and nothing here remembers whether its secret was handed out to {1}: look there; if it is \
         missing: --again {0}"
    )]
    PerhapsHandedOut(String, String),
    /// What is other than the file, and why the login that looks has left it.
    #[error("{}; not written: {}", words::against_the_file(*.0, .1), .2)]
    NotWritten(Step, Detail, Unwritten),
    /// A document that the file did not name when it was last written.
    #[error(
        "{0} is new in the file, and this login may not look whether the server has it: nothing was written there"
    )]
    NewUnseen(String),
    /// A document that is written once, of which nothing is remembered.
    #[error(
        "{0} is written once, and nothing here remembers whether it was: look on the server; if it is missing there: \
         --again {0}"
    )]
    PerhapsDone(String),
    /// A document that was written, and that the login may not read.
    #[error("{0} was written, and this login may not read what became of it")]
    NotReadBack(String),
    /// What the server has refused, with its words.
    #[error("{}: not written: {}", .0.name(), .1)]
    Refused(Step, String),
    /// A policy that the file does not name, and the rule by which its holders may become root.
    #[error(
        "the policy {0} is on the server and not in the file, and may make whoever has it root, by its rule for \"{1}\": \
         delete it there, or name it in the file"
    )]
    MakesRoot(String, String),
    /// A collection, or a policy, that the login may not look at.
    #[error(
        "{0}: this login may not look there, so whether there is anything beside the file, or what it lets anybody do, is \
         unknown"
    )]
    Unlisted(String),
    /// A mount, what it runs of its plugin, and what the file says.
    #[error(
        "{0} runs {1} of its plugin, and the file says {2}: a mount keeps what it began with; name plugin_version in its tune where \
         another version is meant, then reload it (on OpenBao with bao): {3}"
    )]
    PluginNotReloaded(String, String, String, ShellCommand),
    /// A plugin whose file on this machine has another digest than the file says, its path, that digest, and what shows it.
    #[error(
        "{0}: {1} on this machine has the SHA-256 {2}, and the file says another: if it is the file of a node, that node does not \
         run it; correct sha256, or put the right file there: {3}"
    )]
    PluginFileOther(String, String, String, ShellCommand),
    /// A group, and a member of it that no entity is.
    #[error(
        "{0}: no entity of the server is called {1}, as one is after its first login: apply again afterwards, or give that \
         name to an entity of the file"
    )]
    MemberUnknown(String, String),
    /// A group or entity, a policy that it gives, and the rule by which its holders may become root.
    #[error(
        "whoever is, or is in, {0} may become root by the rule for \"{2}\" of the policy {1}; if that is meant: \
         break_glass.accept_admins: [{0}]"
    )]
    GivesRoot(String, String, String),
    /// What a login may not read.
    #[error("{}: {}, so it may be other than the file", .0.name(), .1)]
    Unseen(Step, Detail),
    /// A document that the file names no more, and why it was not deleted although that was asked for.
    #[error("{0} is not in the file any more; not deleted: {1}")]
    NotPruned(String, Unpruned),
    /// What would be deleted is too much for a yes alone: how many, and the name of the cluster.
    #[error(
        "{0} documents would be deleted, which is more than --yes means: nothing was deleted; if that is meant: \
         --prune-confirm {1}"
    )]
    PruneUnconfirmed(usize, String),
    /// The same, where nobody could look.
    #[error(
        "{0} is not in the file any more, and this login may not look whether the server still has it"
    )]
    NotInFileUnseen(String),
}

/// Why something that differs was not written after the hand-over.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unwritten {
    /// A login, or a token that was given, that may not; the rule of a policy that would let it, and what else writes it.
    #[error("{} may not; it takes {}; {}", words::who_looks(.0.as_deref()), .1, .2)]
    NotPermitted(Option<String>, String, InItsPlace),
    /// An audit device, which of the two products only one takes over its API: the node that was asked, and the rule.
    #[error(
        "OpenBao has its audit devices in the configuration of each node: add the device to that of {0} and send it SIGHUP; \
         on Vault it takes {1}: enable it with break-glass"
    )]
    AuditDevice(String, String),
    /// What it stands in is not written either, and that has this code.
    #[error("it stands in {0}, which is not written")]
    Below(String, Code),
    /// It is there, and not by us.
    #[error(
        "it is there, and nothing here remembers having written it: apply --adopt-documents overwrites it"
    )]
    NotAdopted,
    /// No server shows it, so nobody knows whether it is there.
    #[error(
        "no server shows it, and nothing here remembers having written it: apply --adopt-documents writes it"
    )]
    NotShown,
    /// More people or addresses would be let in, which `--yes` does not mean.
    #[error("more would be let in by it; with --yes that takes --allow-widening")]
    Widens,
}

/// What writes a document in the place of a login that may not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", words::in_its_place(.others, .break_glass))]
pub struct InItsPlace {
    /// The other logins of the file whose policies there let them.
    pub others: Vec<String>,
    /// The command that writes it as root.
    pub break_glass: ShellCommand,
}

impl Unwritten {
    /// What else writes it, where the login that looks may not.
    pub fn in_its_place(&self) -> Option<&InItsPlace> {
        match self {
            Self::NotPermitted(_, _, place) => Some(place),
            _ => None,
        }
    }

    pub(crate) fn code(&self) -> Code {
        match self {
            Self::NotPermitted(..) | Self::AuditDevice(..) => Code::NotPermitted,
            Self::Below(_, code) => *code,
            Self::NotAdopted | Self::NotShown => Code::NotAdopted,
            Self::Widens => Code::WidensAccess,
        }
    }
}

impl DocumentFinding {
    /// Whether it says nothing but that a document is there which the file names no more, or what such a one lets anybody do;
    /// of one that goes, also what goes with it.
    pub(crate) fn is_about_missed(&self, path: &str, goes: bool) -> bool {
        match self {
            Self::NotInFile(missed) | Self::NotInFileUnseen(missed) => {
                let rest = missed.strip_prefix(path);
                rest.is_some_and(|rest| rest.is_empty() || (goes && rest.starts_with('/')))
            }
            Self::MakesRoot(policy, _) => {
                goes && path.strip_prefix("sys/policies/acl/") == Some(policy)
            }
            _ => false,
        }
    }

    pub(super) fn code(&self) -> Code {
        match self {
            Self::PluginFileOther(..) => Code::FileContradicts,
            Self::NotInFile(_) | Self::NotInFileUnseen(_) | Self::PluginNotReloaded(..) => {
                Code::StepDiffers
            }
            Self::CannotReset(..) | Self::StaysSet(..) => Code::NotPutBack,
            Self::DoneOnce(_)
            | Self::PerhapsDone(_)
            | Self::NotHandedOut(..)
            | Self::HandedOutElsewhere(..)
            | Self::PerhapsHandedOut(..) => Code::DoneOnce,
            Self::NotReadBack(_) => Code::NotSeen,
            Self::Refused(..) => Code::NotPermitted,
            Self::PolicyUnknown(_) | Self::MemberUnknown(..) => Code::NameUnknown,
            Self::NewUnseen(_) | Self::Unseen(..) | Self::Unlisted(_) => Code::NotSeen,
            Self::MakesRoot(..) | Self::GivesRoot(..) => Code::LoginCanEscalate,
            Self::NotWritten(_, _, why) => why.code(),
            Self::NotPruned(_, why) => why.code(),
            Self::PruneUnconfirmed(..) => Code::ConfirmationMissing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_document_that_stays_lets_anybody_do_is_still_said_and_what_goes_takes_its_own_with_it()
     {
        let policy = "sys/policies/acl/ops";
        let missed = DocumentFinding::NotInFile(policy.into());
        assert!(missed.is_about_missed(policy, false) && missed.is_about_missed(policy, true));
        let root = DocumentFinding::MakesRoot("ops".into(), "rule".into());
        assert!(root.is_about_missed(policy, true));
        assert!(!root.is_about_missed(policy, false));
        let group = "identity/group/name/crew";
        let alias = DocumentFinding::NotInFile(format!("{group}/alias"));
        assert!(alias.is_about_missed(group, true));
        assert!(!alias.is_about_missed(group, false));
        let other = DocumentFinding::NotInFile(format!("{group}s"));
        assert!(!other.is_about_missed(group, true));
    }
}
