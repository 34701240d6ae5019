//! What is not as it should be: data, and beside each the one sentence that says it. Nothing else makes such sentences,
//! and nothing reads them.

mod codes;
mod comparison;
mod detail;
mod document;
mod unpruned;
mod words;

use jiff::Timestamp;
use thiserror::Error;

use crate::code::{Code, Reported};
use crate::shell::ShellCommand;
use crate::step::Step;
use crate::vault::auth::scan::Found;

pub use comparison::Left;
pub use detail::{Change, Detail};
pub use document::{DocumentFinding, InItsPlace, Unwritten};
pub use unpruned::Unpruned;
pub(crate) use words::GONE;
pub use words::NewShares;
use words::{ROTATED, apart, files_of_this_machine, of_the_checkpoint, one_trust_domain, second};

/// Something that does not hold or was not seen, and that the run could not mend: said at its end, exit code 4.
#[derive(Debug, Clone, Error)]
pub enum Finding {
    /// What an earlier run recorded, with its code.
    #[error("{0}")]
    Recorded(Reported),

    // The server, and what the file says of it.
    /// No audit device is in the file.
    #[error("the file declares no audit device: nobody will know who did what")]
    NoAuditDevice,
    /// Audit devices that the server has, and the file does not declare any.
    #[error("the file declares no audit device: those that the server has ({}) are not checked; name them under \
    audit", .0.join(", "))]
    AuditDevicesUndeclared(Vec<String>),
    /// No audit device is in the file, and nobody could look whether there are any.
    #[error("the file declares no audit device, and this login may not look whether there is one")]
    AuditDevicesUnseen,
    /// An audit device of the server is not as in the file.
    #[error("{0}")]
    AuditDevice(Detail),
    /// An audit device, its server and its log, where secrets stand in clear.
    #[error(
        "audit device {0} of {1} has log_raw: secrets stand in {2} in clear: remove log_raw, destroy that log and \
         rotate what it has seen"
    )]
    RawAuditLog(String, String, String),
    /// An audit device, its log, and the server whose requests are not in it.
    #[error(
        "audit device {0}: what this run asked of {2} is not in {1}: the server may write its log somewhere else, as after a \
         rotation of which it was not told: send it SIGHUP, or move the log back"
    )]
    AuditLogElsewhere(String, String, String),
    /// What a step made is not as in the file, and nobody may write it.
    #[error("{} differs from the file: {}", .0.name(), .1)]
    Step(Step, Detail),
    /// A document that no write of this step brings to what the file says.
    #[error(transparent)]
    Document(#[from] DocumentFinding),
    /// Address and time of a server, and the time of this machine.
    #[error(
        "the clock of {} ({}) is {} this machine's ({}), which the times in this report are of",
        .0, second(*.1), apart(*.1, *.2), second(*.2)
    )]
    ClocksApart(String, Timestamp, Timestamp),
    /// A listed node, and why it does not serve.
    #[error(
        "{0} is listed in the file but is not serving: {1}; start it, or correct cluster.address and cluster.nodes"
    )]
    NodeAway(String, String),
    /// Not by us.
    #[error("the server is initialised, and not by the checkpoint here")]
    Foreign,
    /// What each of them said.
    #[error("no node that answers is the leader: {0}")]
    NobodyLeads(String),
    /// Whoever reaches the server may start one.
    #[error(
        "sys/generate-root answers anybody: whoever holds a quorum of shares needs no login, and anybody may disturb an \
         attempt; OpenBao closes it without disable_unauthed_generate_root_endpoints = false in its listener, Vault from \
         2.0 on; until then let a proxy or firewall keep strangers from that path"
    )]
    AnybodyMayGenerateRoot,
    /// The address of a server where anybody may begin new recovery keys.
    #[error(
        "{0} lets anybody begin and end new recovery keys without a token: take disable_unauthed_rekey_endpoints = false \
         out of its listener"
    )]
    AnybodyMayRotate(String),

    // This machine, and who else is on it.
    /// A file or directory, why others may change it, and what to do about that.
    #[error("other users can modify {0} or its contents: {1}; {2}")]
    OthersMayChange(String, String, String),
    /// A file or directory, and why it cannot be seen who may change it.
    #[error("cannot tell who may modify {0}: {1}")]
    OwnersUnseen(String, String),

    /// Evidence of a run, and why the replica does not have it.
    #[error(
        "{0} may be on this machine only: {1}; copy it, with what is signed beside it, to where evidence is kept"
    )]
    EvidenceHereOnly(String, String),

    // Shares and who holds them.
    /// A custodian was accepted without a proof.
    #[error("custodian {0} is accepted unproved")]
    AcceptedUnproved(String),
    /// A custodian's holder.
    #[error("custodian {0} is unproved: its holder has not opened anything yet")]
    Unproved(String),
    /// What opens several shares, whose they are, and how many are a quorum.
    #[error("{}", one_trust_domain(.0, .1, *.2))]
    OneTrustDomain(Vec<String>, Vec<String>, u32),
    /// Where the share of a holder was, whose it is, and what makes new ones.
    #[error("the share of {} is not at {}, where it was stored: {}{}", .1, .0, words::RESTORE, words::new_shares(*.2))]
    ShareGone(String, String, NewShares),
    /// Where the share of a holder is, whose it is, how it changed, and what makes new ones.
    #[error(
        "{}, the share of {}, changed since it was stored: {}; bring back what was stored{}",
        .0, .1, .2, words::new_shares(*.3)
    )]
    ShareChanged(String, String, String, NewShares),
    /// How many shares open the cluster and how many were made, and the same as the file has it.
    #[error(
        "the cluster was given shares of which any {0} of {1} open it, but the file says {2} of {3}"
    )]
    SharesMadeOtherwise(u32, u32, u32, u32),
    /// Who was given shares, and whom the file names.
    #[error("the shares were given to {}, but the file names {}", .0.join(", "), .1.join(", "))]
    SharesGivenOtherwise(Vec<String>, Vec<String>),
    /// Whose share it is, where it was stored, and where the file says it is.
    #[error("the share of {0} was stored at {1}, but the file says {2}, which was not checked")]
    ShareStoredElsewhere(String, String, String),
    /// Whose share it is, what it was encrypted to, what the file says, and the command that makes new ones.
    #[error(
        "the share of {0} was encrypted to {1}, and the file says {2}, which opens nothing; new shares: {3}"
    )]
    ShareOfAnotherKey(String, String, String, ShellCommand),
    /// The seal for which the shares were made, and the one of the file.
    #[error("the shares were made for a cluster with `seal: {0}`, and the file says `seal: {1}`")]
    SealOtherwise(&'static str, &'static str),
    /// Holders whose shares vanish with this machine.
    #[error("{}", files_of_this_machine(.0))]
    SharesAreFiles(Vec<String>),
    /// The replica that was given the shares.
    #[error(
        "the shares left this machine, encrypted, for {0}: they were deleted there, which was verified, but a copy \
         made by its operator cannot be ruled out; {ROTATED}"
    )]
    SharesLeft(String),
    /// The same of a replica that the file does not name any more.
    #[error(
        "the shares left this machine, encrypted, for {0}: the file no longer names that place, so nothing was \
         deleted there: delete what is still there; {ROTATED}"
    )]
    SharesLeftUnnamed(String),
    /// Quorums of which the server made no root token.
    #[error(
        "the server made no root token from the shares of {}: at least one share of each quorum is wrong; to find out \
         which: rehearse --without NAME", .0.join("; of ")
    )]
    QuorumsRefused(Vec<String>),
    /// Whose share makes no root token beside shares that make one.
    #[error(
        "the share of {0} is wrong: beside shares that make a root token it makes none; bring back what was stored, or \
        make new shares: recovery rotate"
    )]
    ShareWrong(String),
    /// Generation of new shares, and the command that finishes them.
    #[error("{}: {}", Self::RotationIsOpen(*.0), .1)]
    RotationUnfinished(u32, String),
    /// Generation of new shares, where the command is said anyway.
    #[error(
        "generation {0} of the shares is not finished, and which generation is in effect will be known once it is"
    )]
    RotationIsOpen(u32),
    /// The new generation, the one before, and the command that finishes the new one.
    #[error(
        "generation {0} of the shares is not finished, and generation {1} is in effect until it is; finish it: {2}"
    )]
    OldSharesInEffect(u32, u32, String),
    /// The new generation, the one before, the one that is asked for, and the command that finishes the new one.
    #[error(
        "generation {0} of the shares is not finished, and it is not known whether it is already in effect or \
         generation {1} still is; the shares of generation {2} are asked for: if the server does not accept \
         them, use the other file named in the command that finishes it: {3}"
    )]
    EitherSharesInEffect(u32, u32, u32, String),
    /// The new generation, the one before, and the command that finishes the new one.
    #[error(
        "generation {0} of the shares is in effect, and what is left of generation {1} is still to be removed: {2}"
    )]
    NewSharesInEffect(u32, u32, String),
    /// The address of a server, how many shares it says open it, and of how many.
    #[error(
        "{0} accepts the new shares but says that any {1} of {2} open it: it did not record their new number"
    )]
    SharesCountedOtherwise(String, u32, u32),
    /// Where the old share of a holder is, and whose it is.
    #[error(
        "{0}, an old share of {1} that the checkpoint did not know, was left; it is no longer valid"
    )]
    OldShareUnknown(String, String),
    /// Where the old share of a holder is, whose it is, and why it is still there.
    #[error("{0}, the old share of {1}, could not be removed; it is no longer valid: {2}")]
    OldShareLeft(String, String, String),

    // Who may get in, and who may do what there.
    /// Why no login may use break-glass.
    #[error("no break-glass login, on purpose: {0}")]
    NoBreakGlass(String),
    /// No drill was held.
    #[error("break-glass is not rehearsed: the grant is in effect, but no drill was held")]
    NotRehearsed,
    /// The generation of the shares that is in effect since.
    #[error("break-glass is not rehearsed since generation {0} of the shares is in effect")]
    NotRehearsedSince(u32),
    /// Holders who took no part in the drill.
    #[error("break-glass was rehearsed without {}: nobody knows whether their shares work", .0.join(", "))]
    RehearsedWithout(Vec<String>),
    /// A holder who took no part, and why.
    #[error("the share of {0} was not tried: {1}")]
    HolderAway(String, String),
    /// The one auth method of all break-glass logins.
    #[error("every break-glass login uses auth/{0}: if that is down, nobody gets in; add another")]
    OneAuthMethod(String),
    /// Why a login does not open, which one, and the same in words.
    #[error("the login {1} does not open, and another one looked in its place: {2}")]
    LoginClosed(Code, String, String),
    /// A break-glass login that was tried in a rehearsal, and why it did not open.
    #[error("the break-glass login {0} does not open: {1}")]
    BreakGlassLoginClosed(String, String),
    /// A break-glass login, and its policies beside the grant.
    #[error("the break-glass login {} can do more than ask for root: it also has the policies {}", .0, .1.join(", "))]
    MoreThanTheGrant(String, Vec<String>),
    /// A login, and what it may write.
    #[error(
        "the login {} can escalate to root: it may write {}; if that is meant: break_glass.accept_admins: [{}]",
        .0, .1.join(", "), .0
    )]
    CanEscalate(String, Vec<String>),
    /// A login, what it might write when it was tried, and when that was.
    #[error(
        "the login {} could escalate to root when it was tried, at {}: it might write {}; to see what it may by now: {}; if \
         that is meant: break_glass.accept_admins: [{}]",
        .0, .2, .1.join(", "), ShellCommand::new("apply --check --login").with(.0), .0
    )]
    CouldEscalate(String, Vec<String>, String),

    // Root tokens.
    /// Root is kept, as the file and the command line say.
    #[error("the root token is still valid: revoke_root is false and --keep-root was typed")]
    RootIsKept,
    /// It stays for the runs to come.
    #[error("no run has revoked the root token, which stays, encrypted, in the checkpoint")]
    RootStays,
    /// It was kept, it is not valid any more, and nothing here has revoked it.
    #[error(
        "the root token that was kept is no longer valid, and no run recorded here revoked it: nothing shows who did, when, \
         or what was done with it; look in the audit log, or go on where a copy of this checkpoint was used"
    )]
    RootEndedElsewhere,
    /// It is valid.
    #[error("there is a root token: {}", .0.line())]
    RootToken(Found),
    /// It is valid, and not of this run.
    #[error(
        "another root token is still valid: {}; if nobody knows it, revoke it: break-glass … -- {}",
        .0.line(), ShellCommand::new("bao token revoke -accessor").with(&.0.accessor)
    )]
    OtherRootToken(Found),
    /// It is valid, and may be the one of the ceremony, with the command that goes on with that.
    #[error("{}", of_the_checkpoint(.0, .1))]
    PerhapsOfTheCheckpoint(Found, ShellCommand),
    /// It is valid, and an attempt of ours may have left it.
    #[error(
        "a root token is still valid that may be of an attempt that was given up, or of a colleague: {}; if nobody knows \
         it, revoke it: break-glass … -- {}",
        .0.line(), ShellCommand::new("bao token revoke -accessor").with(&.0.accessor)
    )]
    OrphanedRootToken(Found),
    /// Why the end of root could not be seen.
    #[error("root is revoked, but what came after could not be checked: {0}")]
    RevocationUnseen(String),
    /// Where it is kept, and the command that ends it.
    #[error(
        "{0} holds a root token, encrypted, of a run that is still going or was killed: it may be valid; to revoke it \
         once no such run is going: {1}"
    )]
    TokenLeftOpen(String, ShellCommand),
    /// Where it stands what there was before, and the command that compares it.
    #[error(
        "what a break-glass command has left is not yet compared with what there was before it, in {0}: its run is \
         still going or was killed; to compare it once no such run is going: {1}"
    )]
    ComparisonLeftOpen(String, ShellCommand),
    /// Why nobody could look.
    #[error("it was not possible to search for root tokens that the command left: {0}")]
    CommandUnseen(String),
    /// How often one looked, and the command that looks again.
    #[error(
        "somebody may still be making root tokens: each of {0} searches found a new one, or a token that was gone \
         before it could be looked up; find out who in the audit log, and search again: {1}"
    )]
    StillAtWork(usize, ShellCommand),
    /// The command left something else.
    #[error("{0}")]
    Left(#[from] Left),
}

impl Finding {
    /// The code of shares that left the machine, and how every release began to say it.
    pub const SHARES_LEFT: (Code, &'static str) =
        (Code::SharesLeftMachine, "the shares left this machine");

    /// What else writes a document, where the login that looked may not.
    pub fn in_its_place(&self) -> Option<&InItsPlace> {
        match self {
            Self::Document(DocumentFinding::NotWritten(_, _, why)) => why.in_its_place(),
            _ => None,
        }
    }

    /// Whether a root token is valid that should not be.
    pub fn is_of_a_root_token(&self) -> bool {
        matches!(
            self,
            Self::RootToken(_) | Self::OtherRootToken(_) | Self::OrphanedRootToken(_)
        )
    }

    /// Whether this was reported because a custodian was not proved.
    pub fn is_of_unproved(reported: &Reported, custodian: &str) -> bool {
        let words = [Self::Unproved, Self::AcceptedUnproved];
        let mut words = words
            .map(|of| of(custodian.to_owned()).reported())
            .into_iter();
        words.any(|words| {
            let coded = [words.code, Code::Recorded].contains(&reported.code);
            coded && words.text == reported.text
        })
    }

    /// Whether this was reported for this reason. Builds before codes recorded a sentence alone, which begins with `words`.
    pub fn is_of(reported: &Reported, (code, words): (Code, &str)) -> bool {
        let recorded = reported.code == Code::Recorded && reported.text.starts_with(words);
        recorded || reported.code == code
    }

    /// Its code and its words.
    pub fn reported(&self) -> Reported {
        Reported::new(self.code(), self.to_string())
    }

    /// All of them, as they are told and kept.
    pub fn all_reported(findings: &[Self]) -> Vec<Reported> {
        findings.iter().map(Self::reported).collect()
    }
}
