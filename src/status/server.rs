//! What anybody may know of the server, beside what the diary says.

use crate::checkpoint::Diary;
use crate::code::{Code, Reported};
use crate::event::NodeLine;
use crate::failure::Failure;
use crate::finding::Finding;
use crate::session::cluster_identity::contradiction;
use crate::session::{several_servers, unavailable};
use crate::vault::{Client, Health, sys};

/// What the server says of itself.
pub(super) struct Look {
    pub(super) server: String,
    pub(super) nodes: Vec<NodeLine>,
    /// Only holders of shares can open it.
    pub(super) waits_for_holders: bool,
    /// Only its own seal can open it, which no holder and no run can help.
    pub(super) waits_for_its_seal: bool,
    pub(super) initialised: bool,
    /// Why it does not bear out what the diary says.
    pub(super) findings: Vec<Reported>,
}

/// Asks for what anybody may know. `begun` is the diary of a ceremony that has begun here.
pub(super) async fn look(client: Result<Client, Failure>, begun: Option<&Diary>) -> Look {
    let unseen = Reported::new(
        Code::ServerUnreachable,
        "the server could not be asked, so whether it is still as recorded is unknown".to_owned(),
    );
    let silent = |server, nodes| Look {
        server,
        nodes,
        waits_for_holders: false,
        waits_for_its_seal: false,
        initialised: false,
        findings: begun.map(|_| unseen.clone()).into_iter().collect(),
    };
    let client = match client {
        Ok(client) => client,
        Err(failure) => return silent(failure.to_string(), Vec::new()),
    };
    let Listed { nodes, away, other } = listed(&client, begun).await;
    let (client, health, of) = match (sys::health(&client).await, other) {
        (Ok(health), _) => (client, health, String::new()),
        // The cluster is there, whatever node the address leads to.
        (Err(_), Some((node, health))) => {
            let of = format!(", as {} says", node.address());
            (node, health, of)
        }
        (Err(error), None) => return silent(error.to_string(), nodes),
    };
    let state = health.state();
    let server = format!("{} {}, {state}{of}", health.product.name(), health.version);
    let sealed = health.initialized && health.sealed;
    let seal = if sealed {
        sys::seal_status(&client).await.ok()
    } else {
        None
    };
    let own_seal = seal.map(|seal| seal.recovery_seal);
    let mut findings = begun.and_then(|diary| contradiction(diary, &health));
    // One of several servers cannot be what the others are.
    if let Some(contradicted) = &mut findings
        && let Some(text) = several_servers::after_init(&client).await
    {
        let code = Code::SeveralServers;
        *contradicted = Reported::new(code, text);
    }
    Look {
        server,
        nodes,
        waits_for_holders: own_seal == Some(false),
        waits_for_its_seal: own_seal == Some(true),
        initialised: health.initialized,
        findings: findings.into_iter().chain(away).collect(),
    }
}

/// The listed nodes and the address, where these are several.
#[derive(Default)]
struct Listed {
    nodes: Vec<NodeLine>,
    /// Those that do not serve the cluster that was begun; that none leads.
    away: Vec<Reported>,
    /// The active one, else the first that answers.
    other: Option<(Client, Health)>,
}

async fn listed(client: &Client, begun: Option<&Diary>) -> Listed {
    let mut listed = Listed::default();
    let answers = sys::health_of(client.nodes_and_address()).await;
    listed.away.extend(
        unavailable::leaderless(&answers).map(|said| Finding::NobodyLeads(said).reported()),
    );
    if answers.len() < 2 {
        return listed;
    }
    for (node, health) in answers {
        let address = node.address().to_owned();
        if let Some(diary) = begun
            && let Some(why) = unavailable::away(&health, diary.cluster.cluster_id.as_deref())
        {
            listed
                .away
                .push(Finding::NodeAway(address.clone(), why).reported());
        }
        let state = match health {
            Ok(health) => {
                let said = health.state().to_owned();
                if listed.other.is_none() || health.is_active() {
                    listed.other = Some((node, health));
                }
                said
            }
            Err(error) => error.to_string(),
        };
        listed.nodes.push(NodeLine { address, state });
    }
    listed
}
