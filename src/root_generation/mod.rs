//! A quorum of shares and a login with the grant make a root token.
//!
//! This room knows how an attempt goes and what can go wrong in it. Where shares come from, what is recorded and
//! what becomes of the token is the business of whoever needs one.

mod code;
mod holders;
mod making;
mod quorum;
mod rules;

pub(crate) use code::Code;
pub use holders::Invitation;
pub(crate) use holders::{Asked, LOOK, wait_for};
pub(crate) use making::{Attempt, begin, busy, complete, not_let_in, not_taken};
pub use making::{Held, Known, Moment, leftover};
pub use quorum::{Quorum, quorums};
pub use rules::{Rules, off, rules};
