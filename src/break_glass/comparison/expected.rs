//! What the operator said beforehand that the command is there to change.

use crate::vault::snapshot::{Difference, Kind};

/// An API path as it was typed; with a star at its end all that begin so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expectation<'a> {
    typed: &'a str,
    path: &'a str,
    begins: bool,
}

impl<'a> Expectation<'a> {
    pub(super) fn new(typed: &'a str) -> Self {
        let path = typed.trim_start_matches('/');
        let path = path.strip_prefix("v1/").unwrap_or(path);
        let (path, begins) = match path.strip_suffix('*') {
            Some(path) => (path, true),
            None => (path.trim_end_matches('/'), false),
        };
        Self {
            typed,
            path,
            begins,
        }
    }

    pub(super) fn typed(&self) -> &'a str {
        self.typed
    }

    /// Whether this is it. No token is: where one was made says nothing of what it may do.
    pub(super) fn is(&self, difference: &Difference) -> bool {
        if difference.item.kind == Kind::Token {
            return false;
        }
        let is = |path: &String| {
            if self.begins {
                path.starts_with(self.path)
            } else {
                path.trim_end_matches('/') == self.path
            }
        };
        difference.paths().iter().any(is)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::snapshot::{Change, Item};

    fn difference(kind: Kind, namespace: &str, path: &str) -> Difference {
        Difference {
            change: Change::New,
            item: Item {
                kind,
                namespace: namespace.into(),
                name: "x".into(),
                path: path.into(),
                about: String::new(),
                identity: String::new(),
                digest: String::new(),
            },
            undo: String::new(),
        }
    }

    #[test]
    fn a_path_is_expected_whole_or_by_how_it_begins() {
        let policy = difference(Kind::Policy, "", "sys/policies/acl/ops");
        let method = difference(Kind::AuthMethod, "", "auth/b/");
        let inside = difference(Kind::Policy, "team", "sys/policies/acl/ops");
        let token = difference(Kind::Token, "", "auth/b/login/eve");
        for (typed, is) in [
            ("sys/policies/acl/ops", &policy),
            ("/v1/sys/policies/acl/ops", &policy),
            ("sys/policies/*", &policy),
            ("auth/b", &method),
            ("auth/b/", &method),
            ("sys/auth/b", &method),
            ("auth/b/*", &method),
            ("team/sys/policies/acl/ops", &inside),
        ] {
            assert!(Expectation::new(typed).is(is), "{typed}");
        }
        for (typed, other) in [
            ("sys/policies/acl/op", &policy),
            ("sys/policies/acl", &policy),
            ("auth/*", &policy),
            ("auth/b/*", &token),
            ("sys/policies/acl/ops", &inside),
        ] {
            assert!(!Expectation::new(typed).is(other), "{typed}");
        }
    }
}
