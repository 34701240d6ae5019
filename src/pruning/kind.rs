//! What can be deleted: kinds of documents, by their paths.

use serde_json::Value;

use crate::config::Config;
use crate::desired::grant;
use crate::step::Step;

/// A kind of document that can be deleted. What stands first is deleted first: what uses something goes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PruneKind {
    /// Users of auth methods.
    Users,
    /// Roles of auth methods.
    Roles,
    /// What auth methods call groups and entities.
    Aliases,
    /// Groups of identities.
    Groups,
    /// Entities.
    Entities,
    /// Policies.
    Policies,
    /// Quotas of `writes`.
    Quotas,
}

impl PruneKind {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Roles => "roles",
            Self::Aliases => "aliases",
            Self::Groups => "groups",
            Self::Entities => "entities",
            Self::Policies => "policies",
            Self::Quotas => "quotas",
        }
    }

    /// The step that writes such documents.
    pub(super) fn step(self) -> Step {
        match self {
            Self::Policies => Step::Policies,
            Self::Quotas => Step::Writes,
            _ => Step::Roles,
        }
    }

    /// The kind of the document at this path; `None` of all that is never deleted.
    pub(super) fn of_path(config: &Config, path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            ["sys", "policies", "acl", _] => Some(Self::Policies),
            ["sys", "quotas", "rate-limit" | "lease-count", _] => Some(Self::Quotas),
            ["identity", "group", "name", _] => Some(Self::Groups),
            ["identity", "entity", "name", _] => Some(Self::Entities),
            ["identity", "group" | "entity", "name", _, "alias", ..] => Some(Self::Aliases),
            ["auth", "token", "roles", _] => Some(Self::Roles),
            ["auth", ..] => {
                let (collection, _) = member(config, path)?.1;
                Some(if collection == "users" {
                    Self::Users
                } else {
                    Self::Roles
                })
            }
            _ => None,
        }
    }
}

/// The auth method of the file, the collection and the name, where a path is that of a role or user.
fn member<'p>(config: &Config, path: &'p str) -> Option<(String, (&'p str, &'p str))> {
    let rest = path.strip_prefix("auth/")?;
    let method = config.auth.iter().find_map(|method| {
        let below = rest.strip_prefix(method.path.as_str())?.strip_prefix('/')?;
        let (collection, name) = below.split_once('/')?;
        let of_type = match method.auth_type.as_str() {
            "cert" => collection == "certs",
            "ldap" => matches!(collection, "groups" | "users"),
            _ => matches!(collection, "role" | "users"),
        };
        let whole = of_type && !name.contains('/');
        whole.then_some((method.path.clone(), (collection, name)))
    });
    method.filter(|(_, (_, name))| !name.is_empty())
}

/// Whether the file names the document at this path.
pub(super) fn is_in_file(config: &Config, path: &str) -> bool {
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    if config.writes.iter().any(|write| same(&write.path, path)) {
        return true;
    }
    if let Some(name) = path.strip_prefix("sys/policies/acl/") {
        let mut policies = config.policies.iter();
        return name == grant::POLICY || policies.any(|one| same(&one.name, name));
    }
    if let Some((method, (collection, name))) = member(config, path) {
        let method = config.auth_mount(&method);
        return method.is_some_and(|method| {
            let found = if collection == "users" {
                method.user(name)
            } else {
                method.role(name)
            };
            found.is_some()
        });
    }
    let parts: Vec<&str> = path.splitn(6, '/').collect();
    let identity = &config.identity;
    let group = |name: &str| {
        let mut groups = identity.groups.iter();
        groups.find(|one| same(&one.name, name)).cloned()
    };
    let entity = |name: &str| {
        let mut entities = identity.entities.iter();
        entities.find(|one| same(&one.name, name)).cloned()
    };
    match parts[..] {
        ["identity", "group", "name", name] => group(name).is_some(),
        ["identity", "group", "name", name, "alias"] => {
            group(name).is_some_and(|one| one.alias.is_some())
        }
        ["identity", "entity", "name", name] => entity(name).is_some(),
        ["identity", "entity", "name", name, "alias", method] => entity(name)
            .is_some_and(|one| one.aliases.iter().any(|alias| alias.called.auth == method)),
        _ => false,
    }
}

/// What the file writes below a document: it would be gone, and the file still says it.
pub(super) fn written_below(config: &Config, path: &str) -> Option<String> {
    let begin = format!("{}/", path.to_lowercase());
    let mut writes = config.writes.iter().map(|write| &write.path);
    writes
        .find(|one| one.to_lowercase().starts_with(&begin))
        .cloned()
}

/// The login of the file that is called so by this auth method, or with `perhaps`, may be: what the server calls a machine,
/// or whom a provider sends, does not stand in the file.
fn login_called(config: &Config, (method, name): (&str, &str), perhaps: bool) -> Option<String> {
    let mut logins = config.logins.iter().filter(|login| login.auth == method);
    let found = logins.find(|login| {
        let role = grant::role_path(config, login);
        let begin = format!("auth/{method}/users/");
        match role
            .as_deref()
            .and_then(|role| role.strip_prefix(begin.as_str()))
        {
            Some(user) => user.eq_ignore_ascii_case(name),
            None => perhaps,
        }
    });
    found.map(|login| login.name.clone())
}

/// The login of the file that an alias is of, or one of the aliases of an entity.
pub(super) fn comes_in_by(config: &Config, kind: PruneKind, answer: &Value) -> Option<String> {
    match kind {
        PruneKind::Aliases => {
            let called = (answer["auth"].as_str()?, answer["name"].as_str()?);
            login_called(config, called, true)
        }
        PruneKind::Entities => login_of_entity(config, answer, true),
        _ => None,
    }
}

/// The login of the file that one of the aliases of an entity is of, or with `perhaps`, may be.
pub(super) fn login_of_entity(config: &Config, answer: &Value, perhaps: bool) -> Option<String> {
    let mut aliases = answer["aliases"].as_array().into_iter().flatten();
    aliases.find_map(|alias| {
        let mount = alias["mount_path"].as_str()?.trim_end_matches('/');
        let method = mount.strip_prefix("auth/").unwrap_or(mount);
        login_called(config, (method, alias["name"].as_str()?), perhaps)
    })
}

/// A policy that every server has, whoever wrote it last.
pub(super) fn is_of_server(path: &str) -> bool {
    let name = path.strip_prefix("sys/policies/acl/");
    name.is_some_and(|name| {
        let own = [
            "root",
            "default",
            "default-ceiling",
            "response-wrapping",
            "control-group",
            grant::POLICY,
        ];
        own.contains(&name)
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::config::from_text;

    const FILE: &str = r#"version: 1
cluster: {name: lab, address: "http://127.0.0.1:8200"}
init:
  shares: 1
  threshold: 1
  custodians:
    - {name: alice, age: {recipient: age1alice, file: shares/alice.age}}
checkpoint: {path: .vault-bootstrap/lab, key: {identity: keys/checkpoint.agekey}}
audit:
  file: {type: file, options: {file_path: /var/log/audit.log}}
auth:
  team/people:
    type: userpass
    users:
      ada: {password: {file: /run/secrets/ada}}
      bob: {password: {file: /run/secrets/bob}}
  approle:
    roles:
      backup: {token_ttl: 20m}
  ldap: {config: {url: "ldaps://a"}, roles: {staff: {policies: [reader]}}}
policies:
  reader: {rules: 'path "a" { capabilities = ["read"] }'}
identity:
  groups: {crew: {policies: [reader]}}
  entities: {eve: {aliases: [{auth: team/people, name: bob}]}}
logins:
  ada: {auth: team/people, username: ada, password: {file: /run/secrets/ada}}
  backup: {auth: approle, role_id: abc, secret_id: {env: SECRET_ID}}
break_glass: {none: "a test"}
writes: [{path: sys/quotas/rate-limit/named, data: {rate: 1}}, {path: auth/approle/role/spare/role-id, data: {role_id: x}}]
"#;

    fn config_of(text: &str) -> Config {
        let loaded = from_text(text, Path::new("x"), Path::new(""), &|_| None);
        loaded.unwrap_or_else(|problems| panic!("{:?}", problems.list))
    }

    pub(in crate::pruning) fn config() -> Config {
        config_of(FILE)
    }

    #[test]
    fn only_documents_of_known_kinds_can_be_deleted_and_none_that_the_file_names() {
        use PruneKind as Kind;
        let config = config();
        for (path, kind, named) in [
            ("sys/policies/acl/reader", Some(Kind::Policies), true),
            ("sys/policies/acl/Reader", Some(Kind::Policies), true),
            ("sys/policies/acl/gone", Some(Kind::Policies), false),
            (
                "sys/policies/acl/vault-bootstrap-break-glass",
                Some(Kind::Policies),
                true,
            ),
            ("auth/team/people/users/ada", Some(Kind::Users), true),
            ("auth/team/people/users/gone", Some(Kind::Users), false),
            ("auth/approle/role/gone", Some(Kind::Roles), false),
            ("auth/ldap/groups/staff", Some(Kind::Roles), true),
            ("auth/ldap/groups/gone", Some(Kind::Roles), false),
            ("auth/token/roles/gone", Some(Kind::Roles), false),
            ("identity/group/name/crew", Some(Kind::Groups), true),
            ("identity/group/name/crew/alias", Some(Kind::Aliases), false),
            ("identity/entity/name/eve", Some(Kind::Entities), true),
            (
                "identity/entity/name/eve/alias/team/people",
                Some(Kind::Aliases),
                true,
            ),
            (
                "identity/entity/name/eve/alias/approle",
                Some(Kind::Aliases),
                false,
            ),
            ("sys/quotas/rate-limit/named", Some(Kind::Quotas), true),
            ("sys/quotas/lease-count/gone", Some(Kind::Quotas), false),
            ("sys/quotas/config", None, false),
            ("auth/approle/role/gone/role-id", None, false),
            ("auth/approle/config", None, false),
            ("auth/unknown/role/gone", None, false),
            ("sys/mounts/kv", None, false),
            ("sys/audit/file", None, false),
            ("secret/data/a", None, false),
        ] {
            assert_eq!(Kind::of_path(&config, path), kind, "{path}");
            assert_eq!(is_in_file(&config, path), named, "{path}");
        }
    }

    #[test]
    fn what_the_file_writes_below_a_document_holds_it() {
        let below = |path: &str| written_below(&config(), path);
        assert!(below("auth/approle/role/Spare").is_some());
        assert_eq!(below("auth/approle/role/spar"), None);
        assert_eq!(below("sys/quotas/rate-limit/named"), None);
    }

    #[test]
    fn what_a_login_comes_in_by_is_known() {
        let config = config();
        let by = |path: &str| grant::login_by(&config, path);
        assert_eq!(by("auth/team/people/users/Ada").as_deref(), Some("ada"));
        assert_eq!(by("auth/team/people/users/bob"), None);
        assert_eq!(by("auth/approle/role/backup").as_deref(), Some("backup"));
        let called = |method, name| login_called(&config, (method, name), true);
        assert_eq!(called("team/people", "ADA").as_deref(), Some("ada"));
        // Any alias there may be that of the login's role.
        assert_eq!(called("approle", "ada").as_deref(), Some("backup"));
        assert_eq!(login_called(&config, ("approle", "ada"), false), None);
        assert_eq!(called("ldap", "ada"), None);
    }

    #[test]
    fn a_login_without_a_role_may_come_in_by_any_of_its_auth_method() {
        let two = "one: {}\n      two: {}";
        let ids = FILE.replace("backup: {token_ttl: 20m}", two);
        let config = config_of(&ids);
        let by = |path: &str| grant::login_by(&config, path);
        assert_eq!(by("auth/approle/role/gone").as_deref(), Some("backup"));
        assert_eq!(by("auth/other/role/gone"), None);
        let cert = FILE.replace("http://127.0.0.1:8200", "https://vault");
        let cert = cert.replace(
            "  approle:\n",
            "  cert: {roles: {a: {certificate: x}, b: {certificate: x}}}\n  approle:\n",
        );
        let cert = cert.replace(
            "logins:\n",
            "logins:\n  ci: {auth: cert, certificate: c.pem, key: {file: k}}\n",
        );
        let config = config_of(&cert);
        let by = |path: &str| grant::login_by(&config, path);
        assert_eq!(by("auth/cert/certs/gone").as_deref(), Some("ci"));
        assert_eq!(by("auth/approle/role/gone"), None);
    }

    #[test]
    fn an_alias_and_an_entity_are_those_of_a_login_by_what_its_auth_method_calls_it() {
        let config = config();
        let by = |kind, answer| comes_in_by(&config, kind, &answer);
        let alias = |name: &str| json!({"auth": "team/people", "name": name});
        assert_eq!(by(PruneKind::Aliases, alias("Ada")).as_deref(), Some("ada"));
        assert_eq!(by(PruneKind::Aliases, alias("bob")), None);
        let entity = |mount: &str, name: &str| {
            json!({"aliases": [
            {"mount_path": "auth/ldap/", "name": "ada"}, {"mount_path": mount, "name": name}]})
        };
        let people = "auth/team/people/";
        assert_eq!(
            by(PruneKind::Entities, entity(people, "ada")).as_deref(),
            Some("ada")
        );
        assert_eq!(by(PruneKind::Entities, entity(people, "bob")), None);
        assert_eq!(
            by(PruneKind::Entities, entity("auth/approle/", "x")).as_deref(),
            Some("backup")
        );
        assert_eq!(by(PruneKind::Groups, entity(people, "ada")), None);
    }

    #[test]
    fn policies_of_the_servers_and_the_grant_are_never_deleted() {
        for name in [
            "root",
            "default",
            "default-ceiling",
            "response-wrapping",
            "control-group",
            grant::POLICY,
        ] {
            assert!(is_of_server(&format!("sys/policies/acl/{name}")), "{name}");
        }
        assert!(!is_of_server("sys/policies/acl/defaults"));
    }
}
