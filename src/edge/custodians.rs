//! The custodians of the file, opened.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use futures::future::join_all;

use crate::code::Code;
use crate::config::{self, Aws, Config, CustodianKind};
use crate::custodian::{self, Custodian, Error, Kind, Reached};
use crate::failure::Failure;
use crate::kubernetes::Access;

/// The custodians of the file, opened and not yet tried.
pub(crate) async fn all(config: &Config, failures: &mut Vec<Failure>) -> Vec<Custodian> {
    let wanted = config.init.custodians.iter();
    let opens = wanted.map(|wanted| located(config, wanted));
    let mut opened = Vec::new();
    for result in join_all(opens).await {
        match result {
            Ok(custodian) => opened.push(custodian),
            Err(failure) => failures.push(failure),
        }
    }
    opened
}

/// One custodian of the file. What is wrong is said with its name, and a mistake of the file with its place there.
async fn located(config: &Config, wanted: &config::Custodian) -> Result<Custodian, Failure> {
    open(config, wanted).await.map_err(|error| {
        let misconfigured = matches!(error.kind(), Kind::Misconfigured(_));
        let ((line, column), file) = (wanted.place, config.file.display());
        let place = if misconfigured {
            format!("{file}:{line}:{column}: ")
        } else {
            String::new()
        };
        Failure::from(error).about(&format!("{place}custodian {}: ", wanted.name))
    })
}

/// One custodian of the file.
async fn open(config: &Config, wanted: &config::Custodian) -> Result<Custodian, Error> {
    let (name, generation) = (&wanted.name, config.init.generation);
    match &wanted.kind {
        CustodianKind::Ssm(ssm) => {
            let tags = tags(config, &ssm.tags, generation);
            let parameter = numbered(&ssm.parameter, generation);
            let under = (parameter.as_str(), ssm.kms_key.as_deref());
            Custodian::in_parameter(name, under, &tags, &to_aws(&ssm.aws)).await
        }
        CustodianKind::SecretsManager(kept) => {
            let tags = tags(config, &kept.tags, generation);
            let secret = numbered(&kept.name, generation);
            let under = (secret.as_str(), kept.kms_key.as_deref());
            let aws = to_aws(&kept.aws);
            Custodian::in_secrets_manager(name, under, &tags, reached(&aws, kept)).await
        }
        CustodianKind::Age(age) => {
            let file = name_of_file(&age.file, generation);
            Custodian::in_age_file(name, &age.recipient, &file)
        }
        CustodianKind::Pgp(pgp) => {
            let file = name_of_file(&pgp.file, generation);
            let key = (pgp.public_key.as_path(), pgp.fingerprint.as_deref());
            Custodian::in_pgp_file(name, key, &file).await
        }
        CustodianKind::Kubernetes(kept) => {
            let secret = numbered(&kept.secret, generation);
            let access = Access {
                api_server: kept.api_server.clone(),
                ca_cert: kept.ca_cert.clone(),
                token_file: kept.token_file.clone(),
            };
            let marks = [
                ("cluster", config.cluster.name.clone()),
                ("custodian", name.clone()),
                ("generation", generation.to_string()),
            ];
            Custodian::in_secret(name, (&secret, &kept.recipient), access, &marks)
        }
    }
}

/// The tags of the file, and those that say what of which cluster it is.
pub(crate) fn tags(
    config: &Config,
    given: &[(String, String)],
    generation: u32,
) -> BTreeMap<String, String> {
    let mut tags: BTreeMap<String, String> = given.iter().cloned().collect();
    tags.entry("cluster".into())
        .or_insert_with(|| config.cluster.name.clone());
    if generation > 1 {
        tags.insert("generation".into(), generation.to_string());
    }
    tags
}

/// How a secret of AWS is reached.
pub(crate) fn reached<'a>(
    aws: &'a custodian::Aws,
    kept: &'a config::SecretsManagerCustodian,
) -> Reached<'a> {
    Reached {
        aws,
        endpoint: kept.endpoint.as_ref().map(url::Url::as_str),
    }
}

/// The shares of each making have names of their own, so that none is ever written over another. Those of the first
/// keep what the file says. This is that of a parameter or a secret.
pub(crate) fn numbered(name: &str, generation: u32) -> String {
    if generation > 1 {
        format!("{name}-g{generation}")
    } else {
        name.to_owned()
    }
}

/// `bob.age` is `bob.g2.age`: it still says of itself what it is.
pub(crate) fn name_of_file(file: &Path, generation: u32) -> PathBuf {
    let stem = file.file_stem().and_then(OsStr::to_str);
    let Some(stem) = stem.filter(|_| generation > 1) else {
        return file.to_owned();
    };
    file.with_file_name(match file.extension().and_then(OsStr::to_str) {
        Some(extension) => format!("{stem}.g{generation}.{extension}"),
        None => format!("{stem}.g{generation}"),
    })
}

/// One custodian by its name, for proving it.
pub(crate) async fn one(config: &Config, name: &str) -> Result<Custodian, Failure> {
    located(config, of_the_file(config, name)?).await
}

/// What the file says of the custodian of this name.
pub(crate) fn of_the_file<'a>(
    config: &'a Config,
    name: &str,
) -> Result<&'a config::Custodian, Failure> {
    let mut all = config.init.custodians.iter();
    let found = all.find(|custodian| custodian.name == name);
    found.ok_or_else(|| {
        let all = config.init.custodians.iter();
        let names: Vec<_> = all.map(|custodian| custodian.name.as_str()).collect();
        Failure::usage(
            Code::NameUnknown,
            format!("{} has no custodian {name}", config.file.display()),
        )
        .advise(format!("it has: {}", names.join(", ")))
    })
}

/// How AWS is reached, as the custodians' room takes it.
pub(crate) fn to_aws(aws: &Aws) -> custodian::Aws {
    custodian::Aws {
        region: aws.region.clone(),
        profile: aws.profile.clone(),
        role_arn: aws.role_arn.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_making_of_the_shares_has_names_of_its_own_and_the_first_those_of_the_file() {
        let file = |name: &str, number| name_of_file(Path::new(name), number);
        assert_eq!(file("shares/bob.age", 1), Path::new("shares/bob.age"));
        assert_eq!(file("shares/bob.age", 2), Path::new("shares/bob.g2.age"));
        assert_eq!(file("a.b/bob", 12), Path::new("a.b/bob.g12"));
        assert_eq!(numbered("/v/key-1", 1), "/v/key-1");
        assert_eq!(numbered("/v/key-1", 3), "/v/key-1-g3");
    }
}
