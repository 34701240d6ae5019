//! Break-glass: rehearsed, and in an emergency.
//!
//! `rehearse` makes a root token of the shares as their custodians keep them, looks at it and ends it: one for as many
//! quorums as it takes for every share to be in one. `break-glass` makes one, lets a command work with a short-lived
//! child of it, ends that whatever the command did, and looks what it left with another one. Both leave evidence, and
//! neither leaves a token or an attempt: what a killed run left is ended by the next one, which finds it in the journal.

mod another_quorum;
mod audit_lines;
mod command;
mod comparison;
mod each_quorum;
mod emergency;
mod every_login;
mod evidence;
mod last_look;
mod leftovers;
mod limited;
mod options;
mod rehearsing;
pub(crate) mod remote;
mod root_token;
mod session;
mod typed;
mod unsealing;

pub use crate::break_glass::command::Command;
pub use crate::break_glass::emergency::break_glass;
pub use crate::break_glass::options::Options;
pub use crate::break_glass::rehearsing::rehearse;
pub use crate::break_glass::remote::finishing::finish;
pub use crate::break_glass::remote::starting::{cancel, progress, start};
pub use crate::break_glass::remote::submitting::submit;
pub use crate::break_glass::unsealing::unseal;
