//! Tokens and logins at the server: opened, looked at, listed and ended.

pub mod oidc;
pub mod scan;
pub(crate) mod session;
pub mod token;
