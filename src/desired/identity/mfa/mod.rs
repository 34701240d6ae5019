//! Second factors of the file, and whose logins need one.
//!
//! The servers know both by ids, as they do groups. A method's name is one of all types, and its write replaces all of it: one
//! that is sent by name without looking changes the type of another without a word (measured on OpenBao 2.6.2 and 2.7.2). An
//! enforcement keeps what a write does not name.

pub(super) mod documents;
pub(super) mod ourselves;
pub(crate) mod seen;
pub(super) mod writing;
