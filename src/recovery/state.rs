//! What a rotation has come to, as the diary keeps it.

pub(super) use crate::checkpoint::rotation::{
    KeySet, NewShare, OldShare, Phase, Rotation as State,
};
use crate::config::Config;

/// The shares that a file is about.
pub(super) fn key_set(config: &Config) -> KeySet {
    let init = &config.init;
    KeySet {
        generation: init.generation,
        shares: init.shares,
        threshold: init.threshold,
    }
}
