//! Second factors and enforcements of the file.

use super::*;

/// Methods, groups and entities beside those of `SMALL`, and a section `mfa` on line 23.
fn file(mfa: &str) -> String {
    let methods =
        "auth:\n  staff: {type: userpass}\n  oidc: {type: oidc}\n  machines: {type: approle}\n";
    let text = with("auth:\n", methods);
    let identity = "identity: {groups: {crew: {member_entities: [ada, eve]}, outer: {member_groups: [crew]}, \
        others: {member_entities: [eve]}, sent: {type: external, alias: {auth: oidc, name: a}}, \
        asked: {member_entities: [{auth: approle, name: backup}]}}, entities: {ada: {aliases: [{auth: userpass, name: ada}]}, \
        eve: {aliases: [{auth: staff, name: ada}]}}}";
    text.replace("policies:", &format!("{identity}\nmfa: {mfa}\npolicies:"))
}

/// An enforcement of the method `phone`.
fn enforced(what: &str) -> String {
    file(&format!(
        "{{methods: {{phone: {{type: totp, issuer: a}}}}, enforcements: {{people: {{methods: [phone], {what}}}}}}}"
    ))
}

#[track_caller]
fn refuses(text: &str, expected: &str) {
    let found = refused(text);
    let lines: Vec<_> = found.iter().filter(|one| one.starts_with("23:")).collect();
    assert!(
        lines.iter().any(|one| one.contains(expected)),
        "{text}: {expected}\n{found:#?}"
    );
}

#[test]
fn second_factors_and_enforcements_are_read() {
    let text = file(
        "{methods: {phone: {type: totp, issuer: a, period: 1m, digits: 8}, \
         push: {type: duo, api_hostname: a, integration_key: b, secret_key: {file: c}}}, \
         enforcements: {people: {methods: [phone, push], auth_methods: [staff/], auth_method_types: [token], groups: [others]}}}",
    );
    let mfa = load_text(&text).unwrap().mfa;
    let [phone, push] = &mfa.methods[..] else {
        panic!("{mfa:?}")
    };
    assert_eq!((&*phone.name, &*phone.method_type), ("phone", "totp"));
    assert_eq!(
        phone.fields.get("period"),
        Some(&Field::String("1m".into()))
    );
    assert_eq!(phone.fields.get("type"), None);
    let secret = SecretRef::File("/etc/vault/c".into());
    assert_eq!(push.fields.get("secret_key"), Some(&Field::Secret(secret)));
    let people = &mfa.enforcements[0];
    assert_eq!(people.auth_methods, ["staff"]);
    assert_eq!(people.groups, ["others"]);
    assert!(people.entities.is_empty());
}

#[test]
fn a_second_factor_has_what_its_type_takes_and_secrets_are_references() {
    let method = |what: &str| file(&format!("{{methods: {{a: {{{what}}}}}}}"));
    refuses(&method("issuer: a"), "missing key `type`");
    refuses(
        &method("type: sms"),
        "expected `totp`, `duo`, `okta` or `pingid`",
    );
    refuses(&method("type: totp"), "missing key `issuer`");
    refuses(
        &method("type: totp, issuer: a, isuer: b"),
        "unknown key `isuer`",
    );
    refuses(
        &method("type: totp, issuer: a, digits: 7"),
        "the servers take 6, 8",
    );
    refuses(
        &method("type: totp, issuer: a, skew: 2"),
        "the servers take 0, 1",
    );
    refuses(
        &method("type: totp, issuer: a, algorithm: MD5"),
        "the servers take SHA1, SHA256, SHA512",
    );
    for secret in [
        "type: duo, api_hostname: a, integration_key: b, secret_key: c",
        "type: okta, org_name: a, api_token: c",
        "type: pingid, settings_file_base64: c",
    ] {
        refuses(&method(secret), "secret values are references");
    }
    refuses(
        &file("{methods: {a/b: {type: totp, issuer: a}}}"),
        "a name here is not empty",
    );
    refuses(
        &enforced("groups: [others]").replace("people:", "p@ple:"),
        "the servers have no path for `p@ple`",
    );
}

#[test]
fn an_enforcement_is_about_somebody_and_names_what_the_file_has() {
    refuses(&enforced("groups: []"), "nobody would need it");
    refuses(
        &enforced("groups: [others]").replace("methods: [phone]", "methods: []"),
        "one method at least",
    );
    refuses(
        &enforced("groups: [others]").replace("methods: [phone]", "methods: [phne]"),
        "`mfa.methods` has no `phne`; did you mean `phone`?",
    );
    refuses(
        &enforced("groups: [othres]"),
        "`identity.groups` has no `othres`; did you mean `others`?",
    );
    refuses(
        &enforced("entities: [bob]"),
        "`identity.entities` has no `bob`",
    );
    refuses(
        &enforced("auth_methods: [stuff]"),
        "no auth method of this file has this path",
    );
    refuses(
        &enforced("auth_methods: [auth/staff]"),
        "did you mean `staff`?",
    );
    refuses(
        &enforced("auth_method_types: [ldap]"),
        "no auth method of this file is of this type",
    );
}

#[test]
fn an_enforcement_that_is_about_a_login_of_the_file_is_refused() {
    for (what, login) in [
        ("auth_methods: [userpass]", "break-glass login `ada`"),
        ("auth_methods: [approle]", "break-glass login `backup`"),
        ("auth_method_types: [userpass]", "break-glass login `ada`"),
        ("entities: [ada]", "break-glass login `ada`"),
        ("groups: [crew]", "break-glass login `ada`"),
        ("groups: [others, outer]", "break-glass login `ada`"),
        ("groups: [asked]", "break-glass login `backup`"),
    ] {
        refuses(
            &enforced(what),
            &format!("the {login} would be asked for a second factor"),
        );
    }
    for what in [
        "auth_methods: [staff, oidc]",
        "groups: [others, sent]",
        "entities: [eve]",
        "auth_method_types: [oidc]",
    ] {
        load_text(&enforced(what)).unwrap_or_else(|problems| panic!("{what}: {problems:?}"));
    }
}

#[test]
fn whom_a_provider_may_let_in_is_a_warning() {
    let login = "logins:\n  ben: {auth: oidc, role: a, with: url}\n";
    let text = enforced("groups: [sent]").replace("logins:\n", login);
    let text = text.replace(
        "oidc: {type: oidc}",
        "oidc: {type: oidc, roles: {a: {user_claim: email, bound_claims: {a: b}, allowed_redirect_uris: [\"http://localhost:8250/oidc/callback\"]}}}",
    );
    let config = load_text(&text).unwrap();
    let said = "whoever comes in by the login `ben` may be meant here";
    let found = config.warnings.iter().map(ToString::to_string);
    let found: Vec<_> = found.collect();
    assert!(found.iter().any(|one| one.contains(said)), "{found:?}");
}

#[test]
fn whom_a_directory_may_call_otherwise_than_was_typed_is_a_warning() {
    let login = "logins:\n  ben: {auth: staff, username: ben@example.com, password: {file: b}}\n";
    let file = enforced("entities: [eve]").replace("logins:\n", login);
    let warned = |config: &str| {
        let staff = format!(
            "staff: {{type: ldap, config: {{url: \"ldaps://a\", userdn: \"dc=a\"{config}}}}}"
        );
        let config = load_text(&file.replace("staff: {type: userpass}", &staff)).unwrap();
        let mut found = config.warnings.iter().map(ToString::to_string);
        found.any(|one| one.contains("login `ben` may be meant here"))
    };
    assert!(!warned(""));
    for other in [
        ", userfilter: \"(mail={{.Username}})\"",
        ", upndomain: example.com",
    ] {
        assert!(warned(other), "{other}");
    }
}

#[test]
fn what_the_section_makes_is_written_by_it_alone() {
    for (path, data) in [
        (
            "identity/mfa/method/totp",
            "{method_name: phone, issuer: b}",
        ),
        (
            "identity/mfa/login-enforcement/people",
            "{mfa_method_ids: [a]}",
        ),
    ] {
        let text =
            enforced("groups: [others]") + &format!("writes: [{{path: {path}, data: {data}}}]\n");
        let found = refused(&text);
        assert!(
            found
                .iter()
                .any(|one| one.contains("writes this path; put it there")),
            "{found:?}"
        );
    }
}

#[test]
fn an_enforcement_is_written_in_its_section_and_not_by_its_path() {
    let text = super::with(
        "break_glass:",
        "writes: [{path: identity/mfa/login-enforcement/raw, data: {auth_method_types: [userpass]}}]\nbreak_glass:",
    );
    let found = refused(&text);
    assert!(
        found.iter().any(|one| one.contains("`mfa.enforcements`")),
        "{found:?}"
    );
}
