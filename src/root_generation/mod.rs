//! A quorum of shares and a login with the grant make a root token.
//!
//! This room knows how an attempt goes and what can go wrong in it. Where shares come from, what is recorded and
//! what becomes of the token is the business of whoever needs one.

mod making;
mod quorum;
mod rules;

pub use making::{Held, Known, Moment, leftover, make};
pub(crate) use making::{busy, not_let_in, not_taken};
pub use quorum::covering;
pub use rules::{Rules, off, rules};
