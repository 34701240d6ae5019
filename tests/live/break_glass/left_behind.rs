//! What a command leaves, other than root tokens, is told with what undoes it; and what was not looked at is not said to be
//! the same.

use serde_json::{Value, json};

use super::at_work::{TOKENS, crowd};
use super::lost::{at_work, killed};
use super::{evidence, handed_over, handed_over_on, nothing_is_left, rehearse, with_keys};
use crate::ceremony::{Ceremony, Run, Server, root_from_shares};
use crate::support::{Action, Faults, Setup, require};

/// Everything, for whoever has it.
const ALL: &str = r#"printf 'path "*" { capabilities = ["create","read","update","delete","list","sudo"] }' |
                     "$1" policy write all - >/dev/null"#;
/// Nothing that is compared is different.
const SAME: &str = "of what was compared nothing is different";

/// A command of a shell, which finds the server's program as `$1`.
fn works(server: &Server, ceremony: &Ceremony, options: &[&str], script: &str) -> Run {
    let program = server.program();
    let program = program.to_str().expect("a path");
    let words = ["--reason", "x", "--env"];
    let command = ["--", "sh", "-ec", script, "sh", program];
    let words: Vec<&str> = words
        .iter()
        .chain(options)
        .chain(&command)
        .copied()
        .collect();
    ceremony.run(&with_keys("break-glass", &words))
}

/// The differences that the newest evidence names: how, and what undoes it.
fn differences(ceremony: &Ceremony) -> Vec<(String, String, String)> {
    let facts = evidence(ceremony, "break-glass-");
    let comparison = &facts["comparison"];
    assert_eq!(comparison["compared"], true, "{facts:#}");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let all = comparison["differences"].as_array().expect("differences");
    all.iter()
        .map(|one| (text(&one["change"]), text(&one["kind"]), text(&one["undo"])))
        .collect()
}

/// On each product: what the script leaves, what is said of it, and the differences of the evidence.
fn leaves(setups: &[Setup], script: &str, says: &[&str], told: &[(&str, &str, &str)]) {
    for setup in setups {
        require!(setup.components());
        let (server, ceremony) = handed_over_on(*setup);
        let run = works(&server, &ceremony, &[], script);
        let program = if setup.is_openbao() { "bao" } else { "vault" };
        let says: Vec<String> = says
            .iter()
            .map(|text| text.replace("BAO", program))
            .collect();
        let says: Vec<&str> = says.iter().map(String::as_str).collect();
        run.exits(4).says(&says).never_says(&[SAME]);
        let found = differences(&ceremony);
        let told: Vec<_> = told
            .iter()
            .map(|(change, kind, undo)| {
                let undo = undo.replace("BAO", program);
                ((*change).to_owned(), (*kind).to_owned(), undo)
            })
            .collect();
        let plain = |(change, kind, undo): &(String, String, String)| {
            // An id or accessor is the server's own.
            let undo = undo.rsplit_once('/').filter(|_| undo.contains("/id/"));
            let undo = undo.map_or("", |(before, _)| before).to_owned();
            (change.clone(), kind.clone(), undo)
        };
        let same = found.len() == told.len()
            && found.iter().zip(&told).all(|(one, other)| {
                one == other
                    || other.2.ends_with('…')
                        && plain(one).2 == other.2.trim_end_matches("/…")
                        && (&one.0, &one.1) == (&other.0, &other.1)
            });
        assert!(same, "{setup:?}: {found:#?}\n{told:#?}");
        nothing_is_left(&server, &ceremony);
    }
}

const BOTH: &[Setup] = &[Setup::OpenBao272Static, Setup::Vault1211Shamir];

#[test]
fn a_command_that_leaves_nothing_says_what_was_compared_and_what_was_not() {
    for setup in BOTH {
        require!(setup.components());
        let (server, ceremony) = handed_over_on(*setup);
        works(&server, &ceremony, &[], "\"$1\" policy list >/dev/null")
            .exits(0)
            .says(&[
                SAME,
                "batch tokens, which no server lists",
                "the command wrote nothing",
            ]);
        assert_eq!(differences(&ceremony), []);
        let comparison = evidence(&ceremony, "break-glass-")["comparison"].clone();
        for kind in [
            "policy",
            "auth-method",
            "auth-entry",
            "audit-device",
            "secrets-engine",
            "entity",
            "token",
        ] {
            assert!(
                comparison["before"][kind].as_u64() >= Some(1),
                "{kind}: {comparison:#}"
            );
        }
        let not = comparison["not_compared"].to_string();
        assert_eq!(not.contains("namespace"), !setup.is_openbao(), "{not}");
        assert!(
            !ceremony
                .files_in("checkpoint")
                .contains(&"break-glass.before".to_owned())
        );
        nothing_is_left(&server, &ceremony);
    }
}

#[test]
fn a_policy_for_everything_is_told() {
    leaves(
        BOTH,
        ALL,
        &[
            "policy all is new; to undo it: BAO policy delete all",
            "the command wrote sys/policies/acl/all",
        ],
        &[("new", "policy", "BAO policy delete all")],
    );
}

#[test]
fn the_text_of_a_policy_that_was_changed_is_told() {
    let script = r#"printf 'path "secret/*" { capabilities = ["read"] }' | "$1" policy write operator - >/dev/null"#;
    leaves(
        BOTH,
        script,
        &["policy operator is not as it was"],
        &[("changed", "policy", "BAO policy write operator FILE")],
    );
}

#[test]
fn a_policy_that_was_deleted_is_told() {
    leaves(
        BOTH,
        "\"$1\" policy delete operator >/dev/null",
        &["policy operator is gone"],
        &[("gone", "policy", "BAO policy write operator FILE")],
    );
}

#[test]
fn a_periodic_token_is_told() {
    for setup in BOTH {
        require!(setup.components());
        let (server, ceremony) = handed_over_on(*setup);
        let script = format!(
            "{ALL}; \"$1\" token create -orphan -policy=all -period=1h -field=token_accessor > accessor"
        );
        let run = works(&server, &ceremony, &[], &script);
        let accessor = std::fs::read_to_string(ceremony.path("accessor")).expect("an accessor");
        let undo = format!("token revoke -accessor {}", accessor.trim());
        run.exits(4).says(&[
            "policy all is new",
            "policies all, default, renewed every 3600 s it never expires) is new",
            &undo,
        ]);
        run.shows_no_token();
        nothing_is_left(&server, &ceremony);
    }
}

#[test]
fn a_batch_token_is_told_by_the_log_since_nobody_can_list_it() {
    for setup in BOTH {
        require!(setup.components());
        let (server, ceremony) = handed_over_on(*setup);
        let script = "\"$1\" token create -type=batch -orphan -policy=default -ttl=10m >/dev/null";
        works(&server, &ceremony, &[], script).exits(4).says(&[
            "by the log of audit device file the command made 1 batch tokens",
            "batch tokens, which no server lists",
        ]);
        assert_eq!(differences(&ceremony), []);
        nothing_is_left(&server, &ceremony);
    }
}

#[test]
fn an_auth_method_with_a_user_is_told_and_so_is_a_user_of_one_that_was_there() {
    let script = "\"$1\" auth enable -path=extra userpass >/dev/null; \
                  \"$1\" write auth/extra/users/eve password=x policies=default >/dev/null; \
                  \"$1\" write auth/userpass/users/eve password=x policies=default >/dev/null";
    leaves(
        BOTH,
        script,
        &[
            "auth method extra (userpass) is new; to undo it: BAO auth disable extra",
            "auth/userpass/users/eve is new; to undo it: BAO delete auth/userpass/users/eve",
        ],
        &[
            ("new", "auth-method", "BAO auth disable extra"),
            ("new", "auth-entry", "BAO delete auth/userpass/users/eve"),
        ],
    );
}

#[test]
fn an_entity_its_alias_and_a_group_are_told() {
    let script = "id=$(\"$1\" write -field=id identity/entity name=eve policies=operator); \
                  accessor=$(\"$1\" read -field=accessor sys/auth/userpass); \
                  \"$1\" write identity/entity-alias name=eve canonical_id=$id mount_accessor=$accessor >/dev/null; \
                  \"$1\" write identity/group name=all policies=operator member_entity_ids=$id >/dev/null";
    leaves(
        BOTH,
        script,
        &[
            "(eve, policies operator) is new; to undo it: BAO delete identity/entity/id/",
            "(eve of auth/userpass/, entity eve) is new; to undo it: BAO delete identity/entity-alias/id/",
            "(all, policies operator) is new; to undo it: BAO delete identity/group/id/",
        ],
        &[
            ("new", "entity", "BAO delete identity/entity/id/…"),
            (
                "new",
                "entity-alias",
                "BAO delete identity/entity-alias/id/…",
            ),
            ("new", "group", "BAO delete identity/group/id/…"),
        ],
    );
}

#[test]
fn a_token_role_is_told() {
    leaves(
        BOTH,
        "\"$1\" write auth/token/roles/all allowed_policies=operator orphan=true >/dev/null",
        &["token role all is new"],
        &[("new", "token-role", "BAO delete auth/token/roles/all")],
    );
}

#[test]
fn a_secrets_engine_is_told() {
    leaves(
        BOTH,
        "\"$1\" secrets enable -path=extra kv >/dev/null",
        &["secrets engine extra (kv) is new"],
        &[("new", "secrets-engine", "BAO secrets disable extra")],
    );
}

#[test]
fn a_namespace_is_told_and_then_what_is_left_inside_it() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    works(
        &server,
        &ceremony,
        &[],
        "\"$1\" namespace create team >/dev/null",
    )
    .exits(4)
    .says(&["namespace team is new; to undo it: bao namespace delete team"]);
    let told = |undo: &str, kind: &str| ("new".to_owned(), kind.to_owned(), undo.to_owned());
    assert_eq!(
        differences(&ceremony),
        [told("bao namespace delete team", "namespace")]
    );
    let script = format!(
        "export BAO_NAMESPACE=team; {ALL}; \"$1\" token create -orphan -policy=all -ttl=1h -field=token_accessor > accessor"
    );
    works(&server, &ceremony, &[], &script).exits(4).says(&[
        "policy all in namespace team is new; to undo it: bao policy delete -namespace=team all",
    ]);
    let accessor = std::fs::read_to_string(ceremony.path("accessor")).expect("an accessor");
    let undo = format!(
        "bao token revoke -namespace=team -accessor {}",
        accessor.trim()
    );
    assert_eq!(
        differences(&ceremony),
        [
            told("bao policy delete -namespace=team all", "policy"),
            told(&undo, "token")
        ]
    );
    nothing_is_left(&server, &ceremony);
}

#[test]
fn an_audit_device_that_was_off_for_a_while_is_told_and_so_is_the_gap_in_its_log() {
    for setup in [Setup::OpenBao262StaticApiAudit, Setup::Vault1211Shamir] {
        require!(setup.components());
        let (server, ceremony) = handed_over_on(setup);
        let log = ceremony.file["audit"]["file"]["options"]["file_path"].clone();
        let log = log.as_str().expect("a path");
        let script = format!(
            "\"$1\" audit disable file >/dev/null; {ALL}; \"$1\" audit enable -path=file file file_path='{log}' >/dev/null"
        );
        works(&server, &ceremony, &[], &script).exits(4).says(&[
            "audit device file (file) was taken away and made anew",
            "policy all is new",
            "has a gap: it tells nothing of how the command's token was revoked",
        ]);
        let found = differences(&ceremony);
        assert_eq!(
            (found[0].0.as_str(), found[0].1.as_str()),
            ("made-anew", "audit-device")
        );
        nothing_is_left(&server, &ceremony);
    }
}

#[test]
fn what_was_expected_is_no_finding_and_what_did_not_happen_is_said() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let options = [
        "--expect",
        "sys/policies/acl/all",
        "--expect",
        "auth/extra/*",
        "--expect",
        "sys/policies/acl/never",
    ];
    let script = format!(
        "{ALL}; \"$1\" auth enable -path=extra userpass >/dev/null; \
         \"$1\" write auth/extra/users/eve password=x >/dev/null"
    );
    works(&server, &ceremony, &options, &script)
        .exits(0)
        .says(&[
            "as expected: policy all is new",
            "as expected: auth method extra (userpass) is new",
            "as expected: auth/extra/users/eve is new",
            "expected, and nothing of it is different: sys/policies/acl/never",
            "of what was compared only what was expected is different",
        ]);
    let comparison = evidence(&ceremony, "break-glass-")["comparison"].clone();
    assert_eq!(comparison["expected"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        comparison["did_not_happen"],
        json!(["sys/policies/acl/never"])
    );
    // Who expects a method does not expect everybody in it.
    let script = "\"$1\" auth enable -path=more userpass >/dev/null; \
                  \"$1\" write auth/more/users/eve password=x >/dev/null";
    works(&server, &ceremony, &["--expect", "auth/more/"], script)
        .exits(4)
        .says(&[
            "as expected: auth method more",
            "auth/more/users/eve is new; to undo it",
        ]);
    ceremony
        .run(&with_keys(
            "break-glass",
            &["--reason", "x", "--expect", "*", "--", "true"],
        ))
        .exits(2);
    nothing_is_left(&server, &ceremony);
}

/// Killed while its command works, which has written a policy.
fn killed_at_work(server: &Server, ceremony: &Ceremony) {
    let program = server.program();
    let program = program.to_str().expect("a path");
    let script = format!("{ALL}; echo ready >&2; exec sleep 300 >/dev/null 2>&1");
    killed(at_work(ceremony, &script, &[program]));
}

#[test]
fn what_a_killed_command_has_left_is_told_by_the_next_rehearsal() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    killed_at_work(&server, &ceremony);
    let run = rehearse(&ceremony);
    run.exits(4).prints(&[
        "policy all is new; to undo it: bao policy delete all",
        "one thing is not as it was before",
    ]);
    let facts = evidence(&ceremony, "rehearsal-");
    assert_eq!(
        facts["comparison"]["with_a_killed_command"], true,
        "{facts:#}"
    );
    // It was told; from now on it is there.
    rehearse(&ceremony).exits(0).never_says(&["compared"]);
    nothing_is_left(&server, &ceremony);
}

#[test]
fn what_a_killed_command_has_left_is_told_by_the_next_break_glass() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    killed_at_work(&server, &ceremony);
    works(
        &server,
        &ceremony,
        &[],
        "\"$1\" secrets enable -path=extra kv >/dev/null",
    )
    .exits(4)
    .says(&[
        "policy all is new",
        "secrets engine extra (kv) is new",
        "was killed",
    ]);
    works(&server, &ceremony, &[], "true")
        .exits(0)
        .says(&[SAME]);
    nothing_is_left(&server, &ceremony);
}

#[test]
fn where_what_was_there_before_is_lost_that_is_a_finding() {
    require!(["openbao-2.7.2"]);
    for next in ["rehearse", "break-glass"] {
        let (server, ceremony) = handed_over();
        killed_at_work(&server, &ceremony);
        ceremony.write("checkpoint/break-glass.before", "{");
        let run = match next {
            "rehearse" => rehearse(&ceremony),
            _ => works(&server, &ceremony, &[], "true"),
        };
        let said = format!("{}{}", run.stdout, run.stderr);
        run.exits(4);
        assert!(
            said.contains("could not be compared with what was there before"),
            "{run}"
        );
        rehearse(&ceremony).exits(0);
        nothing_is_left(&server, &ceremony);
    }
}

#[test]
fn what_could_not_be_looked_at_is_a_finding_and_not_said_to_be_the_same() {
    require!(["openbao-2.7.2"]);
    let body = json!({ "errors": ["hiccup"] }).to_string();
    for (label, what) in [
        (
            "LIST sys/policies/acl",
            "policy sys/policies/acl/ could not be compared",
        ),
        (
            "GET sys/policies/acl/operator",
            "policy sys/policies/acl/operator could not be compared",
        ),
        ("GET sys/auth", "each auth method could not be compared"),
        (
            "LIST identity/entity/id",
            "each entity could not be compared",
        ),
    ] {
        for nth in [1, 2] {
            let (server, mut ceremony) = handed_over();
            let answer = Action::Respond(500, "application/json", body.clone());
            let proxy = Faults::new()
                .nth(nth, label, answer)
                .before(&server.address());
            ceremony.set("/cluster/address", json!(proxy.address()));
            ceremony.save();
            works(&server, &ceremony, &[], "true")
                .exits(4)
                .says(&[what, "not everything could be compared"])
                .never_says(&[SAME]);
            assert_eq!(differences(&ceremony), []);
        }
    }
}

#[test]
fn an_emergency_goes_on_where_nothing_can_be_looked_at_and_says_so() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let proxy = Faults::new()
        .every("LIST sys/policies/acl", Action::Refuse)
        .before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    works(&server, &ceremony, &[], "touch ran")
        .exits(4)
        .says(&["policy sys/policies/acl/ could not be compared"])
        .never_says(&[SAME]);
    assert!(ceremony.path("ran").exists());
    nothing_is_left(&server, &ceremony);
}

/// A cluster that is in use.
const POLICIES: usize = 1000;

/// When the server was asked, by its own log, in seconds since 1970; only of requests like these.
fn asked(log: &str, like: impl Fn(&str, &str) -> bool) -> Vec<f64> {
    let entries = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let requests = entries.filter(|entry| {
        let request = &entry["request"];
        let text = |field: &str| request[field].as_str().unwrap_or_default();
        entry["type"] == "request" && like(text("operation"), text("path"))
    });
    let at = |entry: Value| {
        let time: jiff::Timestamp = entry["time"]
            .as_str()
            .expect("a time")
            .parse()
            .expect("one");
        time.as_duration().as_secs_f64()
    };
    requests.map(at).collect()
}

/// Each policy is read once before and once afterwards, and so is each token, by one look for root tokens and all others.
#[test]
fn a_large_cluster_is_asked_hardly_more_than_the_bare_reads() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    crowd(&server, &ceremony);
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let shares = ["alice", "bob"].map(|name| ceremony.custody().share(name));
    let root = root_from_shares(&ada, "generate-root-token", &shares);
    let root = server.api().with(&root);
    let policy = "path \"secret/*\" { capabilities = [\"read\"] }";
    for number in 0..POLICIES {
        root.write(
            &format!("sys/policies/acl/p{number}"),
            &json!({ "policy": policy }),
        );
    }
    root.write("auth/token/revoke-self", &Value::Null);
    let length = std::fs::metadata(server.audit_file()).expect("a log").len();
    works(&server, &ceremony, &[], "true")
        .exits(0)
        .says(&[SAME]);
    let log = std::fs::read(server.audit_file()).expect("a log");
    let log =
        String::from_utf8_lossy(&log[usize::try_from(length).expect("a size")..]).into_owned();
    let counts = evidence(&ceremony, "break-glass-")["comparison"]["before"].clone();
    assert!(
        counts["policy"].as_u64() >= Some(POLICIES as u64),
        "{counts:#}"
    );
    assert!(
        counts["token"].as_u64() >= Some(TOKENS as u64),
        "{counts:#}"
    );
    let read =
        |operation: &str, path: &str| operation == "read" && path.starts_with("sys/policies/acl/p");
    assert_eq!(asked(&log, read).len(), 2 * POLICIES);
    let looked_up = |_: &str, path: &str| path == "auth/token/lookup-accessor";
    let looked_up = asked(&log, looked_up).len();
    assert!(
        (2 * TOKENS..2 * TOKENS + 60).contains(&looked_up),
        "{looked_up}"
    );
    let all = asked(&log, |_, _| true).len();
    let bare = 2 * (POLICIES + TOKENS);
    assert!(
        all * 10 <= bare * 12,
        "{all} requests for {bare} bare reads"
    );
}
