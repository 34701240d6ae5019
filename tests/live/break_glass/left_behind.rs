//! What a command leaves, other than root tokens, is told with what undoes it; and what was not looked at is not said to be
//! the same.

use std::time::Duration;

use serde_json::Value;

use super::{auditor, evidence, handed_over, handed_over_on, with_keys};
use crate::ceremony::{Ceremony, Run, Server};
use crate::support::{Setup, eventually, require};

/// Everything, for whoever has it.
pub(super) const ALL: &str = r#"printf 'path "*" { capabilities = ["create","read","update","delete","list","sudo"] }' |
                     "$1" policy write all - >/dev/null"#;
const PATIENCE: Duration = Duration::from_secs(60);
/// Nothing that is compared is different.
pub(super) const SAME: &str = "nothing that was compared has changed";

/// A command of a shell, which finds the server's program as `$1`.
pub(super) fn works(server: &Server, ceremony: &Ceremony, options: &[&str], script: &str) -> Run {
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
pub(super) fn differences(ceremony: &Ceremony) -> Vec<(String, String, String)> {
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
        auditor(&server, &ceremony).no_root_is_left();
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
                "the evidence lists what was not compared",
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
        assert!(not.contains("batch tokens, which no server lists"), "{not}");
        assert_eq!(not.contains("namespace"), !setup.is_openbao(), "{not}");
        assert!(
            !ceremony
                .files_in("checkpoint")
                .contains(&"break-glass.before".to_owned())
        );
        auditor(&server, &ceremony).no_root_is_left();
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
        &["policy operator has changed"],
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
            "policies all, default, renewed every 1h it never expires) is new",
            &undo,
        ]);
        run.shows_no_token();
        auditor(&server, &ceremony).no_root_is_left();
    }
}

#[test]
fn a_batch_token_is_told_by_the_log_since_nobody_can_list_it() {
    for setup in BOTH {
        require!(setup.components());
        let (server, ceremony) = handed_over_on(*setup);
        let script = "\"$1\" token create -type=batch -orphan -policy=default -ttl=10m >/dev/null";
        works(&server, &ceremony, &[], script)
            .exits(4)
            .says(&["by the log of audit device file the command made 1 batch tokens"]);
        assert_eq!(differences(&ceremony), []);
        auditor(&server, &ceremony).no_root_is_left();
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

fn with_a_namespace(server: &Server, ceremony: &Ceremony) -> Run {
    let script = "\"$1\" namespace create team >/dev/null";
    works(server, ceremony, &[], script)
}

/// No look sees it alive: it is gone before it can be looked up.
#[test]
fn a_token_that_hops_in_a_namespace_is_not_said_to_be_nothing() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    with_a_namespace(&server, &ceremony).exits(4);
    let all = ALL.replace("policy write all", "policy write -namespace=team all");
    works(&server, &ceremony, &[], &all).exits(4);
    let script = r#"T=$("$1" token create -namespace=team -policy=all -orphan -ttl=10m -field=token)
        A=$VAULT_ADDR
        setsid sh -c '
            T=$1; A=$2
            echo $$ > hopper
            while ! test -e over && test -d checkpoint; do
                N=$(curl -s -H "X-Vault-Token: $T" -H "X-Vault-Namespace: team" -d "{\"policies\":[\"all\"],\"ttl\":\"10m\"}" \
                    "$A/v1/auth/token/create-orphan" | sed "s/.*\"client_token\":\"\([^\"]*\)\".*/\1/")
                curl -s -X POST -H "X-Vault-Token: $T" -H "X-Vault-Namespace: team" "$A/v1/auth/token/revoke-self"
                T=$N
            done
        ' sh "$T" "$A" </dev/null >/dev/null 2>&1 &"#;
    let run = works(&server, &ceremony, &[], script);
    ceremony.write("over", "");
    let id = std::fs::read_to_string(ceremony.path("hopper")).expect("its number");
    let process = std::path::PathBuf::from(format!("/proc/{}", id.trim()));
    assert!(eventually(PATIENCE, || !process.exists()), "it goes on");
    run.exits(4);
    let said = run.to_string();
    // One look in thirty sees it whole.
    let told = [
        "token team/ could not be compared",
        "bao token revoke -namespace=team",
    ];
    let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.iter().any(|told| said.contains(told)), "{run}");
}

#[test]
fn a_namespace_is_told_and_then_what_is_left_inside_it() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    with_a_namespace(&server, &ceremony)
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
    auditor(&server, &ceremony).no_root_is_left();
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
            "audit device file (file) was removed and created anew",
            "policy all is new",
            "has a gap: it tells nothing of how the command's token was revoked",
        ]);
        let found = differences(&ceremony);
        assert_eq!(
            (found[0].0.as_str(), found[0].1.as_str()),
            ("made-anew", "audit-device")
        );
        auditor(&server, &ceremony).no_root_is_left();
    }
}
