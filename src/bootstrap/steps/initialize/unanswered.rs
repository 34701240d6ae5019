//! The one request has no answer, or the loop refuses: what that means, and the way out.

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::view::View;
use crate::code::Code;
use crate::config::Config;
use crate::failure::Failure;
use crate::session::cluster_identity;
use crate::step::Step;
use crate::step::decide::{Recorded, Refusal, Seen};
use crate::vault::{self, Client, Kind, sys};

/// What both servers say of a second initialisation.
const ALREADY: &str = "already initialized";

/// The node that an earlier request without an answer went to, whichever is the first in the file now.
///
/// # Errors
/// The file does not name it any more: nobody could say whether that request arrived.
pub(super) fn asked_before(view: &View<'_>) -> Result<Option<Client>, Failure> {
    let diary = &view.diary;
    let waits = diary.recorded(Step::Initialize) == Recorded::Started && !view.keeps_something()?;
    let Some(attempt) = diary.attempt.as_ref().filter(|_| waits) else {
        return Ok(None);
    };
    if let Some(client) = view.client().at(&attempt.node) {
        return Ok(Some(client));
    }
    let (node, directory) = (&attempt.node, view.directory.display());
    Err(Failure::refused(Code::InitNodeGone, format!(
        "{node} was asked to initialise the cluster by this checkpoint ({directory}), its answer never arrived, and \
         the file no longer names that node"
    ))
    .advise(format!(
        "put {node} back into cluster.nodes: only there can you see what became of it; if that node and its storage \
         are gone for good: {}",
        view.config.command("apply --abandon")
    )))
}

/// Where another node is initialised and the one that was asked is not, it was not by our request.
pub(super) async fn same_cluster(
    view: &View<'_>,
    asked: &Client,
    answers: &[Result<bool, vault::Error>],
) -> Result<(), Failure> {
    let any = answers.iter().any(|answer| matches!(answer, Ok(true)));
    // Silent, it says nothing against it.
    if !any || sys::initialized(asked).await.unwrap_or(true) {
        return Ok(());
    }
    let nodes = view.client().nodes().into_iter().zip(answers);
    let other = nodes.filter(|(_, answer)| matches!(answer, Ok(true)));
    let others: Vec<_> = other.map(|(node, _)| node.address().to_owned()).collect();
    let (others, node) = (others.join(", "), asked.address());
    Err(Failure::refused(Code::InitNodeGone, format!(
        "{others} is initialised, and {node}, the node that this checkpoint asked, is not"
    ))
    .advise(format!(
        "if {others} belongs to another cluster, correct cluster.nodes; if somebody else initialised it, they hold \
         the keys; to forget this attempt: {}",
        view.config.command("apply --abandon")
    )))
}

/// What a refusal of the decision table means here, with the way out.
pub(crate) fn refusal(ceremony: &Ceremony<'_>, why: Refusal) -> Failure {
    let address = ceremony.client().address().to_owned();
    let directory = ceremony.records.borrow().directory().display().to_string();
    match why {
        Refusal::Foreign => foreign(ceremony.config, &address),
        Refusal::AnswerLost => answer_lost(ceremony, &address, &directory),
        Refusal::AnotherCluster => Failure::refused(Code::NotInitialised, format!(
            "{address} is not initialised, but this checkpoint ({directory}) initialised it: it is \
             another cluster, or its storage was emptied"
        ))
        .advise(format!(
            "check cluster.address; for another cluster name another checkpoint.path; if this one was \
             wiped: {}",
            ceremony.config.command("apply --abandon")
        )),
        Refusal::Unseen => Failure::failed(Code::ServerUnreachable, format!("{address} did not say whether it is initialised"))
            .advise("see that the server runs and answers, then run apply again"),
    }
}

/// Of a server that somebody else has initialised, or a checkpoint that is not here any more.
pub(crate) fn foreign(config: &Config, address: &str) -> Failure {
    Failure::refused(Code::AlreadyInitialised, format!(
        "{address} is initialised, but not by this checkpoint ({}, in which no ceremony was begun)",
        config.checkpoint.path.display()
    ))
    .advise(format!(
        "if an earlier run did it, give its checkpoint.path, or restore that directory from a copy; to compare and write \
         what the file says from here, without it: {}, with cluster.id in the file; where it is lost: if the shares were stored and a break-glass login was proved, break-glass still works, with cluster.id in the file \
         ({}); if that ceremony was stopped before its shares were with their custodians, they were in that \
         directory alone; if a colleague did it, they hold the keys; only a cluster that holds no data may be wiped and \
         initialised again",
        config.command("apply --adopt-cluster --login NAME"),
        cluster_identity::where_the_id_is(address)
    ))
}

/// Told of the node that was asked, by its own address.
fn answer_lost(ceremony: &Ceremony<'_>, address: &str, directory: &str) -> Failure {
    let attempt = ceremony.diary().attempt.clone();
    let node = attempt.as_ref().map_or(address, |attempt| &attempt.node);
    if attempt.as_ref().is_some_and(|attempt| attempt.refused) {
        let what = format!("{node} is initialised, and refused this checkpoint ({directory})");
        return whose(ceremony, &what);
    }
    Failure::refused(Code::InitAnswerLost, format!(
        "{node} is initialised; this checkpoint asked for that, and its answer never reached {directory}: unless \
         somebody else did it, no one holds the shares or the root token"
    ))
    .advise(ask_who(ceremony))
}

/// What an answer that is none means. A refusal in the server's own words that left it uninitialised is taken back.
/// One of a server that is initialised now is not: a moment ago it was not, and a request that was repeated on its
/// way, by a load balancer say, is refused the second time, with the answer to the first lost.
pub(super) async fn unanswered(
    ceremony: &Ceremony<'_>,
    error: &vault::Error,
    first: bool,
) -> Result<Failure, Failure> {
    let refused = matches!(
        error.kind(),
        Kind::Status {
            code: 400..=499,
            ..
        }
    );
    if !refused || !first {
        return Ok(no_answer(error));
    }
    let already = error.messages().iter().any(|text| text.contains(ALREADY));
    let seen = crate::bootstrap::steps::initialize::observe(&ceremony.view(Step::Initialize))
        .await
        .map(|found| found.seen);
    if !already && seen == Ok(Seen::Absent) {
        return take_back(ceremony, error).await;
    }
    ceremony.records.record(|diary| {
        if let Some(attempt) = &mut diary.attempt {
            attempt.refused = true;
        }
    })?;
    ceremony.replicate().await?;
    if seen == Ok(Seen::Present) && !already && !error.messages().is_empty() {
        return Ok(broken_off(ceremony, error));
    }
    if already || seen == Ok(Seen::Present) {
        return Ok(whose(ceremony, &error.to_string()));
    }
    Ok(no_answer(error))
}

fn no_answer(error: &vault::Error) -> Failure {
    Failure::failed(Code::InitUnanswered, format!(
        "no usable answer to the one request that initialises: {error}"
    ))
    .advise(
        "run apply again: it checks whether the request arrived, and never sends a second one blindly",
    )
}

async fn take_back(ceremony: &Ceremony<'_>, error: &vault::Error) -> Result<Failure, Failure> {
    ceremony.records.record(|diary| {
        diary.steps.remove(&Step::Initialize);
        diary.asked = None;
        diary.attempt = None;
        diary.replicated_to.clear();
    })?;
    ceremony.checkpoint().destroy_secrets()?;
    ceremony.replicate().await?;
    let advice = error.advice().unwrap_or_else(|| {
        "the server refused and this request initialised nothing; see its log, then run apply again"
            .into()
    });
    Ok(Failure::failed(Code::InitRefused, error.to_string()).advise(advice))
}

/// The server began, could not go on, for a reason that it names, and is initialised all the same: OpenBao with an audit
/// stanza that cannot work (2.6.2 and 2.7.2). It has shown its keys to nobody.
fn broken_off(ceremony: &Ceremony<'_>, error: &vault::Error) -> Failure {
    Failure::refused(
        Code::InitAnswerLost,
        format!(
            "{error}: the server was not initialised before and is now: either it initialised itself and broke off for this \
             reason, and showed its keys to nobody, or somebody else initialised it in between"
        ),
    )
    .advise(format!(
        "if this is about its own configuration, as an audit stanza that cannot work is, correct that first, or the same \
         happens again; {}",
        ask_who(ceremony)
    ))
}

/// Initialised by somebody else or by us: both are said.
fn whose(ceremony: &Ceremony<'_>, what: &str) -> Failure {
    Failure::refused(Code::InitAnswerLost, format!(
        "{what}; just before, it was not initialised: either somebody else did it in between, or our own request was \
         repeated on its way, as a proxy may do, and the answer with the keys is lost"
    ))
    .advise(ask_who(ceremony))
}

/// Nobody can see from here whose initialisation it was, and only one of the two may be wiped.
fn ask_who(ceremony: &Ceremony<'_>) -> String {
    format!(
        "ask who else may have initialised it; if somebody did, they hold the keys; to forget this attempt: {}; if \
         nobody did, no one holds them: {}",
        ceremony.config.command("apply --abandon"),
        wipe(ceremony, "start it")
    )
}

/// Nobody can open it, and nobody has used it yet.
pub(super) fn wipe(ceremony: &Ceremony<'_>, then: &str) -> String {
    let config = ceremony.config;
    format!(
        "the cluster holds no data yet: stop it, empty its storage, {then}, then {} and {}",
        config.command("apply --abandon"),
        ceremony.options.again(config)
    )
}
