//! The line that says what a run came to.

use crate::code::Reported;
use crate::event::Summary;
use crate::step::Step;

/// How much of what the file says a run has seen.
#[derive(Clone, Copy)]
pub(super) enum Seen {
    /// All of it.
    All,
    /// All but what no server shows, such as passwords.
    AsFarAsShown,
    /// Steps were not looked at, or only in part.
    InPart,
}

impl Seen {
    /// Of a run that has not looked at these steps, or only in part.
    pub(super) fn of(summary: Option<&Summary>, unseen: &[Step]) -> Self {
        let hidden = summary.is_some_and(|summary| !summary.not_shown.is_empty());
        match (unseen.is_empty(), hidden) {
            (false, _) => Self::InPart,
            (true, true) => Self::AsFarAsShown,
            (true, false) => Self::All,
        }
    }
}

/// Says no more than was looked at: a step that was not looked at is not as the file says.
pub(super) fn headline(unchanged: bool, findings: &[Reported], seen: Seen) -> &'static str {
    if !findings.is_empty() && !Reported::any_open(findings) {
        return if unchanged {
            "nothing was written; the file accepts each finding"
        } else {
            "done; the file accepts each finding"
        };
    }
    match (unchanged, findings.is_empty(), seen) {
        (true, true, Seen::All) => "everything is as the file says; nothing was written",
        (true, true, Seen::AsFarAsShown) => {
            "all that the server shows is as the file says; nothing was written"
        }
        (true, true, Seen::InPart) => {
            "everything that was checked is as the file says; nothing was written"
        }
        (true, false, _) => "nothing was written; there are findings",
        (false, true, Seen::InPart) => "done; some steps of an earlier run were not checked again",
        (false, true, _) => "done, nothing left open",
        (false, false, _) => "done, with findings",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_as_the_file_says_only_where_all_was_seen() {
        assert_eq!(
            headline(true, &[], Seen::All),
            "everything is as the file says; nothing was written"
        );
        for seen in [Seen::AsFarAsShown, Seen::InPart] {
            assert!(!headline(true, &[], seen).contains("everything is"));
        }
        assert!(headline(true, &[], Seen::AsFarAsShown).starts_with("all that the server shows"));
    }
}
