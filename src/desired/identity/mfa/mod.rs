//! Second factors of the file, and whose logins need one.
//!
//! The servers know both by ids, as they do groups. A method's name is one of all types, and its write replaces all of it: one
//! that is sent by name without looking changes the type of another without a word (measured on OpenBao 2.6.2 and 2.7.2 and
//! Vault 1.21.1). An enforcement keeps what a write does not name.

mod documents;
mod seen;
mod writing;

pub(super) use documents::documents;
pub(super) use seen::{Factors, is_there};
pub(crate) use seen::{Unnamed, unnamed};
pub(super) use writing::apply;

/// What the documents of methods begin with: then come their type and their name.
pub(super) const METHODS: &str = "identity/mfa/method/";
/// What those of enforcements begin with: then comes their name.
pub(super) const ENFORCEMENTS: &str = "identity/mfa/login-enforcement/";

/// How a method is called in reports: as it is written, with its name where the servers have its id.
pub(super) fn method_path(method_type: &str, name: &str) -> String {
    format!("{METHODS}{method_type}/{name}")
}

/// Where an enforcement is written and read.
pub(super) fn enforcement_path(name: &str) -> String {
    format!("{ENFORCEMENTS}{name}")
}

/// Whether this is a document of the section.
pub(super) fn is_mfa(path: &str) -> bool {
    path.starts_with(METHODS) || path.starts_with(ENFORCEMENTS)
}
