//! The policy that the program writes for break-glass.

use crate::config::{Config, Field, Fields, Login, LoginKind, PolicySource};
use crate::shell::ShellCommand;
use crate::vault::Body;
use crate::vault::sys::Product;

/// Name of the break-glass policy. Reserved: the file may not declare it.
pub(crate) const POLICY: &str = "vault-bootstrap-break-glass";

/// Paths, each with what may be done there.
type Rules<'a> = &'a [(&'a str, &'a [&'a str])];

/// Vault's capabilities where something is begun, looked at and given up, and where a share is given.
const VAULT_BEGIN: &[&str] = &["read", "create", "update", "delete"];
const VAULT_GIVE: &[&str] = &["create", "update"];
/// OpenBao's: it treats every write as an update.
const BAO_BEGIN: &[&str] = &["read", "update", "delete"];
const BAO_GIVE: &[&str] = &["update"];

const CLASSIC: Rules<'_> = &[
    ("sys/generate-root/attempt", VAULT_BEGIN),
    ("sys/generate-root/update", VAULT_GIVE),
];

const AUTHENTICATED: Rules<'_> = &[
    ("sys/generate-root-token/attempt", BAO_BEGIN),
    ("sys/generate-root-token/update", BAO_GIVE),
];

/// Vault's paths for new shares, of both kinds of seal: what the cluster is sealed with may be another thing later.
const REKEY: Rules<'_> = &[
    ("sys/rekey/init", VAULT_BEGIN),
    ("sys/rekey/update", VAULT_GIVE),
    ("sys/rekey/verify", VAULT_BEGIN),
    ("sys/rekey-recovery-key/init", VAULT_BEGIN),
    ("sys/rekey-recovery-key/update", VAULT_GIVE),
    ("sys/rekey-recovery-key/verify", VAULT_BEGIN),
];

/// OpenBao's paths for new shares, of both kinds of seal.
const ROTATE: Rules<'_> = &[
    ("sys/rotate/recovery/init", BAO_BEGIN),
    ("sys/rotate/recovery/update", BAO_GIVE),
    ("sys/rotate/recovery/verify", BAO_BEGIN),
    ("sys/rotate/root/init", BAO_BEGIN),
    ("sys/rotate/root/update", BAO_GIVE),
    ("sys/rotate/root/verify", BAO_BEGIN),
];

const SELF: Rules<'_> = &[
    ("auth/token/lookup-self", &["read"]),
    ("auth/token/revoke-self", &["update"]),
    ("sys/capabilities-self", &["update"]),
    ("sys/internal/ui/resultant-acl", &["read"]),
];

/// The text of a policy that gives this and nothing else.
fn policy(about: &str, rules: &[Rules<'_>]) -> String {
    let mut text = format!("# Written by vault-bootstrap: {about}.\n");
    for (path, capabilities) in rules.iter().copied().flatten() {
        text.push_str(&format!(
            "path \"{path}\" {{\n  capabilities = {capabilities:?}\n}}\n"
        ));
    }
    text
}

/// Text of the grant of this file.
pub(crate) fn of(config: &Config, product: Product) -> String {
    rules(product, needs_self(config), config.may_rotate())
}

/// With what an administrator writes the grant so that it is for new shares too, once root is revoked; where there is
/// none, whoever breaks the glass.
pub(crate) fn by_hand(config: &Config, product: Product, address: &str) -> String {
    let path = format!("sys/policies/acl/{POLICY}");
    let shell = ShellCommand::new("break-glass --reason WHY --env --expect").with(path);
    let shell = config.bare_command(shell);
    let command = ShellCommand::new(product.program()).and("policy write");
    let command = command
        .set("-address=", address)
        .and(POLICY)
        .and("- <<'END'");
    let text = rules(product, needs_self(config), true);
    format!(
        "an administrator writes it, or who has none, in the shell of {shell}:\n{command}\n{text}END"
    )
}

/// Text of the grant: the root-generation paths of this product, old and new, so that an upgrade does
/// not lock out, and nothing else. `with_self` adds looking at oneself, for roles whose tokens come
/// without the default policy; `rotation` adds the paths for new shares.
fn rules(product: Product, with_self: bool, rotation: bool) -> String {
    let mut rules = vec![CLASSIC];
    if product == Product::OpenBao {
        rules.insert(0, AUTHENTICATED);
    }
    if rotation {
        rules.push(match product {
            Product::Vault => REKEY,
            Product::OpenBao => ROTATE,
        });
    }
    if with_self {
        rules.push(SELF);
    }
    policy("a quorum of shares and this make a root token", &rules)
}

/// Whether the role or user `name` of `mount` is what a break-glass login logs in with.
pub(crate) fn belongs_to(config: &Config, mount: &str, name: &str) -> bool {
    config.doors().into_iter().any(|login| {
        login.auth == mount
            && role_of(config, &login.kind, mount)
                .is_some_and(|role| role.eq_ignore_ascii_case(name))
    })
}

/// Whether any break-glass role goes without the default policy.
fn needs_self(config: &Config) -> bool {
    config
        .doors()
        .into_iter()
        .any(|login| field_of(config, login, "token_no_default_policy") == Some(&Field::Bool(true)))
}

/// What the file says in a field of the role or user behind a login; of a directory, in its `config`.
fn field_of<'a>(config: &'a Config, login: &Login, name: &str) -> Option<&'a Field> {
    let mount = config.auth_mount(&login.auth)?;
    if matches!(login.kind, LoginKind::Ldap { .. }) {
        return mount.config.get(name);
    }
    let role = role_of(config, &login.kind, &login.auth)?;
    mount.role(&role).or_else(|| mount.user(&role))?.get(name)
}

/// The field with the policies of a role or user of this type: those of a directory have no tokens of their own kind.
pub(crate) fn policies_field(auth_type: &str) -> &'static str {
    if auth_type == "ldap" {
        "policies"
    } else {
        "token_policies"
    }
}

/// Adds the grant to what a role or user of this type is written with.
pub(crate) fn add_to(body: &mut Body, auth_type: &str, fields: &Fields) {
    let field = policies_field(auth_type);
    let given = fields.get(field).map(Field::strings).unwrap_or_default();
    let given = given.into_iter().filter(|name| *name != POLICY);
    let mut policies: Vec<Body> = given.map(Body::from).collect();
    policies.push(POLICY.into());
    if let Body::Map(fields) = body {
        fields.retain(|(name, _)| name != field);
        fields.push((field.into(), Body::List(policies)));
    }
}

/// The policies that the file gives a login, by its role or user.
pub(crate) fn policies_of<'a>(config: &'a Config, login: &Login) -> Vec<&'a str> {
    let mut names = field_of(config, login, "token_policies")
        .map(Field::strings)
        .unwrap_or_default();
    if let LoginKind::Ldap { username, .. } = &login.kind {
        let mount = config.auth_mount(&login.auth);
        let user = mount.and_then(|mount| mount.user(username));
        let own = user.and_then(|user| user.get("policies"));
        names.extend(own.map(Field::strings).unwrap_or_default());
    }
    names
}

/// Whether a login gets the policy that looks at everything: the best eyes once root is gone.
pub(crate) fn is_auditor(config: &Config, login: &Login) -> bool {
    let names = policies_of(config, login);
    let is_ours = |name: &&str| {
        let policy = config.policy(name);
        policy.is_some_and(|policy| matches!(policy.source, PolicySource::Auditor))
    };
    names.iter().any(is_ours)
}

/// Where the role or user behind a login is written, such as `auth/userpass/users/ada`.
pub(crate) fn role_path(config: &Config, login: &Login) -> Option<String> {
    let mount = &login.auth;
    let role = role_of(config, &login.kind, mount)?;
    let collection = match login.kind {
        LoginKind::Userpass { .. } | LoginKind::Ldap { .. } => "users",
        LoginKind::Cert { .. } => "certs",
        _ => "role",
    };
    Some(format!("auth/{mount}/{collection}/{role}"))
}

/// The role or user behind a login. An approle login names ids only, and one with a certificate need not name a role: the
/// mount must then have one role, which the configuration makes sure of for break-glass doors.
fn role_of(config: &Config, kind: &LoginKind, mount: &str) -> Option<String> {
    match kind {
        LoginKind::Userpass { username, .. } | LoginKind::Ldap { username, .. } => {
            Some(username.clone())
        }
        LoginKind::Cert {
            role: Some(role), ..
        }
        | LoginKind::Jwt { role, .. }
        | LoginKind::Kubernetes { role, .. }
        | LoginKind::Oidc { role, .. } => Some(role.clone()),
        LoginKind::AppRole { .. } | LoginKind::Cert { role: None, .. } => {
            let roles = &config.auth_mount(mount)?.roles;
            (roles.len() == 1).then(|| roles[0].0.clone())
        }
    }
}

/// The login of the file that comes in by the document at this path.
pub(crate) fn login_by(config: &Config, path: &str) -> Option<String> {
    let mut logins = config.logins.iter();
    let found = logins.find(|login| {
        let role = role_path(config, login);
        match role {
            Some(role) => role.eq_ignore_ascii_case(path),
            // A login by ids or by a certificate need not say of which role it is: it may be any of its auth method.
            None => path
                .strip_prefix("auth/")
                .and_then(|rest| rest.strip_prefix(login.auth.as_str()))
                .is_some_and(|rest| rest.starts_with("/role/") || rest.starts_with("/certs/")),
        }
    });
    found.map(|login| login.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grant_names_root_generation_and_nothing_else() {
        for (product, with_self) in [
            (Product::Vault, false),
            (Product::OpenBao, false),
            (Product::OpenBao, true),
        ] {
            for line in rules(product, with_self, false)
                .lines()
                .filter(|line| line.starts_with("path"))
            {
                let own = [
                    "lookup-self",
                    "revoke-self",
                    "capabilities-self",
                    "resultant-acl",
                ];
                let about_self = with_self && own.iter().any(|path| line.contains(path));
                assert!(line.contains("sys/generate-root") || about_self, "{line}");
                assert!(!line.contains('*') && !line.contains('+'), "{line}");
            }
        }
    }

    #[test]
    fn a_user_of_a_directory_and_a_role_for_certificates_get_it_where_their_servers_keep_policies()
    {
        let example = crate::examples::LDAP;
        let here = std::path::Path::new("");
        let config = crate::config::from_text(example, here, here, &|_| None).unwrap();
        let path = |name: &str| role_path(&config, config.login(name).unwrap()).unwrap();
        assert_eq!(path("ada"), "auth/ldap/users/ada");
        assert_eq!(path("ci"), "auth/cert/certs/ci");
        assert!(belongs_to(&config, "ldap", "ADA") && !belongs_to(&config, "cert", "ci"));
        assert!(is_auditor(&config, config.login("auditor").unwrap()));
        assert!(!is_auditor(&config, config.login("ci").unwrap()));
        for (auth_type, field) in [("ldap", "policies"), ("cert", "token_policies")] {
            let fields = Fields(vec![(field.to_owned(), Field::String("reader".into()))]);
            let mut body = Body::map([(field, "reader")]);
            add_to(&mut body, auth_type, &fields);
            let expected = [(field, Body::List(vec!["reader".into(), POLICY.into()]))];
            assert_eq!(*body.to_wire(), *Body::map(expected).to_wire());
        }
    }

    #[test]
    fn openbao_gets_both_dialects_so_that_no_upgrade_locks_out() {
        let text = rules(Product::OpenBao, false, false);
        assert!(
            text.contains("generate-root-token/attempt") && text.contains("generate-root/attempt")
        );
        assert!(!rules(Product::Vault, false, false).contains("generate-root-token"));
    }

    #[test]
    fn the_grant_for_new_shares_has_the_exact_paths_of_the_product_and_only_if_asked() {
        let leaves = ["init", "update", "verify"];
        for (product, bases) in [
            (Product::Vault, ["sys/rekey", "sys/rekey-recovery-key"]),
            (Product::OpenBao, ["sys/rotate/recovery", "sys/rotate/root"]),
        ] {
            let without = rules(product, true, false);
            let with = rules(product, true, true);
            let path = |line: &&str| line.starts_with("path") && !without.contains(*line);
            let added: Vec<_> = with.lines().filter(path).collect();
            let wanted: Vec<_> = bases
                .iter()
                .flat_map(|base| leaves.map(|leaf| format!("path \"{base}/{leaf}\" {{")))
                .collect();
            assert_eq!(added, wanted);
            assert!(!without.contains("rekey") && !without.contains("rotate"));
        }
    }
}
