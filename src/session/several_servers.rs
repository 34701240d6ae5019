//! Several servers behind one address. Of a cluster that is open, that is a load balancer, and well. Before that
//! `sys/init` reaches one of them, and the next question another one, which knows nothing of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::code::Code;
use crate::failure::{Exit, Failure};
use crate::vault::{self, Client, Health, sys};

/// New connections on which an address is asked, side by side. Where each leads to one of three servers by chance, one
/// look in two thousand sees only one of them.
const LOOKS: usize = 8;

/// Such looks before something is destroyed: nobody makes that good again.
const LOOKS_AT_AN_END: usize = 4;

/// What such servers cause, one way or another. A server that is merely silent is not among them.
const CAUSED: [Code; 14] = [
    Code::NoActiveNode,
    Code::NodeMissing,
    Code::ClusterSealed,
    Code::ClusterOther,
    Code::ClusterUnknown,
    Code::AlreadyInitialised,
    Code::NotInitialised,
    Code::InitAnswerLost,
    Code::InitRefused,
    Code::ServerFailed,
    Code::ServerDenied,
    Code::ServerRefused,
    Code::RootTokenInvalid,
    Code::LoginDenied,
];

/// Looks before `sys/init`, while nothing is lost: whatever tells two servers apart is enough.
pub(crate) async fn before_init(client: &Client, again: &str) -> Option<Failure> {
    let node = the_one(client)?;
    let healths = look(&node).await;
    if !contradict(&healths) && !differ(&healths) {
        return None;
    }
    Some(
        Failure::refused(Code::SeveralServers, said(&node, &healths)).advise(format!(
            "one of them would be initialised, and another one asked for what comes next: nothing was sent; list \
             each by its own address in cluster.nodes, first the one that is to be initialised; then: {again}"
        )),
    )
}

/// Several servers in the place of a failure that they cause, else the failure.
pub(crate) async fn explained(client: &Client, failure: Failure, again: &str) -> Failure {
    let caused = matches!(failure.exit, Exit::Failed | Exit::Refused)
        && failure
            .problems
            .iter()
            .any(|one| CAUSED.contains(&one.code));
    let Some(node) = the_one(client).filter(|_| caused) else {
        return failure;
    };
    match contradiction(&node).await {
        None => failure,
        Some(said) => refused(said, again),
    }
}

/// What they say, where only one of them is initialised, or open.
pub(crate) async fn after_init(client: &Client) -> Option<String> {
    contradiction(&the_one(client)?).await
}

/// Something is kept that belongs to one of them.
pub(crate) fn refused(said: String, again: &str) -> Failure {
    Failure::refused(Code::SeveralServers, said).advise(format!(
        "list each by its own address in cluster.nodes, then continue: {again}; keep the checkpoint: it belongs to one of \
         them"
    ))
}

/// What the servers behind this address say, where they contradict each other.
async fn contradiction(node: &Client) -> Option<String> {
    let healths = look(node).await;
    if !contradict(&healths) {
        return None;
    }
    // One server that opened just then has said both.
    let healths = look(node).await;
    contradict(&healths).then(|| said(node, &healths))
}

/// Why it is not known that whatever answers at this address is empty. Unknown is never a pass.
#[derive(Debug)]
pub(crate) enum NotEmpty {
    /// It is initialised, or did not say.
    MayLive(String),
    /// Several servers, and one of them is initialised.
    Several(String),
}

/// Looks whether everything that answers at this address is empty.
///
/// # Errors
/// It is not, or not known to be.
pub(crate) async fn is_empty(node: &Client) -> Result<(), NotEmpty> {
    let mut healths = Vec::new();
    for _ in 0..LOOKS_AT_AN_END {
        match answers(node).await {
            Ok(more) => healths.extend(more),
            Err(error) => return Err(NotEmpty::MayLive(error.to_string())),
        }
        if healths.iter().all(|health| health.initialized) {
            let said = format!("{} is initialised", node.address());
            return Err(NotEmpty::MayLive(said));
        }
        if healths.iter().any(|health| health.initialized) {
            return Err(NotEmpty::Several(said(node, &healths)));
        }
    }
    Ok(())
}

/// The one address that is asked for everything. Who lists several nodes has said which there are.
fn the_one(client: &Client) -> Option<Client> {
    let mut nodes = client.nodes();
    nodes.pop().filter(|_| nodes.is_empty())
}

/// What was answered; a connection that came to nothing says nothing.
async fn look(node: &Client) -> Vec<Health> {
    let answers = sys::health_on_new_connections(node, LOOKS).await;
    answers.into_iter().flatten().flatten().collect()
}

/// The same, where a connection that came to nothing counts.
async fn answers(node: &Client) -> Result<Vec<Health>, vault::Error> {
    let answers = sys::health_on_new_connections(node, LOOKS).await?;
    answers.into_iter().collect()
}

/// What no two nodes of one cluster say that is as it should be.
fn contradict(all: &[Health]) -> bool {
    several(all, |one| Some(one.initialized))
        || several(all, |one| Some(one.sealed))
        || several(all, |one| one.cluster_id.as_deref())
}

/// What tells two nodes apart, of one cluster too.
fn differ(all: &[Health]) -> bool {
    several(all, |one| one.node.as_deref())
        || several(all, |one| Some((one.product.name(), &one.version)))
}

/// Whether there are several answers to one question, beside none.
fn several<'h, T: Ord>(all: &'h [Health], of: impl Fn(&'h Health) -> Option<T>) -> bool {
    all.iter().filter_map(of).collect::<BTreeSet<T>>().len() > 1
}

fn said(node: &Client, all: &[Health]) -> String {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for one in all {
        *kinds.entry(words(one)).or_default() += 1;
    }
    let kinds = kinds
        .iter()
        .map(|(words, count)| format!("{count} led to one that is {words}"));
    format!(
        "several servers answer at {}: of {} new connections {}",
        node.address(),
        all.len(),
        kinds.collect::<Vec<_>>().join(", ")
    )
}

/// What tells one of them from another one.
fn words(one: &Health) -> String {
    let named = |what: &str, name: &String| format!(", {what} {name}");
    format!(
        "{}{}{} ({} {})",
        one.state(),
        one.cluster_id
            .as_ref()
            .map_or_else(String::new, |id| named("cluster", id)),
        one.node
            .as_ref()
            .map_or_else(String::new, |name| named("node", name)),
        one.product.name(),
        one.version
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::Product;

    /// What a node of OpenBao says of itself.
    fn node(status: u16, cluster: Option<&str>) -> Health {
        Health {
            status,
            initialized: status != 501,
            sealed: [501, 503].contains(&status),
            product: Product::OpenBao,
            version: "2.7.2".to_owned(),
            cluster_id: cluster.map(str::to_owned),
            server_time_utc: Some(i64::from(status)),
            node: None,
        }
    }

    #[test]
    fn the_nodes_of_one_open_cluster_do_not_contradict_each_other() {
        let (active, standby) = (node(200, Some("a")), node(429, Some("a")));
        for all in [
            vec![],
            vec![active.clone()],
            vec![active.clone(), standby.clone(), active],
            vec![standby.clone(), standby],
            vec![node(501, None), node(501, None)],
        ] {
            assert!(!contradict(&all), "{all:?}");
            assert!(!differ(&all), "{all:?}");
        }
    }

    #[test]
    fn answers_that_no_one_cluster_gives_contradict_each_other() {
        let active = node(200, Some("a"));
        for other in [node(501, None), node(503, None), node(200, Some("b"))] {
            assert!(contradict(&[active.clone(), other]));
        }
    }

    #[test]
    fn two_that_are_not_initialised_are_told_apart_by_name_and_version() {
        let one = node(501, None);
        let named = |name: &str| Health {
            node: Some(name.to_owned()),
            ..one.clone()
        };
        let older = Health {
            version: "2.6.2".to_owned(),
            ..one.clone()
        };
        assert!(differ(&[named("node-0"), named("node-1")]));
        assert!(differ(&[one.clone(), older]));
        assert!(!differ(&[named("node-0"), named("node-0"), one]));
    }
}
