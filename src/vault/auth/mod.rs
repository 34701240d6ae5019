//! Tokens and logins at the server: opened, looked at, listed and ended.

pub(crate) mod auth_response;
pub mod oidc;
pub mod scan;
pub mod token;
