//! Logins by a TLS client certificate: opened, renewed, and refused where the files alone show that they would not be.

use std::path::Path;

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, EVERY_KEY, Server, builder};
use crate::doors::stopped_at_the_door;
use crate::refusals::{nothing_was_written, refused_before};
use crate::support::{Authority, Certificate, Setup, Tls, require};

/// Both releases of OpenBao, and Vault.
const EACH: [Setup; 3] = [
    Setup::OpenBao272Static,
    Setup::OpenBao262StaticApiAudit,
    Setup::Vault1211Shamir,
];

/// A server that speaks TLS, with these lines in its listener.
fn serving(setup: Setup, ours: &Authority, line: Option<&str>) -> Server {
    let tls = Tls {
        server: ours.issue("server", "IP:127.0.0.1"),
        client_authority: None,
        client: None,
    };
    let mut builder = builder(setup).tls(tls);
    if let Some(line) = line {
        builder = builder.listener_line(line);
    }
    Server::from(builder.start())
}

/// A machine that looks, and one that may break the glass, each with a certificate of `theirs`.
fn with_certificates(server: &Server, ours: &Authority, theirs: &Authority) -> Ceremony {
    let mut ceremony = Ceremony::at(server);
    ceremony.set("/cluster/tls", json!({ "ca_cert": ours.certificate() }));
    let role = |name: &str| {
        json!({
            "certificate": { "file": theirs.certificate() }, "allowed_common_names": [name], "token_ttl": "15m",
        })
    };
    let login = |name: &str| json!({ "auth": "cert", "role": name, "certificate": format!("{name}.pem"), "key": { "file": format!("{name}.key.pem") } });
    for name in ["ci", "emergency"] {
        put(&mut ceremony, name, &theirs.issue(name, "DNS:client"));
        ceremony
            .set(&format!("/auth/cert/roles/{name}"), role(name))
            .set(&format!("/logins/{name}"), login(name));
    }
    ceremony
        .set("/auth/cert/roles/ci/token_policies", json!(["auditor"]))
        .set("/break_glass/logins", json!(["ada", "emergency"]))
        .remove("/break_glass/accept_one_auth_method");
    ceremony
}

/// Puts a certificate and its key where the login has them from.
fn put(ceremony: &mut Ceremony, name: &str, certificate: &Certificate) {
    let read = |path: &Path| std::fs::read_to_string(path).expect("a PEM file");
    let key = read(&certificate.key);
    ceremony.write(&format!("{name}.pem"), &read(&certificate.certificate));
    ceremony.write(&format!("{name}.key.pem"), &key);
    let line = key.lines().nth(1).expect("a line of a key").to_owned();
    ceremony.secrets.insert(format!("{name}.key.pem"), line);
}

#[test]
fn machines_with_certificates_open_break_the_glass_and_look_afterwards_and_take_new_ones() {
    for setup in EACH {
        require!(setup.components());
        let (ours, theirs) = (Authority::new(), Authority::new());
        let server = serving(setup, &ours, None);
        let mut ceremony = with_certificates(&server, &ours, &theirs);
        ceremony
            .run(&["plan"])
            .prints(&["ci through auth/cert/: by itself"]);
        ceremony
            .apply()
            .exits(4)
            .says(&["ci opened", "emergency opened"]);
        ceremony.apply().exits(4).prints(&["nothing was written"]);
        put(&mut ceremony, "ci", &theirs.issue("ci", "DNS:client"));
        ceremony
            .run(&["apply", "--check", "--login", "ci"])
            .exits(4)
            .says(&["checking as ci"]);
        ceremony.run(&["plan", "--login", "ci"]).exits(0);
        ceremony
            .run(&["import", "--login", "ci", "-o", "now.yaml"])
            .exits(4);
        let rehearse = [&["rehearse", "--login", "emergency"][..], &EVERY_KEY].concat();
        // Vault 1.21 lets anybody begin there, which is a finding of its own.
        let code = if setup.is_openbao() { 0 } else { 4 };
        ceremony
            .run(&rehearse)
            .exits(code)
            .prints(&["break-glass into test works"]);
        put(&mut ceremony, "ci", &theirs.issue_ended("ci", "DNS:client"));
        ceremony
            .run(&["apply", "--check", "--login", "ci"])
            .exits(1)
            .says(&[
                "the certificate",
                "ci.pem, of CN=ci, issued by CN=Test authority, ended at",
            ]);
    }
}

#[test]
fn what_the_files_show_of_a_certificate_is_said_before_anything_is_initialised() {
    require!(["openbao-2.7.2"]);
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = serving(Setup::OpenBao272Static, &ours, None);
    let mut ceremony = with_certificates(&server, &ours, &theirs);
    put(&mut ceremony, "ci", &theirs.issue_ended("ci", "DNS:client"));
    let ended = "ci.pem, of CN=ci, issued by CN=Test authority, ended at";
    refused_before(
        &server,
        &ceremony,
        1,
        &["login ci", ended, "put a new certificate there"],
    );

    put(&mut ceremony, "ci", &ours.issue("ci", "DNS:client"));
    let other = "is not of the authority that its role takes: CN=Test authority";
    refused_before(&server, &ceremony, 1, &["login ci", other]);

    put(&mut ceremony, "ci", &theirs.issue("ci", "DNS:client"));
    let right = std::fs::read_to_string(ceremony.path("ci.key.pem")).expect("a key");
    let foreign = theirs.issue("other", "DNS:client");
    let foreign = std::fs::read_to_string(foreign.key).expect("a key");
    ceremony.write("ci.key.pem", &foreign);
    refused_before(
        &server,
        &ceremony,
        1,
        &["login ci", "the key is not that of the certificate"],
    );

    ceremony.write(
        "ci.key.pem",
        &right.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
    );
    refused_before(
        &server,
        &ceremony,
        1,
        &["login ci", "private key without a passphrase"],
    );

    // A key is for its owner alone.
    ceremony.write("ci.key.pem", &right);
    crate::support::set_mode(&ceremony.path("ci.key.pem"), 0o644);
    ceremony.apply().exits(4).says(&[
        "every user of this machine can read this secret",
        "chmod 600",
    ]);
}

#[test]
fn a_certificate_that_does_not_arrive_or_that_no_role_takes_is_told_with_what_was_compared() {
    for setup in [EACH[0], EACH[2]] {
        require!(setup.components());
        let (ours, theirs) = (Authority::new(), Authority::new());
        let server = serving(setup, &ours, None);
        let mut ceremony = with_certificates(&server, &ours, &theirs);
        ceremony.set(
            "/auth/cert/roles/ci/allowed_common_names",
            json!(["somebody-else"]),
        );
        let texts = [
            "login ci",
            "no role takes this certificate; the certificate",
            "ci.pem is of CN=ci, issued by CN=Test authority; the role takes those of CN=Test authority",
            "allowed_common_names",
        ];
        stopped_at_the_door(&server, &ceremony, &ceremony.apply(), &texts);
    }
    let (ours, theirs) = (Authority::new(), Authority::new());
    let line = Some("tls_disable_client_certs = true");
    let server = serving(EACH[0], &ours, line);
    let ceremony = with_certificates(&server, &ours, &theirs);
    let texts = [
        "login ci",
        "no certificate arrived at the server",
        "tls_disable_client_certs",
    ];
    stopped_at_the_door(&server, &ceremony, &ceremony.apply(), &texts);
}

#[test]
fn a_certificate_over_plain_http_is_refused_by_the_file_alone() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let login: Value =
        json!({ "auth": "cert", "certificate": "ci.pem", "key": { "prompt": "key" } });
    ceremony
        .set("/auth/cert", json!({ "roles": { "ci": {} } }))
        .set("/logins/ci", login);
    let run = ceremony.apply();
    run.exits(2).says(&[
        "logins.ci.auth: a certificate is shown to the server over TLS alone, and `cluster.address` is `http`",
        "logins.ci.key.prompt: PEM has several lines",
        "auth.cert.roles.ci: missing key `certificate`",
    ]);
    nothing_was_written(&server, &ceremony, &run);
}
