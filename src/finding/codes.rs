//! What each finding is to a script.

use crate::code::Code;
use crate::finding::Finding;

impl Finding {
    /// What it is to a script. A refusal for the same reason has the same code.
    pub fn code(&self) -> Code {
        match self {
            Self::Recorded(recorded) => recorded.code,
            Self::NoAuditDevice | Self::AuditDevicesUndeclared(_) | Self::AuditDevicesUnseen => {
                Code::NoAuditDevice
            }
            Self::AuditDevice(_) => Code::AuditDeviceDiffers,
            Self::RawAuditLog(..) => Code::AuditLogRaw,
            Self::AuditLogElsewhere(..) => Code::AuditNotWritten,
            Self::Step(..) => Code::StepDiffers,
            Self::Document(finding) => finding.code(),
            Self::ClocksApart(..) => Code::ClocksApart,
            Self::NodeAway(..) => Code::NodeMissing,
            Self::Foreign => Code::AlreadyInitialised,
            Self::NobodyLeads(_) => Code::NoActiveNode,
            Self::AnybodyMayGenerateRoot | Self::AnybodyMayRotate(_) => Code::OpenEndpoint,
            Self::OthersMayChange(..) | Self::OwnersUnseen(..) => Code::FileUnsafe,
            Self::EvidenceHereOnly(..) => Code::ReplicaUnreachable,
            Self::AcceptedUnproved(_) | Self::Unproved(_) => Code::CustodianUnproved,
            Self::OneTrustDomain(..) => Code::OneTrustDomain,
            Self::ShareGone(..) => Code::ShareGone,
            Self::ShareChanged(..) => Code::ShareChanged,
            Self::SharesMadeOtherwise(..)
            | Self::SharesGivenOtherwise(..)
            | Self::ShareStoredElsewhere(..)
            | Self::ShareOfAnotherKey(..)
            | Self::SealOtherwise(..)
            | Self::SharesCountedOtherwise(..) => Code::SharesNotAsInFile,
            Self::SharesAreFiles(_) => Code::SharesOnThisMachine,
            Self::SharesLeft(..) | Self::SharesLeftUnnamed(..) => Code::SharesLeftMachine,
            Self::QuorumsRefused(_) | Self::ShareWrong(_) => Code::ShareWrong,
            Self::RotationUnfinished(..)
            | Self::RotationIsOpen(_)
            | Self::OldSharesInEffect(..)
            | Self::EitherSharesInEffect(..)
            | Self::NewSharesInEffect(..) => Code::RotationUnfinished,
            Self::OldShareUnknown(..) | Self::OldShareLeft(..) => Code::OldShareLeft,
            Self::NoBreakGlass(_) => Code::NoLogin,
            Self::NotRehearsed
            | Self::NotRehearsedSince(_)
            | Self::RehearsedWithout(_)
            | Self::HolderAway(..) => Code::NotRehearsed,
            Self::OneAuthMethod(_) => Code::OneAuthMethod,
            Self::LoginClosed(code, ..) => *code,
            Self::BreakGlassLoginClosed(..) => Code::BreakGlassLoginUnfit,
            Self::MoreThanTheGrant(..) => Code::LoginPowersOther,
            Self::CanEscalate(..) | Self::CouldEscalate(..) => Code::LoginCanEscalate,
            Self::RootIsKept | Self::RootStays => Code::RootKept,
            Self::RootEndedElsewhere => Code::RootTokenInvalid,
            Self::RootToken(_) | Self::OtherRootToken(_) => Code::OtherRootTokens,
            Self::PerhapsOfTheCheckpoint(..) => Code::RootKept,
            Self::OrphanedRootToken(_) => Code::RootTokenOrphaned,
            Self::RevocationUnseen(_) => Code::RevocationUnseen,
            Self::TokenLeftOpen(..) | Self::ComparisonLeftOpen(..) => Code::RunLeftOpen,
            Self::CommandUnseen(_) => Code::RootTokensUnseen,
            Self::StillAtWork(..) => Code::RootTokensBeingMade,
            Self::Left(left) => left.code(),
        }
    }
}
