//! `import`: a cluster that is there as a file, and the file as a plan that changes nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::ceremony::{Api, Run, Server};
use crate::support::{Authority, Scratch, Setup, Tool, require};

const SETUPS: [Setup; 3] = [
    Setup::OpenBao272Static,
    Setup::OpenBao262StaticApiAudit,
    Setup::Vault1211Shamir,
];
/// What no file may hold.
const PLANTED: [&str; 4] = [
    "user-planted-4711",
    "db-planted-4711",
    "kv-planted-4711",
    "jwt-planted-4711",
];
const OPERATOR: &str = "operator-4711-of-a-test";
/// What no server tells, as a person fills it in.
const FILLED: &str = "
init:
  shares: 3
  threshold: 2
  custodians:
    - {name: alice, age: {recipient: age1-of-alice, file: shares/alice.age}}
    - {name: bob, age: {recipient: age1-of-bob, file: shares/bob.age}}
    - {name: carol, age: {recipient: age1-of-carol, file: shares/carol.age}}
checkpoint: {path: checkpoint, key: {passphrase: {prompt: passphrase}}}
logins:
  operator: {auth: userpass, username: operator, password: {file: operator.password}}
break_glass: {none: of a test}
";
/// Whoever reads all, and writes nothing.
const READS_ALL: &str = "path \"*\" { capabilities = [\"read\", \"list\", \"sudo\"] }\n\
                         path \"auth/token/revoke-self\" { capabilities = [\"update\"] }\n";

/// A server that somebody has initialised, with an operator who reads all, and a directory on a machine that has nothing.
struct Cluster {
    server: Server,
    root: String,
    directory: Scratch,
}

impl Cluster {
    fn start(setup: Setup) -> Self {
        let server = if setup == Setup::OpenBao272Static {
            Server::in_memory()
        } else {
            Server::of(setup)
        };
        let root = server.init_by_hand().root_token;
        let cluster = Self {
            server,
            root,
            directory: Scratch::new(),
        };
        let root = cluster.root();
        if !setup.declares_audit() {
            let options = json!({"file_path": cluster.server.audit_file()});
            root.write(
                "sys/audit/file",
                &json!({"type": "file", "options": options}),
            );
        }
        root.write("sys/auth/userpass", &json!({"type": "userpass"}));
        root.write("sys/policies/acl/reads-all", &json!({"policy": READS_ALL}));
        let operator =
            json!({"password": OPERATOR, "token_policies": ["reads-all"], "token_ttl": "1h"});
        root.write("auth/userpass/users/operator", &operator);
        cluster.write("operator.password", OPERATOR);
        cluster
    }

    fn root(&self) -> Api<'_> {
        self.server.api().with(&self.root)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.directory.write(name, text);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("our own file");
        file
    }

    fn tool(&self) -> Tool {
        Tool::new().directory(self.directory.path())
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.tool().run(arguments).into()
    }

    /// Imports with this token into a file, and gives its text.
    fn import(&self, token: &str, name: &str) -> (Run, String) {
        self.write("token", token);
        let address = self.server.address();
        let run = self.run(&[
            "import",
            "--address",
            &address,
            "--token-file",
            "token",
            "-o",
            name,
        ]);
        let text = fs::read_to_string(self.directory.file(name)).unwrap_or_default();
        (run, text)
    }

    /// The token of a login as `operator`.
    fn token_of_operator(&self) -> String {
        let body = json!({"password": OPERATOR});
        let (_, answer) = self.server.api().put("auth/userpass/login/operator", &body);
        answer["auth"]["client_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// The plan of this file through its login.
    fn plan(&self, name: &str) -> (Run, Value) {
        let run = self.run(&[
            "-c", name, "plan", "--login", "operator", "--output", "json",
        ]);
        let last = run.events().pop().expect("a plan");
        (run, last)
    }
}

/// Everything in a plan that is not merely unseen.
fn changes(plan: &Value) -> Vec<Value> {
    let steps = plan["steps"].as_array().unwrap_or_else(|| panic!("{plan}"));
    let mut all = Vec::new();
    for step in steps {
        let items = step["items"].as_array().into_iter().flatten();
        all.extend(items.filter(|item| item["change"] != "unseen").cloned());
        for kind in ["findings", "problems"] {
            all.extend(step[kind].as_array().into_iter().flatten().cloned());
        }
    }
    all
}

/// How many documents a plan has found equal.
fn equal(plan: &Value) -> u64 {
    let steps = plan["steps"].as_array().expect("steps");
    steps
        .iter()
        .filter_map(|step| step["unchanged"].as_u64())
        .sum()
}

/// Makes a cluster of more than 300 objects; the number of those that a plan can compare.
fn plant(cluster: &Cluster) -> u64 {
    let root = cluster.root();
    let write = |path: String, body: Value| {
        root.write(&path, &body);
    };
    let mount = json!({
        "type": "kv", "description": "of team 0", "options": {"version": "2"},
        "config": {"default_lease_ttl": "1h", "max_lease_ttl": "2h", "audit_non_hmac_request_keys": ["a"],
                   "listing_visibility": "unauth", "passthrough_request_headers": ["X-A"]}
    });
    write("sys/mounts/kv-0".into(), mount);
    for number in 1..8 {
        write(format!("sys/mounts/kv-{number}"), json!({"type": "kv"}));
    }
    for engine in ["pki", "ssh", "database", "transit", "totp"] {
        write(format!("sys/mounts/{engine}"), json!({"type": engine}));
    }
    for method in ["approle", "jwt", "kubernetes", "cert"] {
        let config = json!({"default_lease_ttl": "30m"});
        write(
            format!("sys/auth/{method}"),
            json!({"type": method, "config": config}),
        );
    }
    for number in 0..100 {
        let text = format!(
            "# of team {number}\npath \"kv-0/data/team-{number}/*\" {{\n  capabilities = [\"read\", \"list\"]\n}}\n"
        );
        write(
            format!("sys/policies/acl/team-{number}"),
            json!({"policy": text}),
        );
    }
    for number in 0..60 {
        let user = json!({
            "password": PLANTED[0], "token_policies": [format!("team-{number}"), "default"],
            "token_ttl": 600 + number, "token_bound_cidrs": ["10.0.0.0/8"]
        });
        write(format!("auth/userpass/users/user-{number}"), user);
    }
    for number in 0..40 {
        let role = json!({
            "token_policies": [format!("team-{number}")], "token_ttl": 1000 + number, "bind_secret_id": number % 2 == 0,
            "secret_id_bound_cidrs": ["127.0.0.0/8"], "secret_id_num_uses": number
        });
        write(format!("auth/approle/role/app-{number}"), role);
    }
    let key = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n\
               q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==\n-----END PUBLIC KEY-----";
    write(
        "auth/jwt/config".into(),
        json!({"jwt_validation_pubkeys": [key]}),
    );
    for number in 0..30 {
        let role = json!({
            "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["ci"],
            "bound_claims": {"project": [format!("team-{number}"), "all"]}, "token_policies": [format!("team-{number}")]
        });
        write(format!("auth/jwt/role/ci-{number}"), role);
    }
    let authority = Authority::new();
    let pem = fs::read_to_string(authority.certificate()).expect("a certificate");
    let config = json!({
        "kubernetes_host": "https://127.0.0.1:6443", "kubernetes_ca_cert": pem, "token_reviewer_jwt": PLANTED[3],
        "disable_iss_validation": false, "issuer": "https://issuer"
    });
    write("auth/kubernetes/config".into(), config);
    let role = json!({
        "bound_service_account_names": ["a", "b"], "bound_service_account_namespaces": ["c"], "audience": "vault"
    });
    write("auth/kubernetes/role/pods".into(), role);
    write(
        "auth/cert/certs/of-a-test".into(),
        json!({"certificate": pem}),
    );
    documents(cluster);
    // What is compared: not the users with their passwords, nor the connection and the reviewer.
    100 + 40 + 30 + 2 + 40
}

/// Documents that stand in `writes`.
fn documents(cluster: &Cluster) {
    let root = cluster.root();
    let write = |path: String, body: Value| {
        root.write(&path, &body);
    };
    write(
        "pki/config/urls".into(),
        json!({"issuing_certificates": ["https://pki/ca"]}),
    );
    write("pki/config/crl".into(), json!({"expiry": "24h"}));
    write(
        "ssh/config/ca".into(),
        json!({"generate_signing_key": true}),
    );
    for number in 0..8 {
        let role = json!({"allowed_domains": [format!("team-{number}.internal")], "require_cn": false, "max_ttl": "24h"});
        write(format!("pki/roles/host-{number}"), role);
        let role = json!({"key_type": "ca", "allow_user_certificates": true, "allowed_users": format!("u{number}"), "ttl": "1h"});
        write(format!("ssh/roles/user-{number}"), role);
        write(
            format!("transit/keys/key-{number}"),
            json!({"type": "ecdsa-p256"}),
        );
        write(
            format!("sys/quotas/rate-limit/q{number}"),
            json!({"rate": 100 + number, "path": format!("kv-{number}/")}),
        );
    }
    write(
        "sys/quotas/rate-limit/all".into(),
        json!({"rate": 9000, "interval": "2s"}),
    );
    let connection = json!({
        "plugin_name": "postgresql-database-plugin", "verify_connection": false, "username": "vault",
        "connection_url": "postgresql://{{username}}:{{password}}@127.0.0.1/x", "password": PLANTED[1],
        "allowed_roles": ["reader"]
    });
    write("database/config/main".into(), connection);
    let role = json!({"db_name": "main", "creation_statements": ["CREATE ROLE \"{{name}}\";"], "default_ttl": "1h"});
    write("database/roles/reader".into(), role);
    write(
        "totp/keys/t".into(),
        json!({"generate": true, "issuer": "i", "account_name": "a"}),
    );
    let rules = "length = 20\nrule \"charset\" {\n  charset = \"abcde\"\n}\n";
    write(
        "sys/policies/password/long".into(),
        json!({"policy": rules}),
    );
    write(
        "auth/token/roles/batch".into(),
        json!({"allowed_policies": ["team-1"], "orphan": true, "renewable": false}),
    );
    for number in 0..8 {
        let group = json!({"policies": [format!("team-{number}")], "metadata": {"number": number.to_string()}});
        write(format!("identity/group/name/group-{number}"), group);
    }
    write(
        "identity/entity/name/ada".into(),
        json!({"metadata": {"mail": "ada@x"}}),
    );
    write("kv-0/data/a".into(), json!({"data": {"k": PLANTED[2]}}));
    write("kv-1/b".into(), json!({"k": PLANTED[2]}));
}

#[test]
fn a_cluster_of_300_objects_is_a_file_that_changes_nothing_and_one_line_changed_is_that_change() {
    for setup in SETUPS {
        require!(setup.components());
        let cluster = Cluster::start(setup);
        let compared = plant(&cluster);
        cluster.root().write("auth/token/revoke-self", &json!({}));
        let token = cluster.token_of_operator();
        let log = cluster.server.audit().after_this();
        let (run, text) = cluster.import(&token, "imported.yaml");
        run.exits(0).shows_no_token();
        assert_eq!(log.writes(), Vec::<String>::new(), "{setup:?}");
        let asked = log.requests();
        let credential = |request: &&String| {
            [
                "/data/",
                "/creds/",
                "/role-id",
                "kv-1/",
                "totp/code",
                "/login",
                "revoke",
            ]
            .iter()
            .any(|part| request.contains(part))
        };
        let secret: Vec<_> = asked.iter().filter(credential).collect();
        assert!(secret.is_empty(), "{secret:?}");
        for planted in PLANTED {
            assert!(
                !text.contains(planted) && !run.stderr.contains(planted),
                "{planted}"
            );
        }
        let mode = fs::metadata(cluster.directory.file("imported.yaml"))
            .expect("a file")
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        for line in [
            "  id: ",
            "#   shares: 3\n",
            "#   auth/userpass/users/user-7: password, TO-BE-FILLED/auth/userpass/users/user-7.password\n",
            "        password: {file: TO-BE-FILLED/auth/userpass/users/user-7.password}\n",
            "#   database/config/main: password, TO-BE-FILLED/database/config/main.password\n",
            "#   ssh/config/ca: the server made its key\n",
            "#   totp/keys: its keys, which no read shows whole: 1\n",
        ] {
            assert!(text.contains(line), "{setup:?}: {line}\n{text}");
        }
        only_what_was_set(&text);
        plans_as_it_is(&cluster, &text, compared);
    }
}

/// A field that nobody has set has no line.
fn only_what_was_set(text: &str) {
    for part in [
        "      app-3:\n        bind_secret_id: false\n        secret_id_bound_cidrs: [\"127.0.0.0/8\"]\n        \
         secret_id_num_uses: 3\n",
        "  - path: pki/roles/host-3\n    data:\n      allowed_domains: [team-3.internal]\n      max_ttl: 86400\n      \
         require_cn: false\n",
        "  - path: pki/config/crl\n    data:\n      expiry: \"24h\"\n  - ",
        "  - path: transit/keys/key-3\n    data:\n      type: ecdsa-p256\n  - ",
        "  - path: database/roles/reader\n    data:\n      creation_statements: [\"CREATE ROLE \\\"{{name}}\\\";\"]\n      \
         db_name: main\n      default_ttl: 3600\n  - ",
        "  - path: sys/quotas/rate-limit/q3\n    data:\n      path: kv-3/\n      rate: 103\n  - ",
        "  - path: auth/token/roles/batch\n    data:\n      allowed_policies: [team-1]\n      orphan: true\n      \
         renewable: false\n  - ",
        "  - path: identity/group/name/group-3\n    data:\n      metadata:\n        number: \"3\"\n      policies: [team-3]\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

/// The file as it is changes nothing; with one line changed, that is the change.
fn plans_as_it_is(cluster: &Cluster, text: &str, compared: u64) {
    let filled = format!("{text}{FILLED}");
    cluster.write("bootstrap.yaml", &filled);
    let log = cluster.server.audit().after_this();
    let (run, plan) = cluster.plan("bootstrap.yaml");
    run.exits(0);
    assert_eq!(changes(&plan), Vec::<Value>::new(), "{run}");
    assert_eq!(plan["changes"], 0, "{run}");
    assert!(
        equal(&plan) >= compared,
        "{} of {compared}\n{run}",
        equal(&plan)
    );
    assert_eq!(
        (&plan["looked_as"], &plan["elsewhere"]),
        (&json!("operator"), &json!(true)),
        "{run}"
    );
    let next = plan["next"].as_str().expect("a command");
    assert!(next.ends_with("plan --login operator"), "{next}");
    assert!(!cluster.directory.file("checkpoint").exists(), "{run}");
    let changed = filled.replacen("token_ttl: 1017", "token_ttl: 1018", 1);
    assert_ne!(changed, filled);
    cluster.write("changed.yaml", &changed);
    let (run, plan) = cluster.plan("changed.yaml");
    let found = changes(&plan);
    assert_eq!(found.len(), 1, "{run}");
    assert_eq!(found[0]["path"], "auth/approle/role/app-17", "{run}");
    assert_eq!(found[0]["field"], "token_ttl", "{run}");
    let step = plan["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .find(|step| step["step"] == "roles");
    assert_eq!(step.expect("a step")["action"], "differs", "{run}");
    assert_eq!(
        (&found[0]["have"], &found[0]["want"]),
        (&json!("1017"), &json!("1018")),
        "{run}"
    );
    let written: Vec<_> = log
        .writes()
        .into_iter()
        .filter(|one| !one.contains("/login/"))
        .collect();
    assert_eq!(written, Vec::<String>::new());
    // A wrong id is another cluster, to which no password goes.
    let log = cluster.server.audit().after_this();
    let id = filled
        .lines()
        .find(|line| line.starts_with("  id: "))
        .expect("an id");
    cluster.write(
        "other.yaml",
        &filled.replace(id, "  id: 00000000-0000-0000-0000-000000000000"),
    );
    cluster
        .run(&["-c", "other.yaml", "plan", "--login", "operator"])
        .exits(3);
    assert_eq!(log.requests(), Vec::<String>::new());
    // Who looks at such a cluster makes no file of a plan that nobody carries out.
    cluster
        .run(&["plan", "--login", "operator", "-o", "a.plan"])
        .exits(3);
}

#[test]
fn what_a_login_may_not_see_is_named_in_the_file_and_ends_with_4() {
    for setup in SETUPS {
        require!(setup.components());
        let cluster = Cluster::start(setup);
        let root = cluster.root();
        root.write(
            "sys/policies/acl/hidden",
            &json!({"policy": "path \"a\" { capabilities = [\"read\"] }"}),
        );
        let rules = "path \"sys/policies/acl\" { capabilities = [\"list\"] }\n\
                     path \"sys/policies/acl/reads-all\" { capabilities = [\"read\"] }\n\
                     path \"sys/auth\" { capabilities = [\"read\"] }\n";
        root.write("sys/policies/acl/little", &json!({"policy": rules}));
        let token = |policies: Value| {
            let made = root.write(
                "auth/token/create",
                &json!({"policies": policies, "ttl": "1h"}),
            );
            made["auth"]["client_token"]
                .as_str()
                .expect("a token")
                .to_owned()
        };
        let (run, text) = cluster.import(&token(json!(["little"])), "little.yaml");
        run.exits(4).says(&[
            "not seen, so that it is not known what is there: sys/mounts: this login may not read it",
        ]);
        for path in [
            "sys/audit: this login may not read it",
            "sys/mounts: this login may not read it",
            "sys/policies/acl/hidden: this login may not read it",
            "auth/userpass/users/: this login may not list it",
            "sys/quotas/rate-limit/: this login may not list it",
            "identity/group/name/: this login may not list it",
        ] {
            assert!(text.contains(&format!("#   {path}\n")), "{path}\n{text}");
        }
        assert!(
            text.contains("\n  reads-all:\n") && text.contains("\n  userpass: {}\n"),
            "{text}"
        );
        // A token that is none sees nothing, and nothing is said to be there.
        let (run, text) = cluster.import("hvs.no-such-token", "nothing.yaml");
        run.exits(4);
        assert!(
            text.contains("#   sys/auth: this login may not read it\n"),
            "{text}"
        );
        assert!(
            !text.contains("\nauth:\n") && !text.contains("\npolicies:\n"),
            "{text}"
        );
        let run = cluster.run(&[
            "import",
            "--address",
            &cluster.server.address(),
            "--token-file",
            "token",
            "-o",
            "nothing.yaml",
        ]);
        run.exits(2)
            .says(&["nothing.yaml is there, and is never overwritten"]);
    }
}

#[test]
fn odd_names_and_what_looks_like_a_reference_are_right_in_the_file_or_named() {
    for setup in SETUPS {
        require!(setup.components());
        let cluster = Cluster::start(setup);
        let root = cluster.root();
        let rules = json!({"policy": "path \"a\" { capabilities = [\"read\"] }\n\n# ${HOME} {{identity.entity.id}}\n"});
        for name in ["gr%C3%B6%C3%9Fe", "with%20space", "team/a", "no", "0123"] {
            root.write(&format!("sys/policies/acl/{name}"), &rules);
        }
        root.write(
            "sys/mounts/a%20b%23c/d%C3%A9",
            &json!({"type": "kv", "description": "one: \"two\" # three\nfour"}),
        );
        root.write(
            "identity/group/name/a%20%40b",
            &json!({"metadata": {"a-b": "- c: #", "yes": "no", "turned": "a\u{202e}b"}}),
        );
        root.write(
            "identity/group/name/reads",
            &json!({"metadata": {"file": "/etc/passwd"}, "policies": ["no"]}),
        );
        let token = cluster.token_of_operator();
        let (run, text) = cluster.import(&token, "odd.yaml");
        run.exits(0);
        assert!(
            !text.contains('\u{202e}') && !run.stderr.contains('\u{202e}'),
            "{text}"
        );
        for line in [
            "#   sys/policies/acl/with space: a policy needs a name without spaces\n",
            "#   identity/group/name/reads: metadata would read as a reference to a secret\n",
            "  \"größe\":\n",
            "  \"no\":\n",
            "  \"0123\":\n",
            "  team/a:\n",
            "  - path: \"identity/group/name/a @b\"\n",
            "        turned: \"a\\u202eb\"\n",
            "  \"a b#c/dé\":\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("/etc/passwd"), "{text}");
        cluster.write("bootstrap.yaml", &format!("{text}{FILLED}"));
        let (run, plan) = cluster.plan("bootstrap.yaml");
        let found: Vec<_> = changes(&plan)
            .into_iter()
            // The root token of this test, by its policies, is no document of the file.
            .filter(|one| one["code"] != "other-root-tokens")
            .collect();
        assert_eq!(found, Vec::<Value>::new(), "{run}");
    }
}

#[test]
fn a_login_of_the_configuration_reads_and_its_token_is_ended_and_a_typed_one_is_not() {
    let cluster = Cluster::start(Setup::OpenBao272Static);
    let (_, text) = cluster.import(&cluster.token_of_operator(), "first.yaml");
    cluster.write("bootstrap.yaml", &format!("{text}{FILLED}"));
    let log = cluster.server.audit().after_this();
    let run = cluster.run(&["import", "--login", "operator"]);
    run.exits(0).shows_no_token();
    // Printed as it is.
    assert_eq!(run.stdout, text, "{run}");
    let last = log.requests().pop();
    assert_eq!(last.as_deref(), Some("update auth/token/revoke-self"));
    let run = cluster.run(&["import", "--login", "nobody"]);
    run.exits(2).says(&["has no login nobody"]);

    let token = cluster.token_of_operator();
    let address = cluster.server.address();
    let mut terminal =
        cluster
            .tool()
            .terminal(&["import", "--address", &address, "-o", "typed.yaml"]);
    terminal.expect("token for");
    terminal.type_line(&token);
    let (code, shown) = terminal.finish();
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains(&token), "{shown}");
    let (status, _) = cluster
        .server
        .api()
        .with(&token)
        .get("auth/token/lookup-self");
    assert_eq!(status, 200, "the token is still valid");
    let run = cluster.run(&["import", "--address", &address]);
    run.exits(2).says(&["--token-file FILE"]);
}

#[test]
fn json_tells_what_was_found_and_needs_a_file_for_the_rest() {
    let cluster = Cluster::start(Setup::OpenBao272Static);
    cluster.write("token", &cluster.token_of_operator());
    let address = cluster.server.address();
    let mut arguments = vec![
        "import",
        "--address",
        &address,
        "--token-file",
        "token",
        "--output",
        "json",
    ];
    cluster.run(&arguments).exits(2);
    arguments.extend(["-o", "one.yaml"]);
    let run = cluster.run(&arguments);
    let last = run.exits(0).events().pop().expect("an event");
    assert_eq!(last["event"], "imported");
    assert_eq!(last["unseen"], json!([]));
    assert_eq!(last["to_fill"][0]["path"], "auth/userpass/users/operator");
    assert!(last["entries"].as_u64() > Some(3), "{last}");
    let nowhere = cluster.run(&["import", "--token-file", "token"]);
    nowhere.exits(2).says(&["vault-bootstrap import --address"]);
    let elsewhere = cluster.run(&[
        "import",
        "--address",
        "http://192.0.2.1:8200",
        "--token-file",
        "token",
    ]);
    elsewhere.exits(2).says(&["cluster.address"]);
}
