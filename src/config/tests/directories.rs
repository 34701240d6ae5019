//! Logins by a directory or a certificate: what the file alone shows.

use super::{Config, LoginKind, SecretRef, load_text, with};

/// `SMALL` with one auth method more, a login through it, and an address with TLS where it matters.
fn file(method: &str, login: &str, address: &str) -> String {
    let text = with("  approle:\n", &format!("  {method}\n  approle:\n"));
    let text = text.replace("\nlogins:\n", &format!("\nlogins:\n  it: {login}\n"));
    text.replace("http://127.0.0.1:8200", address)
}

const TLS: &str = "https://vault";
const LDAP: &str = "{auth: ldap, username: eve, password: {file: eve}}";
const CERT: &str = "{auth: cert, certificate: ci.pem, key: {file: ci.key}}";
const ROLE: &str = "cert: {roles: {ci: {certificate: {file: ca.pem}}}}";

#[track_caller]
fn loaded(text: &str) -> Config {
    load_text(text).unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"))
}

#[test]
fn a_directory_or_a_certificate_that_could_not_let_anybody_in_is_refused() {
    let userdn = "ldap: {config: {url: \"ldaps://a\", userdn: ou=a}";
    let plain_http = "logins.it.auth: a certificate is shown to the server over TLS alone, and `cluster.address` is `http`";
    for (method, login, address, expected) in [
        (
            "ldap: {config: {url: \"ldaps://a\"}}",
            LDAP,
            TLS,
            "auth.ldap.config: missing key `userdn`",
        ),
        (
            "ldap: {config: {userdn: a, bindpass: {file: b}}}",
            LDAP,
            TLS,
            "auth.ldap.config: missing key `binddn`",
        ),
        (
            &format!("{userdn}, users: {{eve: {{token_policies: [reader]}}}}}}"),
            LDAP,
            TLS,
            "auth.ldap.users.eve.token_policies: the server takes no notice of it here; did you mean `policies`?",
        ),
        (
            &format!("{userdn}, roles: {{staff: {{token_ttl: 1h}}}}}}"),
            LDAP,
            TLS,
            "auth.ldap.roles.staff.token_ttl: the server takes no notice of it here; it stands in `config` of `auth.ldap`",
        ),
        (
            &format!("{userdn}}}"),
            "{auth: ldap}",
            TLS,
            "logins.it: missing key `username`, which a login through `ldap` needs",
        ),
        (
            &format!("{userdn}}}"),
            "{auth: ldap, username: eve, role: x}",
            TLS,
            "logins.it.role: a login through `ldap` takes `username` and `password`",
        ),
        (ROLE, CERT, "http://127.0.0.1:8200", plain_http),
        (
            ROLE,
            CERT,
            "https://vault\", nodes: [\"http://127.0.0.1:8200\"], name: \"lab",
            "logins.it.auth: a certificate is shown",
        ),
        (
            ROLE,
            "{auth: cert, certificate: ci.pem}",
            TLS,
            "logins.it: missing key `key`, which a login through `cert` needs",
        ),
        (
            ROLE,
            "{auth: cert, certificate: ci.pem, key: ci.key}",
            TLS,
            "logins.it.key: secret values are references",
        ),
        (
            ROLE,
            "{auth: cert, certificate: ci.pem, key: {prompt: key}}",
            TLS,
            "logins.it.key.prompt: PEM has several lines",
        ),
        (
            ROLE,
            "{auth: cert, certificate: ci.pem, key: {file: k}, role: other}",
            TLS,
            "logins.it.role: not one of the roles of `auth.cert` in this file; it has `ci`",
        ),
        (
            ROLE,
            "{auth: cert, certificate: ci.pem, key: {file: k}, username: x}",
            TLS,
            "logins.it.username: a login through `cert` takes `certificate`, `key` and `role`",
        ),
        (
            "cert: {roles: {ci: {token_ttl: 1h}}}",
            CERT,
            TLS,
            "auth.cert.roles.ci: missing key `certificate`",
        ),
    ] {
        let text = file(method, login, address).replace("name: lab, ", "");
        let text = if text.contains("name: \"lab") {
            text
        } else {
            text.replace("cluster: {", "cluster: {name: lab, ")
        };
        let found = load_text(&text).map(|_| ()).unwrap_err();
        assert_eq!(found.len(), 1, "{text}\n{found:#?}");
        assert!(found[0].contains(expected), "{expected}\n{found:#?}");
    }
}

#[test]
fn a_directory_that_others_can_listen_to_is_a_warning_and_one_that_they_cannot_is_none() {
    for (config, expected) in [
        (
            "url: \"ldap://a.test\", userdn: b",
            Some("passwords go to ldap://a.test unencrypted"),
        ),
        (
            "url: \"ldaps://a, ldap://b\", userdn: b",
            Some("passwords go to ldap://b unencrypted"),
        ),
        ("url: \"ldap://a\", starttls: true, userdn: b", None),
        ("url: \"ldap://127.0.0.1:389\", userdn: b", None),
        ("url: \"ldaps://a\", userdn: b", None),
        ("url: \"ldaps://a\", upndomain: b", None),
        (
            "url: \"ldaps://a\", userdn: b, insecure_tls: true",
            Some("the certificate of the directory is not checked"),
        ),
        (
            "url: \"ldaps://a\", userdn: b, deny_null_bind: false",
            Some("an empty password opens every account"),
        ),
        (
            "userdn: b",
            Some("no `url`: the server asks ldap://127.0.0.1"),
        ),
        (
            "url: \"ldaps://a\", userdn: b, binddn: c",
            Some("no `bindpass`"),
        ),
    ] {
        let text = file(&format!("ldap: {{config: {{{config}}}}}"), LDAP, TLS);
        let warnings = loaded(&text).warnings;
        let said: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        let ours = said
            .iter()
            .filter(|text| expected.is_some_and(|expected| text.contains(expected)));
        assert_eq!(
            ours.count(),
            usize::from(expected.is_some()),
            "{text}\n{said:#?}"
        );
        assert_eq!(
            said.len(),
            usize::from(expected.is_some()),
            "{text}\n{said:#?}"
        );
    }
}

#[test]
fn a_break_glass_login_is_tied_to_a_user_of_the_file_or_to_a_role() {
    let glass = |text: String| text.replace("logins: [ada, backup]", "logins: [ada, it]");
    let userdn = "config: {url: \"ldaps://a\", userdn: ou=a";
    let two = "cert: {roles: {ci: {certificate: {file: a}}, cd: {certificate: {file: a}}}}";
    for (method, login, expected) in [
        (
            format!("ldap: {{{userdn}}}}}"),
            LDAP,
            Some(
                "logins.it.username: the policy of break-glass is given to a user of the file: write `eve: {}`",
            ),
        ),
        (
            format!("ldap: {{{userdn}, token_type: batch}}, users: {{eve: {{}}}}}}"),
            LDAP,
            Some("auth.ldap.config.token_type: a break-glass login needs service tokens"),
        ),
        (
            format!("ldap: {{{userdn}, token_num_uses: 3}}, users: {{eve: {{}}}}}}"),
            LDAP,
            Some("auth.ldap.config.token_num_uses: the token of a break-glass login would run out"),
        ),
        (
            format!("ldap: {{{userdn}}}, users: {{Eve: {{}}}}}}"),
            LDAP,
            None,
        ),
        (
            two.to_owned(),
            CERT,
            Some("logins.it: missing key `role`: the break-glass policy is tied to a role"),
        ),
        (
            "cert: {roles: {ci: {certificate: {file: a}, token_type: batch}}}".to_owned(),
            CERT,
            Some("auth.cert.roles.ci.token_type: a break-glass login needs"),
        ),
        (ROLE.to_owned(), CERT, None),
    ] {
        let text = glass(file(&method, login, TLS));
        let found = load_text(&text).map(|_| ()).err().unwrap_or_default();
        assert_eq!(
            found.len(),
            usize::from(expected.is_some()),
            "{text}\n{found:#?}"
        );
        assert!(
            found
                .iter()
                .all(|text| text.contains(expected.unwrap_or_default())),
            "{found:#?}"
        );
    }
}

#[test]
fn who_is_a_person_and_who_a_machine_is_told_by_where_the_password_is() {
    let method = "ldap: {config: {url: \"ldaps://a\", userdn: b}}";
    for (method, login, person) in [
        (method, LDAP, false),
        (
            method,
            "{auth: ldap, username: eve, password: {prompt: x}}",
            true,
        ),
        (method, "{auth: ldap, username: eve}", true),
        (ROLE, CERT, false),
    ] {
        let config = loaded(&file(method, login, TLS));
        assert_eq!(
            config.login("it").unwrap().needs_a_person(),
            person,
            "{login}"
        );
    }
    let config = loaded(&file(method, "{auth: ldap, username: eve}", TLS));
    let LoginKind::Ldap { password, .. } = &config.login("it").unwrap().kind else {
        panic!("by a directory");
    };
    assert_eq!(*password, SecretRef::Prompt("password of it".into()));
}
