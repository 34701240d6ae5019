//! The custodians of the file, opened.

use std::collections::BTreeMap;

use futures::future::join_all;

use crate::config::{Aws, Config, CustodianKind};
use crate::custodian::{self, Custodian, Spec};
use crate::failure::Failure;

/// The custodians of the file, opened and not yet tried.
pub(crate) async fn all(config: &Config, failures: &mut Vec<Failure>) -> Vec<Custodian> {
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
        CustodianKind::Pgp {
            public_key,
            fingerprint,
            file,
        } => Spec::Pgp {
            public_key: public_key.clone(),
            fingerprint: fingerprint.clone(),
            file: file.clone(),
        },
    }
}

/// One custodian by its name, for proving it.
///
/// # Errors
/// There is none of this name, or it cannot be opened.
pub(crate) async fn one(config: &Config, name: &str) -> Result<Custodian, Failure> {
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

/// How AWS is reached, as the custodians' room takes it.
pub(crate) fn to_aws(aws: &Aws) -> custodian::Aws {
    custodian::Aws {
        region: aws.region.clone(),
        profile: aws.profile.clone(),
        role_arn: aws.role_arn.clone(),
    }
}
