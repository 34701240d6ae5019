//! Waits until a node is active and answers an authenticated request: unsealed is not active, and a
//! standby's answer proves nothing.

use tokio::time::Instant;

use crate::bootstrap::authority::revoked_root;
use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::view::View;
use crate::code::Code;
use crate::desired::observation::Observation;
use crate::evidence::facts::Evidence;
use crate::failure::Failure;
use crate::finding::Finding;
use crate::session::{catalogue, several_servers, unavailable};
use crate::step::Step;
use crate::vault::auth::token;
use crate::vault::sys::{self, Health};
use crate::vault::{Client, RootGeneration, probe_root_generation};

/// How often the active node is described when it leads no more in the middle of that.
const LOOKS: usize = 4;

pub(super) async fn observe(view: &View<'_>) -> Result<Observation, Failure> {
    let client = view.client();
    let Some((active, health)) = sys::active(&client).await else {
        return Ok(Observation::absent());
    };
    if !view.cluster.is_of(&active, &health)? {
        return Ok(Observation::absent());
    }
    match token::lookup_self(&view.at_home(&active), view.token()?).await {
        // As root the rules of this server are still to be found out.
        Ok(_) if view.is_root() => Ok(Observation::partial(Vec::new())),
        Ok(_) => Ok(Observation::present(
            Evidence::default().with("node", active.address()),
        )),
        Err(error) if error.is_retryable() => Ok(Observation::absent()),
        Err(error) if error.is_forbidden() && view.is_root() => Err(revoked_root(view, &active)),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn apply(ceremony: &mut Ceremony<'_>) -> Result<Evidence, Failure> {
    let limit = ceremony.config.cluster.timeouts.active;
    let begun = Instant::now();
    loop {
        ceremony.cluster.find_active().await?;
        let active = ceremony.client();
        let error = match token::lookup_self(&ceremony.at_home(&active), ceremony.token()?).await {
            Ok(_) => break,
            Err(error) if error.is_retryable() => error,
            Err(error) => return Err(error.into()),
        };
        let what = "the active node to answer its root";
        let waited = ceremony
            .cluster
            .wait(begun, limit, what, &error.to_string())
            .await;
        waited.map_err(|failure| failure.answered(error.status()))?;
    }
    one_cluster(ceremony, begun).await?;
    for _ in 1..LOOKS {
        match describe(ceremony).await {
            Err(failure) if ceremony.cluster.passes(&failure).await => {
                ceremony.note(format!("{failure}; looking for the active node again"));
                ceremony.cluster.find_active().await?;
            }
            described => return described,
        }
    }
    describe(ceremony).await
}

/// Whatever answers at an address of several servers is one cluster by now. What balances the load may need a moment to
/// see which of them is open.
async fn one_cluster(ceremony: &Ceremony<'_>, begun: Instant) -> Result<(), Failure> {
    let limit = ceremony.config.cluster.timeouts.active;
    while let Some(said) = several_servers::after_init(&ceremony.client()).await {
        let waited = ceremony.cluster.wait(begun, limit, "one cluster", &said);
        let again = ceremony.options.again(ceremony.config);
        waited
            .await
            .map_err(|_| several_servers::refused(said.clone(), again.as_str()))?;
    }
    Ok(())
}

/// Whose the active node is, who belongs to it, and how it makes root tokens.
async fn describe(ceremony: &Ceremony<'_>) -> Result<Evidence, Failure> {
    let active = ceremony.client();
    let health = sys::health(&active).await?;
    ceremony.cluster.is_of(&active, &health)?;
    if let Some(id) = &health.cluster_id {
        ceremony
            .records
            .record(|diary| diary.cluster.cluster_id = Some(id.clone()))?;
        ceremony.cluster.must_be(Some(id.clone()));
    }
    joined(ceremony, &health).await?;
    if ceremony.is_root() {
        let root = ceremony.at_home(&active);
        catalogue::has_auth_types(ceremony.config, &root, ceremony.token()?).await?;
    }
    let rules = match probe_root_generation(&active, Some(ceremony.token()?)).await {
        Ok(rules) => rules_name(rules).to_owned(),
        // After hand-over we are a login that need not hold the grant: what root saw stands.
        Err(error) if error.is_forbidden() && !ceremony.is_root() => recorded(ceremony),
        Err(error) => return Err(error.into()),
    };
    if rules == rules_name(RootGeneration::OpenClassic) {
        ceremony.find(Finding::AnybodyMayGenerateRoot);
    }
    Ok(Evidence::default()
        .with("node", active.address())
        .with("product", health.product.name())
        .with("version", &health.version)
        .with("cluster_id", &health.cluster_id)
        .with("root_generation", rules))
}

/// Listed nodes that do not serve, and the address, each a finding. Whoever is root has waited for all nodes.
pub(crate) async fn look_for_all_nodes(ceremony: &Ceremony<'_>) {
    let client = ceremony.client();
    let mut asked = client.nodes_and_address();
    if ceremony.is_root() {
        asked = client.unlisted_address().into_iter().collect();
    } else if asked.len() < 2 {
        return;
    }
    let id = ceremony.cluster.id();
    for (node, health) in sys::health_of(asked).await {
        if let Some(why) = unavailable::away(&health, id.as_deref()) {
            ceremony.find(Finding::NodeAway(node.address().to_owned(), why));
        }
    }
}

fn recorded(ceremony: &Ceremony<'_>) -> String {
    let rules = ceremony
        .diary()
        .fact(Step::WaitUntilActive, "root_generation");
    rules.unwrap_or_else(|| "not known".to_owned())
}

/// Every listed node belongs to the cluster that is active: an address of another one would be
/// configured by nobody and trusted by everybody.
async fn joined(ceremony: &Ceremony<'_>, active: &Health) -> Result<(), Failure> {
    let begun = Instant::now();
    let limit = ceremony.config.cluster.timeouts.active;
    loop {
        let (mut apart, mut silent) = (Vec::new(), Vec::new());
        for (node, health) in sys::health_of_nodes(&ceremony.client()).await {
            match health {
                Ok(health) if health.cluster_id == active.cluster_id && !health.sealed => {}
                Ok(health) if health.initialized && health.sealed => {
                    apart.push(format!("{} is sealed", node.address()));
                }
                Ok(health) if health.initialized && health.cluster_id.is_some() => {
                    return Err(two_clusters(&node, &health, active));
                }
                // Perhaps just unsealed: it does not say yet whose it is.
                Ok(_) => apart.push(format!("{} has not joined", node.address())),
                Err(error) => silent.push(error.to_string()),
            }
        }
        if apart.is_empty() && silent.is_empty() {
            return Ok(());
        }
        let said = [&silent[..], &apart[..]].concat().join(", ");
        ceremony
            .cluster
            .wait(begun, limit, "all nodes to join", &said)
            .await
            .map_err(|_| not_complete(ceremony, &apart, &said))?;
    }
}

/// A node that answers and belongs to nobody is a mistake in a file; one that is silent may come back.
fn not_complete(ceremony: &Ceremony<'_>, apart: &[String], said: &str) -> Failure {
    let again = ceremony.options.again(ceremony.config);
    if apart.is_empty() {
        return Failure::failed(Code::NodeMissing, said.to_owned()).advise(format!(
            "start the server there, or remove it from cluster.nodes; then continue: {again}"
        ));
    }
    Failure::refused(Code::NodeMissing, said.to_owned()).advise(format!(
        "a node that never joins is not part of this cluster: correct its retry_join, or cluster.nodes \
         in the file; one that joined and stays sealed says why in its log, and tries again when it is \
         restarted; then continue: {again}"
    ))
}

fn two_clusters(node: &Client, health: &Health, active: &Health) -> Failure {
    let id = |health: &Health| {
        health
            .cluster_id
            .clone()
            .unwrap_or_else(|| "unknown".into())
    };
    Failure::refused(
        Code::ClusterOther,
        format!(
            "{} is a node of cluster {}, the active one is {}",
            node.address(),
            id(health),
            id(active)
        ),
    )
    .advise("correct cluster.nodes in the file: these are two clusters")
}

fn rules_name(rules: RootGeneration) -> &'static str {
    match rules {
        RootGeneration::OpenClassic => "sys/generate-root, open to anybody",
        RootGeneration::AuthenticatedClassic => "sys/generate-root, for logins that may",
        RootGeneration::OpenBaoAuthenticated => "sys/generate-root-token, for logins that may",
        RootGeneration::Off => "none over the API",
    }
}
