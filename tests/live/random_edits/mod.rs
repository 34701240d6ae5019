//! Random files and random edits of them: whatever was said before, a server ends as one that was given the last file alone.
//!
//! `RANDOM_EDITS` is how many files each server is tried with, `RANDOM_SEED` the seed of the first.

mod pool;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Run, Server};
use crate::mutations::administered;
use crate::support::{Setup, require};
use pool::Template;

/// Edits by root, and as many by a login.
const ROUNDS: usize = 3;
/// Documents that an edit changes.
const EDITED: usize = 12;
/// What differs between two servers of one file, and what moves by itself.
const OF_ITSELF: [&str; 21] = [
    "accessor",
    "aliases",
    "client_id",
    "client_secret",
    "created_time",
    "creation_time",
    "current_metadata_version",
    "current_version",
    "deletion_time",
    "id",
    "keys",
    "last_update_time",
    "last_updated_by",
    "modified",
    "modify_index",
    "oldest_version",
    "role_id",
    "updated_time",
    "uuid",
    "version",
    "versions",
];

/// Numbers that are the same for the same seed: SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("small");
        usize::try_from(self.next() % end).expect("small")
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// A file: the body of each document that it has, by its place in the pool.
type File = BTreeMap<usize, Value>;

/// A body with about half of the lines that it may have.
fn body(dice: &mut Dice, template: &Template) -> Value {
    let mut body = template.base.clone();
    for (name, values) in &template.lines {
        if dice.one_in(2) {
            body[name] = dice.of(values).clone();
        }
    }
    if body == json!({}) {
        let (name, values) = dice.of(&template.lines);
        body[name] = dice.of(values).clone();
    }
    body
}

/// Adds or takes out a document, or adds, changes or takes out a line of one.
fn edit(dice: &mut Dice, templates: &[Template], file: &mut File) {
    let number = dice.below(templates.len());
    let template = &templates[number];
    let Some(body) = file.get_mut(&number) else {
        file.insert(number, self::body(dice, template));
        return;
    };
    if dice.one_in(6) {
        file.remove(&number);
        return;
    }
    let (name, values) = dice.of(&template.lines);
    let lines = body.as_object_mut().expect("lines");
    let needed = template.base.get(name).is_some() || lines.len() == 1;
    if lines.contains_key(name) && !needed && dice.one_in(2) {
        lines.shift_remove(name);
    } else {
        lines.insert(name.clone(), dice.of(values).clone());
    }
}

/// A server, and what is said to it.
struct Cluster {
    server: Server,
    ceremony: Ceremony,
}

impl Cluster {
    fn of(setup: Setup) -> Self {
        let server = Server::of(setup);
        let mut ceremony = Ceremony::at(&server);
        administered(&mut ceremony);
        ceremony.password("random");
        ceremony.set("/revoke_root", json!(false));
        Self { server, ceremony }
    }

    /// Writes the file down.
    fn enter(&mut self, templates: &[Template], file: &File) {
        let ceremony = &mut self.ceremony;
        for (name, mount) in pool::mounts() {
            ceremony.set(&format!("/secrets/{name}"), mount);
        }
        for (name, method) in pool::methods() {
            ceremony.set(&format!("/auth/{name}"), method);
        }
        let mut writes = Vec::new();
        for (number, template) in templates.iter().enumerate() {
            let body = file.get(&number);
            match body {
                Some(body) if template.place.is_empty() => {
                    let manage =
                        template.path.contains("/data/") || template.path.starts_with("kv1/");
                    let mut entry = json!({ "path": template.path, "data": body });
                    if manage {
                        entry["manage"] = json!(true);
                    }
                    writes.push(entry);
                }
                Some(body) => drop(ceremony.set(&template.place, body.clone())),
                None if ceremony.file.pointer(&template.place).is_some()
                    && !template.place.is_empty() =>
                {
                    ceremony.remove(&template.place);
                }
                None => {}
            }
        }
        ceremony.set("/writes", Value::Array(writes));
    }

    fn apply(&self) -> Run {
        let root = self.ceremony.file.get("revoke_root").is_some();
        let keep = ["apply", "--yes", "--keep-root"];
        // What another document has made with it is there before it is written.
        let login = [
            "apply",
            "--yes",
            "--login",
            "admin",
            "--allow-widening",
            "--adopt-documents",
        ];
        self.ceremony.run(if root { &keep } else { &login })
    }

    /// What is written, and then nothing.
    fn settles(&self, when: &str) {
        let run = self.apply();
        run.exits(4).never_says(&[
            "differs from the file",
            "no write puts it back",
            "not written",
        ]);
        assert!(!run.stdout.contains("not-put-back"), "{when}\n{run}");
        let log = self.server.audit().after_this();
        let second = self.apply();
        assert_eq!(
            log.writes(),
            Vec::<String>::new(),
            "{when}\n{run}\n{second}"
        );
    }

    /// What the server answers for each document of the file.
    fn answers(&self, templates: &[Template], file: &File) -> BTreeMap<String, Value> {
        let secret = &self.ceremony.secrets["admin"];
        let admin = self.server.api().log_in("admin", secret);
        let address = self.server.address();
        let read = |number: &usize| {
            let path = &templates[*number].path;
            let answer = admin.read(path)["data"].to_string();
            let answer = answer.replace(&address, "ADDRESS");
            let answer = serde_json::from_str(&answer).expect("JSON");
            (path.clone(), still(answer))
        };
        file.keys().map(read).collect()
    }
}

/// Without what is another thing on each server, and without what says nothing.
fn still(value: Value) -> Value {
    let Value::Object(fields) = value else {
        return value;
    };
    let kept = fields
        .into_iter()
        .filter(|(name, _)| !OF_ITSELF.contains(&name.as_str()));
    let kept = kept.map(|(name, value)| (name, still(value)));
    let says = |value: &Value| ![json!(null), json!([]), json!({}), json!("")].contains(value);
    let locks = |name: &str, value: &Value| {
        !name.starts_with("user_lockout_") || ![json!(0), json!(false)].contains(value)
    };
    Value::Object(
        kept.filter(|(name, value)| says(value) && locks(name, value))
            .collect(),
    )
}

/// One random file, edited again and again.
fn edited(setup: Setup, seed: u64) {
    let when = |what: &str| format!("{setup:?}, {what}; repeat it with RANDOM_SEED={seed}");
    println!("{}", when("it begins"));
    let mut dice = Dice(seed);
    let templates = pool::templates(setup);
    let mut file = File::new();
    for (number, template) in templates.iter().enumerate() {
        if dice.one_in(2) {
            file.insert(number, body(&mut dice, template));
        }
    }
    let mut cluster = Cluster::of(setup);
    for round in 0..2 * ROUNDS {
        if round > 0 {
            for _ in 0..EDITED {
                edit(&mut dice, &templates, &mut file);
            }
        }
        cluster.enter(&templates, &file);
        cluster.settles(&when(&format!("round {round}")));
        if round + 1 == ROUNDS {
            cluster.ceremony.remove("/revoke_root");
            cluster.ceremony.apply().exits(4);
        }
    }
    let mut fresh = Cluster::of(setup);
    fresh.enter(&templates, &file);
    fresh.apply().exits(4);
    let (have, want) = (
        cluster.answers(&templates, &file),
        fresh.answers(&templates, &file),
    );
    for (path, want) in want {
        assert_eq!(have[&path], want, "{path}: {}", when("the last file"));
    }
}

/// As many as are asked for.
fn random(setup: Setup) {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse().expect("a number"))
    };
    let first: u64 = number("RANDOM_SEED").unwrap_or(1);
    let count: u64 = number("RANDOM_EDITS").unwrap_or(1);
    for seed in first..first + count {
        edited(setup, seed);
    }
}

#[test]
fn openbao_ends_as_if_it_had_been_given_the_last_of_random_files_alone() {
    require!(["openbao-2.7.2"]);
    random(Setup::OpenBao272Static);
}

#[test]
fn an_older_openbao_ends_as_if_it_had_been_given_the_last_of_random_files_alone() {
    require!(["openbao-2.6.2"]);
    random(Setup::OpenBao262StaticApiAudit);
}

#[test]
fn vault_ends_as_if_it_had_been_given_the_last_of_random_files_alone() {
    require!(["vault-1.21.1"]);
    random(Setup::Vault1211Shamir);
}
