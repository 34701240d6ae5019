//! Break-glass with holders on several machines: started, given to, and finished by its starter.

pub(crate) mod finishing;
pub(crate) mod starting;
pub(crate) mod submitting;
