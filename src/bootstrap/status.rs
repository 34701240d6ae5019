//! `status`: where the ceremony stands and what to type next. Changes nothing, takes no lock, needs no
//! key: it reads the diary and asks the server for what anybody may know.

use serde::Serialize;

use super::checkpoint::{self, Diary};
use super::decide::Recorded;
use super::step::{ORDER, Step};
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::vault::{Client, sys};

/// Where the ceremony stands.
#[derive(Debug, Serialize)]
pub struct Status {
    /// Form of this answer.
    pub version: u32,
    /// `cluster.name` of the file.
    pub cluster: String,
    /// `cluster.address` of the file.
    pub address: String,
    /// What the server says, or why it says nothing.
    pub server: String,
    /// Each step and how far it came.
    pub steps: Vec<StepLine>,
    /// The command to type next.
    pub next: String,
}

/// One step in [`Status`].
#[derive(Debug, Serialize)]
pub struct StepLine {
    /// Which.
    pub step: Step,
    /// What it does.
    pub title: &'static str,
    /// How far it came.
    pub state: Recorded,
    /// When it was finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished: Option<String>,
}

/// Looks. `client` is `None` where not even that could be opened.
///
/// # Errors
/// The diary is damaged or was written by a later program.
pub async fn status(
    config: &Config,
    client: Result<Client, Failure>,
    command: &str,
) -> Result<(Status, Exit), Failure> {
    let diary = checkpoint::read_diary(&config.checkpoint.path)?;
    let steps = ORDER
        .into_iter()
        .map(|step| line(step, diary.as_ref()))
        .collect();
    let done = diary.as_ref().is_some_and(Diary::handed_over);
    let begun = diary
        .as_ref()
        .is_some_and(|d| d.recorded(Step::Initialize) != Recorded::Nothing);
    let next = match (done, begun) {
        (true, _) => {
            format!("{command} apply   (looks whether everything still is as in the file)")
        }
        (false, true) => format!("{command} apply   (goes on where it stopped)"),
        (false, false) => format!("{command} apply"),
    };
    let status = Status {
        version: 1,
        cluster: config.cluster.name.clone(),
        address: config
            .cluster
            .address
            .as_str()
            .trim_end_matches('/')
            .to_owned(),
        server: server(client).await,
        steps,
        next,
    };
    Ok((status, if done { Exit::Done } else { Exit::Findings }))
}

fn line(step: Step, diary: Option<&Diary>) -> StepLine {
    let entry = diary.and_then(|diary| diary.steps.get(&step));
    StepLine {
        step,
        title: step.title(),
        state: entry.map_or(Recorded::Nothing, |entry| entry.state),
        finished: entry.and_then(|entry| entry.finished.clone()),
    }
}

async fn server(client: Result<Client, Failure>) -> String {
    let client = match client {
        Ok(client) => client,
        Err(failure) => return failure.to_string(),
    };
    match sys::health(&client).await {
        Ok(health) => {
            let state = match (health.initialized, health.sealed, health.is_active()) {
                (false, ..) => "not initialised",
                (true, true, _) => "sealed",
                (true, false, true) => "active",
                (true, false, false) => "standby",
            };
            format!("{} {}, {state}", health.product.name(), health.version)
        }
        Err(error) => error.to_string(),
    }
}
