//! What `apply` would find and do, step by step, without doing any of it.

use std::rc::Rc;

use crate::bootstrap::judge::{Judgment, judge};
use crate::bootstrap::options::Options;
use crate::bootstrap::view::View;
use crate::checkpoint::{self, Diary};
use crate::config::Config;
use crate::desired::observation::Detail;
use crate::edge::references::resolve_all;
use crate::edge::{cluster, custodians};
use crate::event::Caller;
use crate::failure::Failure;
use crate::session::{Authority, Cluster, Session};
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
    pub findings: Vec<String>,
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
    if let Some(failure) = Failure::all(failures) {
        return Err(failure);
    }
    let known = diary.cluster.cluster_id.clone();
    let id = known.or_else(|| config.cluster.id.clone());
    let again = (config.cluster.timeouts.active, options.again(config));
    let client = cluster::client(config, &resolved)?;
    let session = Session {
        config,
        caller,
        cluster: Cluster::new(client, id, again, caller.events),
        authority,
        resolved,
        sign_in_seconds: options.sign_in_seconds,
    };
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
        looked.push(match judged {
            Ok(judgment) => Looked {
                step,
                decision: Ok(judgment.decision),
                details: judgment.observation.details,
                findings: judgment.observation.findings,
            },
            Err(failure) => Looked {
                step,
                decision: Err(failure),
                details: Vec::new(),
                findings: Vec::new(),
            },
        });
    }
    Ok(looked)
}
