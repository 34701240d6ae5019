//! How a command ends when it does not end well: what happened, what to do, and the exit code.

use std::fmt;

use crate::code::{Code, Reported};

/// The exit codes that README.md documents, the weightiest last. A refusal outweighs a failure, since trying again
/// would not help; the file's own mistakes outweigh both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything done, nothing left open.
    Done,
    /// What a command that ran for us ended with, everything else being well.
    OfCommand(u8),
    /// Done, with findings.
    Findings,
    /// Failed; trying again may help.
    Failed,
    /// Refused: a person must look.
    Refused,
    /// Usage or configuration, found without asking any server.
    Usage,
    /// Ended by the signal of this number, safely.
    Interrupted(u8),
}

impl Exit {
    /// That of a command that came to its end with these findings.
    pub fn of_findings(findings: &[Reported]) -> Self {
        if Reported::any_open(findings) {
            Self::Findings
        } else {
            Self::Done
        }
    }

    /// The number that the process exits with.
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
// It is the error of the systems too where only a person tells one failure from another: no code decides by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, schemars::JsonSchema)]
#[error("{what}")]
pub struct Problem {
    /// What a script decides by.
    pub code: Code,
    /// What happened: lowercase, no full stop, with the address as the operator would paste it.
    pub what: String,
    /// What to do about it, as a command when it can be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// What `--take-over` is to be given, where another run's lease is in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take_over: Option<String>,
    /// The HTTP status, where it is about an answer of the server.
    #[serde(skip)]
    pub status: Option<u16>,
}

impl Problem {
    /// A problem without advice.
    pub fn new(code: Code, what: impl Into<String>) -> Self {
        Self {
            code,
            what: what.into(),
            advice: None,
            take_over: None,
            status: None,
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
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
    pub fn new(exit: Exit, code: Code, what: impl Into<String>) -> Self {
        Self::with(exit, vec![Problem::new(code, what)])
    }

    /// A failure of these problems.
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

    /// What a script decides by: that of its first problem.
    pub fn code(&self) -> Code {
        let first = self.problems.first();
        first.map_or(Code::Unexpected, |problem| problem.code)
    }

    /// As something to be said beside what goes on all the same.
    pub fn reported(&self) -> Reported {
        Reported::new(self.code(), self.to_string())
    }

    /// The replica that is not what was written, where that is all.
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
    pub fn is_passing(&self) -> bool {
        self.passing
    }

    /// Trying again may help.
    pub fn failed(code: Code, what: impl Into<String>) -> Self {
        Self::new(Exit::Failed, code, what)
    }

    /// A person must look.
    pub fn refused(code: Code, what: impl Into<String>) -> Self {
        Self::new(Exit::Refused, code, what)
    }

    /// Usage or configuration.
    pub fn usage(code: Code, what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, code, what)
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

    /// Says before each problem what it is about.
    #[must_use]
    pub fn about(mut self, context: &str) -> Self {
        for problem in &mut self.problems {
            problem.what.insert_str(0, context);
        }
        self
    }

    /// Says with the last problem which lease is to be taken over.
    #[must_use]
    pub fn held_by(mut self, lease: &str) -> Self {
        if let Some(problem) = self.problems.last_mut() {
            problem.take_over = Some(lease.to_owned());
        }
        self
    }

    /// Says with the last problem what the server answered.
    #[must_use]
    pub fn answered(mut self, status: Option<u16>) -> Self {
        if let Some(problem) = self.problems.last_mut() {
            problem.status = status;
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

    /// All problems of several failures as one, with the weightiest exit code.
    pub fn all(failures: Vec<Failure>) -> Option<Self> {
        let exit = failures.iter().map(|failure| failure.exit).max()?;
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

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::with(Exit::Failed, vec![problem])
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.problems.iter().map(|one| &*one.what).collect();
        formatter.write_str(&texts.join("; "))
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_failures_become_one_with_every_problem_and_the_weightiest_code() {
        let all = Failure::all(vec![
            Failure::failed(Code::ServerUnreachable, "a is away"),
            Failure::refused(Code::ShareNameTaken, "b is taken").advise("choose another name"),
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

    #[test]
    fn what_the_server_answered_stays_with_its_own_problem() {
        let answered = Failure::failed(Code::ServerFailed, "a refused").answered(Some(500));
        let all = Failure::all(vec![
            answered,
            Failure::failed(Code::ServerFailed, "b was answered with 500"),
        ])
        .unwrap();
        let statuses = all.problems.iter().map(|problem| problem.status);
        assert!(statuses.eq([Some(500), None]), "{all:?}");
    }
}
