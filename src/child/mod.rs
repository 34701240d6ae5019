//! Other programs: run for what they print, or attended until they end.

pub(crate) mod attended;
pub(crate) mod captured;
