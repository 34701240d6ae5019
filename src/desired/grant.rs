//! The policies that the program writes itself: the break-glass grant and the auditor.

use crate::config::{Config, Field, Login, LoginKind, PolicySource};
use crate::vault::sys::Product;

/// Name of the break-glass policy. Reserved: the file may not declare it.
pub(crate) const POLICY: &str = "vault-bootstrap-break-glass";

/// Read-only, with the accessor scan that finds root tokens. Listing accessors needs `list` and `sudo`,
/// listing audit devices `read` and `sudo` (measured on Vault 1.21.1, OpenBao 2.6.2 and 2.7.2).
pub(crate) const AUDITOR: &str = r#"# Written by vault-bootstrap: looks, and changes nothing.
path "sys/audit" {
  capabilities = ["read", "sudo"]
}
path "sys/audit-hash/*" {
  capabilities = ["update"]
}
path "sys/auth" {
  capabilities = ["read"]
}
path "sys/auth/+/tune" {
  capabilities = ["read", "sudo"]
}
path "sys/mounts" {
  capabilities = ["read"]
}
path "sys/mounts/+/tune" {
  capabilities = ["read"]
}
path "sys/policies/acl" {
  capabilities = ["list"]
}
path "sys/policies/acl/*" {
  capabilities = ["read"]
}
path "auth/+/config" {
  capabilities = ["read"]
}
path "auth/+/role" {
  capabilities = ["list"]
}
path "auth/+/role/+" {
  capabilities = ["read"]
}
path "auth/+/users" {
  capabilities = ["list"]
}
path "auth/+/users/+" {
  capabilities = ["read"]
}
path "auth/token/accessors" {
  capabilities = ["list", "sudo"]
}
path "auth/token/lookup-accessor" {
  capabilities = ["update"]
}
"#;

const CLASSIC: &str = r#"path "sys/generate-root/attempt" {
  capabilities = ["read", "create", "update", "delete"]
}
path "sys/generate-root/update" {
  capabilities = ["create", "update"]
}
"#;

const AUTHENTICATED: &str = r#"path "sys/generate-root-token/attempt" {
  capabilities = ["read", "update", "delete"]
}
path "sys/generate-root-token/update" {
  capabilities = ["update"]
}
"#;

/// Vault's paths for new shares, of both kinds of seal: what the cluster is sealed with may be another thing later.
const REKEY: &str = r#"path "sys/rekey/init" {
  capabilities = ["read", "create", "update", "delete"]
}
path "sys/rekey/update" {
  capabilities = ["create", "update"]
}
path "sys/rekey/verify" {
  capabilities = ["read", "create", "update", "delete"]
}
path "sys/rekey-recovery-key/init" {
  capabilities = ["read", "create", "update", "delete"]
}
path "sys/rekey-recovery-key/update" {
  capabilities = ["create", "update"]
}
path "sys/rekey-recovery-key/verify" {
  capabilities = ["read", "create", "update", "delete"]
}
"#;

/// OpenBao's paths for new shares, of both kinds of seal.
const ROTATE: &str = r#"path "sys/rotate/recovery/init" {
  capabilities = ["read", "update", "delete"]
}
path "sys/rotate/recovery/update" {
  capabilities = ["update"]
}
path "sys/rotate/recovery/verify" {
  capabilities = ["read", "update", "delete"]
}
path "sys/rotate/root/init" {
  capabilities = ["read", "update", "delete"]
}
path "sys/rotate/root/update" {
  capabilities = ["update"]
}
path "sys/rotate/root/verify" {
  capabilities = ["read", "update", "delete"]
}
"#;

const SELF: &str = r#"path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
path "sys/capabilities-self" {
  capabilities = ["update"]
}
path "sys/internal/ui/resultant-acl" {
  capabilities = ["read"]
}
"#;

/// Text of the grant of this file.
#[must_use]
pub(crate) fn of(config: &Config, product: Product) -> String {
    rules(product, needs_self(config), config.may_rotate())
}

/// Text of the grant: the root-generation paths of this product, old and new, so that an upgrade does
/// not lock out, and nothing else. `with_self` adds looking at oneself, for roles whose tokens come
/// without the default policy; `rotation` adds the paths for new shares.
fn rules(product: Product, with_self: bool, rotation: bool) -> String {
    let mut text = String::from(
        "# Written by vault-bootstrap: a quorum of shares and this make a root token.\n",
    );
    if product == Product::OpenBao {
        text.push_str(AUTHENTICATED);
    }
    text.push_str(CLASSIC);
    if rotation {
        text.push_str(match product {
            Product::Vault => REKEY,
            Product::OpenBao => ROTATE,
        });
    }
    if with_self {
        text.push_str(SELF);
    }
    text
}

/// Whether the role or user `name` of `mount` is what a break-glass login logs in with.
#[must_use]
pub(crate) fn belongs_to(config: &Config, mount: &str, name: &str) -> bool {
    config.doors().into_iter().any(|login| {
        login.auth == mount
            && role_of(config, &login.kind, mount)
                .is_some_and(|role| role.eq_ignore_ascii_case(name))
    })
}

/// Whether any break-glass role goes without the default policy.
fn needs_self(config: &Config) -> bool {
    config.doors().into_iter().any(|login| {
        let mount = config.auth_mount(&login.auth);
        let fields = mount
            .zip(role_of(config, &login.kind, &login.auth))
            .and_then(|(mount, name)| mount.role(&name).or_else(|| mount.user(&name)));
        fields.and_then(|fields| fields.get("token_no_default_policy")) == Some(&Field::Bool(true))
    })
}

/// Whether a login gets the policy that looks at everything: the best eyes once root is gone.
#[must_use]
pub(crate) fn is_auditor(config: &Config, login: &Login) -> bool {
    let mount = config.auth_mount(&login.auth);
    let fields = mount
        .zip(role_of(config, &login.kind, &login.auth))
        .and_then(|(mount, name)| mount.role(&name).or_else(|| mount.user(&name)));
    let policies = fields.and_then(|fields| fields.get("token_policies"));
    let names = policies.map(Field::strings).unwrap_or_default();
    let is_ours = |name: &&str| {
        let policy = config.policy(name);
        policy.is_some_and(|policy| matches!(policy.source, PolicySource::Auditor))
    };
    names.iter().any(is_ours)
}

/// Where the role or user behind a login is written, such as `auth/userpass/users/ada`.
#[must_use]
pub(crate) fn role_path(config: &Config, login: &Login) -> Option<String> {
    let mount = &login.auth;
    let role = role_of(config, &login.kind, mount)?;
    let collection = match login.kind {
        LoginKind::Userpass { .. } => "users",
        _ => "role",
    };
    Some(format!("auth/{mount}/{collection}/{role}"))
}

/// The role or user behind a login. An approle login names ids only: its mount must then have one
/// role, which the configuration makes sure of for break-glass doors.
fn role_of(config: &Config, kind: &LoginKind, mount: &str) -> Option<String> {
    match kind {
        LoginKind::Userpass { username, .. } => Some(username.clone()),
        LoginKind::Jwt { role, .. }
        | LoginKind::Kubernetes { role, .. }
        | LoginKind::Oidc { role, .. } => Some(role.clone()),
        LoginKind::AppRole { .. } => {
            let roles = &config.auth_mount(mount)?.roles;
            (roles.len() == 1).then(|| roles[0].0.clone())
        }
    }
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
