//! A quorum of shares and a login with the grant make a root token.
//!
//! This room knows how an attempt goes and what can go wrong in it. Where shares come from, what is recorded and
//! what becomes of the token is the business of whoever needs one.

mod attempt;
mod code;
mod holders;
mod orphans;
mod quorum;
mod rules;

pub(crate) use crate::root_generation::attempt::{
    Attempt, RootGenerationRun, busy, is_root, make, not_let_in, not_taken,
};
pub use crate::root_generation::attempt::{Held, Known, Stage, leftover};
pub(crate) use crate::root_generation::code::{AttemptCode, Origin};
pub(crate) use crate::root_generation::holders::{Asked, LOOK, holders_give};
pub(crate) use crate::root_generation::orphans::{OrphanedToken, plainly_lost};
pub use crate::root_generation::quorum::{Quorum, quorums};
pub use crate::root_generation::rules::{Rules, off, rules};
