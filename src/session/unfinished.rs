//! What a run of break-glass, or a rehearsal, has left open beside the checkpoint.

use crate::checkpoint::journal::{LeftOpen, left_open};
use crate::config::Config;
use crate::finding::Finding;

/// A finding for each thing. While such a run goes on it is at them.
pub(crate) fn findings(config: &Config) -> Vec<Finding> {
    let again = config.command("rehearse");
    let finding = |left| match left {
        LeftOpen::Token(path) => Finding::TokenLeftOpen(path.display().to_string(), again.clone()),
        LeftOpen::Comparison(path) => {
            Finding::ComparisonLeftOpen(path.display().to_string(), again.clone())
        }
    };
    left_open(&config.checkpoint.path)
        .into_iter()
        .map(finding)
        .collect()
}
