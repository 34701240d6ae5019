//! What goes with a document that is deleted.

use serde_json::Value;

use crate::memory::Memory;
use crate::pruning::PruneKind;

/// Whether a group or entity has an alias that was not made here, and that would go with it.
pub(super) fn has_alias_of_others(
    memory: &Memory,
    path: &str,
    kind: PruneKind,
    answer: &Value,
) -> bool {
    let there = match kind {
        PruneKind::Groups => usize::from(
            answer["alias"]["id"]
                .as_str()
                .is_some_and(|id| !id.is_empty()),
        ),
        PruneKind::Entities => answer["aliases"].as_array().map_or(0, Vec::len),
        _ => return false,
    };
    let begin = format!("{path}/alias");
    let made = memory
        .paths()
        .into_iter()
        .filter(|path| path.starts_with(&begin));
    let made = made.filter(|path| memory.of(path).is_some_and(|known| known.created));
    made.count() < there
}

/// What goes with a document, and what is without it then.
pub(super) fn hangs_on(kind: PruneKind, answer: &Value) -> Vec<String> {
    let count = |field: &str| answer[field].as_array().map_or(0, Vec::len);
    let counted = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        many_of_them => Some(format!("{many_of_them} {many}")),
    };
    let said: Vec<Option<String>> = match kind {
        PruneKind::Groups => {
            let alias = answer["alias"]["name"].as_str();
            vec![
                alias.map(|name| format!("its alias {name}")),
                counted(count("member_entity_ids"), "member", "members"),
                counted(count("member_group_ids"), "group in it", "groups in it"),
                counted(
                    count("parent_group_ids"),
                    "group that it is in",
                    "groups that it is in",
                ),
            ]
        }
        PruneKind::Entities => vec![
            counted(count("aliases"), "alias", "aliases"),
            counted(
                count("group_ids"),
                "group that it is in",
                "groups that it is in",
            ),
        ],
        PruneKind::Aliases => {
            let (name, auth) = (answer["name"].as_str(), answer["auth"].as_str());
            let called = name.zip(auth);
            vec![called.map(|(name, auth)| format!("{name} of auth/{auth} is nobody's then"))]
        }
        _ => Vec::new(),
    };
    said.into_iter().flatten().collect()
}
