//! Public facts that prove what was done, and the pages and signatures that carry them.

pub(crate) mod copy;
pub mod facts;
pub(crate) mod operator;
pub(crate) mod page;
pub(crate) mod run;
pub mod signing;
pub(crate) mod verification;
