//! What a rotation has come to, as the diary keeps it.

pub(super) use crate::bootstrap::checkpoint::rotation::{
    Making, NewShare, OldShare, Phase, Rotation as State,
};
use crate::config::Config;

/// The shares that a file is about.
pub(super) fn making(config: &Config) -> Making {
    let init = &config.init;
    Making {
        generation: init.generation,
        shares: init.shares,
        threshold: init.threshold,
    }
}
