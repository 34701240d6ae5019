//! A cluster that this checkpoint has not initialised, and whose documents it compares and writes from some day on.

use crate::checkpoint::diary::Diary;
use crate::event::Adopted;
use crate::step::Step;

impl Diary {
    /// Of a cluster that somebody else has initialised: nothing is recorded of it here.
    pub fn of_another(name: &str, address: &str, id: &str) -> Self {
        let mut diary = Self::new(name, address);
        diary.cluster.cluster_id = Some(id.to_owned());
        diary.adopted = Some(Adopted::default());
        diary
    }

    /// Whether this is a step of somebody else, of which nothing is known here: shares, root, the logins that were tried and
    /// the drill. What the file says of the server's documents is looked at all the same.
    pub(crate) fn is_of_another(&self, step: Step) -> bool {
        let known = step == Step::WaitUntilActive
            || step == Step::RevokeRoot
            || (Step::Audit..=Step::Writes).contains(&step);
        self.adopted.is_some() && !known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::ORDER;
    use crate::step::decide::Recorded;

    #[test]
    fn of_a_cluster_of_somebody_else_all_is_done_and_nothing_is_known() {
        let diary = Diary::of_another("prod", "https://vault:8200", "id");
        assert!(diary.handed_over() && !diary.drill_was_held());
        assert!(
            ORDER
                .iter()
                .all(|step| diary.recorded(*step) == Recorded::Done)
        );
        assert!(diary.steps.is_empty() && diary.shares.is_empty() && diary.asked.is_none());
        let of_another = ORDER.into_iter().filter(|step| diary.is_of_another(*step));
        assert_eq!(
            of_another.collect::<Vec<_>>(),
            [
                Step::Preflight,
                Step::Initialize,
                Step::StoreRecoveryKeys,
                Step::Logins,
                Step::Drill,
                Step::HandOver
            ]
        );
        let ours = Diary::new("prod", "https://vault:8200");
        assert!(!ORDER.iter().any(|step| ours.is_of_another(*step)));
    }

    #[test]
    fn that_it_is_of_somebody_else_is_on_the_disk() {
        let diary = Diary::of_another("prod", "https://vault:8200", "id");
        let text = serde_json::to_vec(&diary).unwrap();
        assert_eq!(Diary::read(&text, "diary.json").unwrap(), diary);
    }
}
