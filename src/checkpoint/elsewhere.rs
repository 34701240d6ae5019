//! A cluster that somebody else has initialised, and that is only looked at.

use crate::checkpoint::diary::{Diary, Entry};
use crate::evidence::facts::Evidence;
use crate::step::ORDER;
use crate::step::decide::Recorded;

impl Diary {
    /// What there is to say of a cluster that this checkpoint has not initialised, and that is only looked at: all was done,
    /// by somebody else.
    pub fn of_another(name: &str, address: &str, id: &str) -> Self {
        let done = Entry {
            state: Recorded::Done,
            started: String::new(),
            finished: None,
            evidence: Evidence::default(),
        };
        let mut diary = Self::new(name, address);
        diary.cluster.cluster_id = Some(id.to_owned());
        diary.steps = ORDER.map(|step| (step, done.clone())).into();
        diary.elsewhere = true;
        diary
    }
}
