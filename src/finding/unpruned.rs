//! Why a document that the file names no more was not deleted.

use thiserror::Error;

use crate::code::Code;
use crate::finding::words;

/// So many of what uses something are named.
const NAMED: usize = 5;

/// Why it stays.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unpruned {
    /// It was found there, or made before that was remembered.
    #[error("nothing here remembers having made it: delete it there, or put it back into the file")]
    NotMade,
    /// It has other values, in these places.
    #[error("it was changed since it was last written here, in {}: delete it there, or put it back", .0.join(", "))]
    Changed(Vec<String>),
    /// A run was killed while it was written.
    #[error("a run was killed while it was written, so nobody knows whether it is as it was")]
    Unsettled,
    /// What the server made of it is not known.
    #[error("nothing here remembers what the server made of it: delete it there")]
    NotReadBack,
    /// It has so many members, in this field, that they were not looked at.
    #[error(
        "its {1} {0} are too many to be looked at, so nobody knows whether they are as they were: delete it there"
    )]
    TooMany(&'static str, usize),
    /// What stays would be without it, by path.
    #[error("it is used by {}: {}", some(.0), words::take_out_there(.0))]
    Used(Vec<String>),
    /// Nobody could look whether something uses it: why.
    #[error("whether anything uses it was not seen: {0}")]
    UsersUnseen(String),
    /// Somebody logs in by it: the name of the login.
    #[error("the login {0} of the file logs in by it: take the login out first")]
    Login(String),
    /// The login that would delete it has its rights by it.
    #[error("the login {0}, which would delete it, may do something by it: use another login")]
    InUse(String),
    /// Of every server.
    #[error("it belongs to the server")]
    OfServer,
    /// The login may not look at it, and the rule that lets it.
    #[error("{} may not look at what it takes to be sure; it takes {}", words::who_looks(.0.as_deref()), .1)]
    Unseen(Option<String>, String),
    /// The login may not delete it, the rule that lets it, and the logins that may be tried.
    #[error("{} may not; it takes {}{}", words::who_looks(.0.as_deref()), .1, words::deletes_in_its_place(.2))]
    NotPermitted(Option<String>, String, Vec<String>),
    /// The server's refusal.
    #[error("the server refused: {0}")]
    Refused(String),
    /// It was deleted, and is still there.
    #[error("it was deleted, and is there again: somebody else writes it")]
    StillThere,
}

impl Unpruned {
    /// A login, or a token that was given, may not read this path.
    pub(crate) fn unseen(login: Option<String>, path: &str) -> Self {
        let rule = format!("path \"{path}\" {{ capabilities = [\"read\"] }}");
        Self::Unseen(login, rule)
    }

    pub(super) fn code(&self) -> Code {
        match self {
            Self::Unseen(..) | Self::NotPermitted(..) => Code::NotPermitted,
            _ => Code::NotPruned,
        }
    }
}

fn some(all: &[String]) -> String {
    let named = all.iter().take(NAMED).map(String::as_str);
    let named = named.collect::<Vec<_>>().join(", ");
    match all.len().checked_sub(NAMED) {
        None | Some(0) => named,
        Some(more) => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_was_given_is_no_login() {
        let said =
            |login: Option<&str>| Unpruned::unseen(login.map(str::to_owned), "a").to_string();
        assert!(said(Some("ada")).starts_with("the login ada may not look"));
        assert!(said(None).starts_with("the token that was given may not look"));
    }

    #[test]
    fn of_many_that_use_something_some_are_named_and_the_rest_is_counted() {
        let all = |count: usize| -> Vec<String> { (0..count).map(|n| n.to_string()).collect() };
        assert_eq!(some(&all(2)), "0, 1");
        assert_eq!(some(&all(5)), "0, 1, 2, 3, 4");
        assert_eq!(some(&all(8)), "0, 1, 2, 3, 4 and 3 more");
    }
}
