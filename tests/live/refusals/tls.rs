//! Certificates that must not be trusted: refused before anything is asked of the server.

use serde_json::json;

use super::refused_before;
use crate::ceremony::{Ceremony, Server, builder};
use crate::support::{Authority, Setup, Tls};

/// A server in memory that presents what this authority issued, and a ceremony that trusts `trusted`.
fn presenting(certificate: crate::support::Certificate, trusted: &Authority) -> (Server, Ceremony) {
    let tls = Tls {
        server: certificate,
        client_authority: None,
        client: None,
    };
    let server = Server::from(
        builder(Setup::OpenBao272Static)
            .in_memory()
            .tls(tls)
            .start(),
    );
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/cluster/tls", json!({ "ca_cert": trusted.certificate() }));
    (server, ceremony)
}

const NAMES: &str = "IP:127.0.0.1,DNS:vault.internal";

#[test]
fn a_certificate_of_another_authority() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (server, ceremony) = presenting(theirs.issue("server", NAMES), &ours);
    refused_before(
        &server,
        &ceremony,
        1,
        &[
            "no trusted connection to https://127.0.0.1",
            "cluster.tls.ca_cert",
        ],
    );
}

#[test]
fn a_certificate_that_ended_yesterday() {
    let ours = Authority::new();
    let (server, ceremony) = presenting(ours.issue_expired("server", NAMES), &ours);
    refused_before(
        &server,
        &ceremony,
        1,
        &["no trusted connection", "renew the server's certificate"],
    );
}

#[test]
fn a_certificate_for_another_name() {
    let ours = Authority::new();
    let (server, mut ceremony) = presenting(ours.issue("server", "DNS:vault.internal"), &ours);
    refused_before(
        &server,
        &ceremony,
        1,
        &["no trusted connection", "cluster.tls.server_name"],
    );
    ceremony.set("/cluster/tls/server_name", json!("vault.internal"));
    ceremony.apply().exits(4);
}

/// What guides to the charts of these servers make; Go takes it, and the rules for certificates (RFC 6125) do not.
#[test]
fn a_certificate_with_a_star_before_one_part_alone() {
    let ours = Authority::new();
    let names = "DNS:*.vault-internal,DNS:vault.internal";
    let (server, mut ceremony) = presenting(ours.issue("server", names), &ours);
    ceremony.set("/cluster/tls/server_name", json!("vault-0.vault-internal"));
    let texts = [
        "no trusted connection",
        "with one part behind the star, is no name here",
        "another name of the certificate",
    ];
    refused_before(&server, &ceremony, 1, &texts);
    ceremony.set("/cluster/tls/server_name", json!("vault.internal"));
    ceremony.apply().exits(4);
}

#[test]
fn a_certificate_that_the_system_does_not_know() {
    let ours = Authority::new();
    let (server, mut ceremony) = presenting(ours.issue("server", NAMES), &ours);
    ceremony.remove("/cluster/tls");
    refused_before(
        &server,
        &ceremony,
        1,
        &["no trusted connection", "cluster.tls.ca_cert"],
    );
}

#[test]
fn a_client_certificate_that_the_server_wants() {
    let ours = Authority::new();
    let client = ours.issue("client", "DNS:client");
    let tls = Tls {
        server: ours.issue("server", NAMES),
        client_authority: Some(ours.certificate()),
        client: Some(client.clone()),
    };
    let server = Server::from(
        builder(Setup::OpenBao272Static)
            .in_memory()
            .tls(tls)
            .start(),
    );
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/cluster/tls", json!({ "ca_cert": ours.certificate() }));
    refused_before(
        &server,
        &ceremony,
        1,
        &["no trusted connection", "cluster.tls.client_cert"],
    );
    ceremony.set("/cluster/tls/client_cert", json!(client.certificate));
    ceremony.set("/cluster/tls/client_key", json!({ "file": client.key }));
    ceremony.apply().exits(4);
}

#[test]
fn an_authority_that_cannot_be_read_or_holds_a_private_key() {
    let ours = Authority::new();
    let issued = ours.issue("server", NAMES);
    let (server, mut ceremony) = presenting(issued.clone(), &ours);
    ceremony.set("/cluster/tls/ca_cert", json!("nowhere.pem"));
    refused_before(&server, &ceremony, 1, &["nowhere.pem"]);
    ceremony.set("/cluster/tls/ca_cert", json!(issued.key));
    refused_before(&server, &ceremony, 2, &["does not hold certificates alone"]);
}
