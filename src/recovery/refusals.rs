//! What a person is told when the server does not go along.

use crate::code::Code;
use crate::config::Config;
use crate::desired::grant;
use crate::failure::Failure;
use crate::recovery::run::Run;
use crate::vault::keys::rotation::{Given, Progress};
use crate::vault::{Product, Rotation};

pub(super) fn busy(rotation: &Rotation<'_>, found: &Progress) -> Failure {
    let how_far = if found.is_handed_out() {
        "its new shares are made and wait to be verified".to_owned()
    } else {
        format!("{} of {} shares given", found.progress, found.required)
    };
    Failure::refused(Code::AttemptOfOthers, format!(
        "{}: a rotation of the shares by somebody else is under way ({how_far}, nonce {}); the server does not say \
         since when",
        rotation.address(),
        found.nonce
    ))
    .advise(format!(
        "ask whose it is, or look in the audit log: an earlier run that was cut off may have begun it too; it is ended \
         with: {}",
        rotation.how_to_cancel(&found.nonce)
    ))
}

pub(super) fn another_threshold(rotation: &Rotation<'_>, wants: u32, have: usize) -> Failure {
    Failure::refused(Code::SharesNotAsInFile, format!(
        "{} wants {wants} of the old shares, and a quorum of the file that --from names has {have}",
        rotation.address()
    ))
    .advise("name the file of the shares that are in effect now")
}

pub(super) fn not_taken(
    rotation: &Rotation<'_>,
    refused: &Given,
    (name, all): (&str, &[String]),
) -> Failure {
    let address = rotation.address();
    match refused {
        Given::Twice => Failure::refused(Code::ShareTwice, format!(
            "{address}: the share of {name} was given already: two custodians hold the same one"
        ))
        .advise("look at what they keep: every custodian must hold a share of their own"),
        Given::Gone => gone(rotation),
        Given::Undecided => undecided(rotation),
        Given::Unreadable => Failure::refused(Code::ShareUnreadable, format!(
            "{address}: what {name} keeps is not a share: it is not a line of base64, or is too short"
        ))
        .advise(format!("look at what {name} keeps; the server says so of the share alone")),
        _ => Failure::refused(Code::ShareWrong, format!(
            "{address}: the old shares of {} do not make the key of this cluster; the server accepted none of them",
            all.join(", ")
        ))
        .advise(
            "at least one of them is of another cluster, or of an earlier generation: see that --from names the file \
             of the shares that are in effect now",
        ),
    }
}

/// The server's own trouble, and no word about the shares.
pub(super) fn undecided(rotation: &Rotation<'_>) -> Failure {
    Failure::refused(Code::KeySetUnproved, format!(
        "{}: the server could not tell whether these shares are in effect: it could not read its own key",
        rotation.address()
    ))
    .advise(
        "see in the server's log why: the key of its seal may be disabled or out of reach; nothing was taken away, \
         and the same command continues once that is fixed",
    )
}

/// The server takes what people typed, and whoever has an old share and a new one may have read the other.
pub(super) fn typed_alone(rotation: &Rotation<'_>, run: &Run<'_>) -> Failure {
    Failure::refused(Code::KeySetUnproved, format!(
        "{}: the server takes the shares that were typed, and that does not show whether they are old or new ones; \
         nothing is taken away for that",
        rotation.address()
    ))
    .advise(format!(
        "let one key, of whoever keeps a share, open it here; the same command goes on then: {}",
        run.again().and("--identity KEYFILE")
    ))
}

/// Not one quorum could be made of what there is.
pub(super) fn no_quorum(rotation: &Rotation<'_>) -> Failure {
    Failure::refused(
        Code::ShareTwice,
        format!(
            "{}: there are not enough different shares for a quorum",
            rotation.address()
        ),
    )
    .advise("look at what the custodians keep: every one must hold a share of their own")
}

pub(super) fn gone(rotation: &Rotation<'_>) -> Failure {
    Failure::failed(
        Code::AttemptGone,
        format!(
            "{}: the rotation is not there any more: somebody ended it, or another node leads",
            rotation.address()
        ),
    )
    .advise("find out who; then run the same command again")
    .passing()
}

pub(super) fn of_the_server(rotation: &Rotation<'_>, why: &str) -> Failure {
    Failure::failed(
        Code::AnswerUnexpected,
        format!("{}: {why}", rotation.address()),
    )
    .advise("run the same command again; if it stays so, look at the server's log")
}

/// The login may not, and whoever may write policies is told what to write.
pub(super) fn not_granted(
    config: &Config,
    product: Product,
    address: &str,
    login: &str,
) -> Failure {
    let policy = grant::POLICY;
    Failure::refused(Code::GrantMissing, format!(
        "{address}: {login} may not make new shares: the policy {policy} is not yet what the file says"
    ))
    .advise(format!(
        "it is written before hand-over by apply; afterwards {}",
        grant::by_hand(config, product, address)
    ))
}
