//! What holders do before a ceremony and beside it: a key, a challenge, a file of their own.

mod holder_file;
mod new_identity;
mod prove_custodian;

pub use crate::holders::holder_file::holder_file;
pub use crate::holders::new_identity::new_identity;
pub use crate::holders::prove_custodian::{ProofMethod, prove_custodian};
