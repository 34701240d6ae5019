//! Opens what a ceremony stands on: checkpoint, key, custodians, secret references, the cluster's
//! address. All problems at once; nothing is written but the checkpoint's directory and lock.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::join_all;

use super::ceremony::Edge;
use super::checkpoint::Checkpoint;
use crate::config::{
    Aws, CheckpointKey, Config, CustodianKind, Field, Fields, Given, LoginKind, SecretRef,
    TokenSource,
};
use crate::custodian::{self, Custodian, Spec};
use crate::envelope;
use crate::failure::Failure;
use crate::prompt;
use crate::reference::{self, Sources};
use crate::secret::SecretText;
use crate::vault::{Client, Target, Timeouts, Tls};

type Resolved = BTreeMap<SecretRef, Arc<SecretText>>;

/// Opens everything.
///
/// Once the ceremony was handed over, nothing is opened that is not needed any more: neither the key,
/// and custodians that cannot be reached are only not looked at.
///
/// # Errors
/// All that could not be opened, together. A held lock comes alone: the other run is at it.
pub(super) async fn open(config: &Config) -> Result<Edge, Failure> {
    let address = config.cluster.address.as_str().trim_end_matches('/');
    let checkpoint = Checkpoint::open(&config.checkpoint.path, &config.cluster.name, address)?;
    let finished = checkpoint.diary().handed_over() && !checkpoint.keeps_something()?;
    let (mut failures, mut warnings) = (Vec::new(), Vec::new());
    let resolved = resolve_all(config, finished, &mut failures, &mut warnings).await;
    let mut away = Vec::new();
    let custodians = custodians(config, &mut away).await;
    if finished {
        warnings.extend(away.iter().map(ToString::to_string));
    } else {
        failures.extend(away);
    }
    let key = if finished {
        None
    } else {
        keep(key(config, &resolved).await, &mut failures)
    };
    let client = keep(client(config, &resolved), &mut failures);
    match (Failure::all(failures), client) {
        (None, Some(client)) => Ok(Edge {
            checkpoint,
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

async fn custodians(config: &Config, failures: &mut Vec<Failure>) -> Vec<Custodian> {
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

fn to_aws(aws: &Aws) -> custodian::Aws {
    custodian::Aws {
        region: aws.region.clone(),
        profile: aws.profile.clone(),
        role_arn: aws.role_arn.clone(),
    }
}

/// Reads every secret that the file refers to, before anything is initialised: a missing password is
/// found now and not when the first user is written.
async fn resolve_all(
    config: &Config,
    finished: bool,
    failures: &mut Vec<Failure>,
    warnings: &mut Vec<String>,
) -> Resolved {
    let mut wanted = references(config);
    if finished {
        // Nothing is written any more: what is gone is not compared, and nobody is asked for it.
        wanted.retain(|reference| !matches!(reference, SecretRef::Prompt(_)));
        let mut gone = Vec::new();
        let resolved = resolve(wanted, &mut gone, warnings).await;
        warnings.extend(
            gone.iter()
                .map(|failure| format!("not re-checked: {failure}")),
        );
        return resolved;
    }
    if let CheckpointKey::Passphrase(reference) = &config.checkpoint.key {
        wanted.push(reference);
    }
    resolve(wanted, failures, warnings).await
}

async fn resolve(
    references: Vec<&SecretRef>,
    failures: &mut Vec<Failure>,
    warnings: &mut Vec<String>,
) -> Resolved {
    let sources = Sources {
        env: &from_environment,
        ssm: &from_ssm,
        prompt: &from_prompt,
    };
    let mut resolved = Resolved::new();
    for reference in references {
        if resolved.contains_key(reference) {
            continue;
        }
        match reference::resolve(reference, &sources).await {
            Ok(text) => {
                // Certificates are for everybody to read.
                if text.certificates().is_none() {
                    warnings.extend(reference::exposure(reference));
                }
                resolved.insert(reference.clone(), Arc::new(text));
            }
            Err(error) => failures.push(error.into()),
        }
    }
    resolved
}

fn from_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn from_ssm<'a>(parameter: &'a str, aws: &'a Aws) -> reference::Answer<'a> {
    async move { Ok(custodian::ssm::read_secret(parameter, &to_aws(aws)).await?) }.boxed_local()
}

fn from_prompt(label: &str) -> reference::Answer<'_> {
    async move {
        let instead = "name a file in the configuration instead: {file: PATH}";
        Ok(prompt::hidden(label, instead).await?)
    }
    .boxed_local()
}

/// Environment variables that hold secrets of the file: no child is to inherit them.
pub(super) fn environment_secrets(config: &Config) -> Vec<String> {
    let passphrase = match &config.checkpoint.key {
        CheckpointKey::Passphrase(reference) => Some(reference),
        CheckpointKey::Kms { .. } | CheckpointKey::Identity(_) => None,
    };
    let all = references(config).into_iter().chain(passphrase);
    let names = all.filter_map(|reference| match reference {
        SecretRef::Env(name) => Some(name.clone()),
        _ => None,
    });
    names.collect()
}

/// Every reference of the file, in its order.
fn references(config: &Config) -> Vec<&SecretRef> {
    let tls = &config.cluster.tls;
    let mut found: Vec<&SecretRef> = [&tls.ca_cert, &tls.client_cert, &tls.client_key]
        .into_iter()
        .flatten()
        .collect();
    for engine in &config.secrets {
        in_fields(&engine.config, &mut found);
        in_fields(&engine.tune, &mut found);
    }
    for method in &config.auth {
        in_fields(&method.config, &mut found);
        in_fields(&method.tune, &mut found);
        for (_, fields) in method.roles.iter().chain(&method.users) {
            in_fields(fields, &mut found);
        }
    }
    for write in &config.writes {
        in_fields(&write.data, &mut found);
    }
    for login in &config.logins {
        in_login(&login.kind, &mut found);
    }
    found
}

fn in_fields<'a>(fields: &'a Fields, found: &mut Vec<&'a SecretRef>) {
    for (_, field) in fields.iter() {
        in_field(field, found);
    }
}

/// The depth of fields is bounded by the reader of the file.
fn in_field<'a>(field: &'a Field, found: &mut Vec<&'a SecretRef>) {
    match field {
        Field::Secret(reference) => found.push(reference),
        Field::List(items) => items.iter().for_each(|item| in_field(item, found)),
        Field::Map(fields) => in_fields(fields, found),
        Field::Null | Field::Bool(_) | Field::Number(_) | Field::String(_) => {}
    }
}

fn in_login<'a>(kind: &'a LoginKind, found: &mut Vec<&'a SecretRef>) {
    match kind {
        LoginKind::Userpass { password, .. } => found.push(password),
        LoginKind::AppRole { role_id, secret_id } => {
            if let Given::Secret(reference) = role_id {
                found.push(reference);
            }
            found.push(secret_id);
        }
        LoginKind::Jwt { with, .. } | LoginKind::Kubernetes { with, .. } => {
            if let TokenSource::TokenRequest(request) = with {
                found.extend(
                    [&request.ca_cert, &request.credential]
                        .into_iter()
                        .flatten(),
                );
            }
        }
        LoginKind::Oidc { .. } => {}
    }
}
