//! Groups, entities and aliases of the file.

use super::*;

/// `SMALL` with a section `identity` on its line 19, and these methods beside its own.
fn file(identity: &str) -> String {
    let methods = "auth:\n  oidc: {type: oidc}\n  kubernetes: {roles: {app: {ROLE}, all: {ALL}}}\n"
        .replace("ROLE", "bound_service_account_names: [app], bound_service_account_namespaces: [prod], alias_name_source: serviceaccount_name")
        .replace("ALL", "bound_service_account_names: '*', bound_service_account_namespaces: [test]");
    let text = with("auth:\n", &methods);
    text.replace("policies:", &format!("identity: {identity}\npolicies:"))
}

#[track_caller]
fn refuses(identity: &str, expected: &str) {
    let found = refused(&file(identity));
    let lines: Vec<_> = found.iter().filter(|one| one.starts_with("21:")).collect();
    assert!(
        lines.iter().any(|one| one.contains(expected)),
        "{identity}: {expected}\n{found:#?}"
    );
}

#[test]
fn groups_and_entities_are_read() {
    let text = file(
        "{groups: {platform: {type: external, policies: [reader], alias: {auth: oidc/, name: Platform}}, \
         ops: {member_entities: [ada, {auth: approle, name: backup}], member_groups: [platform], metadata: {team: ops}}}, \
         entities: {ada: {disabled: false, aliases: [{auth: userpass, name: ada, custom_metadata: {k: v}}, \
         {auth: kubernetes, name: prod/app}]}}}",
    );
    let config = load_text(&text).unwrap();
    let [platform, ops] = &config.identity.groups[..] else {
        panic!()
    };
    assert_eq!(platform.group_type, GroupType::External);
    assert_eq!(platform.alias.as_ref().unwrap().auth, "oidc");
    assert_eq!(ops.group_type, GroupType::Internal);
    let members = ops.member_entities.as_ref().unwrap();
    assert_eq!(members[0], Member::Entity("ada".into()));
    let ada = &config.identity.entities[0];
    assert_eq!(ada.aliases[0].called.name, "ada");
    assert_eq!(ada.policies, None);
    let given: Vec<_> = config.identity.policies().collect();
    assert_eq!(given, [("platform", "reader")]);
}

#[test]
fn a_name_is_one_that_the_servers_keep_apart() {
    refuses("{groups: {'': {}}}", "a name here is not empty");
    refuses("{groups: {a/b: {}}}", "a name here is not empty");
    refuses("{entities: {'..': {}}}", "a name here is not empty");
    refuses("{entities: {' a': {}}}", "a name here is not empty");
    refuses(
        "{entities: {ada: {}, Ada: {}}}",
        "the servers take `Ada` and `ada` for one name",
    );
}

#[test]
fn a_policy_that_nobody_may_give_is_refused_and_an_unknown_one_is_a_warning() {
    refuses(
        "{groups: {a: {policies: [root]}}}",
        "nobody may have the policy `root`",
    );
    refuses(
        "{entities: {a: {policies: [vault-bootstrap-break-glass]}}}",
        "this policy belongs to the logins of `break_glass`",
    );
    refuses(
        "{groups: {a: {policies: [Reader]}}}",
        "names of policies are lower case: `reader`",
    );
    let warnings = load_text(&file("{groups: {a: {policies: [writer]}}}")).unwrap();
    let warnings = &warnings.warnings;
    assert!(
        warnings.iter().any(|one| one
            .to_string()
            .contains("the policy `writer` is not in this file")),
        "{warnings:?}"
    );
}

#[test]
fn an_alias_of_no_user_of_the_file_is_a_warning() {
    let warned = |name: &str| {
        let text = format!("{{entities: {{a: {{aliases: [{{auth: userpass, name: {name}}}]}}}}}}");
        let config = load_text(&file(&text)).unwrap();
        let mut found = config.warnings.iter().map(ToString::to_string);
        found.any(|one| one.contains("no user of `auth.userpass` in this file"))
    };
    assert!(warned("adda") && !warned("ada"));
}

#[test]
fn a_group_has_what_its_type_takes() {
    refuses(
        "{groups: {a: {alias: {auth: oidc, name: a}}}}",
        "groups.a.alias: only an external group has an alias",
    );
    refuses(
        "{groups: {a: {type: external, alias: {auth: oidc, name: a}, member_entities: []}}}",
        "groups.a.member_entities: the auth method says who is in an external group",
    );
    refuses(
        "{groups: {a: {type: external, alias: {auth: oidc, name: a}, member_groups: []}}}",
        "groups.a.member_groups: the auth method says",
    );
    refuses(
        "{groups: {a: {type: outside}}}",
        "expected `internal` or `external`",
    );
    let warnings = load_text(&file("{groups: {a: {type: external}}}"))
        .unwrap()
        .warnings;
    assert!(
        warnings
            .iter()
            .any(|one| one.to_string().contains("no login is ever in this group")),
        "{warnings:?}"
    );
}

#[test]
fn an_alias_stands_once_and_fits_its_auth_method() {
    let entity = |aliases: &str| format!("{{entities: {{ada: {{aliases: [{aliases}]}}}}}}");
    for (aliases, expected) in [
        (
            "{auth: userpass, name: a}, {auth: userpass/, name: b}",
            "ada.aliases[1]: an entity has one alias of an auth method",
        ),
        (
            "{auth: userpas, name: a}",
            "aliases[0].auth: no auth method of this file has this path; did you mean `userpass`?",
        ),
        (
            "{auth: userpass, name: Ada}",
            "userpass keeps its users in lower case: `ada`",
        ),
        (
            "{auth: approle, name: back}",
            "no role of `auth.approle` in this file",
        ),
        ("{auth: approle, name: backups}", "did you mean `backup`?"),
        (
            "{auth: kubernetes, name: test/x}",
            "the role `all` needs `alias_name_source",
        ),
        (
            "{auth: kubernetes, name: prod/x}",
            "expected NAMESPACE/SERVICE_ACCOUNT",
        ),
        (
            "{auth: kubernetes, name: app}",
            "expected NAMESPACE/SERVICE_ACCOUNT",
        ),
        ("{auth: userpass}", "missing key `name`"),
    ] {
        refuses(&entity(aliases), expected);
    }
    refuses(
        "{entities: {a: {aliases: [{auth: oidc, name: x}]}, b: {aliases: [{auth: oidc, name: x}]}}}",
        "b.aliases[0]: `a` has this alias already",
    );
    let group = |name: &str, auth: &str| {
        format!("{name}: {{type: external, alias: {{auth: {auth}, name: x}}}}")
    };
    let two = |auth: &str| format!("{{groups: {{{}, {}}}}}", group("a", auth), group("b", auth));
    refuses(&two("oidc"), "groups.b.alias: `a` has this alias already");
    refuses(&two("userpass"), "groups.a.alias: userpass knows no groups");
}

#[test]
fn a_role_id_that_is_a_secret_is_no_name_of_an_alias() {
    let text = file("{entities: {a: {aliases: [{auth: approle, name: backup}]}}}");
    assert!(load_text(&text).is_ok());
    let writes = |id: &str| {
        format!(
            "{text}writes: [{{path: auth/approle/role/backup/role-id, data: {{role_id: {id}}}}}]\n"
        )
    };
    assert!(load_text(&writes("of-backup")).is_ok());
    let found = refused(&writes("{env: SECRET_ID}"));
    assert!(
        found[0].starts_with("21:") && found[0].contains("stands in `writes` as a reference"),
        "{found:?}"
    );
}

#[test]
fn a_member_is_of_the_file_and_stands_once() {
    refuses(
        "{groups: {a: {member_entities: [bob]}}, entities: {bobby: {}}}",
        "a.member_entities[0]: `identity.entities` has no `bob`",
    );
    refuses(
        "{groups: {a: {member_groups: [plattform]}, platform: {}}}",
        "`identity.groups` has no `plattform`; did you mean `platform`?",
    );
    refuses(
        "{groups: {a: {member_groups: [b, b]}, b: {}}}",
        "a.member_groups[1]: this member is in the list already",
    );
    refuses(
        "{groups: {a: {member_entities: [b, {auth: oidc, name: x}]}}, entities: {b: {aliases: [{auth: oidc, name: x}]}}}",
        "a.member_entities[1]: this member is in the list already",
    );
    refuses(
        "{groups: {a: {member_groups: [b]}, b: {member_groups: [a]}}}",
        "groups.a.member_groups[0]: `a` would be a member of itself",
    );
    refuses(
        "{groups: {a: {member_groups: [a]}}}",
        "`a` would be a member of itself",
    );
}

#[test]
fn what_this_section_makes_is_written_by_it_alone() {
    let text = file("{groups: {Ops: {}}, entities: {ada: {}}}");
    for (write, owner) in [
        (
            "{path: identity/group/name/ops, data: {policies: [a]}}",
            "groups",
        ),
        ("{path: identity/group, data: {name: OPS}}", "groups"),
        ("{path: identity/entity/name/ada, data: {}}", "entities"),
        ("{path: identity/entity, data: {name: ada}}", "entities"),
    ] {
        let found = refused(&format!("{text}writes: [{write}]\n"));
        let expected = format!("`identity.{owner}` writes this path; put it there");
        assert!(found[0].contains(&expected), "{write}: {found:?}");
    }
    let others = "writes: [{path: identity/group/name/dev, data: {}}, {path: identity/group, data: {name: dev2}}]\n";
    assert!(load_text(&(text + others)).is_ok());
}

#[test]
fn a_group_or_entity_can_be_meant_to_make_root() {
    let text = file("{groups: {ops: {}}, entities: {eve: {}}}");
    let accepts = |name: &str| {
        let line = format!("{{logins: [ada, backup], accept_admins: [{name}]}}");
        load_text(&text.replace("{logins: [ada, backup]}", &line))
    };
    assert!(accepts("ops").is_ok() && accepts("eve").is_ok() && accepts("ada").is_ok());
    let found = accepts("nobody").map(|_| ()).unwrap_err();
    assert!(
        found[0].contains("no login, group or entity of this file"),
        "{found:?}"
    );
}
