//! What is to be done about a step, judged from a look alone: nothing is written here, and nobody is logged in.

use crate::bootstrap::steps;
use crate::bootstrap::view::View;
use crate::desired::observation::Observation;
use crate::failure::Failure;
use crate::finding::Detail;
use crate::step::Step;
use crate::step::decide::{Decision, decide, decide_initialize};

/// What was found about a step, and what is to be done about it.
#[derive(Debug)]
pub(crate) struct Judgment {
    /// What was found.
    pub(crate) observation: Observation,
    /// What is to be done.
    pub(crate) decision: Decision,
}

impl Judgment {
    /// Judges what a look at the step of the view has found.
    pub(crate) fn of(view: &View<'_>, observation: Observation) -> Result<Self, Failure> {
        let (recorded, seen) = (view.recorded(), observation.seen);
        let decision = if view.step == Step::Initialize {
            decide_initialize(recorded, seen, view.keeps_something()?)
        } else {
            decide(recorded, seen)
        };
        Ok(Self {
            observation,
            decision,
        })
    }

    /// Of a step that was not looked at.
    pub(crate) fn unseen(view: &View<'_>, why: Detail) -> Result<Self, Failure> {
        Self::of(view, Observation::unknown(vec![why]))
    }

    /// Of a step of somebody else's ceremony.
    pub(crate) fn of_another() -> Self {
        Self {
            observation: Observation::unknown(vec![Detail::OfAnother]),
            decision: Decision::SkipUnseen,
        }
    }

    /// Whether acting on it writes: what it will change counts as changed for later steps.
    pub(crate) fn writes(&self) -> bool {
        matches!(
            self.decision,
            Decision::Apply | Decision::Repair | Decision::LookAgain
        )
    }
}

/// Looks at the step of the view and judges it.
///
/// # Errors
/// It could not be looked at, and waiting or trying again may help; or what is there must not be built upon.
pub(crate) async fn judge(view: &View<'_>) -> Result<Judgment, Failure> {
    Judgment::of(view, steps::observe(view).await?)
}
