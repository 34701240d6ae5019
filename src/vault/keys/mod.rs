//! Whatever makes or changes the keys of a cluster: initialisation, root generation, rotation of the shares.

mod attempt;
pub mod generation;
pub mod init;
pub mod root;
pub mod rotation;
pub mod typed_share;
