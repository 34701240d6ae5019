//! Rules of `hand_out`: that there is a secret to hand out, that it lives on, and that each has a place of its own.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::code::Code;
use crate::config::model::secret_of;
use crate::config::reading::Reading;
use crate::config::tree::{Kind, Node, step};

const WRITES: &str = "writes";
const HAND_OUT: &str = "hand_out";
const CUSTODIANS: [&str; 2] = ["init", "custodians"];

/// The entries that hand something out, by their places, each with its path.
fn entries<'r>(reading: &Reading<'r>) -> Vec<(usize, &'r str, &'r Node)> {
    let writes = reading.node(&[WRITES]).map(Node::items);
    let writes = writes.unwrap_or_default().iter().enumerate();
    let entries = writes.filter_map(|(place, write)| {
        let path = write.get("path").and_then(Node::text)?;
        let hand_out = write.get(HAND_OUT)?;
        let given = !matches!(hand_out.kind, Kind::Null);
        given.then_some((place, path, hand_out))
    });
    entries.collect()
}

fn at(place: usize, more: &[&str]) -> Vec<String> {
    let above = [WRITES.to_owned(), step(place), HAND_OUT.to_owned()];
    let more = more.iter().map(|one| (*one).to_owned());
    above.into_iter().chain(more).collect()
}

/// What is handed out is a secret, and does not end with the token that asks for it.
pub(in crate::config) fn handed_out_are_secrets_that_stay(reading: &mut Reading) {
    for (place, path, hand_out) in entries(reading) {
        if let Some(text) = no_secret_that_stays(path) {
            reading.refuse(Code::FileContradicts, &at(place, &[]), text);
            continue;
        }
        let fields = hand_out.get("fields").map(Node::items).unwrap_or_default();
        if hand_out.get("wrap").is_some() {
            if !fields.is_empty() {
                let text =
                    "the whole answer is wrapped by the server: leave `fields` out, or `wrap`";
                reading.refuse(Code::FileContradicts, &at(place, &["fields"]), text);
            }
        } else if fields.is_empty() && secret_of(path).is_none() {
            let text =
                "which field of its answer is secret is not known here: name it with `fields`";
            reading.refuse(Code::FileKeyMissing, &at(place, &[]), text);
        }
        if fields
            .iter()
            .any(|field| field.text().is_none_or(str::is_empty))
        {
            let text = "expected names of fields of the answer";
            reading.refuse(Code::FileValueInvalid, &at(place, &["fields"]), text);
        }
    }
}

/// Why there is nothing to hand out at this path.
fn no_secret_that_stays(path: &str) -> Option<&'static str> {
    const LEASED: &str = "what the server makes there ends with the token that asks for it, and that of a run is revoked";
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        ["auth", "token", ..] | ["identity", "oidc", "token", ..] => Some(LEASED),
        ["auth", .., "login"] | ["auth", .., "login", _] => Some(LEASED),
        _ if parts
            .iter()
            .any(|part| matches!(*part, "creds" | "static-creds" | "static-cred" | "sts")) =>
        {
            Some(LEASED)
        }
        [.., "custom-secret-id"] => {
            Some("this secret id is yours already: its answer has no other")
        }
        [.., "generate" | "rotate", "internal" | "existing" | "kms"] => {
            Some("this key never leaves the server: `exported` in the path answers with one")
        }
        _ => None,
    }
}

/// A wrapping token has a time in which it can be used.
pub(in crate::config) fn wrapped_for_a_time(reading: &mut Reading) {
    for (place, api, hand_out) in entries(reading) {
        let path = at(place, &["wrap"]);
        let given = hand_out.get("wrap").is_some();
        let time = reading.value::<Duration>(&path);
        if given && time.is_some_and(|time| time.as_secs() == 0 || time.subsec_nanos() > 0) {
            let text = "expected whole seconds, at least one";
            reading.refuse(Code::FileValueInvalid, &path, text);
        }
        if given && (api.contains("/issue/") || api.contains("/sign/")) {
            let text = "a certificate of a role with `generate_lease` ends with this run, which a wrapped answer does not \
                        show: leave `wrap` out";
            reading.refuse(Code::FileContradicts, &path, text);
        }
    }
}

/// What is handed out is remembered by its path, and nothing is written where something is.
pub(in crate::config) fn handed_out_once_and_apart(reading: &mut Reading) {
    let writes = reading.node(&[WRITES]).map(Node::items);
    let all: Vec<_> = writes.unwrap_or_default().iter().collect();
    let same = |path: &str| {
        let paths = all.iter().map(|one| one.get("path").and_then(Node::text));
        paths.filter(|other| *other == Some(path)).count() > 1
    };
    let mut taken: HashMap<String, String> = HashMap::new();
    for place in reading.places(&CUSTODIANS) {
        let above = [&CUSTODIANS[..], &[&place]].concat();
        let above: Vec<String> = above.into_iter().map(str::to_owned).collect();
        let name = reading.text(&[&above[..], &["name".to_owned()]].concat());
        let owner = format!("the share of {}", name.unwrap_or_default());
        for target in targets(reading, &above) {
            taken.insert(target, owner.clone());
        }
    }
    for (place, path, _) in entries(reading) {
        if same(path) {
            let text = "another entry writes this path too, and what was handed out is remembered by the path";
            reading.refuse(Code::FileContradicts, &at(place, &[]), text);
        }
        for target in targets(reading, &at(place, &[])) {
            let owner = format!("what `writes[{place}]` hands out");
            if let Some(other) = taken.insert(target, owner) {
                let text = format!("{other} goes there already, and nothing is ever overwritten");
                reading.refuse(Code::FileContradicts, &at(place, &[]), text);
            }
        }
    }
}

/// Where something goes that stands here: a file, or a parameter or secret of an account and region.
fn targets(reading: &Reading, above: &[String]) -> Vec<String> {
    let under = |more: &[&str]| {
        let more = more.iter().map(|one| (*one).to_owned());
        above.iter().cloned().chain(more).collect::<Vec<_>>()
    };
    let files: [&[&str]; 3] = [&["file"], &["age", "file"], &["pgp", "file"]];
    let files = files
        .iter()
        .map(|keys| reading.value::<PathBuf>(&under(keys)));
    let files = files.flatten().map(|file| {
        let plain: PathBuf = file.components().collect();
        plain.display().to_string()
    });
    let in_aws = [("ssm", "parameter"), ("secretsmanager", "name")].map(|(kind, key)| {
        let name = reading.text(&under(&[kind, key]))?;
        let account = ["region", "profile", "role_arn", "endpoint"]
            .map(|key| reading.text(&under(&[kind, key])).unwrap_or_default());
        Some(format!("{kind} {} {name}", account.join(" ")))
    });
    files.chain(in_aws.into_iter().flatten()).collect()
}

/// Nobody here sees what the server has wrapped.
pub(in crate::config) fn wrapped_answers_are_taken_by_nobody(reading: &mut Reading) {
    let wrapped = |(place, _, hand_out): &(usize, &str, &Node)| {
        hand_out.get("wrap")?;
        reading.text(&[WRITES, &step(*place), "name"])
    };
    let names: Vec<&str> = entries(reading).iter().filter_map(wrapped).collect();
    for place in reading.places(&[WRITES]) {
        let above = vec![WRITES.to_owned(), place, "data".to_owned()];
        let Some(data) = reading.node(&above) else {
            continue;
        };
        let mut found = Vec::new();
        super::answers::collect(data, &above, &mut found);
        for (path, text) in found {
            if names
                .iter()
                .any(|name| text.split('.').next() == Some(name))
            {
                let text = "the answer to that entry is wrapped, and nobody here sees it: leave out its `wrap`";
                reading.refuse(Code::FileContradicts, &path, text);
            }
        }
    }
}
