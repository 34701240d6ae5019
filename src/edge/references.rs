//! The secrets that the file refers to: which there are, what stands behind them, and what of them a child gets.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::rc::Rc;
use std::sync::Arc;

use futures::FutureExt;
use tokio::process::Command;

use crate::code::{Code, Reported};
use crate::config::{Aws, CheckpointKey, Config, Field, Fields, Login, Plugin, SecretRef};
use crate::door::withhold;
use crate::edge::custodians::to_aws;
use crate::failure::Failure;
use crate::plain_http::pinned;
use crate::reference::{self, Sources};
use crate::secret::SecretText;
use crate::{custodian, envelope, prompt};

/// What stands behind each reference.
pub(crate) type Resolved = BTreeMap<SecretRef, Arc<SecretText>>;

/// Reads every secret that the file refers to, before anything is initialised: a missing password is
/// found now and not when the first user is written.
pub(crate) async fn resolve_all(
    config: &Config,
    (begun, finished): (bool, bool),
    failures: &mut Vec<Failure>,
    warnings: &mut Vec<Reported>,
) -> Resolved {
    let mut wanted = references(config);
    if finished {
        // Nothing is written any more: what is gone is not compared, and nobody is asked for it.
        wanted.retain(|reference| !matches!(reference, SecretRef::Prompt(_)));
        let mut gone = Vec::new();
        let resolved = resolve(wanted, &mut gone, warnings).await;
        let gone = gone.iter();
        warnings.extend(
            gone.map(|failure| Reported::new(failure.code(), format!("not re-checked: {failure}"))),
        );
        return with_passphrase(config, resolved).await;
    }
    let mut resolved = resolve(wanted, failures, warnings).await;
    if let CheckpointKey::Passphrase(reference) = &config.checkpoint.key {
        resolved.extend(passphrase(reference, begun, failures, warnings).await);
    }
    resolved
}

/// Why secrets of the file that are files or variables of this machine cannot be had. Nobody is asked, on a terminal or elsewhere.
pub(crate) async fn not_here(config: &Config) -> Vec<Failure> {
    let mut wanted = references(config);
    if let CheckpointKey::Passphrase(reference) = &config.checkpoint.key {
        wanted.push(reference);
    }
    wanted.retain(|one| matches!(one, SecretRef::File(_) | SecretRef::Env(_)));
    let mut failures = Vec::new();
    resolve(wanted, &mut failures, &mut Vec::new()).await;
    failures
}

/// With the checkpoint's passphrase where it is at hand: it opens nothing any more but the key of what is remembered.
async fn with_passphrase(config: &Config, mut resolved: Resolved) -> Resolved {
    let (mut away, mut unsafe_files) = (Vec::new(), Vec::new());
    if let CheckpointKey::Passphrase(reference) = &config.checkpoint.key
        && !matches!(reference, SecretRef::Prompt(_))
    {
        resolved.extend(resolve(vec![reference], &mut away, &mut unsafe_files).await);
    }
    resolved
}

/// The checkpoint's passphrase. Typed twice the first time: a slip would lock up the only copy of the
/// server's answer.
async fn passphrase(
    reference: &SecretRef,
    begun: bool,
    failures: &mut Vec<Failure>,
    warnings: &mut Vec<Reported>,
) -> Resolved {
    let label = match reference {
        SecretRef::Prompt(label) if !begun => label,
        _ => return resolve(vec![reference], failures, warnings).await,
    };
    match prompt::hidden_twice(label, INSTEAD).await {
        Ok(text) => Resolved::from([(reference.clone(), Arc::new(text))]),
        Err(error) => {
            failures.push(error.into());
            Resolved::new()
        }
    }
}

/// What to write where there is no terminal to ask on.
const INSTEAD: &str = "name a file in the configuration instead: {file: PATH}";

/// Reads these references.
pub(crate) async fn resolve(
    references: Vec<&SecretRef>,
    failures: &mut Vec<Failure>,
    warnings: &mut Vec<Reported>,
) -> Resolved {
    let doubts = Doubts::default();
    let sources = Sources {
        env: &from_environment,
        ssm: &|parameter, aws| from_ssm(parameter, aws, Rc::clone(&doubts)),
        prompt: &from_prompt,
    };
    let mut resolved = Resolved::new();
    let mut tried = BTreeSet::new();
    for reference in references {
        // What is missing is said once, however often the file refers to it.
        if !tried.insert(reference) {
            continue;
        }
        match reference::resolve(reference, &sources).await {
            Ok(text) => {
                if !text.is_public() {
                    let exposed = reference::exposure(reference);
                    warnings.extend(exposed.map(|text| Reported::new(Code::FileUnsafe, text)));
                }
                resolved.insert(reference.clone(), Arc::new(text));
            }
            Err(error) => failures.push(error.into()),
        }
    }
    let doubts = doubts.take();
    warnings.extend(
        doubts
            .into_iter()
            .map(|text| Reported::new(Code::FileUnsafe, text)),
    );
    resolved
}

/// Secrets that are kept where more people than need be read them.
type Doubts = Rc<RefCell<Vec<String>>>;

fn from_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn from_ssm<'a>(parameter: &'a str, aws: &'a Aws, doubts: Doubts) -> reference::Answer<'a> {
    async move {
        let (secret, doubt) = custodian::ssm::read_secret(parameter, &to_aws(aws)).await?;
        doubts.borrow_mut().extend(doubt);
        Ok(secret)
    }
    .boxed_local()
}

fn from_prompt(label: &str) -> reference::Answer<'_> {
    async move { Ok(prompt::hidden(label, INSTEAD).await?) }.boxed_local()
}

/// Environment variables that hold secrets of the file: no child is to inherit them.
pub(crate) fn environment_secrets(config: &Config) -> Vec<String> {
    let passphrase = match &config.checkpoint.key {
        CheckpointKey::Passphrase(reference) => Some(reference),
        CheckpointKey::Kms { .. } | CheckpointKey::Identity(_) => None,
    };
    let all = references(config).into_iter().chain(passphrase);
    all.filter_map(|reference| match reference {
        SecretRef::Env(name) => Some(name.clone()),
        _ => None,
    })
    .collect()
}

/// What encrypts the secret part of the checkpoint.
pub(crate) async fn key_of_checkpoint(
    config: &Config,
    resolved: &Resolved,
) -> Result<envelope::Key, Failure> {
    let key = match &config.checkpoint.key {
        CheckpointKey::Kms { key, aws } => envelope::Key::kms(key, &to_aws(aws)).await,
        CheckpointKey::Identity(path) => envelope::Key::identity(path),
        CheckpointKey::Passphrase(reference) => {
            let text = resolved.get(reference).cloned();
            let text = text.ok_or_else(|| {
                Failure::failed(Code::SecretUnreadable, format!("{reference} was not read"))
            })?;
            Ok(envelope::Key::passphrase(text))
        }
    };
    Ok(key?)
}

/// Sets what both command lines read about the server. What was in the environment for another one, and what the file reads
/// from it, is taken away.
pub(crate) fn cluster_environment(config: &Config, address: &str, child: &mut Command) {
    withhold(child, &environment_secrets(config));
    let tls = &config.cluster.tls;
    let file = |reference: &Option<SecretRef>| match reference {
        Some(SecretRef::File(path)) => Some(path.clone().into_os_string()),
        _ => None,
    };
    let values = [
        ("ADDR", Some(pinned(address).into())),
        ("CACERT", file(&tls.ca_cert)),
        (
            "TLS_SERVER_NAME",
            tls.server_name.clone().map(OsString::from),
        ),
        ("CLIENT_CERT", file(&tls.client_cert)),
        ("CLIENT_KEY", file(&tls.client_key)),
    ];
    for (name, value) in values {
        let Some(value) = value else { continue };
        for product in ["VAULT", "BAO"] {
            child.env(format!("{product}_{name}"), &value);
        }
    }
}

/// Every reference that these logins stand on.
pub(crate) fn of_logins<'a>(logins: impl Iterator<Item = &'a Login>) -> Vec<&'a SecretRef> {
    logins.flat_map(Login::secrets).collect()
}

/// Every reference of the file, in its order.
pub(crate) fn references(config: &Config) -> Vec<&SecretRef> {
    let tls = &config.cluster.tls;
    let mut found: Vec<&SecretRef> = [&tls.ca_cert, &tls.client_cert, &tls.client_key]
        .into_iter()
        .flatten()
        .collect();
    found.extend(config.plugins.iter().flat_map(Plugin::secrets));
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
    for method in &config.mfa.methods {
        in_fields(&method.fields, &mut found);
    }
    for write in &config.writes {
        in_fields(&write.data, &mut found);
    }
    found.extend(of_logins(config.logins.iter()));
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
        Field::Null | Field::Bool(_) | Field::Number(_) | Field::String(_) | Field::Answer(_) => {}
    }
}
