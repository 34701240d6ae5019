//! With the operator's own file: what of it is replaced, and what is as there.

use super::Place;
use crate::support::require;

const BAO: &str = "openbao-2.7.2";
const VAULT: &str = "vault-1.21.1";
const EXAMPLE: &str = include_str!("../../../bootstrap.example.yaml");
/// Each login of the file logs in as itself; the one of the payments reads what was put there for the tests, and changes nothing.
const WORK: &str = r#"set -e
"$0" kv get -mount=secret -field=key production/stripe
as() { VAULT_TOKEN=$("$0" write -field=token $1); BAO_TOKEN=$VAULT_TOKEN; export VAULT_TOKEN BAO_TOKEN; }
as "$VAULT_BOOTSTRAP_LOGIN_PAYMENTS"
"$0" kv get -mount=secret -field=key production/stripe
! "$0" kv put -mount=secret production/stripe key=other 2>/dev/null
as "$VAULT_BOOTSTRAP_LOGIN_AUDITOR"
"$0" policy list | grep -qx operator
as "$VAULT_BOOTSTRAP_LOGIN_BACKUP"
"$0" token lookup -format=json | grep -q app-payments
"#;

impl Place {
    fn with_example(component: &str, more: &str) -> Self {
        let mut place = Self::with(component);
        place.tool = place.tool.env("OIDC_CLIENT_ID", "client");
        let text = EXAMPLE.to_owned() + more;
        std::fs::write(place.tool.home().join("prod.yaml"), text).expect("written");
        place
    }
}

fn the_example_runs(component: &str) {
    require!([component]);
    let place = Place::with_example(component, "");
    let refused = place
        .run(&["-c", "prod.yaml", "--inmem", "--", "true"])
        .expect_code(2);
    place.is_clean();
    // The line that is advised is the one that is missing.
    let line = refused
        .stderr
        .lines()
        .find_map(|line| Some(&line[line.find("throwaway: {auth")?..]));
    let line = line
        .unwrap_or_else(|| panic!("{}", refused.stderr))
        .trim_end();
    let line = line.strip_suffix("}").expect("a map");
    let more = format!("{line}, seed: {{secret/production/stripe: {{key: sk_test}}}}}}\n");
    let place = Place::with_example(component, &more);
    let program = place.server.to_str().expect("a path").to_owned();
    let words = [
        "-c",
        "prod.yaml",
        "--inmem",
        "--",
        "sh",
        "-c",
        WORK,
        &program,
    ];
    let run = place.run(&words).expect_code(0);
    assert_eq!(run.stdout, "sk_testsk_test", "{}", run.stderr);
    for told in [
        "address: https://vault.internal:8200 becomes one of this machine, and its 3 nodes one",
        "temporary age keys for alice, bob, carol",
        "audit.syslog: a temporary file instead of syslog",
        "auth.kubernetes: userpass, each role a user with its policies",
        "secret /run/secrets/ada: a random value",
    ] {
        let said = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(told), "{told} is not in {}", run.stderr);
    }
    place.is_clean();
}

#[test]
fn the_example_runs_on_openbao_with_the_line_that_is_advised() {
    the_example_runs(BAO);
}

#[test]
fn the_example_runs_on_vault_with_the_line_that_is_advised() {
    the_example_runs(VAULT);
}

#[test]
fn a_root_token_is_given_only_where_it_is_typed() {
    require!([BAO]);
    let place = Place::with(BAO);
    let program = place.server.to_str().expect("a path").to_owned();
    let script = r#""$0" token lookup -format=json | grep -c '"root"'; exit 0"#;
    let words = ["--inmem", "--root", "--", "sh", "-c", script, &program];
    let run = place.run(&words).expect_code(0);
    assert_ne!(run.stdout, "0\n", "{}", run.stderr);
    place.is_clean();
    let run = place
        .run(&["--inmem", "--", "sh", "-c", script, &program])
        .expect_code(0);
    assert_eq!(run.stdout, "0\n", "{}", run.stderr);
    place.is_clean();
    place
        .run(&["--root", "--as", "app", "--", "true"])
        .expect_code(2);
}

#[test]
fn a_token_outlives_its_ttl_as_long_as_the_command_runs() {
    require!([BAO]);
    let more = "throwaway: {auth: {oidc: {stand_in: userpass}, kubernetes: {stand_in: userpass}, ci: {stand_in: userpass}, ldap: \
                {stand_in: userpass}}}\n";
    let place = Place::with_example(BAO, "");
    let text = EXAMPLE.replace("token_ttl: 8h", "token_ttl: 4s") + more;
    std::fs::write(place.tool.home().join("prod.yaml"), text).expect("written");
    let program = place.server.to_str().expect("a path").to_owned();
    let script = r#"sleep 9; "$0" token lookup >/dev/null"#;
    let words = [
        "-c",
        "prod.yaml",
        "--as",
        "operator",
        "--inmem",
        "--",
        "sh",
        "-c",
        script,
        &program,
    ];
    place.run(&words).expect_code(0);
    place.is_clean();
}
