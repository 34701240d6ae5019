//! Doors: logins that work without root.
//!
//! [`open`] logs in the way a person or a workload would, [`prove`] asserts with that login's own
//! token what it may and may not do, and [`grant_holds`] says whether it could bring root back. It
//! never revokes and never keeps a token: the session belongs to the caller, who revokes it. It prints
//! nothing: what a person has to see goes through [`Tell`].

mod callback;
mod command;
mod error;
mod grant;
mod jwt;
mod model;
mod oidc;
mod opening;
mod page;
mod proof;
mod reason;
mod redirect;

pub use crate::door::error::{Cause, DoorError};
pub use crate::door::grant::{RootGenerationApi, grant_holds};
pub use crate::door::model::{
    DEFAULT_WAIT, Door, Expectations, JwtSource, Kind, Notice, Program, Screen, Tell,
};
pub use crate::door::opening::open;
pub use crate::door::proof::{DoorProof, fit_for_break_glass, prove};
pub use crate::door::reason::Refusal;
