//! Everything that can be known to fail is found here, all of it at once, before `sys/init`.
//!
//! Nothing is left behind: canaries are deleted, and the server is only asked questions.

mod custodians;
mod machines;

use futures::future::join_all;

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::steps::{clock, hand_over, initialize, two_phase};
use crate::bootstrap::view::View;
use crate::code::Code;
use crate::config::{BreakGlass, Seal};
use crate::custodian::Custodian;
use crate::desired::observation::Observation;
use crate::edge::receivers;
use crate::evidence::facts::Evidence;
use crate::failure::Failure;
use crate::finding::Finding;
use crate::session::{catalogue, namespace, several_servers};
use crate::step::Step;
use crate::step::decide::{Recorded, Refusal, Seen};
use crate::vault::Client;
use crate::vault::sys::{self, Health, Product, SealStatus, release};

/// As long as nothing is initialised there is always something to check again: the file may have
/// changed since. Afterwards there is nothing left to do, and nothing is looked at.
pub(crate) async fn observe(view: &View<'_>) -> Result<Observation, Failure> {
    let before = match view.diary.recorded(Step::Initialize) {
        Recorded::Nothing => true,
        // A request without an answer: where it did not arrive, it is about to be sent.
        Recorded::Started if !view.keeps_something()? => {
            initialize::observe(view).await?.seen == Seen::Absent
        }
        Recorded::Started | Recorded::Done => false,
    };
    if before {
        return Ok(Observation::absent());
    }
    let evidence = view.evidence().unwrap_or_default();
    if view.recorded() == Recorded::Done {
        return Ok(Observation {
            evidence,
            ..Observation::unknown(Vec::new())
        });
    }
    Ok(Observation::present(evidence))
}

/// One node as it answered.
struct Node {
    address: String,
    health: Health,
    seal: SealStatus,
}

pub(crate) async fn apply(ceremony: &mut Ceremony<'_>) -> Result<Evidence, Failure> {
    let ceremony = &*ceremony;
    let mut failures = Vec::new();
    let (client, again) = (ceremony.client(), ceremony.options.again(ceremony.config));
    let several = several_servers::before_init(&client, again.as_str());
    let (nodes, several) = futures::join!(reach(ceremony, &mut failures), several);
    // Nothing of what they say belongs together.
    several.map_or(Ok(()), Err)?;
    judge_nodes(ceremony, &nodes, &mut failures);
    if nodes.iter().any(|node| node.health.initialized) {
        // Nothing else matters then, and nothing else may be touched.
        failures.push(initialize::refusal(ceremony, arrived(ceremony)));
        return Err(only_refusals(failures));
    }
    let tried = custodians::try_all(ceremony, &mut failures).await;
    custodians::proofs(ceremony, &tried, &mut failures);
    custodians::trust(ceremony);
    custodians::who_sees_the_shares(ceremony, nodes.first().map(|node| &node.seal));
    if let Some(said) = hand_over::files_of_this_machine(ceremony) {
        ceremony.warn(said.code(), said.to_string());
    }
    if let Err(error) = ceremony.key()?.probe(&ceremony.config.cluster.name).await {
        failures.push(error.into());
    }
    if let Some(place) = ceremony.records.replica()
        && let Err(failure) = place.trial(custodians::bytes_of_shares(ceremony)).await
    {
        failures.push(failure);
    }
    machines::try_all(ceremony, &mut failures).await;
    let trials = receivers::try_all(ceremony.config, &mut failures);
    for said in Box::pin(trials).await {
        ceremony.warn(said.code, said.text);
    }
    break_glass(ceremony, &nodes, &mut failures);
    Failure::check(failures)?;
    let Some(first) = nodes.first() else {
        return Err(Failure::failed(Code::ServerUnreachable, "no node answered"));
    };
    let by_itself = if first.seal.recovery_seal {
        " (auto)"
    } else {
        ""
    };
    if let Some(said) = catalogue::not_built_in(ceremony.config, &first.health) {
        ceremony.warn(Code::NotOnThisServer, said);
    }
    ceremony.note(format!(
        "{} {} with seal {}{by_itself}, {} node{}",
        first.health.product.name(),
        first.health.version,
        first.seal.seal_type,
        nodes.len(),
        if nodes.len() == 1 { "" } else { "s" },
    ));
    let addresses: Vec<_> = nodes.iter().map(|node| &node.address).collect();
    let custodians = ceremony.custodians.iter().map(Custodian::address);
    Ok(Evidence::default()
        .with("product", first.health.product.name())
        .with("version", &first.health.version)
        .with("seal", &first.seal.seal_type)
        .with("nodes", addresses)
        .with("custodians", custodians.collect::<Vec<_>>())
        .with("proved", custodians::proved_at(ceremony, &tried)))
}

/// Whose initialisation it is that was found.
fn arrived(ceremony: &Ceremony<'_>) -> Refusal {
    match ceremony.diary().recorded(Step::Initialize) {
        Recorded::Nothing => Refusal::Foreign,
        Recorded::Started | Recorded::Done => Refusal::AnswerLost,
    }
}

async fn reach(ceremony: &Ceremony<'_>, failures: &mut Vec<Failure>) -> Vec<Node> {
    let asks = ceremony
        .client()
        .nodes()
        .into_iter()
        .map(|node: Client| async move {
            let (health, seal) = futures::join!(sys::health(&node), sys::seal_status(&node));
            Ok::<_, crate::vault::Error>(Node {
                address: node.address().to_owned(),
                health: health?,
                seal: seal?,
            })
        });
    let mut nodes = Vec::new();
    for answer in join_all(asks).await {
        match answer {
            Ok(node) => nodes.push(node),
            Err(error) => failures.push(error.into()),
        }
    }
    if let Some(address) = ceremony.client().unlisted_address()
        && let Err(error) = sys::health(&address).await
    {
        // What balances the load may wait for a cluster that is unsealed.
        let said = format!("{error}; if that stays so, correct cluster.address");
        ceremony.warn(Code::NodeMissing, said);
    }
    nodes
}

fn judge_nodes(ceremony: &Ceremony<'_>, nodes: &[Node], failures: &mut Vec<Failure>) {
    let Some(first) = nodes.first() else { return };
    for node in nodes {
        if node.health.product != first.health.product {
            failures.push(
                Failure::refused(
                    Code::ClusterOther,
                    format!(
                        "{} is {}, {} is {}",
                        node.address,
                        node.health.product.name(),
                        first.address,
                        first.health.product.name()
                    ),
                )
                .advise("two products are two clusters: correct cluster.nodes"),
            );
        }
        match (&node.health.cluster_id, &first.health.cluster_id) {
            (Some(one), Some(other)) if one != other => failures.push(
                Failure::refused(
                    Code::ClusterOther,
                    format!(
                        "{} and {} are two clusters ({other}, {one})",
                        first.address, node.address
                    ),
                )
                .advise("correct cluster.nodes"),
            ),
            _ => {}
        }
        failures.extend(namespace::unknown_to(
            ceremony.config,
            &node.address,
            &node.health,
        ));
        seal_as_said(ceremony, node, failures);
        failures.extend(two_phase::refused(ceremony, &node.health, &node.seal));
        clock::compare(ceremony, &node.address, &node.health);
    }
}

fn seal_as_said(ceremony: &Ceremony<'_>, node: &Node, failures: &mut Vec<Failure>) {
    let found = if node.seal.recovery_seal {
        Seal::Auto
    } else {
        Seal::Shamir
    };
    match ceremony.config.init.seal {
        Some(said) if said != found => failures.push(
            Failure::refused(
                Code::NotOnThisServer,
                format!(
                    "{} has seal {}, which is not what init.seal says",
                    node.address, node.seal.seal_type
                ),
            )
            .advise("correct the server's seal stanza, or init.seal in the file"),
        ),
        _ => {}
    }
}

/// Break-glass needs a server that lets a login generate root. OpenBao took the open way away in 2.5.3 and
/// made the authenticated one in 2.6.0 (its change log); in between there is none.
fn break_glass(ceremony: &Ceremony<'_>, nodes: &[Node], failures: &mut Vec<Failure>) {
    if let BreakGlass::None { reason } = &ceremony.config.break_glass {
        ceremony.find(Finding::NoBreakGlass(reason.clone()));
        return;
    }
    let without = |node: &&Node| {
        node.health.product == Product::OpenBao
            && release(&node.health.version)
                .is_some_and(|release| ((2, 5, 3)..(2, 6, 0)).contains(&release))
    };
    if let Some(node) = nodes.iter().find(without) {
        let version = &node.health.version;
        failures.push(
            Failure::refused(Code::NoRootGeneration, format!(
                "{} is OpenBao {version}, where no login can ever generate a root token",
                node.address
            ))
            .advise(
                "upgrade to 2.6.0 or later first; or take the risk by name: break_glass: {none: \"reason\"}",
            ),
        );
    }
}

/// A refusal outweighs what else went wrong while looking.
fn only_refusals(failures: Vec<Failure>) -> Failure {
    let refused = failures
        .into_iter()
        .filter(|f| f.exit == crate::failure::Exit::Refused)
        .collect();
    Failure::all(refused).unwrap_or_else(|| {
        Failure::refused(Code::AlreadyInitialised, "a node is already initialised")
    })
}
