//! What `apply` would find and do, step by step, without doing any of it.

use std::rc::Rc;

use crate::bootstrap::ceremony::session;
use crate::bootstrap::judge::{Judgment, judge};
use crate::bootstrap::options::Options;
use crate::bootstrap::view::View;
use crate::checkpoint::{self, Diary};
use crate::config::Config;
use crate::desired::observation::Observation;
use crate::edge::references::resolve_all;
use crate::edge::{cluster, custodians};
use crate::event::Caller;
use crate::failure::Failure;
use crate::finding::{Detail, Finding};
use crate::session::Authority;
use crate::step::decide::Decision;
use crate::step::{Step, order};

/// What was found about one step, and what is to be done about it.
#[derive(Debug)]
pub struct Looked {
    /// Which.
    pub step: Step,
    /// What `apply` would do; where the step cannot be judged, why.
    pub decision: Result<Decision, Failure>,
    /// What is missing or different, or could not be seen.
    pub details: Vec<Detail>,
    /// What does not hold, and is nothing that the step could mend.
    pub findings: Vec<Finding>,
}

/// Looks at every step with this authority, at the cluster and the checkpoint of the file. Sends no write, writes no
/// file, takes no lock and logs nobody in. What an earlier step would change counts as changed for later ones.
///
/// # Errors
/// The file's certificates, custodians or secrets cannot be read, the diary is damaged, or no node is active.
pub async fn look(
    config: &Config,
    options: &Options,
    authority: Authority,
    caller: Caller<'_>,
) -> Result<Vec<Looked>, Failure> {
    let directory = &config.checkpoint.path;
    let new = || Diary::new(&config.cluster.name, config.cluster.address.as_str());
    let diary = Rc::new(checkpoint::read_diary(directory)?.unwrap_or_else(new));
    let (mut failures, mut warnings) = (Vec::new(), Vec::new());
    let over = diary.handed_over();
    let resolved = resolve_all(config, (true, over), &mut failures, &mut warnings).await;
    let custodians = custodians::all(config, &mut failures).await;
    Failure::check(failures)?;
    let known = (cluster::client(config, &resolved)?, resolved);
    let mut session = session((config, options), caller, known, &diary);
    session.authority = authority;
    session.cluster.keep_to_active().await?;
    let (mut looked, mut earlier_changes) = (Vec::new(), false);
    for step in order(diary.two_phase()) {
        let view = View {
            session: &session,
            diary: Rc::clone(&diary),
            directory: directory.clone(),
            step,
            options,
            custodians: &custodians,
            shares_in_hand: false,
            earlier_changes,
        };
        let judged = judge(&view).await;
        earlier_changes |= judged.as_ref().is_ok_and(Judgment::writes);
        let (decision, found) = match judged {
            Ok(Judgment {
                decision,
                observation,
            }) => (Ok(decision), observation),
            Err(failure) => (Err(failure), Observation::unknown(Vec::new())),
        };
        looked.push(Looked {
            step,
            decision,
            details: found.details,
            findings: found.findings,
        });
    }
    Ok(looked)
}
