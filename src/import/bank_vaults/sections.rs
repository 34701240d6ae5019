//! The short sections: policies, audit devices, groups with their aliases, and what has no place in the file.

use serde_json::{Map, Value, json};

use crate::config::{Foreign, ForeignValue};
use crate::import::bank_vaults::made::Made;
use crate::import::bank_vaults::template::is_marked;
use crate::import::bank_vaults::values::{At, Takes};

/// What stands before the path of a method for its accessor.
const ACCESSOR: &str = "__accessor__";
/// Methods that say nothing of groups.
const WITHOUT_GROUPS: [&str; 4] = ["approle", "cert", "kubernetes", "userpass"];

pub(super) fn policies(made: &mut Made, section: &Foreign, methods: &[(String, String)]) {
    for (number, item) in made.items(section, "policies").into_iter().enumerate() {
        let Some(name) = made.name(item, "name", &format!("policies[{number}]")) else {
            continue;
        };
        // As the servers keep it.
        let name = name.to_lowercase();
        let path = format!("sys/policies/acl/{name}");
        made.only(item, &path, &["name", "rules"]);
        let Some(found) = item.get("rules") else {
            made.leave(item.line, path, "it has no `rules`");
            continue;
        };
        let rules = match &found.value {
            ForeignValue::Text(text) => Ok(text.clone()),
            ForeignValue::Map(_) => json_of(found)
                .map(|rules| format!("{rules:#}\n"))
                .ok_or("a name in it stands twice or has a template in it"),
            _ => Err("`rules` is neither a text nor a map"),
        };
        let rules = rules.and_then(|rules| {
            if is_marked(&rules) {
                return Err("a template stands in its rules: write them out, here or in a file of their own");
            }
            let named = with_accessors(&rules, methods);
            if named.contains(ACCESSOR) {
                return Err("it names the accessor of an auth method that the file does not have");
            }
            Ok(named)
        });
        match rules {
            Ok(rules) => {
                let value = Map::from_iter([("rules".to_owned(), json!(rules))]);
                let entry = made.entry(item.line, (path, &name), value);
                made.found.policies.extend(entry);
            }
            Err(why) => made.leave(found.line, path, why),
        }
    }
}

/// Rules that are given as a map are those of the JSON form.
fn json_of(of: &Foreign) -> Option<Value> {
    Some(match &of.value {
        ForeignValue::Null => Value::Null,
        ForeignValue::Bool(value) => json!(value),
        ForeignValue::Number(number) => json!(number),
        ForeignValue::Text(text) => json!(text),
        ForeignValue::List(items) => {
            Value::Array(items.iter().map(json_of).collect::<Option<_>>()?)
        }
        ForeignValue::Map(entries) => {
            let entry = |(key, _, value): &(String, u32, Foreign)| {
                (!is_marked(key)).then_some(())?;
                Some((key.clone(), json_of(value)?))
            };
            Value::Object(entries.iter().map(entry).collect::<Option<_>>()?)
        }
    })
}

/// The longest path first: one may begin like another.
fn with_accessors(rules: &str, methods: &[(String, String)]) -> String {
    let mut paths: Vec<&str> = methods.iter().map(|(path, _)| path.as_str()).collect();
    paths.sort_by_key(|path| std::cmp::Reverse(path.len()));
    let mut text = rules.to_owned();
    for path in paths {
        text = text.replace(
            &format!("{ACCESSOR}{path}"),
            &format!("accessor(auth/{path})"),
        );
    }
    text
}

pub(super) fn audit(made: &mut Made, section: &Foreign) {
    for (number, item) in made.items(section, "audit").into_iter().enumerate() {
        let place = format!("audit[{number}]");
        let Some(of_type) = made.name(item, "type", &place) else {
            continue;
        };
        let Some(name) = made.name_or(item, ("path", &of_type), &place) else {
            continue;
        };
        let path = format!("sys/audit/{name}");
        made.only(
            item,
            &path,
            &["description", "local", "options", "path", "type"],
        );
        let mut value = Map::from_iter([("type".to_owned(), json!(of_type))]);
        for key in ["description", "local"] {
            if let Some(found) = item.get(key) {
                let found = made.value(found, At::new(&path, key, Takes::Plain));
                value.extend(found.map(|found| (key.to_owned(), found)));
            }
        }
        if let Some(options) = item.get("options") {
            let options = made.settings(options, &path, "options");
            if !options.is_empty() {
                value.insert("options".to_owned(), Value::Object(options));
            }
        }
        let entry = made.entry(item.line, (path, &name), value);
        made.found.audit.extend(entry);
    }
}

pub(super) fn groups(made: &mut Made, section: &Foreign) {
    for (number, item) in made.items(section, "groups").into_iter().enumerate() {
        let Some(name) = made.name(item, "name", &format!("groups[{number}]")) else {
            continue;
        };
        let path = format!("identity/group/name/{name}");
        made.only(item, &path, &["metadata", "name", "policies", "type"]);
        let mut value = Map::new();
        if let Some(of_type) = made.name_or(item, ("type", "internal"), &path) {
            value.insert("type".to_owned(), json!(of_type));
        }
        if let Some(found) = item.get("policies") {
            let policies = made.value(found, At::new(&path, "policies", Takes::Plain));
            let policies = policies.map(|policies| match policies {
                Value::String(all) => {
                    let all = all.split(',').map(str::trim);
                    all.filter(|one| !one.is_empty()).collect()
                }
                all => all,
            });
            value.extend(policies.map(|policies| ("policies".to_owned(), policies)));
        }
        if let Some(found) = item.get("metadata") {
            let metadata = made.settings(found, &path, "metadata");
            if !metadata.is_empty() {
                value.insert("metadata".to_owned(), Value::Object(metadata));
            }
        }
        let entry = made.entry(item.line, (path, &name), value);
        made.found.groups.extend(entry);
    }
}

/// What auth methods call the groups. A group has one alias.
pub(super) fn aliases(made: &mut Made, section: &Foreign, methods: &[(String, String)]) {
    for (number, item) in made.items(section, "group-aliases").into_iter().enumerate() {
        let place = format!("group-aliases[{number}]");
        let texts = ["name", "mountpath", "group"].map(|key| made.name(item, key, &place));
        let [Some(name), Some(mount), Some(group)] = texts else {
            continue;
        };
        made.only(item, &place, &["group", "mountpath", "name"]);
        let path = format!("identity/group/name/{group}/alias");
        let of_type = methods.iter().find(|(path, _)| *path == mount);
        let why = match of_type {
            None => Some(format!("the file has no auth method {mount}")),
            Some((_, of_type)) if WITHOUT_GROUPS.contains(&of_type.as_str()) => Some(format!(
                "{of_type} knows no groups, so that nobody would ever be in it by this alias"
            )),
            Some(_) => None,
        };
        let alias = json!({"auth": mount, "name": name});
        let found = made.found.groups.iter_mut().find(|one| one.key == group);
        let why = match (why, found) {
            (Some(why), _) => why,
            (None, None) => "there is no such group in the file".to_owned(),
            (None, Some(group)) if group.value.contains_key("alias") => {
                "a group has one alias, and this one has another already".to_owned()
            }
            (None, Some(group)) => {
                group.value.insert("alias".to_owned(), alias);
                continue;
            }
        };
        made.leave(item.line, path, why);
    }
}

/// Plugins, whose arguments may stand behind the command.
pub(super) fn plugins(made: &mut Made, section: &Foreign) {
    for (number, item) in made.items(section, "plugins").into_iter().enumerate() {
        let place = format!("plugins[{number}]");
        let names = ["plugin_name", "type"].map(|key| made.name(item, key, &place));
        let [Some(name), Some(kind)] = names else {
            continue;
        };
        let path = format!("sys/plugins/catalog/{kind}/{name}");
        if !["secret", "auth", "database"].contains(&kind.as_str()) {
            made.leave(item.line, path, "no server has a plugin of this type");
            continue;
        }
        made.only(
            item,
            &path,
            &[
                "args",
                "command",
                "plugin_name",
                "sha256",
                "type",
                "version",
            ],
        );
        let mut value = Map::new();
        for key in ["command", "sha256", "version", "args"] {
            if let Some(found) = item.get(key) {
                let found = made.value(found, At::new(&path, key, Takes::Plain));
                value.extend(found.map(|found| (key.to_owned(), found)));
            }
        }
        let command = value.get("command").and_then(Value::as_str);
        let words: Vec<String> = command.map_or_else(Vec::new, |text| {
            text.split_whitespace().map(str::to_owned).collect()
        });
        if let [file, args @ ..] = &words[..]
            && !args.is_empty()
        {
            value.insert("command".to_owned(), json!(file));
            value.insert("args".to_owned(), json!(args));
        }
        let entry = made.entry(item.line, (path, &name), value);
        made.found.plugins.extend(entry);
    }
    made.found
        .plugins
        .sort_by(|one, other| one.path.cmp(&other.path));
}

/// What bank-vaults deletes without having made it, this program never does.
pub(super) fn purge(made: &mut Made, section: &Foreign) {
    let place = "purgeUnmanagedConfig";
    let enabled = section.get("enabled");
    let is_off = enabled
        .is_none_or(|found| matches!(found.value, ForeignValue::Null | ForeignValue::Bool(false)));
    made.only(section, place, &["enabled", "exclude"]);
    if !is_off {
        let why = "here apply --prune deletes what was made here and is not in the file any more; of anything else, plan --all \
                   names what is on the server, and nothing is deleted";
        made.leave(section.line, place, why);
    }
}
