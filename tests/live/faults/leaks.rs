//! Whether any secret stands in what a run said or left behind, in any spelling.

use super::stage::Stage;
use crate::ceremony::Run;

/// The places where a secret stands, a line for each.
pub fn found(stage: &Stage, runs: &[Run]) -> Vec<String> {
    let names: Vec<_> = (1..=runs.len())
        .map(|number| {
            [
                format!("stdout of run {number}"),
                format!("stderr of run {number}"),
            ]
        })
        .collect();
    let shown: Vec<_> = names
        .iter()
        .zip(runs)
        .flat_map(|([stdout, stderr], run)| {
            [
                (stdout.as_str(), run.stdout.as_str()),
                (stderr.as_str(), run.stderr.as_str()),
            ]
        })
        .collect();
    stage.ceremony.watch().finds(&shown)
}
