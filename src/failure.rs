//! How a command ends when it does not end well: what happened, what to do, and the exit code.

use std::fmt;

/// The exit codes that the README documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything done, every promise kept.
    Done,
    /// Failed; trying again may help.
    Failed,
    /// Usage or configuration, found without asking any server.
    Usage,
    /// Refused: a person must look.
    Refused,
    /// Done, with findings.
    Findings,
    /// Ended by the signal of this number, safely.
    Interrupted(u8),
    /// What a command that ran for us ended with, everything else being well.
    OfCommand(u8),
}

impl Exit {
    /// The number that the process exits with.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::Findings => 4,
            Exit::Interrupted(signal) => 128 + signal,
            Exit::OfCommand(code) => code,
        }
    }
}

/// One thing that is wrong, in two halves.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Problem {
    /// What happened: lowercase, no full stop, with the address as the operator would paste it.
    pub what: String,
    /// What to do about it, as a command when it can be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// Everything that is wrong, all at once, and the code to exit with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// At least one problem.
    pub problems: Vec<Problem>,
    /// The server was away, or between two leaders: looking again may be all it takes.
    passing: bool,
    /// The replica of the checkpoint, where that is what is damaged.
    damaged_place: Option<String>,
}

impl Failure {
    /// A failure of one problem without advice.
    #[must_use]
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self::with(
            exit,
            vec![Problem {
                what: what.into(),
                advice: None,
            }],
        )
    }

    /// A failure of these problems.
    #[must_use]
    pub fn with(exit: Exit, problems: Vec<Problem>) -> Self {
        Self {
            exit,
            problems,
            passing: false,
            damaged_place: None,
        }
    }

    /// Marks it as one of a replica that is not what was written.
    #[must_use]
    pub fn damaged_at(mut self, place: &str) -> Self {
        self.exit = Exit::Refused;
        self.damaged_place = Some(place.to_owned());
        self
    }

    /// The replica that is not what was written, where that is all.
    #[must_use]
    pub fn damaged_place(&self) -> Option<&str> {
        self.damaged_place.as_deref()
    }

    /// The same of something that trying again may help against.
    #[must_use]
    pub fn softened(mut self) -> Self {
        self.exit = Exit::Failed;
        self
    }

    /// Marks it as one that may pass by itself.
    #[must_use]
    pub fn passing(mut self) -> Self {
        self.passing = true;
        self
    }

    /// Whether it may pass by itself.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.passing
    }

    /// Trying again may help.
    #[must_use]
    pub fn failed(what: impl Into<String>) -> Self {
        Self::new(Exit::Failed, what)
    }

    /// A person must look.
    #[must_use]
    pub fn refused(what: impl Into<String>) -> Self {
        Self::new(Exit::Refused, what)
    }

    /// Usage or configuration.
    #[must_use]
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// Holds that nothing failed.
    ///
    /// # Errors
    /// All of these failures as one, as [`Failure::all`] makes it.
    pub fn check(failures: Vec<Failure>) -> Result<(), Failure> {
        Self::all(failures).map_or(Ok(()), Err)
    }

    /// Adds what to do to the last problem.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        if let Some(problem) = self.problems.last_mut() {
            problem.advice = Some(advice.into());
        }
        self
    }

    /// As [`Failure::advise`], where there may be nothing to say.
    #[must_use]
    pub fn advise_maybe(self, advice: Option<String>) -> Self {
        match advice {
            Some(advice) => self.advise(advice),
            None => self,
        }
    }

    /// All problems of several failures as one. A refusal outweighs a failure, since trying again
    /// would not help; the file's own mistakes outweigh both.
    #[must_use]
    pub fn all(failures: Vec<Failure>) -> Option<Self> {
        let weight = |exit: Exit| match exit {
            Exit::Interrupted(_) => 5,
            Exit::Usage => 4,
            Exit::Refused => 3,
            Exit::Failed => 2,
            Exit::Findings | Exit::OfCommand(_) => 1,
            Exit::Done => 0,
        };
        let exits = failures.iter().map(|failure| failure.exit);
        let exit = exits.max_by_key(|exit| weight(*exit))?;
        let passing = failures.iter().all(Failure::is_passing);
        let problems = failures
            .into_iter()
            .flat_map(|failure| failure.problems)
            .collect();
        Some(Self {
            exit,
            problems,
            passing,
            damaged_place: None,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.problems.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(formatter, "{separator}{}", problem.what)?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_failures_become_one_with_every_problem_and_the_weightiest_code() {
        let all = Failure::all(vec![
            Failure::failed("a is away"),
            Failure::refused("b is taken").advise("choose another name"),
        ])
        .unwrap();
        assert_eq!(all.exit, Exit::Refused);
        assert_eq!(all.to_string(), "a is away; b is taken");
        assert_eq!(
            all.problems[1].advice.as_deref(),
            Some("choose another name")
        );
        assert_eq!(Failure::all(Vec::new()), None);
    }
}
