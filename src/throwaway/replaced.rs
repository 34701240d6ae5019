//! The operator's configuration as it is for a throwaway server: what is of the place where the servers really are is
//! replaced, and told; everything else is as in the file.

use std::path::{Path, PathBuf};

use url::Url;

use crate::config::{
    AgeCustodian, AuditDevice, Checkpoint, CheckpointKey, Config, Custodian, CustodianKind,
    SecretRef, Tls,
};
use crate::disk::read;
use crate::failure::Failure;
use crate::hex;
use crate::holders;
use crate::throwaway::instance::{Instance, unwritable};
use crate::throwaway::random;
use crate::throwaway::references;
use crate::throwaway::{seed, stand_in};
use crate::vault::Product;

/// The configuration of a throwaway server.
pub(super) struct Replaced {
    pub(super) config: Config,
    /// What opens the shares.
    pub(super) identities: Vec<PathBuf>,
    /// What is other than in the file, a line each.
    pub(super) told: Vec<String>,
}

/// Where an address leads from now on.
pub(super) fn address(config: &mut Config, port: u16) {
    if let Ok(address) = Url::parse(&format!("https://127.0.0.1:{port}")) {
        config.cluster.address = address;
    }
}

/// Replaces in `config` what belongs to other machines, with what is in the directory of `instance`.
pub(super) fn replace(
    mut config: Config,
    instance: &Instance,
    product: Product,
) -> Result<Replaced, Failure> {
    let mut told = Vec::new();
    stand_in::replace(&mut config, instance, &mut told)?;
    seed::add(&mut config)?;
    of_the_cluster(&mut config, instance, &mut told);
    let identities = custodians(&mut config, instance, product, &mut told)?;
    let key = instance.file("checkpoint.key");
    holders::new_identity("checkpoint", &key)?;
    config.checkpoint = Checkpoint {
        path: instance.file("checkpoint"),
        key: CheckpointKey::Identity(key),
        replica: None,
    };
    told.push("checkpoint: a temporary directory and key, no replica".into());
    audit(&mut config, instance, &mut told)?;
    hand_outs(&mut config, instance, &mut told)?;
    secrets(&mut config, instance, &mut told)?;
    Ok(Replaced {
        config,
        identities,
        told,
    })
}

fn of_the_cluster(config: &mut Config, instance: &Instance, told: &mut Vec<String>) {
    let cluster = &mut config.cluster;
    told.push(format!(
        "address: {} becomes one of this machine{}",
        cluster.address.as_str().trim_end_matches('/'),
        match cluster.nodes.len() {
            0 | 1 => String::new(),
            nodes => format!(", and its {nodes} nodes one"),
        }
    ));
    cluster.nodes.clear();
    cluster.id = None;
    cluster.tls = Tls {
        ca_cert: Some(SecretRef::File(instance.file("ca.pem"))),
        server_name: None,
        client_cert: None,
        client_key: None,
    };
    told.push("tls: an authority of this server alone".into());
}

/// A key for each, which is here: the drill opens what it has stored.
fn custodians(
    config: &mut Config,
    instance: &Instance,
    product: Product,
    told: &mut Vec<String>,
) -> Result<Vec<PathBuf>, Failure> {
    let mut identities = Vec::new();
    disk_directory(&instance.file("custodians"))?;
    for (number, custodian) in config.init.custodians.iter_mut().enumerate() {
        let file = |end: &str| instance.file(&format!("custodians/{number}.{end}"));
        let made = holders::new_identity(&custodian.name, &file("key"))?;
        *custodian = Custodian {
            name: custodian.name.clone(),
            kind: CustodianKind::Age(AgeCustodian {
                recipient: made.recipient,
                file: file("age"),
            }),
            place: (0, 0),
        };
        identities.push(file("key"));
    }
    let names: Vec<_> = config
        .init
        .custodians
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    told.push(format!(
        "custodians: temporary age keys for {}",
        names.join(", ")
    ));
    config.init.generation = 1;
    config.init.accept_unproved.clear();
    config.init.accept_one_trust_domain.clear();
    config.init.seal = None;
    let seal = if product == Product::Vault {
        // Its recovery keys come with an auto-unseal, which it has none of here.
        config.init.recovery = None;
        "seal: Shamir, which the ceremony unseals with the shares"
    } else {
        "seal: a static key, which unseals by itself"
    };
    told.push(seal.into());
    Ok(identities)
}

fn audit(config: &mut Config, instance: &Instance, told: &mut Vec<String>) -> Result<(), Failure> {
    disk_directory(&instance.file("audit"))?;
    for device in &mut config.audit {
        // Of another type they mean something else.
        let of_places = [
            "file_path",
            "mode",
            "tag",
            "facility",
            "address",
            "socket_type",
            "write_timeout",
        ];
        let mut options = std::mem::take(&mut device.options);
        options.retain(|(name, _)| !of_places.contains(&name.as_str()));
        let log = instance.file(&format!("audit/{}.log", hex::file_name(&device.path)));
        options.push(("file_path".into(), log.display().to_string()));
        options.push(("mode".into(), "0600".into()));
        let was = match device.device_type.as_str() {
            "file" => String::new(),
            other => format!(" instead of {other}"),
        };
        told.push(format!("audit.{}: a temporary file{was}", device.path));
        *device = AuditDevice {
            device_type: "file".into(),
            options,
            ..device.clone()
        };
    }
    Ok(())
}

/// What the server makes goes to files of this instance.
fn hand_outs(
    config: &mut Config,
    instance: &Instance,
    told: &mut Vec<String>,
) -> Result<(), Failure> {
    let writes = config.writes.iter_mut().enumerate();
    for (number, write) in writes {
        let Some(to) = &mut write.hand_out else {
            continue;
        };
        disk_directory(&instance.file("handed-out"))?;
        let file = instance.file(&format!("handed-out/{number}"));
        told.push(format!("hand_out of {}: {}", write.path, file.display()));
        (to.file, to.age, to.ssm, to.secretsmanager) = (Some(file), None, None, None);
    }
    Ok(())
}

/// What nothing stands behind here gets something of its own. Nobody is asked, and no store is.
fn secrets(
    config: &mut Config,
    instance: &Instance,
    told: &mut Vec<String>,
) -> Result<(), Failure> {
    let mut made: Vec<(SecretRef, SecretRef)> = Vec::new();
    let mut failure = None;
    references::each(config, &mut |reference| {
        if failure.is_some() || is_here(reference) {
            return;
        }
        if let Some((_, other)) = made.iter().find(|(known, _)| known == reference) {
            *reference = other.clone();
            return;
        }
        let name = format!("secrets/{}", made.len());
        let written = random::word::<24>()
            .map_err(|error| unwritable(instance.path(), &error))
            .and_then(|word| instance.write(&name, &word));
        match written {
            Ok(path) => {
                let other = SecretRef::File(path);
                told.push(format!("secret {reference}: a random value"));
                made.push((std::mem::replace(reference, other.clone()), other));
            }
            Err(error) => failure = Some(error),
        }
    });
    failure.map_or(Ok(()), Err)
}

fn is_here(reference: &SecretRef) -> bool {
    match reference {
        SecretRef::File(path) => read::open_or_handed(path).is_ok(),
        SecretRef::Env(name) => std::env::var(name).is_ok_and(|value| !value.is_empty()),
        SecretRef::Ssm { .. } | SecretRef::Prompt(_) => false,
    }
}

fn disk_directory(path: &Path) -> Result<(), Failure> {
    crate::disk::make_directories(path)
        .map(drop)
        .map_err(|(directory, error)| unwritable(&directory, &error))
}
