//! What of the files that a configuration names, and of itself, other users of this machine may change or move away.

use std::path::{Path, PathBuf};

use crate::config::{
    CheckpointKey, Config, Custodian, CustodianKind, LoginKind, PolicySource, SecretRef,
    TokenSource, Write,
};
use crate::disk::trust::{self, Doubt};
use crate::edge::references::references;
use crate::finding::Finding;

/// What they may change, of all these configurations, each reason once. What is refused where it is used (the checkpoint,
/// identities, programs) is left to that place, but for what a group of our own may write.
pub(crate) fn findings(configs: &[&Config], report: Option<&Path>) -> Vec<Finding> {
    let mut found: Vec<(String, Doubt)> = Vec::new();
    let mut unseen = Vec::new();
    let mut add = |path: &Path, only_meant: bool| {
        let what = path.display().to_string();
        let doubts = trust::doubts(path).unwrap_or_else(|error| {
            unseen.push(Finding::OwnersUnseen(what.clone(), error.to_string()));
            Vec::new()
        });
        for doubt in doubts {
            let counts = doubt.is_meant() || !only_meant;
            if counts && !found.iter().any(|(_, known)| *known == doubt) {
                found.push((what.clone(), doubt));
            }
        }
    };
    for config in configs {
        for path in used(config, report) {
            add(&path, false);
        }
        for path in refused(config) {
            add(path, true);
        }
    }
    let finding = |(what, doubt): (String, Doubt)| {
        Finding::OthersMayChange(what, doubt.to_string(), doubt.advice())
    };
    found.into_iter().map(finding).chain(unseen).collect()
}

/// Files that are read, and directories that are written to.
fn used(config: &Config, report: Option<&Path>) -> Vec<PathBuf> {
    let mut used = vec![config.file.clone()];
    used.extend(config.include.iter().cloned());
    used.extend(
        config
            .policies
            .iter()
            .filter_map(|policy| match &policy.source {
                PolicySource::Rules { file, .. } => file.clone(),
                PolicySource::Auditor => None,
            }),
    );
    used.extend(config.init.custodians.iter().flat_map(of_custodian));
    used.extend(config.writes.iter().filter_map(of_receiver));
    used.extend(
        references(config)
            .into_iter()
            .filter_map(|reference| match reference {
                SecretRef::File(path) => Some(path.clone()),
                _ => None,
            }),
    );
    used.extend(config.logins.iter().filter_map(|login| match &login.kind {
        LoginKind::Jwt { with, .. } | LoginKind::Kubernetes { with, .. } => token_file(with),
        _ => None,
    }));
    let directory = |file: &Path| crate::disk::above(file).to_owned();
    used.extend(report.map(directory));
    used
}

fn of_custodian(custodian: &Custodian) -> Vec<PathBuf> {
    let directory = |file: &Path| crate::disk::above(file).to_owned();
    match &custodian.kind {
        CustodianKind::Age(age) => vec![directory(&age.file)],
        CustodianKind::Pgp(pgp) => vec![directory(&pgp.file), pgp.public_key.clone()],
        CustodianKind::Kubernetes(kept) => {
            let files = kept.ca_cert.iter().chain(&kept.token_file);
            files.cloned().collect()
        }
        CustodianKind::Ssm(_) | CustodianKind::SecretsManager(_) => Vec::new(),
    }
}

fn of_receiver(write: &Write) -> Option<PathBuf> {
    let to = write.hand_out.as_ref()?;
    let encrypted = to.age.as_ref().map(|age| &age.file);
    let file = to.file.as_ref().or(encrypted)?;
    Some(crate::disk::above(file).to_owned())
}

fn token_file(source: &TokenSource) -> Option<PathBuf> {
    match source {
        TokenSource::TokenFile(path) => Some(path.clone()),
        _ => None,
    }
}

fn refused(config: &Config) -> Vec<&Path> {
    let mut refused = vec![config.checkpoint.path.as_path()];
    if let CheckpointKey::Identity(path) = &config.checkpoint.key {
        refused.push(path);
    }
    refused
}
