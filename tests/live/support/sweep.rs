//! Runs that are killed one after the other, each at a later request than the one before.

use std::sync::{Arc, Mutex};

use super::faults::{Does, fits, locked};
use super::proxy::{Action, RequestInfo};

/// Kills one run after the other, each at a later request than the one before: by turns before the request arrives and
/// before its answer does. The other way round in [`Sweep::heard_at_even`].
#[derive(Clone)]
pub struct Sweep(Arc<Mutex<Sweeping>>);

struct Sweeping {
    /// Which request of a run is its last; none where the run is left alone.
    place: Option<usize>,
    next: usize,
    step: usize,
    seen: usize,
    heard_at_even: bool,
    from: String,
    /// The request that the server never hears of in a run that is killed.
    never_heard: Option<String>,
}

impl Sweep {
    /// Over every request.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Sweeping {
            place: None,
            next: 1,
            step: 1,
            seen: 0,
            heard_at_even: false,
            from: "*".to_owned(),
            never_heard: None,
        })))
    }

    /// Whether the server does what it is asked at even places, or at odd ones.
    pub fn heard_at_even(self, is: bool) -> Self {
        locked(&self.0).heard_at_even = is;
        self
    }

    /// Over every `step`th request only.
    pub fn step(self, step: usize) -> Self {
        locked(&self.0).step = step;
        self
    }

    /// Over those from the first one of a run with this label on.
    pub fn from(self, label: impl Into<String>) -> Self {
        locked(&self.0).from = label.into();
        self
    }

    /// A request with this label is held before it arrives, whatever its place.
    pub fn never_heard(self, label: impl Into<String>) -> Self {
        locked(&self.0).never_heard = Some(label.into());
        self
    }

    /// Another run begins, to be killed later than the one before.
    pub fn next_run(&self) {
        let mut sweep = locked(&self.0);
        sweep.place = Some(sweep.next);
        sweep.next += sweep.step;
        sweep.seen = 0;
    }

    /// A run begins that is left alone.
    pub fn rest(&self) {
        locked(&self.0).place = None;
    }
}

impl Does for Sweep {
    fn at(&self, request: &RequestInfo) -> Option<Action> {
        let (mut sweep, label) = (locked(&self.0), request.label());
        if sweep.seen == 0 && !fits(&sweep.from, &label) {
            return None;
        }
        sweep.seen += 1;
        let place = sweep.place.filter(|place| *place == sweep.seen)?;
        let silent = sweep.never_heard.as_ref();
        let heard = place.is_multiple_of(2) == sweep.heard_at_even
            && !silent.is_some_and(|silent| fits(silent, &label));
        Some(if heard {
            Action::HoldAnswer
        } else {
            Action::Hold
        })
    }
}
