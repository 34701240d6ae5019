//! The external configuration of bank-vaults, which makes the same cluster.

use std::fs;

use serde_json::{Value, json};

use super::equal;
use crate::ceremony::{Ceremony, Server};
use crate::support::{Authority, Setup, require};

/// Secrets of such a file, none of which is ever said.
const WORDS: [&str; 5] = [
    "ldap-planted-4711",
    "startup-planted-4711",
    "first-planted-4711",
    "aws-planted-4711",
    "db-planted-4711",
];
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n          \
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEmEImFVKjUfDInfM2Zsh1DjDrjbsv\n          \
    F204aQKu+UmuSMVJ+VDI37sPgyCNTx+gGfKp92n+gBmBvrClhMgDaZSTVA==\n          \
    -----END PUBLIC KEY-----";
const KEEP: [&str; 5] = ["-c", "bootstrap.yaml", "apply", "--yes", "--keep-root"];

/// A file with every section; the password is that of the operator.
fn of_bank_vaults(server: &Server, password: &str, more: &str) -> String {
    let log = server.audit_file();
    let (log, auth) = (log.display(), methods(password));
    format!(
        r#"purgeUnmanagedConfig: {{enabled: true}}
audit:
  - type: file
    options: {{file_path: {log}}}
plugins:
  - {{plugin_name: wallet, command: wallet, sha256: "00", type: secret}}
policies:
  - name: operator
    rules: |
      path "secret/data/*" {{ capabilities = ["read", "update"] }}
  - name: machines
    rules: {{path: {{"secret/data/machines/*": {{capabilities: [read]}}}}}}
  - name: own
    rules: path "secret/data/{{{{identity.entity.aliases.__accessor__userpass.name}}}}" {{
             capabilities = ["read"]
           }}
{auth}{more}groups:
  - {{name: staff, type: external, policies: [operator], metadata: {{floor: 3}}}}
group-aliases:
  - {{name: Staff, mountpath: jwt, group: staff}}
secrets:
  - path: secret
    type: kv
    options: {{version: 2}}
    configuration: {{config: [{{max_versions: 7}}]}}
  - type: transit
    configuration:
      keys: [{{name: app, type: ecdsa-p256}}]
  - type: database
    configuration:
      roles:
        - {{name: reader, db_name: main, creation_statements: "CREATE ROLE \"{{{{name}}}}\"", default_ttl: 10m}}
      config:
        - name: main
          plugin_name: postgresql-database-plugin
          connection_url: "postgresql://{{{{username}}}}:{{{{password}}}}@127.0.0.1:1/x"
          username: "${{ env `DB_USER` }}"
          password: ${{env "DB_PASSWORD"}}
          allowed_roles: [reader]
          verify_connection: false
  - type: pki
    config: {{max_lease_ttl: 720h}}
    configuration:
      roles: [{{name: web, allowed_domains: "a.internal,b.internal", allow_subdomains: true, max_ttl: 30m}}]
      root/generate: [{{name: internal, common_name: ca, ttl: 700h}}]
      config: [{{name: urls, issuing_certificates: "https://vault.internal:8200/v1/pki/ca"}}]
startupSecrets:
  - type: kv
    path: secret/data/app
    data: {{data: {{word: {word}}}}}
"#,
        word = WORDS[1],
    )
}

/// Methods that both products bring.
fn methods(password: &str) -> String {
    let pem = fs::read_to_string(Authority::new().certificate()).expect("a certificate");
    // JSON is YAML.
    let pem = json!(pem);
    format!(
        r#"auth:
  - type: userpass
    description: people
    options: {{default_lease_ttl: 1h, max_lease_ttl: 24h}}
    users:
      - {{username: operator, password: {password}, token_policies: [operator, own], token_ttl: 1h}}
  - type: approle
    path: machines
    roles:
      - {{name: batch, policies: machines, ttl: 10m, secret_id_num_uses: 1}}
  - type: jwt
    config:
      jwt_validation_pubkeys:
        - |
          {PUBLIC_KEY}
    roles:
      - {{name: ci, role_type: jwt, user_claim: sub, bound_audiences: vault, bound_claims: {{repository: a/b}}, policies: machines, period: 1h}}
  - type: kubernetes
    config: {{kubernetes_host: "https://kubernetes.default.svc", disable_local_ca_jwt: true, kubernetes_ca_cert: {pem}}}
    roles:
      - {{name: app, bound_service_account_names: a, bound_service_account_namespaces: b, policies: [machines], ttl: 1h}}
  - type: token
    roles:
      - {{name: batch, allowed_policies: machines, orphan: true, period: 1h}}
"#
    )
}

/// Methods that Vault brings, and OpenBao does not.
fn of_vault() -> String {
    format!(
        r#"  - type: ldap
    config: {{url: "ldaps://ldap.internal", binddn: cn=vault, bindpass: {}, userdn: ou=people}}
    groups: {{staff: {{policies: operator}}}}
    users: {{ada: {{groups: staff, policies: own}}}}
  - type: github
    config: {{organization: acme, organization_id: 4711}}
    map: {{teams: {{dev: operator}}, users: {{ada: own}}}}
  - type: aws
    config: {{access_key: AKIA4711, secret_key: {}}}
    roles: [{{name: ci, auth_type: iam, bound_iam_principal_arn: "arn:aws:iam::123456789012:role/ci", resolve_aws_unique_ids: false, policies: machines}}]
"#,
        WORDS[0], WORDS[3]
    )
}

#[test]
fn a_file_of_bank_vaults_makes_the_same_cluster_and_a_second_plan_has_no_change() {
    for setup in [Setup::OpenBao272Static, Setup::Vault1211Shamir] {
        require!(setup.components());
        let server = Server::of(setup);
        let mut ceremony = Ceremony::at(&server);
        let more = if setup.is_openbao() {
            String::new()
        } else {
            of_vault()
        };
        let password = ceremony.secrets["operator"].clone();
        ceremony.write(
            "vault-config.yml",
            &of_bank_vaults(&server, &password, &more),
        );
        for (number, word) in WORDS.iter().enumerate() {
            ceremony
                .secrets
                .insert(format!("word {number}"), (*word).to_owned());
        }
        ceremony.environment.extend([
            ("DB_USER".to_owned(), "ada".to_owned()),
            ("DB_PASSWORD".to_owned(), WORDS[4].to_owned()),
        ]);
        let run = ceremony.run_as_is(&[
            "import",
            "--from",
            "bank-vaults",
            "vault-config.yml",
            "-o",
            "imported.yaml",
        ]);
        run.exits(4).says(&[
            "not carried over: line 1: purgeUnmanagedConfig: here apply --prune deletes what was made here",
            "not carried over: line 6: sys/plugins/catalog/secret/wallet: expected 64 hex digits",
            "to be filled: line 22: auth/userpass/users/operator: password, TO-BE-FILLED/auth/userpass/users/operator.password",
        ]);
        let imported = fs::read_to_string(ceremony.path("imported.yaml")).expect("a file");
        let said = format!("{run}{imported}");
        assert!(
            !said.contains("planted-4711") && !said.contains(&password),
            "{said}"
        );
        fill(&ceremony, &imported, &password);
        ceremony.run_as_is(&KEEP).exits(4);
        let value = server
            .api()
            .log_in("operator", &password)
            .read("secret/data/app");
        assert_eq!(value["data"]["data"]["word"], WORDS[1], "{value}");
        let run = ceremony.run_as_is(&["plan", "--output", "json"]);
        let plan = run.exits(0).event();
        nothing_differs(&plan);
        assert!(equal(&plan) >= 15, "{setup:?}\n{run}");
    }
}

/// No device, mount, policy, role or document is other than the file says.
fn nothing_differs(plan: &Value) {
    const WRITTEN: [&str; 6] = [
        "audit",
        "secrets",
        "auth-methods",
        "policies",
        "roles",
        "writes",
    ];
    let steps = plan["steps"].as_array().expect("steps");
    let is_written = |step: &&Value| WRITTEN.iter().any(|name| step["step"] == *name);
    let written: Vec<_> = steps.iter().filter(is_written).collect();
    assert_eq!(written.len(), WRITTEN.len(), "{plan}");
    for step in written {
        let items = step["items"].as_array().into_iter().flatten();
        let other: Vec<_> = items.filter(|item| item["change"] != "unseen").collect();
        assert_eq!(other, Vec::<&Value>::new(), "{step}");
        assert_eq!(step["action"], "nothing", "{step}");
    }
}

/// What a person writes into the file, and into those that it names.
fn fill(ceremony: &Ceremony, imported: &str, password: &str) {
    let mut missing = json!({});
    for key in ["cluster", "init", "checkpoint"] {
        missing[key] = ceremony.file[key].clone();
    }
    let login = &ceremony.file["logins"]["operator"]["password"];
    missing["logins"] =
        json!({"operator": {"auth": "userpass", "username": "operator", "password": login}});
    missing["break_glass"] = json!({"none": "of a test"});
    missing["revoke_root"] = json!(false);
    let mut text = imported.to_owned();
    for (key, value) in missing.as_object().expect("a map") {
        text.push_str(&format!("{key}: {value}\n"));
    }
    ceremony.write("bootstrap.yaml", &text);
    let words = [
        ("auth/userpass/users/operator.password", password),
        ("secret/data/app.data.word", WORDS[1]),
        ("auth/ldap/config.bindpass", WORDS[0]),
        ("auth/aws/config/client.access_key", "AKIA4711"),
        ("auth/aws/config/client.secret_key", WORDS[3]),
    ];
    for (name, word) in words {
        let file = ceremony.path(&format!("TO-BE-FILLED/{name}"));
        fs::create_dir_all(file.parent().expect("a directory")).expect("directories");
        ceremony.write(&format!("TO-BE-FILLED/{name}"), word);
    }
}
