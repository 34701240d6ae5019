//! Opens what a ceremony stands on: checkpoint, key, custodians, secret references, the cluster's
//! address. All problems at once; nothing is written but the checkpoint's directory and lock.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;

use super::ceremony::Edge;
use super::checkpoint::Checkpoint;
use crate::config::{
    Aws, CheckpointKey, Config, CustodianKind, Field, Fields, Given, LoginKind, SecretRef, TokenSource,
};
use crate::custodian::{self, Custodian, Spec};
use crate::door::Ask;
use crate::envelope;
use crate::failure::Failure;
use crate::reference::{self, Sources};
use crate::secret::SecretText;
use crate::vault::{Client, Target, Timeouts, Tls};

type Resolved = BTreeMap<String, Arc<SecretText>>;

/// Opens everything.
///
/// # Errors
/// All that could not be opened, together. A held lock comes alone: the other run is at it.
pub async fn open(config: &Config, ask: &dyn Ask) -> Result<Edge, Failure> {
    let address = config.cluster.address.as_str().trim_end_matches('/');
    let checkpoint = Checkpoint::open(&config.checkpoint.path, &config.cluster.name, address)?;
    let mut failures = Vec::new();
    let resolved = resolve_all(config, ask, &mut failures).await;
    let custodians = custodians(config, &mut failures).await;
    let key = keep(key(config, &resolved).await, &mut failures);
    let client = keep(client(config, &resolved), &mut failures);
    match (Failure::all(failures), key, client) {
        (None, Some(key), Some(client)) => Ok(Edge { checkpoint, key, client, custodians, resolved }),
        (failure, ..) => Err(failure.unwrap_or_else(|| Failure::failed("not everything could be opened"))),
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
    let pem = |reference: &Option<SecretRef>| -> Option<Arc<SecretText>> {
        resolved.get(&reference.as_ref()?.to_string()).cloned()
    };
    let target = Target {
        address: config.cluster.address.clone(),
        nodes: config.cluster.nodes.clone(),
        tls: Tls {
            ca_cert: pem(&tls.ca_cert),
            server_name: tls.server_name.clone(),
            client_cert: pem(&tls.client_cert),
            client_key: pem(&tls.client_key),
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

/// What encrypts the secret part of the checkpoint.
async fn key(config: &Config, resolved: &Resolved) -> Result<envelope::Key, Failure> {
    let key = match &config.checkpoint.key {
        CheckpointKey::Kms { key, aws } => envelope::Key::kms(key, &to_aws(aws)).await,
        CheckpointKey::Identity(path) => envelope::Key::identity(path),
        CheckpointKey::Passphrase(reference) => {
            let text = resolved.get(&reference.to_string()).cloned();
            let text = text.ok_or_else(|| Failure::failed(format!("{reference} was not read")))?;
            Ok(envelope::Key::passphrase(text))
        }
    };
    key.map_err(|error| {
        let failure = Failure::failed(format!("the checkpoint's key cannot be used: {error}"));
        failure.advise_maybe(error.advice())
    })
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
        CustodianKind::Ssm { parameter, kms_key, tags, aws } => {
            let mut tags: BTreeMap<String, String> = tags.iter().cloned().collect();
            tags.entry("cluster".into()).or_insert_with(|| config.cluster.name.clone());
            Spec::Ssm {
                parameter: parameter.clone(),
                kms_key: kms_key.clone(),
                tags,
                aws: to_aws(aws),
            }
        }
        CustodianKind::Age { recipient, file } => {
            Spec::Age { recipient: recipient.clone(), file: file.clone() }
        }
    }
}

/// One custodian by its name, for proving it.
///
/// # Errors
/// There is none of this name, or it cannot be opened.
pub(super) async fn one_custodian(config: &Config, name: &str) -> Result<Custodian, Failure> {
    let Some(wanted) = config.init.custodians.iter().find(|custodian| custodian.name == name) else {
        let names: Vec<_> = config.init.custodians.iter().map(|c| c.name.as_str()).collect();
        return Err(Failure::usage(format!("{} has no custodian {name}", config.file.display()))
            .advise(format!("it has: {}", names.join(", "))));
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
async fn resolve_all(config: &Config, ask: &dyn Ask, failures: &mut Vec<Failure>) -> Resolved {
    let ssm = |parameter: String, aws: Aws| async move {
        custodian::ssm::read_secret(&parameter, &to_aws(&aws)).await.map_err(Failure::from)
    };
    let prompt = |label: &str| ask.hidden(label);
    let sources = Sources { ssm: &ssm, prompt: &prompt };
    let mut resolved = Resolved::new();
    for reference in references(config) {
        let name = reference.to_string();
        if resolved.contains_key(&name) {
            continue;
        }
        match reference::resolve(reference, &sources).await {
            Ok(text) => {
                resolved.insert(name, Arc::new(text));
            }
            Err(failure) => failures.push(failure),
        }
    }
    resolved
}

/// Every reference of the file, in its order.
fn references(config: &Config) -> Vec<&SecretRef> {
    let tls = &config.cluster.tls;
    let mut found: Vec<&SecretRef> =
        [&tls.ca_cert, &tls.client_cert, &tls.client_key].into_iter().flatten().collect();
    if let CheckpointKey::Passphrase(reference) = &config.checkpoint.key {
        found.push(reference);
    }
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
                found.extend([&request.ca_cert, &request.credential].into_iter().flatten());
            }
        }
        LoginKind::Oidc { .. } => {}
    }
}
