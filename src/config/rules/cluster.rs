//! Rules of addresses, shares and custodians.

use std::collections::HashMap;

use url::{Host, Url};

use super::Parts;
use crate::config::model::{CustodianKind, LoginKind, TokenSource};
use crate::config::reading::Reading;
use crate::config::tree::step;

pub(super) fn plain_http_stays_on_this_machine(parts: &Parts, reading: &mut Reading) {
    const TEXT: &str = "plain `http` would show every secret to the network; it is only accepted to 127.0.0.1, ::1 and localhost";
    if let Some(cluster) = &parts.cluster {
        if !private(&cluster.address) {
            reading.refuse(&["cluster", "address"], TEXT);
        }
        for (index, node) in cluster
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| !private(node))
        {
            let _ = node;
            reading.refuse(&["cluster", "nodes", &step(index)], TEXT);
        }
    }
    for login in &parts.logins {
        let (LoginKind::Jwt { with, .. } | LoginKind::Kubernetes { with, .. }) = &login.kind else {
            continue;
        };
        let TokenSource::TokenRequest(request) = with else {
            continue;
        };
        if request
            .api_server
            .as_ref()
            .is_some_and(|address| !private(address))
        {
            reading.refuse(
                &["logins", &login.name, "with", "token_request", "api_server"],
                TEXT,
            );
        }
    }
}

fn private(address: &Url) -> bool {
    address.scheme() == "https"
        || match address.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
}

pub(super) fn nodes_are_different(parts: &Parts, reading: &mut Reading) {
    let nodes = parts
        .cluster
        .as_ref()
        .map(|cluster| cluster.nodes.as_slice())
        .unwrap_or_default();
    for (index, node) in nodes.iter().enumerate() {
        if nodes[..index].contains(node) {
            reading.refuse(
                &["cluster", "nodes", &step(index)],
                "this node stands in the list already",
            );
        }
    }
}

pub(super) fn threshold_fits_the_shares(parts: &Parts, reading: &mut Reading) {
    let Some(init) = &parts.init else { return };
    if init.threshold > init.shares {
        let text = format!(
            "the threshold is {} and there are {} shares: nobody could ever open the cluster",
            init.threshold, init.shares
        );
        reading.refuse(&["init", "threshold"], text);
    } else if init.shares > 1 && init.threshold == 1 {
        reading.refuse(
            &["init", "threshold"],
            "with several shares the threshold is at least 2: the servers refuse 1",
        );
    }
}

pub(super) fn every_share_has_a_custodian(parts: &Parts, reading: &mut Reading) {
    let Some(init) = &parts.init else { return };
    let (custodians, shares) = (init.custodians.len(), init.shares as usize);
    if custodians != shares {
        let text = format!(
            "{custodians} custodians for {shares} shares; every share needs one of its own"
        );
        reading.refuse(&["init", "custodians"], text);
    }
}

pub(super) fn custodians_are_different(parts: &Parts, reading: &mut Reading) {
    let Some(init) = &parts.init else { return };
    let mut names = HashMap::new();
    let mut targets = HashMap::new();
    for (index, custodian) in init.custodians.iter().enumerate() {
        let here = step(index);
        if let Some(first) = names.insert(custodian.name.as_str(), index) {
            reading.refuse(
                &["init", "custodians", &here, "name"],
                format!("`custodians[{first}]` has this name already"),
            );
        }
        let (target, key) = match &custodian.kind {
            CustodianKind::Ssm { parameter, aws, .. } => {
                (format!("{parameter} {aws:?}"), ["ssm", "parameter"])
            }
            CustodianKind::Age { file, .. } => (file.display().to_string(), ["age", "file"]),
        };
        if let Some(first) = targets.insert(target, index) {
            let text = format!(
                "`custodians[{first}]` keeps its share there already; one would overwrite the other"
            );
            reading.refuse(&["init", "custodians", &here, key[0], key[1]], text);
        }
    }
}

pub(super) fn accepted_custodians_exist(parts: &Parts, reading: &mut Reading) {
    let Some(init) = &parts.init else { return };
    for (index, name) in init.accept_unproved.iter().enumerate() {
        if !init
            .custodians
            .iter()
            .any(|custodian| custodian.name == *name)
        {
            reading.refuse(
                &["init", "accept_unproved", &step(index)],
                "no custodian has this name",
            );
        }
    }
}

pub(super) fn recipients_are_public(parts: &Parts, reading: &mut Reading) {
    let Some(init) = &parts.init else { return };
    for (index, custodian) in init.custodians.iter().enumerate() {
        if let CustodianKind::Age { recipient, .. } = &custodian.kind
            && !recipient.starts_with("age1")
        {
            let text = "expected an age recipient, which starts with `age1`; `age-keygen -y KEYFILE` shows it";
            reading.refuse(
                &["init", "custodians", &step(index), "age", "recipient"],
                text,
            );
        }
    }
}
