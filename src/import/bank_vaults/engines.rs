//! `secrets`: engines with their options and tuning, and what is configured in them, as `writes`.

use serde_json::{Map, Value, json};

use crate::config::{Foreign, ForeignValue};
use crate::import::bank_vaults::made::Made;
use crate::import::bank_vaults::template::is_marked;
use crate::import::bank_vaults::values::{At, Takes};

const OF_ENGINES: [&str; 10] = [
    "config",
    "configuration",
    "description",
    "local",
    "max_versions",
    "options",
    "path",
    "plugin_name",
    "seal_wrap",
    "type",
];
/// What bank-vaults does with an entry, and this program does not.
const DONE_THERE: [(&str, &str); 3] = [
    (
        "create_only",
        "bank-vaults writes it once; here it is compared, and written again when this file changes",
    ),
    (
        "rotate",
        "bank-vaults rotates it afterwards; here nobody does",
    ),
    (
        "save_to",
        "bank-vaults keeps the answer there; here hand_out of the entry does, in a file, encrypted, or in SSM",
    ),
];

/// The engines by their paths, and the versions of `kv`, without noting anything.
pub(super) fn versions(section: &Foreign) -> Vec<(String, String)> {
    let text = |item: &Foreign, key: &str| match item.get(key).map(|found| &found.value) {
        Some(ForeignValue::Text(text)) if !text.is_empty() => Some(text.clone()),
        Some(ForeignValue::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let ForeignValue::List(items) = &section.value else {
        return Vec::new();
    };
    let all = items.iter().filter_map(|item| {
        let of_type = text(item, "type")?;
        let path = text(item, "path").unwrap_or_else(|| of_type.clone());
        let options = item.get("options");
        let version = options.and_then(|options| text(options, "version"));
        let version = version.filter(|_| of_type == "kv").unwrap_or_default();
        Some((path.trim_matches('/').to_owned(), version))
    });
    all.collect()
}

pub(super) fn read(made: &mut Made, section: &Foreign) {
    for (number, item) in made.items(section, "secrets").into_iter().enumerate() {
        let place = format!("secrets[{number}]");
        let Some(mut of_type) = made.name(item, "type", &place) else {
            continue;
        };
        let Some(mount) = made.name_or(item, ("path", &of_type), &place) else {
            continue;
        };
        made.only(item, &format!("secrets: {mount}"), &OF_ENGINES);
        if item.get("plugin_name").is_some() {
            let Some(plugin) = made.name(item, "plugin_name", &place) else {
                continue;
            };
            of_type = plugin;
        }
        engine(made, item, (&mount, &of_type));
    }
}

fn engine(made: &mut Made, item: &Foreign, (mount, of_type): (&str, &str)) {
    let path = format!("sys/mounts/{mount}");
    let mut value = Map::from_iter([("type".to_owned(), json!(of_type))]);
    if let Some(text) = item.get("description") {
        let text = made.value(text, At::new(&path, "description", Takes::Plain));
        value.extend(text.map(|text| ("description".to_owned(), text)));
    }
    for key in ["local", "seal_wrap"] {
        match item.get(key).map(|found| (found.line, &found.value)) {
            None | Some((_, ForeignValue::Null | ForeignValue::Bool(false))) => {}
            Some((_, ForeignValue::Bool(true))) => {
                value.insert(key.to_owned(), json!(true));
            }
            Some((line, _)) => {
                made.leave(line, format!("{path}: {key}"), "neither true nor false");
            }
        }
    }
    if let Some(options) = item.get("options") {
        let options = made.settings(options, &path, "options");
        if !options.is_empty() {
            value.insert("options".to_owned(), Value::Object(options));
        }
    }
    if let Some(config) = item.get("config") {
        let tune = made.document(config, &format!("{path}/tune"), ("Tune", &[]));
        if !tune.is_empty() {
            value.insert("tune".to_owned(), Value::Object(tune));
        }
    }
    if let Some(found) = item.get("max_versions") {
        let most = made.value(found, At::new(&path, "max_versions", Takes::Plain));
        let data = most.map(|most| ("max_versions".to_owned(), most));
        if let Some(data) = data {
            let data = Map::from_iter([data]);
            value.insert("config".to_owned(), Value::Object(data));
        }
    }
    let Some(entry) = made.entry(item.line, (path, mount), value) else {
        return;
    };
    made.found.secrets.push(entry);
    if let Some(found) = item.get("configuration") {
        configuration(made, found, (mount, of_type));
    }
}

/// What is written below an engine. bank-vaults has no order there; what others need comes first.
fn configuration(made: &mut Made, found: &Foreign, (mount, of_type): (&str, &str)) {
    let place = format!("{mount}: configuration");
    let mut options = made.fields(found, &place);
    options.sort_by_key(|(option, ..)| rank(of_type, option));
    for (option, _, entries) in options {
        let option = option.trim_matches('/');
        for entry in made.items(entries, &format!("{mount}/{option}")) {
            let mut path = format!("{mount}/{option}");
            if entry.get("name").is_some() {
                let Some(name) = made.name(entry, "name", &path) else {
                    continue;
                };
                path = format!("{path}/{name}");
            }
            document(made, entry, (&path, of_type, option));
        }
    }
}

/// In which order options are written.
fn rank(of_type: &str, option: &str) -> usize {
    // Of pki these are about issuers and keys that are there.
    let about_issuers = of_type == "pki" && matches!(option, "config/issuers" | "config/keys");
    match option {
        _ if about_issuers => 2,
        "config" => 0,
        _ if option.starts_with("config/") => 0,
        _ if option.contains("generate") || option.contains("import") => 1,
        _ => 3,
    }
}

fn document(made: &mut Made, entry: &Foreign, (path, of_type, option): (&str, &str, &str)) {
    let once = is_once(of_type, option);
    for (key, why) in DONE_THERE {
        let Some(found) = entry.get(key) else {
            continue;
        };
        let is_off = matches!(found.value, ForeignValue::Null | ForeignValue::Bool(false));
        let is_so_here = once && key == "create_only";
        if !is_off && !is_so_here {
            made.leave(found.line, format!("{path}: {key}"), why);
        }
    }
    if let Some(domains) = entry.get("allowed_domains")
        && names_an_accessor(domains)
    {
        let why = "it names an accessor, which the file says in policies alone";
        made.leave(domains.line, format!("{path}: allowed_domains"), why);
        return;
    }
    let not_sent = [
        "allowed_domains",
        "create_only",
        "name",
        "rotate",
        "save_to",
    ];
    let mut data = made.document(entry, path, ("", &not_sent));
    if let Some(domains) = entry.get("allowed_domains") {
        let domains = made.value(domains, At::new(path, "allowed_domains", Takes::Any));
        data.extend(domains.map(|domains| ("allowed_domains".to_owned(), domains)));
    }
    made.write(entry.line, path, data);
}

fn names_an_accessor(of: &Foreign) -> bool {
    match &of.value {
        ForeignValue::Text(text) => text.contains("__accessor__") && !is_marked(text),
        ForeignValue::List(items) => items.iter().any(names_an_accessor),
        _ => false,
    }
}

/// Whether this program, too, writes such a thing once.
fn is_once(of_type: &str, option: &str) -> bool {
    of_type == "pki" && (option.contains("generate") || option.contains("import"))
}

impl Made {
    /// Options, which are text or true or false.
    pub(super) fn settings(&mut self, of: &Foreign, path: &str, kind: &str) -> Map<String, Value> {
        let mut all = Map::new();
        for (key, _, value) in self.fields(of, &format!("{path}: {kind}")) {
            let field = format!("{kind}.{key}");
            let value = match self.value(value, At::new(path, &field, Takes::Plain)) {
                Some(Value::Number(number)) => json!(number.to_string()),
                Some(value) => value,
                None => continue,
            };
            all.insert(key.to_owned(), value);
        }
        all
    }
}
