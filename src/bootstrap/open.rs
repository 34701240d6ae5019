//! Opens what a ceremony stands on: checkpoint, key, custodians, secret references, the cluster's
//! address. All problems at once; nothing is written but the checkpoint's directory and lock.

use std::collections::BTreeMap;

use futures::future::join_all;

use super::ceremony::Edge;
use super::checkpoint::Checkpoint;
use super::damaged;
use super::decide::Recorded;
use super::event::Event;
use super::interrupt::Interrupt;
use super::options::Options;
use super::places;
use super::references::{Resolved, resolve, resolve_all};
use super::shares_back;
use super::step::Step;
use crate::config::{Aws, CheckpointKey, Config, CustodianKind, SecretRef};
use crate::custodian::{self, Custodian, Spec};
use crate::envelope;
use crate::failure::Failure;
use crate::vault::{Client, Target, Timeouts, Tls};

/// Opens everything.
///
/// Once the ceremony was handed over, nothing is opened that is not needed any more: neither the key,
/// and custodians that cannot be reached are only not looked at.
///
/// # Errors
/// All that could not be opened, together. A held lock comes alone: the other run is at it. Or the stop that was
/// asked for.
pub(super) async fn open(
    config: &Config,
    options: &Options,
    interrupt: &Interrupt,
    tell: &dyn Fn(Event),
) -> Result<Edge, Failure> {
    let take_over = options.take_over.as_deref();
    let (checkpoint, second_place) =
        damaged::checkpoint(config, take_over, (interrupt, tell)).await?;
    let opened = tokio::select! {
        opened = the_rest(config, options, checkpoint) => opened,
        stop = interrupt.requested() => Err(stop),
    };
    match opened {
        Ok(edge) => Ok(Edge {
            second_place,
            ..edge
        }),
        Err(failure) => {
            if let Some(place) = second_place {
                place.release((interrupt, tell)).await;
            }
            Err(failure)
        }
    }
}

async fn the_rest(
    config: &Config,
    options: &Options,
    checkpoint: Checkpoint,
) -> Result<Edge, Failure> {
    let finished = checkpoint.diary().handed_over() && !checkpoint.keeps_something()?;
    let (mut failures, mut warnings) = (Vec::new(), Vec::new());
    let begun = checkpoint.diary().recorded(Step::Initialize) != Recorded::Nothing;
    let state = (begun, finished);
    let resolved = resolve_all(config, state, &mut failures, &mut warnings).await;
    let mut away = Vec::new();
    let custodians = custodians(config, &mut away).await;
    if finished {
        warnings.extend(away.iter().map(ToString::to_string));
    } else {
        failures.extend(away);
        places::apart(&custodians, checkpoint.directory(), &mut failures);
        // A drill that was held, or a root that is dead, asks nobody any more.
        let diary = checkpoint.diary();
        let over = [Step::Drill, Step::RevokeRoot].map(|step| diary.recorded(step));
        if over == [Recorded::Nothing; 2] {
            shares_back::can_be_asked(config, options, &custodians, &mut failures);
        }
    }
    // Without its passphrase there is no key, and that it is missing is said already.
    let key = if finished || passphrase_is_missing(config, &resolved) {
        None
    } else {
        keep(key(config, &resolved).await, &mut failures)
    };
    let client = keep(client(config, &resolved), &mut failures);
    match (Failure::all(failures), client) {
        (None, Some(client)) => Ok(Edge {
            checkpoint,
            second_place: None,
            key,
            client,
            custodians,
            resolved,
            warnings,
        }),
        (failure, _) => Err(failure.unwrap_or_else(|| Failure::failed("nothing could be opened"))),
    }
}

/// The cluster alone, for commands that look only at what anybody may see.
///
/// # Errors
/// A certificate cannot be read, or the address cannot be used.
pub async fn open_client(config: &Config) -> Result<Client, Failure> {
    let mut failures = Vec::new();
    let tls = &config.cluster.tls;
    let references = [&tls.ca_cert, &tls.client_cert, &tls.client_key]
        .into_iter()
        .flatten();
    let resolved = resolve(references.collect(), &mut failures, &mut Vec::new()).await;
    let client = keep(client(config, &resolved), &mut failures);
    match (Failure::all(failures), client) {
        (None, Some(client)) => Ok(client),
        (failure, _) => Err(failure.unwrap_or_else(|| Failure::failed("no address to ask"))),
    }
}

fn passphrase_is_missing(config: &Config, resolved: &Resolved) -> bool {
    matches!(&config.checkpoint.key, CheckpointKey::Passphrase(reference) if !resolved.contains_key(reference))
}

fn keep<T>(result: Result<T, Failure>, failures: &mut Vec<Failure>) -> Option<T> {
    result.map_err(|failure| failures.push(failure)).ok()
}

/// The cluster at the address of the file.
///
/// # Errors
/// A certificate or key that cannot be used, or plain http to elsewhere.
fn client(config: &Config, resolved: &Resolved) -> Result<Client, Failure> {
    let tls = &config.cluster.tls;
    let client_key = tls
        .client_key
        .as_ref()
        .and_then(|key| resolved.get(key).cloned());
    let target = Target {
        address: config.cluster.address.clone(),
        nodes: config.cluster.nodes.clone(),
        tls: Tls {
            ca_cert: certificates(tls.ca_cert.as_ref(), resolved)?,
            server_name: tls.server_name.clone(),
            client_cert: certificates(tls.client_cert.as_ref(), resolved)?,
            client_key,
        },
        namespace: config.cluster.namespace.clone(),
        timeouts: Timeouts {
            request: config.cluster.timeouts.request,
            init: config.cluster.timeouts.init,
            active: config.cluster.timeouts.active,
        },
    };
    Ok(Client::open(&target)?)
}

/// The certificates behind a reference. A private key in their place is refused, since these go on.
pub(super) fn certificates(
    reference: Option<&SecretRef>,
    resolved: &Resolved,
) -> Result<Option<Vec<u8>>, Failure> {
    let Some(reference) = reference else {
        return Ok(None);
    };
    let Some(text) = resolved.get(reference) else {
        return Ok(None);
    };
    match text.certificates() {
        Some(pem) => Ok(Some(pem)),
        None => Err(
            Failure::usage(format!("{reference} does not hold certificates alone"))
                .advise("name a PEM file of certificates there, without a private key"),
        ),
    }
}

/// What encrypts the secret part of the checkpoint.
async fn key(config: &Config, resolved: &Resolved) -> Result<envelope::Key, Failure> {
    let key = match &config.checkpoint.key {
        CheckpointKey::Kms { key, aws } => envelope::Key::kms(key, &to_aws(aws)).await,
        CheckpointKey::Identity(path) => envelope::Key::identity(path),
        CheckpointKey::Passphrase(reference) => {
            let text = resolved.get(reference).cloned();
            let text = text.ok_or_else(|| Failure::failed(format!("{reference} was not read")))?;
            Ok(envelope::Key::passphrase(text))
        }
    };
    Ok(key?)
}

/// The custodians of the file, opened and not yet tried.
pub(super) async fn custodians(config: &Config, failures: &mut Vec<Failure>) -> Vec<Custodian> {
    let opens = config.init.custodians.iter().map(|wanted| async move {
        let spec = spec(config, wanted);
        Custodian::open(&wanted.name, &spec).await
    });
    let mut opened = Vec::new();
    for result in join_all(opens).await {
        match result {
            Ok(custodian) => opened.push(custodian),
            Err(error) => failures.push(error.into()),
        }
    }
    opened
}

/// One custodian of the file as the custodians' room takes it.
fn spec(config: &Config, wanted: &crate::config::Custodian) -> Spec {
    match &wanted.kind {
        CustodianKind::Ssm {
            parameter,
            kms_key,
            tags,
            aws,
        } => {
            let mut tags: BTreeMap<String, String> = tags.iter().cloned().collect();
            tags.entry("cluster".into())
                .or_insert_with(|| config.cluster.name.clone());
            Spec::Ssm {
                parameter: parameter.clone(),
                kms_key: kms_key.clone(),
                tags,
                aws: to_aws(aws),
            }
        }
        CustodianKind::Age { recipient, file } => Spec::Age {
            recipient: recipient.clone(),
            file: file.clone(),
        },
    }
}

/// One custodian by its name, for proving it.
///
/// # Errors
/// There is none of this name, or it cannot be opened.
pub(super) async fn one_custodian(config: &Config, name: &str) -> Result<Custodian, Failure> {
    let Some(wanted) = config
        .init
        .custodians
        .iter()
        .find(|custodian| custodian.name == name)
    else {
        let names: Vec<_> = config
            .init
            .custodians
            .iter()
            .map(|c| c.name.as_str())
            .collect();
        return Err(
            Failure::usage(format!("{} has no custodian {name}", config.file.display()))
                .advise(format!("it has: {}", names.join(", "))),
        );
    };
    Ok(Custodian::open(name, &spec(config, wanted)).await?)
}

pub(super) fn to_aws(aws: &Aws) -> custodian::Aws {
    custodian::Aws {
        region: aws.region.clone(),
        profile: aws.profile.clone(),
        role_arn: aws.role_arn.clone(),
    }
}
