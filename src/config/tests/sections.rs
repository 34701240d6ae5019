//! Sections of engines and of the server: each entry is one write, and is held to what writes are held to.

use super::*;

/// `SMALL` with more in front of its logins.
fn with_more(text: &str) -> String {
    SMALL.replacen("logins:\n", &format!("{text}logins:\n"), 1)
}

#[track_caller]
fn paths(text: &str) -> Vec<String> {
    let config = load_text(&with_more(text)).unwrap();
    config.writes.into_iter().map(|one| one.path).collect()
}

const ENGINES: &str = r#"secrets:
  db/: {type: database, roles: {app: {db_name: pg}}, connections: {pg: {plugin_name: x, password: {file: p}}}}
  pki: {type: pki, roles: {web: {}}, urls: {issuing_certificates: ["https://a"]}}
  keys: {type: transit, keys: {app: {exportable: false}}, config: {disable_upsert: true}}
  secret: {type: kv-v2, config: {max_versions: 5}}
quotas: {rate_limit: {all: {rate: 10}}}
password_policies: {long: {policy: "length = 20"}}
audit_headers: {X-Trace: {hmac: false}}
writes: [{path: pki/roles/other, data: {}}]
"#;

#[test]
fn each_entry_is_written_where_its_type_keeps_it_and_config_comes_before_roles() {
    assert_eq!(
        paths(ENGINES),
        [
            "sys/policies/password/long",
            "sys/config/auditing/request-headers/X-Trace",
            "sys/quotas/rate-limit/all",
            "db/config/pg",
            "db/roles/app",
            "pki/config/urls",
            "pki/roles/web",
            "keys/config/keys",
            "keys/keys/app",
            "pki/roles/other",
        ]
    );
    let config = load_text(&with_more(ENGINES)).unwrap();
    let engine = |path: &str| config.secrets.iter().find(|one| one.path == path).unwrap();
    // Its own config is not written a second time, at a path that it has not.
    assert!(engine("keys").config.is_empty());
    assert!(!engine("secret").config.is_empty());
}

#[test]
fn a_section_that_the_type_has_not_is_unknown() {
    let found = refused(&with_more("secrets: {pki: {type: pki, connections: {}}}\n"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("unknown key `connections`"), "{found:?}");
    let found = refused(&with_more("secrets: {pki: {type: pki, rolse: {}}}\n"));
    assert!(found[0].contains("did you mean `roles`"), "{found:?}");
    let found = refused(&with_more("quotas: {rate_limits: {}}\n"));
    assert!(found[0].contains("did you mean `rate_limit`"), "{found:?}");
}

#[test]
fn what_writes_may_not_have_no_section_may_have() {
    for (text, expected) in [
        (
            "secrets: {db: {type: database, connections: {pg: {password: hunter2}}}}\n",
            "secrets.db.connections.pg.password: secret values are references",
        ),
        (
            "secrets: {aws: {type: aws, config: {secret_key: hunter2}}}\n",
            "secrets.aws.config.secret_key: secret values are references",
        ),
        (
            "secrets: {pki: {type: pki, roles: {web: {}}}}\nwrites: [{path: pki/Roles/web, data: {}}]\n",
            "`secrets.pki.roles.web` writes this path",
        ),
        (
            "secrets: {pki: {type: pki, roles: {../x: {}}}}\n",
            "secrets.pki.roles.\"../x\": a name is part of a path here",
        ),
        (
            "secrets: {pki: {type: pki, roles: {web: {hand_out: {file: x}}}}}\n",
            "secrets.pki.roles.web.hand_out: `hand_out` is for entries of `writes`",
        ),
        (
            "quotas: {rate_limit: {all: {rate: 1, unmanaged_fields: [rate]}}}\n",
            "`unmanaged_fields` is for entries of `writes`",
        ),
        (
            "secrets: {totp: {type: totp, keys: {ada: {key: ABCDEF}}}}\n",
            "secrets.totp.keys.ada.key: secret values are references",
        ),
        (
            "quotas: {rate_limit: {all: {rate: {from_write: a.id}}}}\n",
            "values that the server makes go to later entries of `writes` only",
        ),
        (
            "secrets: {ssh: {type: ssh, config: {}}}\n",
            "ssh has no path `config` of its own: write `ca`",
        ),
    ] {
        let found = refused(&with_more(text));
        let one = found.iter().any(|problem| problem.contains(expected));
        assert!(one, "{text}: {found:?}");
    }
}
