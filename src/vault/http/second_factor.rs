//! What a server answers to a login that is good, and that a second factor is to follow.

use std::fmt;

use crate::shell::ShellCommand;

/// The enforcements that want it by name, each with the methods of which one is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactor(pub Vec<(String, Vec<String>)>);

impl fmt::Display for SecondFactor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a demand for a second factor")?;
        for (place, (name, methods)) in self.0.iter().enumerate() {
            let before = if place == 0 {
                ", by the enforcement "
            } else {
                ", "
            };
            write!(out, "{before}{name}")?;
            if !methods.is_empty() {
                write!(out, " ({})", methods.join(" or "))?;
            }
        }
        Ok(())
    }
}

impl SecondFactor {
    /// What to do about it.
    pub(super) fn advice(&self) -> String {
        let look = self.0.first().map(|(name, _)| {
            let path = format!("identity/mfa/login-enforcement/{name}");
            let command = ShellCommand::new("vault read").with(&path);
            format!("see whom it is about: {command} (or bao read); ")
        });
        format!(
            "{}this program gives no second factor: take whoever logs in here out of that enforcement, or let them come in by \
             another auth method, and as somebody else, whom none is about",
            look.unwrap_or_default()
        )
    }
}
