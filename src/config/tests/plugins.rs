//! Plugins of the catalogue.

use super::*;

const DIGEST: &str = "275239824e00e61b0a220e61a41791c7e9b4bd726f8b0c27077a338f8131c9dc";

/// `SMALL` with plugins in front of its logins.
fn with_plugins(text: &str) -> String {
    let text = text.replace("DIGEST", DIGEST);
    SMALL.replacen("logins:\n", &format!("plugins: {text}\nlogins:\n"), 1)
}

#[test]
fn plugins_are_read_as_the_servers_keep_them() {
    let text = format!(
        "{{auth: {{ldap: {{command: l, sha256: {}}}}}, secret: {{wallet: {{command: w, sha256: DIGEST, version: 1.2.3, args: [-a], env: {{A: b, TOKEN: {{file: t}}}}}}}}}}",
        DIGEST.to_uppercase()
    );
    let config = load_text(&with_plugins(&text)).unwrap();
    let paths: Vec<_> = config.plugins.iter().map(Plugin::path).collect();
    assert_eq!(
        paths,
        [
            "sys/plugins/catalog/secret/wallet",
            "sys/plugins/catalog/auth/ldap"
        ]
    );
    let [wallet, ldap] = &config.plugins[..] else {
        panic!("two of them");
    };
    assert_eq!(wallet.version.as_deref(), Some("v1.2.3"));
    assert_eq!(ldap.sha256, DIGEST);
    assert_eq!(wallet.secrets().count(), 1);
    assert!(validates(&with_plugins(&text)));
}

#[test]
fn a_type_that_is_a_plugin_of_the_file_is_no_misspelling() {
    let mount = "secrets: {a: {type: trasnit}}\nlogins:\n";
    let typo = with_plugins("{}").replacen("logins:\n", mount, 1);
    assert!(refused(&typo)[0].contains("did you mean `transit`"));
    let named = with_plugins("{secret: {trasnit: {command: a, sha256: DIGEST}}}");
    assert!(load_text(&named.replacen("logins:\n", mount, 1)).is_ok());
}

#[test]
fn what_no_server_runs_is_refused_with_its_place() {
    for (text, place, said) in [
        (
            "{secret: {a: {command: a, sha256: \"00\"}}}",
            "plugins.secret.a.sha256",
            "expected 64 hex digits",
        ),
        (
            "{secret: {a: {command: a}}}",
            "plugins.secret.a",
            "missing key `sha256`",
        ),
        (
            "{secret: {a: {sha256: DIGEST}}}",
            "plugins.secret.a",
            "missing key `command`",
        ),
        (
            "{secret: {a: {command: b/a, sha256: DIGEST}}}",
            "plugins.secret.a.command",
            "without `/` and `..`",
        ),
        (
            "{secret: {a: {command: .., sha256: DIGEST}}}",
            "plugins.secret.a.command",
            "without `/` and `..`",
        ),
        (
            "{secret: {a: {command: a -b, sha256: DIGEST}}}",
            "plugins.secret.a.command",
            "write them under `args`",
        ),
        (
            "{secrets: {a: {command: a, sha256: DIGEST}}}",
            "plugins.secrets",
            "did you mean `secret`",
        ),
        (
            "{secret: {transit: {command: a, sha256: DIGEST}}}",
            "plugins.secret.transit",
            "built in",
        ),
        (
            "{auth: {token: {command: a, sha256: DIGEST}}}",
            "plugins.auth.token",
            "built in",
        ),
        (
            "{database: {mysql-database-plugin: {command: a, sha256: DIGEST}}}",
            "plugins.database.mysql-database-plugin",
            "built in",
        ),
        (
            "{secret: {a/b: {command: a, sha256: DIGEST}}}",
            "plugins.secret.\"a/b\"",
            "letters, digits",
        ),
        (
            "{secret: {a: {command: a, sha256: DIGEST, version: v1}}}",
            "plugins.secret.a.version",
            "such as `v1.2.3`",
        ),
        (
            "{secret: {a: {command: a, sha256: DIGEST, version: 1.2.x}}}",
            "plugins.secret.a.version",
            "such as `v1.2.3`",
        ),
        (
            "{secret: {a: {command: a, sha256: DIGEST, version: v1.2.3+builtin}}}",
            "plugins.secret.a.version",
            "keep `+builtin`",
        ),
        (
            "{secret: {a: {command: a, oci_image: b, sha256: DIGEST}}}",
            "plugins.secret.a",
            "only one of `command` and `oci_image`",
        ),
        (
            "{secret: {a: {command: a, runtime: b, sha256: DIGEST}}}",
            "plugins.secret.a",
            "there is no `oci_image`",
        ),
        (
            "{secret: {a: {command: a, sha256: DIGEST, env: {\"A=B\": c}}}}",
            "plugins.secret.a.env.\"A=B\"",
            "no `=`",
        ),
        (
            "{secret: {a: {command: a, sha256: DIGEST, env: {API_TOKEN: of-a-test}}}}",
            "plugins.secret.a.env.API_TOKEN",
            "secret values are references",
        ),
    ] {
        let found = refused(&with_plugins(text));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].starts_with("21:"), "{found:?}");
        assert!(
            found[0].contains(place) && found[0].contains(said),
            "{found:?}"
        );
    }
}

#[test]
fn the_catalogue_is_of_the_whole_cluster_and_has_one_writer() {
    let plugins = "{secret: {a: {command: a, sha256: DIGEST}}}";
    let inside = with_plugins(plugins).replacen("name: lab,", "name: lab, namespace: team,", 1);
    let found = refused(&inside);
    assert!(
        found
            .iter()
            .any(|one| one.contains("plugins: the catalogue is of the whole cluster")),
        "{found:?}"
    );
    let write = "writes: [{path: sys/plugins/catalog/secret/a, data: {command: a}}]\nlogins:\n";
    let found = refused(&with_plugins(plugins).replacen("logins:\n", write, 1));
    assert!(
        found[0].contains("`plugins.secret.a` writes this path"),
        "{found:?}"
    );
}
