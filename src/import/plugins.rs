//! Plugins of the catalogue that the server does not bring itself.

use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::import::defaults::is_empty;
use crate::import::found::{Entry, Found};
use crate::import::reader::Reader;
use crate::vault::plugins::{self, CATALOGUE, Plugin};

/// What of a plugin the file says as it is answered.
const KEPT: [&str; 6] = [
    "command",
    "sha256",
    "version",
    "args",
    "oci_image",
    "runtime",
];

/// Each plugin by its name, in one version: the last that is listed.
pub(super) async fn read(reader: &Reader<'_>, found: &mut Found) -> Result<(), Failure> {
    let listed = plugins::catalogue(&reader.client, reader.token).await;
    let listed = reader.seen(CATALOGUE, listed)?.unwrap_or_default();
    let mut listed: Vec<_> = listed.into_iter().filter(|one| !one.builtin).collect();
    let kind_first = |one: &Plugin| (one.kind.clone(), one.name.clone());
    listed.sort_by_key(kind_first);
    for (number, one) in listed.iter().enumerate() {
        let path = format!("{CATALOGUE}/{}/{}", one.kind, one.name);
        let after = listed.get(number + 1);
        if after.is_some_and(|after| (&after.kind, &after.name) == (&one.kind, &one.name)) {
            let text = format!(
                "its version {:?}: of the versions of a plugin the file names one",
                one.version
            );
            found.leave(path, text);
            continue;
        }
        let of = (path.as_str(), one.version.as_str());
        let answer = plugins::read(&reader.client, reader.token, of).await;
        if let Some(answer) = reader.seen(&path, answer)?.flatten() {
            entry(found, one, path, answer);
        }
    }
    Ok(())
}

fn entry(found: &mut Found, plugin: &Plugin, path: String, answer: Value) {
    if answer["declarative"] == true {
        return found.leave(path, "the configuration of the server itself declares it");
    }
    let mut value = Map::new();
    for name in KEPT {
        let own = answer.get(name).filter(|own| !is_empty(own));
        value.extend(own.map(|own| (name.to_owned(), own.clone())));
    }
    let text = "no server shows the environment of a plugin: add env, if it has one";
    found.leave(&path, text);
    found.plugins.push(Entry {
        key: plugin.name.clone(),
        path,
        value,
    });
}
