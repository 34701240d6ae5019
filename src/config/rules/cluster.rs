//! Rules of addresses, shares and custodians.

use std::collections::HashMap;

use url::Url;

use crate::code::Code;
use crate::config::reading::{Reading, under};
use crate::plain_http::is_this_machine;

const CUSTODIANS: [&str; 2] = ["init", "custodians"];
/// Each kind of custodian, and what says where its share is.
const PLACES: [(&str, &str); 5] = [
    ("ssm", "parameter"),
    ("secretsmanager", "name"),
    ("age", "file"),
    ("pgp", "file"),
    ("kubernetes", "secret"),
];
/// Longest name of a Secret with room for the number of a later making.
const LONGEST_SECRET: usize = 248;
/// Longest name in AWS Secrets Manager, which takes 512 letters, with room for the name of a trial value beside it.
const LONGEST_SECRET_OF_AWS: usize = 360;

pub(super) fn plain_http_stays_on_this_machine(reading: &mut Reading) {
    let patterns: [&[&str]; 6] = [
        &["cluster", "address"],
        &["cluster", "nodes", "*"],
        &["logins", "*", "with", "token_request", "api_server"],
        &["init", "custodians", "*", "kubernetes", "api_server"],
        &["init", "custodians", "*", "secretsmanager", "endpoint"],
        &["writes", "*", "hand_out", "secretsmanager", "endpoint"],
    ];
    let text = "plain `http` would show every secret to the network; it is only accepted to 127.0.0.1, ::1 and localhost";
    for pattern in patterns {
        let right = |address: &str| Url::parse(address).map_or(true, |url| private(&url));
        reading.refuse_unless(Code::PlainHttpRefused, pattern, right, text);
    }
}

fn private(address: &Url) -> bool {
    address.scheme() == "https" || is_this_machine(address)
}

pub(super) fn nodes_are_different(reading: &mut Reading) {
    let mut nodes = Vec::new();
    for (path, node) in reading.texts(&["cluster", "nodes", "*"]) {
        let node = Url::parse(node).ok();
        if node.is_some() && nodes.contains(&node) {
            reading.refuse(
                Code::FileContradicts,
                &path,
                "this node is in the list already",
            );
        }
        nodes.push(node);
    }
}

pub(super) fn threshold_fits_the_shares(reading: &mut Reading) {
    let path = ["init", "threshold"];
    let (Some(threshold), Some(shares)) = (
        reading.value::<u32>(&path),
        reading.value::<u32>(&["init", "shares"]),
    ) else {
        return;
    };
    if threshold > shares {
        let text = format!(
            "the threshold is {threshold} and there are {shares} shares: nobody could ever open the cluster"
        );
        reading.refuse(Code::FileContradicts, &path, text);
    } else if shares > 1 && threshold == 1 {
        reading.refuse(
            Code::FileContradicts,
            &path,
            "with several shares the threshold is at least 2: the servers refuse 1",
        );
    }
}

pub(super) fn every_share_has_a_custodian(reading: &mut Reading) {
    let (Some(custodians), Some(shares)) = (
        reading.count(&CUSTODIANS),
        reading.value::<u32>(&["init", "shares"]),
    ) else {
        return;
    };
    if u32::try_from(custodians) != Ok(shares) {
        let text = format!(
            "{custodians} custodians for {shares} shares; every share needs one of its own"
        );
        reading.refuse(Code::FileContradicts, &CUSTODIANS, text);
    }
}

pub(super) fn custodians_are_different(reading: &mut Reading) {
    let mut names = HashMap::new();
    let mut targets = HashMap::new();
    for place in reading.places(&CUSTODIANS) {
        let here = under(&CUSTODIANS, &[&place]);
        let path = under(&here, &["name"]);
        if let Some(name) = reading.text(&path) {
            let first = names.entry(name).or_insert_with(|| place.clone());
            if *first != place {
                let text = format!("`custodians{first}` has this name already");
                reading.refuse(Code::FileContradicts, &path, text);
            }
        }
        for (kind, key) in PLACES {
            let path = under(&here, &[kind, key]);
            let Some(target) = target(reading, &here, kind, &path) else {
                continue;
            };
            let first = targets.entry(target).or_insert_with(|| place.clone());
            if *first != place {
                let text = format!(
                    "`custodians{first}` keeps its share there already; one would overwrite the other"
                );
                reading.refuse(Code::FileContradicts, &path, text);
            }
        }
    }
}

/// Where a custodian keeps its share. A parameter or a secret is one of its account and region, and a Secret of its
/// API server, so these must be sound too.
fn target(reading: &Reading, custodian: &[&str], kind: &str, path: &[&str]) -> Option<[String; 7]> {
    let all = under(custodian, &[kind]);
    if ["ssm", "secretsmanager", "kubernetes"].contains(&kind) {
        reading.node(&all)?;
    }
    let text = |path: &[&str]| reading.text(path).unwrap_or_default().to_owned();
    let target = reading.text(path)?.to_owned();
    let [region, profile, role, server, endpoint] =
        ["region", "profile", "role_arn", "api_server", "endpoint"]
            .map(|key| text(&under(&all, &[key])));
    // The names of two services of AWS are not the same name.
    let kind = if kind == "secretsmanager" { kind } else { "" };
    Some([
        kind.to_owned(),
        target,
        region,
        profile,
        role,
        server,
        endpoint,
    ])
}

pub(super) fn accepted_custodians_exist(reading: &mut Reading) {
    let custodians = reading.texts(&["init", "custodians", "*", "name"]);
    if reading.count(&CUSTODIANS) != Some(custodians.len()) {
        return;
    }
    let exists = |name: &str| custodians.iter().any(|(_, custodian)| *custodian == name);
    for key in ["accept_unproved", "accept_one_trust_domain"] {
        reading.refuse_unless(
            Code::NameUnknown,
            &["init", key, "*"],
            exists,
            "no custodian has this name",
        );
    }
}

pub(super) fn recipients_are_public(reading: &mut Reading) {
    let text =
        "expected an age recipient, which starts with `age1`; `age-keygen -y KEYFILE` shows it";
    let patterns: [&[&str]; 3] = [
        &["init", "custodians", "*", "age", "recipient"],
        &["init", "custodians", "*", "kubernetes", "recipient"],
        &["writes", "*", "hand_out", "age", "recipient"],
    ];
    for pattern in patterns {
        reading.refuse_unless(
            Code::FileValueInvalid,
            pattern,
            |text| text.starts_with("age1"),
            text,
        );
    }
}

pub(super) fn secrets_of_kubernetes_have_names(reading: &mut Reading) {
    let letter = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inside = |c: u8| letter(c) || c == b'-';
    let ends = |part: &str| {
        part.bytes().next().is_some_and(letter) && part.bytes().next_back().is_some_and(letter)
    };
    let label = |part: &str| ends(part) && part.bytes().all(inside);
    let right = |text: &str| {
        let Some((namespace, name)) = text.split_once('/') else {
            return false;
        };
        let fits = namespace.len() <= 63 && name.len() <= LONGEST_SECRET;
        fits && label(namespace) && name.split('.').all(label)
    };
    let text = "expected `NAMESPACE/NAME` of a Secret: small letters, digits and `-`, in the name also `.`";
    let pattern = ["init", "custodians", "*", "kubernetes", "secret"];
    reading.refuse_unless(Code::FileValueInvalid, &pattern, right, text);
}

pub(super) fn secrets_of_aws_have_names(reading: &mut Reading) {
    let right = |text: &str| {
        let inside = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
        text.len() <= LONGEST_SECRET_OF_AWS && text.chars().all(inside)
    };
    let text =
        "expected the name of a secret, no ARN: letters, digits and `/_+=.@-`, at most 360 of them";
    let patterns: [&[&str]; 2] = [
        &["init", "custodians", "*", "secretsmanager", "name"],
        &["writes", "*", "hand_out", "secretsmanager", "name"],
    ];
    for pattern in patterns {
        reading.refuse_unless(Code::FileValueInvalid, pattern, right, text);
    }
}

/// Short ids of keys are made by anybody, so only the whole fingerprint counts.
pub(super) fn fingerprints_are_whole(reading: &mut Reading) {
    let whole = |fingerprint: &str| {
        let mut digits = fingerprint.chars().filter(|c| !c.is_whitespace());
        digits.clone().count() == 40 && digits.all(|c| c.is_ascii_hexdigit())
    };
    let pattern = ["init", "custodians", "*", "pgp", "fingerprint"];
    let text =
        "expected the whole fingerprint, 40 hexadecimal digits; `gpg --show-keys KEYFILE` shows it";
    reading.refuse_unless(Code::FileValueInvalid, &pattern, whole, text);
}
