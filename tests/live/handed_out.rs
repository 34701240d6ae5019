//! Secrets that a server makes for an entry of `writes`, and that go only where its `hand_out` says, once.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use serde_json::{Value, json};

use crate::ceremony::{Api, Ceremony, Server, handed_over_managed, killed_or_ended};
use crate::support::{Action, Faults, LocalStack, Setup, require};

/// Both releases of OpenBao, and Vault.
const EACH: [Setup; 3] = [
    Setup::OpenBao272Static,
    Setup::OpenBao262StaticApiAudit,
    Setup::Vault1211Shamir,
];
const SECRET_ID: &str = "auth/approle/role/ci/secret-id";
const ISSUE: &str = "pki/issue/web";

/// Root stays, to write what is edited.
fn written(ceremony: &Ceremony) -> crate::ceremony::Run {
    ceremony.run(&["apply", "--yes", "--keep-root"])
}

/// A role of machines and an authority for certificates, with these entries behind what they take.
pub(crate) fn with_writes(ceremony: &mut Ceremony, more: &[Value]) {
    let role = json!({ "token_policies": ["operator"], "token_ttl": "10m" });
    let before = [
        json!({ "path": "auth/approle/role/ci/role-id", "data": { "role_id": "ci-of-tests" } }),
        json!({ "path": "pki/root/generate/internal", "data": { "common_name": "tests", "issuer_name": "first" } }),
        json!({ "path": "pki/roles/web", "data": { "allow_any_name": true, "max_ttl": "1h", "key_type": "ec", "key_bits": 256 } }),
    ];
    let writes: Vec<&Value> = before.iter().chain(more).collect();
    ceremony
        .set(
            "/auth/approle",
            json!({ "type": "approle", "roles": { "ci": role } }),
        )
        .set("/secrets/pki", json!({ "type": "pki" }))
        .set("/writes", json!(writes));
}

/// Whether the role lets in whoever has this secret id.
pub(crate) fn opens(server: &Server, secret_id: &str) -> bool {
    let body = json!({ "role_id": "ci-of-tests", "secret_id": secret_id.trim() });
    server.api().put("auth/approle/login", &body).0 == 200
}

/// How often this was asked for.
fn times(server: &Server, path: &str) -> usize {
    let writes = server.audit().writes();
    writes.iter().filter(|line| line.ends_with(path)).count()
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a token of wrapping gives.
fn unwrapped(api: &Api<'_>, token: &str) -> (u16, Value) {
    api.with(token.trim())
        .put("sys/wrapping/unwrap", &json!({}))
}

/// Neither of these stands in the checkpoint.
#[track_caller]
fn nothing_is_kept_of(ceremony: &Ceremony, secrets: &[&str]) {
    for file in std::fs::read_dir(ceremony.path("checkpoint")).expect("a checkpoint") {
        let path = file.expect("a file").path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        let bytes = String::from_utf8_lossy(&bytes);
        for secret in secrets {
            assert!(!bytes.contains(secret.trim()), "{}", path.display());
        }
    }
}

#[test]
fn a_secret_id_a_key_and_a_wrapped_answer_go_where_the_file_says_once() {
    for setup in EACH {
        require!(setup.components());
        let server = Server::of(setup);
        let mut ceremony = Ceremony::at(&server);
        let recipient = ceremony.age_custodian("web")["age"]["recipient"].clone();
        with_writes(
            &mut ceremony,
            &[
                json!({ "path": SECRET_ID, "data": {}, "hand_out": { "file": "machines/ci.secret-id" } }),
                json!({ "path": ISSUE, "data": { "common_name": "www" }, "hand_out": {
                    "age": { "recipient": recipient, "file": "machines/web.age" }, "fields": ["private_key", "certificate"] } }),
                json!({ "path": "auth/approle/role/operator/secret-id", "data": {},
                    "hand_out": { "file": "machines/operator.token", "wrap": "10m" } }),
            ],
        );
        ceremony.set(
            "/auth/approle/roles/operator",
            json!({ "token_policies": ["operator"] }),
        );
        let [plain, sealed, token] = ["ci.secret-id", "web.age", "operator.token"]
            .map(|name| ceremony.path(&format!("machines/{name}")));
        for file in [&plain, &sealed, &token] {
            ceremony.may_hold_secrets(file);
        }
        ceremony.run(&["plan"]).prints(&[
            "hands out its secret_id to machines/ci.secret-id, once",
            "hands out its private_key and certificate to machines/web.age, encrypted to age1",
            "hands out its answer, wrapped for 10m, to machines/operator.token, once",
        ]);
        ceremony.set("/revoke_root", json!(false));
        let run = ceremony.run(&["apply", "--yes", "--keep-root"]);
        run.exits(4).says(&[
            &format!("{SECRET_ID}: handed out its secret_id to machines/ci.secret-id"),
            "secret_id_accessor",
        ]);
        let mode = |path: &Path| {
            std::fs::metadata(path)
                .expect("a file")
                .permissions()
                .mode()
        };
        assert_eq!(mode(&plain) & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&plain).expect("a file").nlink(), 1);
        let secret_id = text(&plain);
        assert!(
            secret_id.ends_with('\n') && opens(&server, &secret_id),
            "{setup:?}"
        );
        let opened = ceremony.custody().open("web", &text(&sealed));
        let opened: Value = serde_json::from_str(&opened).expect("JSON");
        let key = opened["private_key"].as_str().expect("a key");
        let certificate = opened["certificate"].as_str().expect("a certificate");
        assert!(key.contains("PRIVATE KEY") && certificate.contains("CERTIFICATE"));
        let wrapping = text(&token);
        let (status, answer) = unwrapped(&server.api(), &wrapping);
        assert_eq!(status, 200, "{setup:?}: {answer}");
        let other = answer["data"]["secret_id"].as_str().expect("a secret id");
        assert_ne!(unwrapped(&server.api(), &wrapping).0, 200);
        let told = ceremony.evidence("writes")["handed_out"].to_string();
        assert!(
            told.contains("its secret_id to machines/ci.secret-id"),
            "{told}"
        );
        nothing_is_kept_of(&ceremony, &[&secret_id, &wrapping, other, key]);
        run.never_says(&[secret_id.trim(), wrapping.trim(), "PRIVATE KEY"]);
        // Never again by itself, and then only where the place is free.
        written(&ceremony).prints(&["nothing was written"]);
        assert_eq!((times(&server, SECRET_ID), times(&server, ISSUE)), (1, 1));
        let again = ["apply", "--yes", "--keep-root", "--again", SECRET_ID];
        ceremony.run(&again).exits(3).says(&[
            &format!("{SECRET_ID}: there is something at"),
            "nothing is ever overwritten",
        ]);
        assert_eq!(
            (times(&server, SECRET_ID), text(&plain)),
            (1, secret_id.clone())
        );
        std::fs::remove_file(&plain).expect("a file");
        ceremony.run(&again).exits(4);
        assert_eq!(times(&server, SECRET_ID), 2);
        assert_ne!(text(&plain), secret_id);
        // It was handed out, and is not moved.
        ceremony.set("/writes/3/hand_out/file", json!("machines/elsewhere"));
        written(&ceremony).exits(4).prints(&[
            &format!("the secret of {SECRET_ID} was handed out to machines/ci.secret-id"),
            "machines/elsewhere by now",
        ]);
        assert!(!ceremony.path("machines/elsewhere").exists());
    }
}

#[test]
fn a_parameter_gets_the_secret_and_one_that_is_there_is_found_before_initialisation() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let aws = LocalStack::shared();
    let key = aws.kms_create_key();
    ceremony.environment = aws.env();
    let name = format!("{}/ci", ceremony.prefix());
    let entry = json!({ "path": SECRET_ID, "data": {}, "hand_out": { "ssm": { "parameter": name, "kms_key": key } } });
    let file = json!({ "path": ISSUE, "data": { "common_name": "www" }, "hand_out": { "file": "web.key" } });
    with_writes(&mut ceremony, &[entry, file]);
    ceremony.may_hold_secrets(&ceremony.path("web.key"));
    aws.ssm_put(&name, "precious", false).expect("it is free");
    ceremony.write("web.key", "of somebody else\n");
    ceremony.apply().exits(3).says(&[
        &format!("{SECRET_ID}: there is something at aws-ssm://"),
        &format!("{ISSUE}: there is something at"),
        "move it away or name another place in hand_out",
    ]);
    assert!(!server.api().initialised());
    aws.ssm_delete(&name);
    std::fs::remove_file(ceremony.path("web.key")).expect("a file");
    ceremony.apply().exits(4).prints(&["not rehearsed"]);
    let secret_id = aws.ssm_get(&name).expect("a parameter");
    assert!(opens(&server, &secret_id));
    assert!(text(&ceremony.path("web.key")).starts_with("-----BEGIN"));
    nothing_is_kept_of(&ceremony, &[&secret_id]);
    assert_eq!(aws.ssm_names_under(&ceremony.prefix()), [name]);
}

#[test]
fn a_run_that_is_killed_while_it_asks_never_leads_to_a_second_secret() {
    for setup in EACH {
        require!(setup.components());
        // On its way, or done: nobody can tell, so once is enough to show that of one that was never heard.
        let all = [Action::HoldAnswer, Action::Hold];
        let actions = if setup == EACH[0] {
            &all[..]
        } else {
            &all[..1]
        };
        for action in actions {
            let server = Server::of(setup);
            let mut ceremony = Ceremony::at(&server);
            let faults = Faults::new().first(format!("POST {SECRET_ID}"), action.clone());
            let proxy = faults.before(&server.address());
            let entry =
                json!({ "path": SECRET_ID, "data": {}, "hand_out": { "file": "ci.secret-id" } });
            with_writes(&mut ceremony, &[entry]);
            ceremony.set("/cluster/address", json!(proxy.address()));
            let place = ceremony.path("ci.secret-id");
            ceremony.may_hold_secrets(&place);
            assert!(killed_or_ended(ceremony.start(), &[&proxy]).is_none());
            let before = times(&server, SECRET_ID);
            ceremony.apply().exits(3).says(&[
                "the server may have made one that nobody has",
                "and nothing is at ci.secret-id",
                &format!("apply --again {SECRET_ID}"),
            ]);
            assert_eq!((times(&server, SECRET_ID), place.exists()), (before, false));
            let again = ["apply", "--yes", "--again", SECRET_ID];
            ceremony.run(&again).exits(4).prints(&["not rehearsed"]);
            assert_eq!(times(&server, SECRET_ID), before + 1);
            assert!(opens(&server, &text(&place)), "{setup:?}");
        }
    }
}

#[test]
fn what_a_killed_run_has_handed_out_whole_is_known_and_not_asked_for_again() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    // The next write is never answered, so nothing after the handing out is noted.
    let faults = Faults::new().first("POST pki/config/urls", Action::Hold);
    let proxy = faults.before(&server.address());
    let entry = json!({ "path": SECRET_ID, "data": {}, "hand_out": { "file": "ci.secret-id" } });
    let next = json!({ "path": "pki/config/urls", "data": { "issuing_certificates": ["https://a.test/ca"] } });
    with_writes(&mut ceremony, &[entry, next]);
    ceremony.set("/cluster/address", json!(proxy.address()));
    let place = ceremony.path("ci.secret-id");
    ceremony.may_hold_secrets(&place);
    assert!(killed_or_ended(ceremony.start(), &[&proxy]).is_none());
    let secret_id = text(&place);
    // Something else in its place is not taken for it.
    std::fs::rename(&place, ceremony.path("kept")).expect("moved");
    ceremony.may_hold_secrets(&ceremony.path("kept"));
    ceremony.write("ci.secret-id", "another\n");
    ceremony.apply().exits(3).says(&[
        "what is at ci.secret-id is not known to be it",
        "move away what is at ci.secret-id",
    ]);
    std::fs::rename(ceremony.path("kept"), &place).expect("moved back");
    ceremony.apply().exits(4).prints(&["not rehearsed"]);
    assert_eq!((times(&server, SECRET_ID), text(&place)), (1, secret_id));
}

#[test]
fn an_answer_that_is_lost_or_lacks_the_secret_is_told_and_not_asked_for_again() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let faults = Faults::new().first(format!("POST {SECRET_ID}"), Action::DropAnswer);
    let proxy = faults.before(&server.address());
    let entry = json!({ "path": SECRET_ID, "data": {}, "hand_out": { "file": "ci.secret-id" } });
    let key = json!({ "path": ISSUE, "data": { "common_name": "www" },
        "hand_out": { "file": "web.key", "fields": ["private_key", "passphrase"] } });
    with_writes(&mut ceremony, &[entry, key]);
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.apply().exits(1).says(&[
        &format!("a secret of {SECRET_ID} was asked for, and there is no answer with it"),
        &format!("the server has made a secret of {ISSUE}, and it is not handed out"),
        "the answer has no passphrase",
        "serial_number",
    ]);
    ceremony.apply().exits(3);
    assert_eq!((times(&server, SECRET_ID), times(&server, ISSUE)), (1, 1));
    assert!(!ceremony.path("web.key").exists() && !ceremony.path("ci.secret-id").exists());
}

#[test]
fn after_hand_over_a_login_that_may_hands_out_what_is_new_in_the_file() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = handed_over_managed(setup);
        let path = "auth/approle/role/new/secret-id";
        let rules = format!(
            "path \"{path}\" {{ capabilities = [\"create\", \"update\"] }}\n{}",
            ceremony.file["policies"]["admin"]["rules"]
                .as_str()
                .expect("rules")
        );
        ceremony
            .set("/policies/admin", json!({ "rules": rules }))
            .set(
                "/auth/approle",
                json!({ "type": "approle", "roles": { "new": { "token_ttl": "10m" } } }),
            );
        let login = ["apply", "--yes", "--login", "admin"];
        ceremony.run(&login).exits(4);
        ceremony.set(
            "/writes",
            json!([{ "path": path, "data": {}, "hand_out": { "file": "new.token", "wrap": "1h" } }]),
        );
        let place = ceremony.path("new.token");
        ceremony.may_hold_secrets(&place);
        ceremony.write("new.token", "of somebody else\n");
        ceremony.run(&["plan", "--login", "admin"]).prints(&[
            "other writes: apply would stop here",
            &format!("{path}: there is something at new.token"),
        ]);
        ceremony.run(&login).exits(3);
        std::fs::remove_file(&place).expect("a file");
        let says = format!("{path}: hands out its answer, wrapped for 1h, to new.token, once");
        let plan = ceremony.run(&["plan", "--login", "admin", "-o", "plan.json"]);
        plan.prints(&[&says]);
        ceremony
            .run(&["apply", "--check", "--login", "admin"])
            .exits(4)
            .says(&[&says]);
        assert!(!place.exists());
        ceremony
            .run(&["apply", "--plan", "plan.json"])
            .exits(4)
            .says(&[&says, "handed out its answer, wrapped for 1h, to new.token"]);
        let token = text(&place);
        let (status, answer) = unwrapped(&server.api(), &token);
        assert_eq!(status, 200, "{setup:?}: {answer}");
        nothing_is_kept_of(&ceremony, &[&token]);
        assert!(!text(&ceremony.path("plan.json")).contains(token.trim()));
        ceremony.run(&login).never_says(&["new.token"]);
        assert_eq!(times(&server, path), 1);
    }
}
