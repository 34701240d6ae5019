//! The steps of the ceremony: their order, and what is to be done about one.

pub mod decide;
mod order;

pub use order::{ORDER, Step, order};
