//! The name of a Secret, and what is typed to reach it by hand.

use std::fmt;

use crate::kubernetes::names::{is_object_name, to};
use crate::shell::ShellCommand;

/// Longest name of a namespace.
const LONGEST_NAMESPACE: usize = 63;

/// A Secret by its namespace and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretName {
    pub(super) namespace: String,
    pub(super) name: String,
}

impl SecretName {
    /// `NAMESPACE/NAME`; `None` where Kubernetes has no such names.
    pub fn parse(text: &str) -> Option<Self> {
        let (namespace, name) = text.split_once('/')?;
        let short = namespace.len() <= LONGEST_NAMESPACE && !namespace.contains('.');
        (short && is_object_name(namespace) && is_object_name(name)).then(|| Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// What a person types to read it.
    pub fn read_command(&self) -> ShellCommand {
        let get = self.command("kubectl get secret");
        get.and("-o jsonpath='{.data.share}' | base64 -d")
    }

    /// What a person types to remove it.
    pub fn delete_command(&self) -> ShellCommand {
        self.command("kubectl delete secret")
    }

    pub(super) fn quotas(&self) -> ShellCommand {
        ShellCommand::new("kubectl describe resourcequota -n").with(&self.namespace)
    }

    fn command(&self, words: &'static str) -> ShellCommand {
        let named = ShellCommand::new(words).with(&self.name);
        named.and("-n").with(&self.namespace)
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "secret {}/{}", self.namespace, self.name)
    }
}

/// The commands that give the asking user this one right. Kubernetes cannot limit `create` to a name; reading and deleting
/// are limited to this one Secret.
pub(super) fn role(at: &SecretName, verb: &'static str, user: Option<&str>) -> ShellCommand {
    let named = |words| match verb {
        "create" => ShellCommand::new(words).and("vault-bootstrap-create-shares"),
        _ => ShellCommand::new(words).set("vault-bootstrap-", &at.name),
    };
    let role = named("kubectl create role").and("-n").with(&at.namespace);
    let role = match verb {
        "create" => role.and("--verb=create --resource=secrets"),
        _ => role
            .and("--verb=get,delete --resource=secrets")
            .set("--resource-name=", &at.name),
    };
    let bind = named("kubectl create rolebinding")
        .and("-n")
        .with(&at.namespace);
    let bind = match verb {
        "create" => bind.and("--role=vault-bootstrap-create-shares"),
        _ => bind.set("--role=vault-bootstrap-", &at.name),
    };
    role.then(&to(bind, user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_kubernetes_are_taken() {
        for (text, fine) in [
            ("vault/alice-share", true),
            ("vault/alice.share", true),
            ("vault", false),
            ("/alice", false),
            ("vault/", false),
            ("va.ult/alice", false),
            ("vault/Alice", false),
            ("vault/../kube-system", false),
            ("vault/alice/share", false),
            ("vault/a?dryRun=All", false),
        ] {
            assert_eq!(SecretName::parse(text).is_some(), fine, "{text}");
        }
        let long = "a".repeat(LONGEST_NAMESPACE + 1);
        assert!(SecretName::parse(&format!("{long}/a")).is_none());
    }

    #[test]
    fn the_advised_role_names_this_secret_alone_where_kubernetes_can() {
        let at = SecretName::parse("vault/alice").unwrap();
        let account = Some("system:serviceaccount:vault:ceremony");
        assert_eq!(
            role(&at, "get", account).as_str(),
            "kubectl create role vault-bootstrap-alice -n vault --verb=get,delete --resource=secrets \
             --resource-name=alice && kubectl create rolebinding vault-bootstrap-alice -n vault \
             --role=vault-bootstrap-alice --serviceaccount=vault:ceremony"
        );
        assert_eq!(
            role(&at, "create", None).as_str(),
            "kubectl create role vault-bootstrap-create-shares -n vault --verb=create --resource=secrets \
             && kubectl create rolebinding vault-bootstrap-create-shares -n vault \
             --role=vault-bootstrap-create-shares --user=USER"
        );
    }
}
