//! Why no node is active, in words for whoever can mend it. Waiting does not unseal, does not renew a
//! certificate, and does not list the node that leads.

use futures::future::join_all;

use crate::code::Code;
use crate::failure::Failure;
use crate::shell::ShellCommand;
use crate::vault::{self, Client, Health, sys};

/// What is to be typed.
pub(crate) struct Advised {
    /// Once the cluster answers.
    pub(crate) again: ShellCommand,
    /// By each holder, where it waits for its shares.
    pub(crate) unseal: ShellCommand,
}

/// A node and what it said of its health.
pub(crate) type Answer = (Client, Result<Health, vault::Error>);

/// What each node said, as one line.
pub(crate) fn said(answers: &[Answer]) -> String {
    let words = answers.iter().map(|(node, health)| match health {
        // It calls itself sealed as well.
        Ok(health) if !health.initialized => format!("{} is not initialised", node.address()),
        Ok(health) if health.sealed => format!("{} is sealed", node.address()),
        Ok(health) if is_nameless(health) => {
            format!("{} does not say which cluster it is", node.address())
        }
        Ok(health) if health.is_active() => format!("{} is active", node.address()),
        Ok(_) => format!("{} is standby", node.address()),
        Err(error) => error.to_string(),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// What each said where one is open and none leads.
pub(crate) fn leaderless(answers: &[Answer]) -> Option<String> {
    let (mut standby, mut leads) = (false, false);
    for health in answers
        .iter()
        .filter_map(|(_, health)| health.as_ref().ok())
    {
        leads |= health.is_active();
        standby |= health.initialized && !health.sealed && !health.is_active();
    }
    (standby && !leads).then(|| said(answers))
}

/// Active, and not known whose it is.
fn is_nameless(health: &Health) -> bool {
    health.is_active() && health.cluster_id.is_none()
}

/// Whether nothing listens at any of the addresses, which are all of this machine.
pub(crate) fn refused_here(answers: &[Answer]) -> bool {
    let refused = |health: &Result<Health, vault::Error>| {
        health.as_ref().is_err_and(vault::Error::is_refused_here)
    };
    !answers.is_empty() && answers.iter().all(|(_, health)| refused(health))
}

/// Whether no node will ever answer us as things are, such as behind a certificate that is not trusted.
pub(crate) fn for_good(answers: &[Answer]) -> bool {
    let lasting = |health: &Result<Health, vault::Error>| {
        health.as_ref().is_err_and(|error| !error.is_retryable())
    };
    !answers.is_empty() && answers.iter().all(|(_, health)| lasting(health))
}

/// Why a node does not serve the cluster of this id; nothing where it does.
pub(crate) fn away(health: &Result<Health, vault::Error>, id: Option<&str>) -> Option<String> {
    match health {
        Err(error) => Some(error.to_string()),
        Ok(health) if !health.initialized => {
            Some("it is not initialised, or has not joined".to_owned())
        }
        Ok(health) if health.sealed => Some("it is sealed".to_owned()),
        Ok(health) => match (&health.cluster_id, id) {
            (Some(found), Some(known)) if found != known => {
                Some(format!("it is of another cluster, {found}"))
            }
            _ => None,
        },
    }
}

/// Whether so many of several nodes are silent that the others elect nobody, which is how raft elects: with other storage
/// one node is enough.
pub(crate) async fn without_quorum(answers: &[Answer]) -> bool {
    if answers.len() < 2 || 2 * silent(answers) < answers.len() {
        return false;
    }
    let awake = answers.iter().filter(|(_, health)| health.is_ok());
    let seals = join_all(awake.map(|(node, _)| sys::seal_status(node))).await;
    let mut seals = seals.into_iter().flatten();
    seals.any(|seal| seal.storage_type.as_deref() == Some("raft"))
}

fn silent(answers: &[Answer]) -> usize {
    answers.iter().filter(|(_, health)| health.is_err()).count()
}

/// Whether every node is sealed until holders give their shares.
pub(crate) async fn waits_for_holders(answers: &[Answer]) -> bool {
    let sealed = |health: &Health| health.initialized && health.sealed;
    let mut all = answers.iter().map(|(_, health)| health.as_ref());
    if !all.all(|health| health.is_ok_and(sealed)) {
        return false;
    }
    let seals = answers.iter().map(|(node, _)| sys::seal_status(node));
    let mut seals = join_all(seals).await.into_iter();
    seals.all(|seal| seal.is_ok_and(|seal| !seal.recovery_seal))
}

/// Whether every node says that nobody has initialised it, which it also calls sealed: no waiting mends that.
pub(crate) fn uninitialised(answers: &[Answer]) -> bool {
    let empty = |health: &Health| !health.initialized;
    let mut all = answers.iter().map(|(_, health)| health.as_ref());
    !answers.is_empty() && all.all(|health| health.is_ok_and(empty))
}

/// The end of the wait, or of the hope: `waited` where nothing better is known.
pub(crate) async fn explained(answers: Vec<Answer>, waited: Failure, advised: &Advised) -> Failure {
    let again = &advised.again;
    if for_good(&answers) {
        let errors = answers.into_iter().filter_map(|(_, health)| health.err());
        return Failure::all(errors.map(Failure::from).collect()).unwrap_or(waited);
    }
    if refused_here(&answers) {
        return waited.advise(format!("start the server there, then go on: {again}"));
    }
    if without_quorum(&answers).await {
        let (listed, answer) = (answers.len(), answers.len() - silent(&answers));
        let text = format!(
            "{answer} of the {listed} listed nodes answer, and none of them is the leader: {}",
            said(&answers)
        );
        return Failure::failed(Code::NoActiveNode, text)
            .advise(format!("start the others; then continue: {again}"));
    }
    let nameless = |(_, health): &&Answer| health.as_ref().is_ok_and(is_nameless);
    if let Some((node, _)) = answers.iter().find(nameless) {
        let address = node.address();
        return Failure::refused(Code::ClusterUnknown, format!(
            "{address} is active and does not say which cluster it is: nothing was sent to it"
        ))
        .advise(format!(
            "see that cluster.address leads to a node itself and nothing hides cluster_id in its answer to \
             {address}/v1/sys/health; then continue: {again}"
        ));
    }
    if uninitialised(&answers) {
        return not_initialised(&answers, again);
    }
    let all = |is: fn(&Health) -> bool| {
        let each = |(_, health): &Answer| health.as_ref().is_ok_and(is);
        answers.iter().all(each)
    };
    if all(|health| health.sealed) {
        return sealed(&answers, advised).await;
    }
    if all(|health| health.initialized && !health.is_active())
        && let Some(leader) = leader_elsewhere(&answers).await
    {
        return waited.advise(format!(
            "the node that leads is {leader}: add it to cluster.nodes, with all others; then continue: {again}"
        ));
    }
    waited
}

/// Emptied, another one, or not begun: from here nobody can tell which.
fn not_initialised(answers: &[Answer], again: &ShellCommand) -> Failure {
    let nodes: Vec<_> = answers.iter().map(|(node, _)| node.address()).collect();
    let (nodes, are) = (
        nodes.join(", "),
        if nodes.len() == 1 { "is" } else { "are" },
    );
    Failure::refused(Code::NotInitialised, format!("{nodes} {are} not initialised"))
        .advise(format!(
            "see that cluster.address and cluster.nodes are of the cluster that is meant; if its storage was emptied, no \
             share and no login opens anything there: restore its data from a backup, then continue: {again}; if it was \
             never initialised, apply does that"
        ))
}

/// Holders of shares open it, or a seal that works again.
async fn sealed(answers: &[Answer], Advised { again, unseal }: &Advised) -> Failure {
    let seals = answers.iter().map(|(node, _)| sys::seal_status(node));
    let (mut words, mut by_holders, mut by_itself) = (Vec::new(), false, Vec::new());
    for ((node, _), seal) in answers.iter().zip(join_all(seals).await) {
        let address = node.address();
        match seal {
            Ok(seal) if seal.recovery_seal => {
                words.push(format!("{address} is sealed (seal {})", seal.seal_type));
                by_itself.push(seal.seal_type);
            }
            Ok(seal) => {
                words.push(format!("{address} is sealed (seal {})", seal.seal_type));
                by_holders = true;
            }
            Err(_) => words.push(format!("{address} is sealed")),
        }
    }
    by_itself.dedup();
    let advice = match (by_itself.is_empty(), by_holders) {
        (_, true) => {
            format!(
                "let each holder of a quorum give their share: {unseal}; then continue: {again}"
            )
        }
        (false, false) => format!(
            "nothing unseals it but its own seal, {}: check that the key exists, is enabled and may be used by the \
             server, whose log says why it does not open; restart the server if it stays sealed nevertheless; \
             then continue: {again}",
            by_itself.join(", ")
        ),
        (true, false) => {
            format!("see in the server's log why it is sealed; then continue: {again}")
        }
    };
    Failure::refused(Code::ClusterSealed, words.join(", ")).advise(advice)
}

/// The address of a leader that the file does not list, as a standby knows it.
async fn leader_elsewhere(answers: &[Answer]) -> Option<String> {
    let looks = answers.iter().map(|(node, _)| sys::leader(node));
    let found = join_all(looks).await.into_iter().flatten();
    let mut leaders = found.flatten();
    let plain = |address: &str| address.trim_end_matches('/').to_owned();
    let listed: Vec<_> = answers
        .iter()
        .map(|(node, _)| plain(node.address()))
        .collect();
    leaders.find(|leader| !listed.contains(&plain(leader)))
}
