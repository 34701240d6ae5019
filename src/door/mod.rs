//! Doors: logins that work without root.
//!
//! [`open`] logs in the way a person or a workload would, [`prove`] asserts with that login's own
//! token what it may and may not do, and [`grant_holds`] says whether it could bring root back. It
//! never revokes and never keeps a token: the session belongs to the caller, who revokes it. It prints
//! nothing: what a person has to see goes through [`NoticeSink`].

mod callback;
mod certificate;
mod command;
mod grant;
mod jwt;
mod model;
mod oidc;
mod opening;
mod page;
mod pasted;
mod proof;
mod reason;
mod redirect;
mod reviewed;
mod shown;

use crate::code::Code;
use crate::failure::Problem;
use crate::vault::Client;

pub(crate) use crate::door::command::withhold;
pub use crate::door::grant::grant_holds;
pub use crate::door::model::{
    Door, Expectations, JwtSource, Kind, Notice, NoticeSink, Paste, Screen, Shown, Visit,
};
pub use crate::door::opening::{has_credential, open};
pub use crate::door::proof::{DoorProof, fit_for_break_glass, prove};

/// What went wrong, behind which login it was and where.
fn named(client: &Client, door: &Door, cause: Problem) -> Problem {
    let (address, mount) = (client.address(), &door.mount);
    let places = match door.kind {
        // The others' secrets are not what the server refused.
        Kind::Userpass { .. } | Kind::Ldap { .. } | Kind::Approle { .. }
            if cause.code == Code::LoginDenied =>
        {
            format!("; it was tried with {}", door.places.join(" and "))
        }
        _ => String::new(),
    };
    let what = format!(
        "login {} at {address}/v1/auth/{mount}: {cause}{places}",
        door.name
    );
    Problem { what, ..cause }
}
