//! The short codes of everything that goes wrong or does not hold: what a script decides by, and what a person looks up
//! in `docs/troubleshooting.md`, where each has its line. A code stays what it is; the words beside it may change.

mod reported;

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use crate::code::reported::{Accepted, Reported};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $text:literal,)+) => {
        /// One code. Several messages share one where the same is to be done about them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $variant,)+
        }

        impl Code {
            /// All of them, in the order of the page.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// As it is written everywhere.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

codes! {
    // The server and its cluster.
    /// No answer from the server, or none in time.
    ServerUnreachable "server-unreachable",
    /// The server answered that it could not (5xx).
    ServerFailed "server-failed",
    /// The server says that this token may not (403).
    ServerDenied "server-denied",
    /// The server does not take the request (4xx).
    ServerRefused "server-refused",
    /// The server took a write, and warned.
    ServerWarned "server-warned",
    /// An answer that no such server gives, a redirect, or one that nothing can be done with.
    AnswerUnexpected "answer-unexpected",
    /// No trusted connection: a certificate, or its dates.
    TlsUntrusted "tls-untrusted",
    /// Plain `http` to another machine, or to a process that is not trusted.
    PlainHttpRefused "plain-http-refused",
    /// No node is active, or none for long enough.
    NoActiveNode "no-active-node",
    /// A listed node does not answer, or has not joined.
    NodeMissing "node-missing",
    /// The cluster is sealed.
    ClusterSealed "cluster-sealed",
    /// A node, a checkpoint's cluster or a code is of another cluster than the one that is meant.
    ClusterOther "cluster-other",
    /// One address leads to several servers that are not one cluster, or not yet.
    SeveralServers "several-servers",
    /// Which cluster it is, is said neither by the server nor by the file.
    ClusterUnknown "cluster-unknown",
    /// An address is new while shares or the root token are in hand.
    AddressUnknown "address-unknown",
    /// This server lacks what the file asks for: a seal, namespaces, recovery keys in two phases.
    NotOnThisServer "not-on-this-server",
    /// No login can generate a root token on this server.
    NoRootGeneration "no-root-generation",
    /// Anybody who reaches the server may begin something there without a token.
    OpenEndpoint "open-endpoint",
    /// The clocks of the server and of this machine are apart.
    ClocksApart "clocks-apart",
    // Initialisation.
    /// The cluster is initialised, and not by this checkpoint.
    AlreadyInitialised "already-initialised",
    /// The cluster is not initialised, where it should be.
    NotInitialised "not-initialised",
    /// The cluster is initialised and nobody has the one answer.
    InitAnswerLost "init-answer-lost",
    /// The answer to the initialisation cannot be used.
    InitAnswerInvalid "init-answer-invalid",
    /// The one answer is on this machine alone.
    InitAnswerHereOnly "init-answer-here-only",
    /// The node that was asked to initialise is not in the file, or another is initialised instead.
    InitNodeGone "init-node-gone",
    /// Whether the request to initialise arrived is not known yet.
    InitUnanswered "init-unanswered",
    /// The server initialised nothing.
    InitRefused "init-refused",
    /// The cluster has recovery keys of somebody else.
    RecoveryKeysUnknown "recovery-keys-unknown",
    /// The ceremony of this cluster is not at its end.
    NotHandedOver "not-handed-over",
    // The checkpoint and its replica.
    /// A file of the checkpoint is not what was written.
    CheckpointDamaged "checkpoint-damaged",
    /// Others may read or replace the checkpoint.
    CheckpointUnsafe "checkpoint-unsafe",
    /// The checkpoint belongs to another cluster.
    CheckpointOther "checkpoint-other",
    /// The checkpoint knows nothing of this cluster.
    CheckpointEmpty "checkpoint-empty",
    /// The key of the file does not open this checkpoint.
    CheckpointKeyWrong "checkpoint-key-wrong",
    /// The checkpoint's key cannot be used here.
    CheckpointKeyAway "checkpoint-key-away",
    /// The checkpoint does not keep the secret that is needed any more.
    SecretsMissing "secrets-missing",
    /// A later release wrote this file.
    FormNewer "form-newer",
    /// Another run holds the checkpoint or its replica.
    AnotherRun "another-run",
    /// Another machine went on from what this run has begun.
    TakenOver "taken-over",
    /// The replica of the checkpoint cannot be read or written.
    ReplicaUnreachable "replica-unreachable",
    /// The replica of the checkpoint is not what was written.
    ReplicaDamaged "replica-damaged",
    /// Checkpoint and replica tell of two ceremonies, or one lacks the other's secrets.
    ReplicaContradicts "replica-contradicts",
    /// What is deleted there is not gone.
    ReplicaKeepsDeleted "replica-keeps-deleted",
    // Custodians and their shares.
    /// AWS says that we may not use what a custodian keeps.
    CustodianDenied "custodian-denied",
    /// Where a custodian keeps its share, nothing answers.
    CustodianUnreachable "custodian-unreachable",
    /// A custodian's holder has not shown that they can open anything.
    CustodianUnproved "custodian-unproved",
    /// One key or account opens shares of several custodians.
    OneTrustDomain "one-trust-domain",
    /// No AWS credentials, no region, or a KMS key that is missing or disabled.
    AwsUnusable "aws-unusable",
    /// The identity or key does not open what a custodian keeps.
    IdentityWrong "identity-wrong",
    /// Where a share is to go, there is something already.
    ShareNameTaken "share-name-taken",
    /// Two files of shares, or a share and the checkpoint, are at one place.
    SharePlaceConflict "share-place-conflict",
    /// The server hands out the shares in clear, though custodians have PGP keys.
    SharesInClear "shares-in-clear",
    /// A share is not where it was stored.
    ShareGone "share-gone",
    /// A share is not what was stored.
    ShareChanged "share-changed",
    /// What was given or typed is no share.
    ShareUnreadable "share-unreadable",
    /// The shares do not make the key of this cluster.
    ShareWrong "share-wrong",
    /// Two custodians hold the same share, or one was given twice.
    ShareTwice "share-twice",
    /// Nobody knows whether a share counts.
    ShareAnswerLost "share-answer-lost",
    /// There are not enough shares for a quorum.
    TooFewShares "too-few-shares",
    /// Not every share is with its custodian yet.
    SharesNotStored "shares-not-stored",
    /// The shares are other ones, or of others, than the file says.
    SharesNotAsInFile "shares-not-as-in-file",
    /// Shares are files of this machine alone.
    SharesOnThisMachine "shares-on-this-machine",
    /// The shares were in the replica, encrypted.
    SharesLeftMachine "shares-left-machine",
    // New shares.
    /// The file is not of the version of the key set that is in effect, or that is being made.
    KeySetOther "key-set-other",
    /// The server could not show which shares are in effect.
    KeySetUnproved "key-set-unproved",
    /// A rotation of the shares is not at its end.
    RotationUnfinished "rotation-unfinished",
    /// An old share could not be taken away.
    OldShareLeft "old-share-left",
    // Logins.
    /// The file declares no login, or no break-glass login, where one is needed.
    NoLogin "no-login",
    /// The configuration has nothing of the name that it, or the command line, refers to.
    NameUnknown "name-unknown",
    /// The server knows the login and does not let it in.
    LoginDenied "login-denied",
    /// Role, auth method or login do not fit together.
    LoginMisconfigured "login-misconfigured",
    /// A login is asked for a second factor, or would be, which this program cannot give.
    SecondFactor "second-factor",
    /// A login may do more or less than the file says.
    LoginPowersOther "login-powers-other",
    /// A sign-in or a token ran out before it was used.
    SignInExpired "sign-in-expired",
    /// The identity provider said no, or could not be asked.
    ProviderRefused "provider-refused",
    /// The Kubernetes API makes no token for us.
    KubernetesFailed "kubernetes-failed",
    /// A program could not be run, or did not end well.
    CommandFailed "command-failed",
    /// The tokens of this login could not ask for a root token.
    BreakGlassLoginUnfit "break-glass-login-unfit",
    /// The login may not generate a root token or new shares.
    GrantMissing "grant-missing",
    /// All break-glass logins are of one auth method.
    OneAuthMethod "one-auth-method",
    /// A login can make itself root.
    LoginCanEscalate "login-can-escalate",
    // Root tokens and break-glass.
    /// The root token of the checkpoint is not valid any more.
    RootTokenInvalid "root-token-invalid",
    /// The root token is still valid, on purpose.
    RootKept "root-kept",
    /// There are root tokens that are not of this run.
    OtherRootTokens "other-root-tokens",
    /// Tokens that end with the root token if it has made them.
    TokensEndWithRoot "tokens-end-with-root",
    /// Somebody may still be making root tokens.
    RootTokensBeingMade "root-tokens-being-made",
    /// Nobody could look for root tokens.
    RootTokensUnseen "root-tokens-unseen",
    /// A root token may be valid that nobody has.
    RootTokenOrphaned "root-token-orphaned",
    /// It is not proved that a root token is revoked.
    RootNotProvedRevoked "root-not-proved-revoked",
    /// Root is revoked, and what came after was not seen.
    RevocationUnseen "revocation-unseen",
    /// Break-glass was not rehearsed, or not with every holder.
    NotRehearsed "not-rehearsed",
    /// An attempt with several holders was started here and is open.
    AttemptOpen "attempt-open",
    /// Somebody else's root generation or rotation is under way.
    AttemptOfOthers "attempt-of-others",
    /// The attempt is not at the server, or not any more.
    AttemptGone "attempt-gone",
    /// What was pasted is not the code or token of the attempt.
    CodeWrong "code-wrong",
    /// The one-time pad of the attempt is gone.
    PadLost "pad-lost",
    /// The evidence is of a run that failed.
    RunFailed "run-failed",
    /// A run was killed, or is at work, and has left something open.
    RunLeftOpen "run-left-open",
    /// A command that ran as root has left changes, or tokens that nobody can revoke.
    CommandLeftChanges "command-left-changes",
    /// What was typed as expected is not different afterwards.
    ExpectationUnmet "expectation-unmet",
    /// What a command left could not be compared with what was there before.
    NotCompared "not-compared",
    // Audit devices, and what else is written.
    /// The file declares no audit device.
    NoAuditDevice "no-audit-device",
    /// An audit device is not as in the file.
    AuditDeviceDiffers "audit-device-differs",
    /// The server takes audit devices in its own configuration only.
    AuditNeedsStanza "audit-needs-stanza",
    /// An audit device writes secrets in clear.
    AuditLogRaw "audit-log-raw",
    /// What was sent does not stand in the audit log.
    AuditNotWritten "audit-not-written",
    /// Another type of mount is at a path of the file.
    MountTypeOther "mount-type-other",
    /// A group of identities is of another type than the file says.
    GroupTypeOther "group-type-other",
    /// A second factor is of another type than the file says.
    MfaTypeOther "mfa-type-other",
    /// An alias belongs to somebody else, and whoever is to have it has another one.
    AliasTaken "alias-taken",
    /// The server did not accept a document, or may not have.
    WriteFailed "write-failed",
    /// A step cannot be looked at with this login.
    StepUnseen "step-unseen",
    /// What a step made is not as it was written.
    StepDiffers "step-differs",
    /// A field of a document stays set although the file does not name it any more.
    NotPutBack "not-put-back",
    /// After the hand-over, the login that looks may not write what differs.
    NotPermitted "not-permitted",
    /// A document is there that nothing here remembers having written.
    NotAdopted "not-adopted",
    /// A document that the file names no more was not deleted, although that was asked for.
    NotPruned "not-pruned",
    /// A plan in a file is not what would be written now, or cannot be read.
    PlanOutdated "plan-outdated",
    /// A write would let in more people or addresses.
    WidensAccess "widens-access",
    /// The login that looks may not read something that the file says.
    NotSeen "not-seen",
    /// A document that is written once, and the file says something else by now.
    DoneOnce "done-once",
    /// Where a secret is to be handed out, there is something already.
    HandOutTaken "hand-out-taken",
    /// A secret may have been made, or was, and is not where it was to be handed out.
    HandOutLost "hand-out-lost",
    // Files of this machine.
    /// A file cannot be read or written.
    FileFailed "file-failed",
    /// There is no room on the disk, or within a limit.
    DiskFull "disk-full",
    /// Others can read or change a file, or it cannot be seen who can.
    FileUnsafe "file-unsafe",
    /// A secret that the file refers to is not there.
    SecretUnreadable "secret-unreadable",
    /// A key of signatures cannot be used.
    SigningKeyUnusable "signing-key-unusable",
    /// The evidence is not what was signed.
    EvidenceWrong "evidence-wrong",
    // The configuration.
    /// The configuration is no YAML of the form that is read.
    FileNotYaml "file-not-yaml",
    /// The configuration has a key that does not exist there.
    FileKeyUnknown "file-key-unknown",
    /// The configuration lacks a key.
    FileKeyMissing "file-key-missing",
    /// A value has not the form of one.
    FileValueInvalid "file-value-invalid",
    /// Parts of the configuration contradict each other or what servers take.
    FileContradicts "file-contradicts",
    /// A secret stands in the configuration, or would be logged in clear.
    FileSecretInClear "file-secret-in-clear",
    /// What a file of another program says has no place in the configuration.
    NotCarriedOver "not-carried-over",
    // The person, and this program.
    /// There is no terminal to ask on.
    NoTerminal "no-terminal",
    /// A person said no.
    Declined "declined",
    /// What cannot be undone was not said in the way it must be.
    ConfirmationMissing "confirmation-missing",
    /// What was typed cannot be used.
    InputWrong "input-wrong",
    /// A signal ended the run.
    Interrupted "interrupted",
    /// No program of a server is here, or what was named is none.
    ServerNotFound "server-not-found",
    /// A system that logins of the file stand on cannot be on this machine.
    SystemAway "system-away",
    /// A throwaway server ended by itself, or did not start.
    ServerEnded "server-ended",
    /// The token of a command ends before the command.
    TokenEnds "token-ends",
    /// The operating system refuses what the program cannot do without.
    SystemFailed "system-failed",
    /// The program came to a state that it does not expect.
    Unexpected "unexpected",
    /// What an earlier release recorded, without a code of its own.
    Recorded "recorded",
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

impl<'de> Deserialize<'de> for Code {
    /// One that this release does not have, as a later one may, is as good as none.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let known = Self::ALL.iter().find(|code| code.text() == text);
        Ok(known.copied().unwrap_or(Self::Recorded))
    }
}

impl JsonSchema for Code {
    fn schema_name() -> Cow<'static, str> {
        "Code".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let all: Vec<_> = Self::ALL.iter().map(|code| code.text()).collect();
        json_schema!({
            "description": "A short code, which stays what it is: docs/troubleshooting.md has a line for each.",
            "type": "string",
            "enum": all
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_its_name_in_kebab_case_and_stands_once() {
        let texts: std::collections::BTreeSet<_> =
            Code::ALL.iter().map(|code| code.text()).collect();
        for code in Code::ALL {
            let letters = code.text().replace('-', "");
            assert_eq!(format!("{code:?}").to_lowercase(), letters);
        }
        assert_eq!(texts.len(), Code::ALL.len());
    }
}
