//! The command that undoes a difference, as a shell takes it.

use crate::shell::quoted;
use crate::vault::snapshot::difference::Change;
use crate::vault::snapshot::item::{Item, Kind, LOCKED};

/// What somebody with the right to it types, with `bao` or `vault`. Of what there was before only a digest is known: it is
/// to be put in by hand.
pub(super) fn command(program: &str, change: Change, item: &Item) -> String {
    let name = item.name.as_str();
    let path = item.path.trim_end_matches('/');
    let words: &[&str] = match (change, item.kind) {
        (Change::New, Kind::AuditDevice) => &["audit", "disable", name],
        (Change::New, Kind::Policy) => &["policy", "delete", name],
        (Change::New, Kind::AuthMethod) => &["auth", "disable", name],
        (Change::New, Kind::SecretsEngine) => &["secrets", "disable", name],
        (Change::New, Kind::Namespace) => &["namespace", "delete", name],
        (_, Kind::Token) => &["token", "revoke", "-accessor", name],
        (Change::New, Kind::Entity | Kind::Group) => {
            return by_id(program, "delete", item);
        }
        (Change::New, _) => &["delete", path],
        // What it was is gone, and one of its name is there: it can only be looked at.
        (Change::MadeAnew, Kind::AuditDevice) => &["audit", "list", "-detailed"],
        (Change::MadeAnew, Kind::AuthMethod) => &["auth", "list", "-detailed"],
        (Change::MadeAnew, Kind::SecretsEngine) => &["secrets", "list", "-detailed"],
        (Change::MadeAnew, Kind::Namespace) => &["namespace", "lookup", name],
        (Change::Gone, Kind::AuditDevice) => return enable(program, "audit", item),
        (Change::Gone, Kind::AuthMethod) => return enable(program, "auth", item),
        (Change::Gone, Kind::SecretsEngine) => return enable(program, "secrets", item),
        (Change::Gone, Kind::Namespace) => &["namespace", "create", name],
        (_, Kind::Policy) => &["policy", "write", name, "FILE"],
        (Change::Changed, Kind::AuthMethod) => &["auth", "tune", "OPTIONS", name],
        (Change::Changed, Kind::SecretsEngine) => &["secrets", "tune", "OPTIONS", name],
        (Change::Changed, Kind::AuditDevice) => &["audit", "disable", name],
        (Change::Changed, Kind::Namespace) if item.about == LOCKED => {
            &["namespace", "unlock", name]
        }
        (Change::Changed, Kind::Namespace) => &["namespace", "patch", "OPTIONS", name],
        (_, Kind::Entity | Kind::Group) => return by_id(program, "write", item),
        _ => &["write", path, "FIELDS"],
    };
    line(program, item, words)
}

/// They are named by an id that stays, whatever they are called.
fn by_id(program: &str, verb: &str, item: &Item) -> String {
    let word = if item.kind == Kind::Entity {
        "entity"
    } else {
        "group"
    };
    let path = format!("identity/{word}/id/{}", item.name);
    let fields = (verb == "write").then_some("FIELDS");
    let words: Vec<&str> = [verb, &path].into_iter().chain(fields).collect();
    line(program, item, &words)
}

fn enable(program: &str, what: &str, item: &Item) -> String {
    let path = format!("-path={}", item.name);
    // Options of an audit device are fields behind its type.
    let words = match item.kind {
        Kind::AuditDevice => [what, "enable", &path, &item.about, "OPTIONS"],
        _ => [what, "enable", &path, "OPTIONS", &item.about],
    };
    line(program, item, &words)
}

fn line(program: &str, item: &Item, words: &[&str]) -> String {
    let namespace = format!("-namespace={}", item.namespace);
    let mut all = vec![program];
    // Options stand between the words of a command and its arguments.
    let verbs = words.iter().take_while(|word| VERBS.contains(word)).count();
    all.extend(&words[..verbs]);
    if !item.namespace.is_empty() {
        all.push(&namespace);
    }
    for word in &words[verbs..] {
        // A name of anybody's may look like an option, and is none behind this. An accessor is the value of one.
        if item.kind != Kind::Token && *word == item.name && word.starts_with('-') {
            all.push("--");
        }
        all.push(word);
    }
    let quoted: Vec<String> = all.into_iter().map(quoted).collect();
    quoted.join(" ")
}

/// The words of the commands themselves.
const VERBS: &[&str] = &[
    "audit",
    "auth",
    "create",
    "delete",
    "disable",
    "enable",
    "list",
    "lookup",
    "namespace",
    "patch",
    "policy",
    "revoke",
    "secrets",
    "token",
    "tune",
    "unlock",
    "write",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn item(kind: Kind, name: &str, path: &str) -> Item {
        Item {
            kind,
            namespace: String::new(),
            name: name.into(),
            path: path.into(),
            about: "file".into(),
            identity: String::new(),
            digest: String::new(),
        }
    }

    #[test]
    fn each_kind_is_undone_by_its_own_command() {
        let of =
            |change, kind, name: &str, path: &str| command("bao", change, &item(kind, name, path));
        for (kind, name, path, line) in [
            (
                Kind::Policy,
                "all",
                "sys/policies/acl/all",
                "bao policy delete all",
            ),
            (Kind::AuthMethod, "b", "auth/b/", "bao auth disable b"),
            (
                Kind::AuthEntry,
                "auth/b/users/eve",
                "auth/b/users/eve",
                "bao delete auth/b/users/eve",
            ),
            (Kind::SecretsEngine, "kv", "kv/", "bao secrets disable kv"),
            (
                Kind::TokenRole,
                "r",
                "auth/token/roles/r",
                "bao delete auth/token/roles/r",
            ),
            (
                Kind::Entity,
                "12",
                "identity/entity/name/eve",
                "bao delete identity/entity/id/12",
            ),
            (
                Kind::Group,
                "12",
                "identity/group/name/g",
                "bao delete identity/group/id/12",
            ),
            (
                Kind::GroupAlias,
                "3",
                "identity/group-alias/id/3",
                "bao delete identity/group-alias/id/3",
            ),
            (
                Kind::Token,
                "acc",
                "auth/token/create",
                "bao token revoke -accessor acc",
            ),
            (
                Kind::AuditDevice,
                "file",
                "sys/audit/file",
                "bao audit disable file",
            ),
            (
                Kind::Namespace,
                "team",
                "sys/namespaces/team",
                "bao namespace delete team",
            ),
        ] {
            assert_eq!(of(Change::New, kind, name, path), line);
        }
        let gone = of(Change::Gone, Kind::AuditDevice, "file", "sys/audit/file");
        assert_eq!(gone, "bao audit enable -path=file file OPTIONS");
        let anew = of(Change::MadeAnew, Kind::AuthMethod, "b", "auth/b/");
        assert_eq!(anew, "bao auth list -detailed");
        let changed = of(Change::Changed, Kind::Policy, "p", "sys/policies/acl/p");
        assert_eq!(changed, "bao policy write p FILE");
    }

    #[test]
    fn a_name_that_looks_like_an_option_is_none() {
        let of = |change, kind, name: &str| command("bao", change, &item(kind, name, name));
        let line = of(Change::New, Kind::Policy, "-output-policy");
        assert_eq!(line, "bao policy delete -- -output-policy");
        let line = of(Change::Changed, Kind::SecretsEngine, "-x");
        assert_eq!(line, "bao secrets tune OPTIONS -- -x");
    }

    #[test]
    fn the_namespace_stands_before_the_arguments() {
        let inside = Item {
            namespace: "a/b".into(),
            ..item(Kind::Policy, "all", "sys/policies/acl/all")
        };
        let line = command("vault", Change::New, &inside);
        assert_eq!(line, "vault policy delete -namespace=a/b all");
    }
}
