//! The line of a step, on one row: number and title, and at its end how long it runs, or how it ended.

use crate::event::StepOutcome;
use crate::report::style::{Mark, Painted, Style};
use crate::step::Step;
use crate::text_layout::columns;

/// What number, title, outcome, time and requests take side by side.
const WHOLE: usize = 80;
/// Width of number and title, so that outcomes stand below each other; and of an outcome with its mark.
const TITLE: usize = 43;
const OUTCOME: usize = 16;
/// What stands where a title was cut.
const CUT: &str = "...";
/// One after the other, so that a line that waits is seen to live.
const TURNING: [char; 4] = ['|', '/', '-', '\\'];
/// For how long each of them stands, in milliseconds.
const TURN: u128 = 250;

/// Which step it is.
pub(super) struct StepLine {
    pub(super) number: String,
    pub(super) title: &'static str,
}

/// What stands at the end of the line.
#[derive(Clone, Copy)]
pub(super) enum Tail {
    /// The step has only begun.
    Nothing,
    /// It runs for so many milliseconds.
    Running(u128),
    /// It came to an end.
    Ended {
        word: &'static str,
        mark: Mark,
        requests: u64,
        millis: u64,
    },
}

impl StepLine {
    /// The line for a terminal of this width, and how many columns it takes: never more than there are.
    pub(super) fn painted(&self, tail: Tail, width: usize, style: Style) -> (Painted, usize) {
        let outcome = tail.outcome(style);
        let (time, requests) = tail.figures();
        let head = columns(&self.number) + 1 + columns(self.title);
        let (title, end) = if outcome.is_empty() {
            (self.cut(width), String::new())
        } else if width >= WHOLE {
            let gap = " ".repeat(TITLE.saturating_sub(head).max(1));
            let rest = format!("{time:>7} {requests:>12}");
            let filled = format!("{outcome:<OUTCOME$}");
            let title = format!("{}{gap}", self.title);
            return self.joined((&title, &filled, rest.trim_end()), tail, style);
        } else if head + 2 + columns(&outcome) + 2 + columns(&time) <= width {
            (self.title.to_owned(), format!("  {time}"))
        } else {
            let room = width.saturating_sub(columns(&outcome) + 2);
            (self.cut(room), String::new())
        };
        let gap = if outcome.is_empty() { "" } else { "  " };
        let end = end.trim_end();
        self.joined((&format!("{title}{gap}"), &outcome, end), tail, style)
    }

    fn joined(
        &self,
        (title, outcome, rest): (&str, &str, &str),
        tail: Tail,
        style: Style,
    ) -> (Painted, usize) {
        let outcome = if rest.is_empty() {
            outcome.trim_end()
        } else {
            outcome
        };
        let taken = [self.number.as_str(), " ", title, outcome, rest];
        let taken = taken.map(columns).iter().sum();
        let painted = match tail {
            Tail::Ended {
                mark: Mark::Good, ..
            } => style.good(outcome),
            Tail::Ended {
                mark: Mark::Open, ..
            } => style.warning(outcome),
            Tail::Ended {
                mark: Mark::Left, ..
            } => Painted::text(outcome),
            Tail::Nothing | Tail::Running(_) => style.dim(outcome),
        };
        let line = style.dim(&self.number) + " " + title + painted + style.dim(rest);
        (line, taken)
    }

    /// The title, where number and title may take so many columns.
    fn cut(&self, room: usize) -> String {
        let room = room.saturating_sub(columns(&self.number) + 1);
        if columns(self.title) <= room {
            return self.title.to_owned();
        }
        let kept = self.title.chars().take(room.saturating_sub(CUT.len()));
        kept.chain(CUT.chars()).collect()
    }
}

impl Tail {
    /// How a step ended, what it took, and whether the file asks for anything of it.
    pub(super) fn ended(
        ended: (Step, StepOutcome),
        nothing_declared: bool,
        (requests, millis): (u64, u64),
    ) -> Self {
        let (word, mark) = word(ended, nothing_declared);
        Self::Ended {
            word,
            mark,
            requests,
            millis,
        }
    }

    fn outcome(self, style: Style) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Running(millis) => {
                let turn = usize::try_from(millis / TURN).unwrap_or_default();
                format!("{} {} s", TURNING[turn % TURNING.len()], millis / 1000)
            }
            Self::Ended { word, mark, .. } => format!("{} {word}", style.mark(mark)),
        }
    }

    /// Time and requests.
    fn figures(self) -> (String, String) {
        let Self::Ended {
            requests, millis, ..
        } = self
        else {
            return <_>::default();
        };
        let requests = match requests {
            0 => String::new(),
            1 => "1 request".into(),
            many => format!("{many} requests"),
        };
        let seconds = format!("{}.{} s", millis / 1000, millis % 1000 / 100);
        (seconds, requests)
    }
}

/// What `apply` does not do again once it is done: the look before `sys/init`, the logins, and the drill, which `rehearse`
/// holds.
const NOT_REPEATED: [Step; 3] = [Step::Preflight, Step::Logins, Step::Drill];

/// An outcome in a word, and how it is to be taken.
fn word((step, outcome): (Step, StepOutcome), nothing_declared: bool) -> (&'static str, Mark) {
    match outcome {
        _ if nothing_declared => ("none in file", Mark::Good),
        StepOutcome::Applied => ("done", Mark::Good),
        StepOutcome::Repaired => ("repaired", Mark::Good),
        StepOutcome::Differs => ("differs", Mark::Open),
        StepOutcome::Adopted => ("was there", Mark::Good),
        StepOutcome::Unchanged => ("unchanged", Mark::Good),
        StepOutcome::WithFindings => ("with findings", Mark::Open),
        StepOutcome::NotRechecked if NOT_REPEATED.contains(&step) => ("not repeated", Mark::Left),
        StepOutcome::NotRechecked => ("not rechecked", Mark::Open),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::ORDER;

    const PLAIN: Style = Style {
        colored: false,
        terminal: true,
        unicode: false,
    };

    fn ended(word: &'static str, mark: Mark) -> Tail {
        Tail::Ended {
            word,
            mark,
            requests: 1234,
            millis: 61_234,
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_each_has_its_number_its_mark_and_its_word() {
        for (place, step) in ORDER.iter().enumerate() {
            let line = StepLine {
                number: format!("{:>2}/{}", place + 1, ORDER.len()),
                title: step.title(),
            };
            for width in 40..100 {
                let begun = line.painted(Tail::Nothing, width, PLAIN);
                let running = line.painted(Tail::Running(12_345), width, PLAIN);
                let done = line.painted(ended("done", Mark::Good), width, PLAIN);
                let open = line.painted(ended("not rechecked", Mark::Open), width, PLAIN);
                for (text, taken) in [&begun, &running, &done, &open] {
                    let text = text.as_str();
                    assert_eq!(columns(text), *taken, "{text}");
                    assert!(*taken <= width, "{width}: {text}");
                    assert!(text.starts_with(&line.number), "{text}");
                    assert_eq!(text, text.trim_end());
                }
                assert!(done.0.as_str().contains(" ok done"));
                assert!(open.0.as_str().contains(" ! not rechecked"));
            }
        }
    }

    #[test]
    fn what_by_design_is_not_repeated_is_no_warning() {
        let left = word((Step::Drill, StepOutcome::NotRechecked), false);
        assert_eq!(left, ("not repeated", Mark::Left));
        let tail = |(word, mark)| ended(word, mark).outcome(PLAIN);
        assert_eq!(tail(left), "- not repeated");
        // What a login may not look at is open.
        let open = word((Step::Policies, StepOutcome::NotRechecked), false);
        assert_eq!(tail(open), "! not rechecked");
    }

    #[test]
    fn outcome_time_and_requests_stand_below_each_other() {
        let line = |step: crate::step::Step| StepLine {
            number: " 1/14".into(),
            title: step.title(),
        };
        let place = |line: StepLine, word: &str, mark| {
            let text = line.painted(ended("done", mark), 80, PLAIN).0;
            text.as_str().find(word)
        };
        for word in ["61.2 s", "1234 requests"] {
            let places = ORDER.map(|step| place(line(step), word, Mark::Good));
            assert!(places[0].is_some());
            assert!(places.iter().all(|one| *one == places[0]), "{places:?}");
            assert_eq!(place(line(ORDER[0]), word, Mark::Open), places[0]);
        }
    }

    #[test]
    fn what_runs_is_seen_to_live() {
        let line = StepLine {
            number: " 2/14".into(),
            title: "initialise the cluster",
        };
        let at = |millis| {
            let (text, _) = line.painted(Tail::Running(millis), 80, PLAIN);
            text.as_str().to_owned()
        };
        assert_eq!(at(6_000).split("cluster").nth(1).unwrap().trim(), "| 6 s");
        assert_ne!(at(6_000), at(6_250));
        assert_eq!(at(6_000), at(6_249));
    }
}
