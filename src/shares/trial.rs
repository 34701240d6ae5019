//! The trial before the first share: every custodian takes, gives back and loses a value, and nothing has its final name.

use futures::future::join_all;

use crate::code::{Code, Reported};
use crate::custodian::{self, Custodian, Kind};
use crate::event::EventSink;
use crate::failure::Failure;

/// Tries all custodians at once, with values whose names begin with `prefix`, and gives those that opened theirs.
/// `is_ours` says whether what has the final name is a share of this program; where it is not, `otherwise` is another
/// way out.
pub(crate) async fn try_all<'c>(
    custodians: &'c [Custodian],
    (prefix, otherwise): (&str, &str),
    is_ours: impl Fn(&Custodian) -> bool,
    events: &EventSink<'_>,
    failures: &mut Vec<Failure>,
) -> Vec<&'c Custodian> {
    let tries = custodians.iter().zip(1..).map(|(custodian, number)| {
        let name = format!("{prefix}{number}");
        async move {
            let (canary, presence) = futures::join!(custodian.canary(&name), custodian.presence());
            (custodian, canary, presence)
        }
    });
    let mut opened = Vec::new();
    for (custodian, canary, presence) in join_all(tries).await {
        let once = canary.as_ref().err().zip(presence.as_ref().err());
        let once = once.is_some_and(|(tried, looked)| is_one_cause(tried, looked));
        match canary {
            Ok(warnings) => {
                for Reported { code, text, .. } in warnings {
                    events.warn(code, text);
                }
                opened.push(custodian);
            }
            Err(error) => failures.push(of(custodian, error.into())),
        }
        match presence {
            Ok(None) => {}
            Ok(Some(_)) if is_ours(custodian) => {}
            Ok(Some(_)) => failures.push(
                Failure::refused(
                    Code::ShareNameTaken,
                    format!("{} already holds something", custodian.address()),
                )
                .advise(format!(
                    "nothing is ever overwritten: see what it is, then move it away or {otherwise}"
                )),
            ),
            Err(_) if once => {}
            Err(error) => failures.push(of(custodian, error.into())),
        }
    }
    opened
}

/// Whether the trial and the look failed for one cause, such as an API server that nobody reaches: it is said once.
fn is_one_cause(tried: &custodian::Error, looked: &custodian::Error) -> bool {
    let kinds = (tried.kind(), looked.kind());
    matches!(
        kinds,
        (Kind::Unreachable(_), Kind::Unreachable(_))
            | (Kind::Misconfigured(_), Kind::Misconfigured(_))
            | (Kind::Kubernetes(_), Kind::Kubernetes(_))
    )
}

/// Says whose failure it is.
pub(crate) fn of(custodian: &Custodian, failure: Failure) -> Failure {
    failure.about(&format!("custodian {}: ", custodian.name()))
}
