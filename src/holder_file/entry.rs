//! What a holder's file says of the custodians.

use std::path::Path;

use url::Url;

use super::{in_aws, map, relative};
use crate::config::{Config, Custodian, CustodianKind, yaml};

/// An entry of `init.custodians`. The others are there since each share has a custodian; nothing of theirs is used here.
pub(super) fn of(config: &Config, custodian: &Custodian) -> String {
    let path = |file: &Path| yaml(&relative(config, file));
    let (kind, given) = match &custodian.kind {
        CustodianKind::Age(age) => (
            "age",
            map([
                ("recipient", Some(yaml(&age.recipient))),
                ("file", Some(path(&age.file))),
            ]),
        ),
        CustodianKind::Pgp(pgp) => (
            "pgp",
            map([
                ("public_key", Some(path(&pgp.public_key))),
                ("fingerprint", pgp.fingerprint.as_deref().map(yaml)),
                ("file", Some(path(&pgp.file))),
            ]),
        ),
        CustodianKind::Kubernetes(kept) => (
            "kubernetes",
            map([
                ("secret", Some(yaml(&kept.secret))),
                ("recipient", Some(yaml(&kept.recipient))),
                ("api_server", kept.api_server.as_ref().map(address)),
                ("ca_cert", kept.ca_cert.as_deref().map(path)),
                ("token_file", kept.token_file.as_deref().map(path)),
            ]),
        ),
        CustodianKind::Ssm(ssm) => (
            "ssm",
            in_aws(
                [
                    ("parameter", Some(yaml(&ssm.parameter))),
                    ("kms_key", ssm.kms_key.as_deref().map(yaml)),
                ],
                &ssm.aws,
            ),
        ),
        CustodianKind::SecretsManager(kept) => (
            "secretsmanager",
            in_aws(
                [
                    ("name", Some(yaml(&kept.name))),
                    ("kms_key", kept.kms_key.as_deref().map(yaml)),
                    ("endpoint", kept.endpoint.as_ref().map(address)),
                ],
                &kept.aws,
            ),
        ),
    };
    format!(
        "    - {{name: {}, {kind}: {given}}}\n",
        yaml(&custodian.name)
    )
}

fn address(url: &Url) -> String {
    yaml(url.as_str().trim_end_matches('/'))
}
