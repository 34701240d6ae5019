//! Reads the sources and the pages, and holds what `docs/architecture.md` promises about them. Each rule is a function
//! from a file to what is wrong with it, and each is tried on a snippet that breaks it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod blocks;
mod circles;
mod codes;
mod measured;
mod pages;
mod pasted;
mod rooms;
mod secrets;
mod source;
mod spans;
mod structure;

use rooms::MAY_IMPORT;
use secrets::{MAY_EXPOSE, SECRETS};
use source::{Source, words};

/// What a rule finds: a line each, with the place.
type Found = Vec<String>;
/// A name, what it finds, and a snippet that breaks it, as a path and a text.
type Rule = (
    &'static str,
    fn(&Source) -> Found,
    &'static str,
    &'static str,
);

const LONGEST_FILE: usize = 400;
const LONGEST_FUNCTION: usize = 70;

const RULES: &[Rule] = &[
    (
        "imports",
        imports,
        "src/vault/x.rs",
        "use crate::config::Config;",
    ),
    (
        "imports of several at once",
        imports,
        "src/custodian/x.rs",
        "use crate::{secret, vault::Client};",
    ),
    (
        "imports within a path",
        imports,
        "src/envelope.rs",
        "fn f() { crate::report::say() }",
    ),
    (
        "a room nobody placed",
        imports,
        "src/helpers/x.rs",
        "fn f() {}",
    ),
    (
        "only the report prints",
        printing,
        "src/door/x.rs",
        "fn f() { println!(\"here\") }",
    ),
    (
        "only the report opens stdout",
        printing,
        "src/bootstrap/x.rs",
        "fn f() { std::io::stdout(); }",
    ),
    (
        "secrets stay closed",
        exposing,
        "src/bootstrap/x.rs",
        "fn f(s: SecretText) { s.expose(); }",
    ),
    (
        "secrets are not printed",
        secret_traits,
        "src/vault/x.rs",
        "impl fmt::Display for Token { }",
    ),
    (
        "secrets are not serialised",
        secret_traits,
        "src/x.rs",
        "#[derive(Debug, Serialize)]\npub struct Kept(SecretString);",
    ),
    (
        "secrets are not copied",
        secret_traits,
        "src/x.rs",
        "#[derive(Clone)]\nstruct Kept {\n    share: Share,\n}",
    ),
    (
        "nothing is left to do",
        unfinished,
        "tests/x.rs",
        "fn f() { todo!() }",
    ),
    (
        "no test is left out",
        unfinished,
        "tests/x.rs",
        "#[test]\n#[ignore]\nfn f() {}",
    ),
    (
        "the event loop never sleeps",
        sleeping,
        "src/vault/x.rs",
        "fn f() { std::thread::sleep(A_SECOND) }",
    ),
    (
        "files are opened in one place",
        opening,
        "src/reference.rs",
        "fn f() { std::fs::File::open(path) }",
    ),
    (
        "and read there",
        opening,
        "src/evidence/x.rs",
        "fn f() { fs::read_to_string(path) }",
    ),
    (
        "no value in a command to paste but quoted",
        pasted::values_in_commands,
        "src/x.rs",
        "fn f(n: &str) -> String { format!(\"it is ended with: vault-bootstrap \\\n   break-glass cancel --nonce {n}\") }",
    ),
    (
        "no value in a command that is all of a text",
        pasted::values_in_commands,
        "src/x.rs",
        "#[error(\"chmod 600 {0}\")]\nstruct E(String);",
    ),
    (
        "no command of half a text",
        pasted::values_in_commands,
        "src/x.rs",
        "fn f(n: &str) -> String { \"bao token revoke -accessor \".to_owned() + n }",
    ),
    (
        "no text of an answer without a form",
        pasted::texts_without_form,
        "src/vault/x.rs",
        "#[derive(Debug, Deserialize)]\npub struct Answer {\n    #[serde(default)]\n    pub nonce: Option<String>,\n}",
    ),
    (
        "no list of texts of an answer without a form",
        pasted::texts_without_form,
        "src/vault/x.rs",
        "#[derive(Deserialize)]\nstruct Answer(Vec<String>);",
    ),
    (
        "no form but of a field",
        pasted::texts_without_form,
        "src/vault/x.rs",
        "#[derive(Deserialize)]\nstruct Answer {\n    #[serde(deserialize_with = \"null_is_empty\")]\n    all: Vec<String>,\n}",
    ),
    (
        "no long functions",
        long_functions,
        "src/x.rs",
        "fn long() {\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n}",
    ),
];

#[test]
fn every_source_holds_every_rule() {
    let mut found = Vec::new();
    for source in Source::all() {
        for (_, rule, ..) in RULES {
            found.extend(rule(&source));
        }
        found.extend(long_file(&source));
    }
    found.sort();
    found.dedup();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn every_rule_finds_what_breaks_it() {
    for (name, rule, path, text) in RULES {
        assert!(!rule(&Source::new(path, text)).is_empty(), "{name}");
    }
    let long = Source::new("src/x.rs", &"\n".repeat(LONGEST_FILE + 1));
    assert!(!long_file(&long).is_empty());
}

#[test]
fn no_rule_finds_anything_in_comments_strings_or_where_it_is_allowed() {
    let innocent = [
        (
            "src/vault/x.rs",
            "//! As [`crate::config`] says: println!, todo!, thread::sleep.\nconst A: &str = \"crate::report todo!()\";",
        ),
        (
            "src/vault/y.rs",
            "use crate::secret::Token;\nfn f(t: &Token) { t.expose(); }\nfn g<'a>(c: char) -> bool { c == '\"' }",
        ),
        ("src/report/mod.rs", "fn f() { std::io::stdout(); }"),
        (
            "src/bootstrap/x.rs",
            "#[cfg(test)]\nmod tests { fn f(s: SecretText) { s.expose(); } }",
        ),
        (
            "src/x.rs",
            "#[derive(Clone)]\nstruct Shared(Arc<SecretText>);",
        ),
    ];
    for (path, text) in innocent {
        for (name, rule, ..) in RULES.iter().filter(|(_, rule, ..)| {
            path != "src/x.rs" || !std::ptr::fn_addr_eq(*rule, imports as fn(&Source) -> Found)
        }) {
            assert_eq!(rule(&Source::new(path, text)), Found::new(), "{name}");
        }
    }
}

/// Every `crate::…` (in `main`, `vault_bootstrap::…`) leads to a room this one may know.
fn imports(source: &Source) -> Found {
    let Some(room) = source.room().filter(|room| *room != "lib") else {
        return Found::new();
    };
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == room) else {
        return vec![format!(
            "{}: nobody said what the room {room} may import",
            source.path
        )];
    };
    let root = if room == "main" {
        "vault_bootstrap::"
    } else {
        "crate::"
    };
    let mut found = Found::new();
    for (line, text) in source.after(root) {
        for imported in first_segments(text) {
            if imported != room && !allowed.contains(&imported) {
                found.push(source.at(line, &format!("{room} may not know {imported}")));
            }
        }
    }
    found
}

/// The first name of `a::b`, or of each path in `{a::b, c}`.
fn first_segments(text: &str) -> Vec<&str> {
    let Some(group) = text.strip_prefix('{') else {
        return words(text).take(1).collect();
    };
    let (mut depth, mut names, mut begins) = (0, Vec::new(), 0);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                names.extend(words(&group[begins..at]).next());
                begins = at + 1;
                if letter == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

/// Only `report` writes to the terminal. `prompt` asks there, and `main` hands the log its place.
fn printing(source: &Source) -> Found {
    let asks = ["report", "prompt", "main"]
        .map(Some)
        .contains(&source.room());
    let mut patterns = vec!["println!", "eprintln!", "print!", "eprint!", "dbg!"];
    if !asks {
        patterns.extend(["io::stdout", "io::stderr", "Term::stdout", "Term::stderr"]);
    }
    source.live_lines_with(&patterns, "only the report prints")
}

fn exposing(source: &Source) -> Found {
    if source.room().is_some_and(|room| MAY_EXPOSE.contains(&room)) {
        return Found::new();
    }
    source.live_lines_with(
        &[".expose()", "expose_secret"],
        "a secret is looked at outside the systems",
    )
}

/// No secret prints, is serialised or is copied.
fn secret_traits(source: &Source) -> Found {
    let mut found = Found::new();
    let forbidden = ["Clone", "Copy", "Display", "Serialize"];
    let lines: Vec<&str> = source.code.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        let named: Vec<&str> = words(line).collect();
        let implements = named.first() == Some(&"impl")
            && named.iter().any(|word| forbidden.contains(word))
            && named
                .iter()
                .skip_while(|word| **word != "for")
                .any(|word| SECRETS.contains(word));
        let derives = line.contains("derive(")
            && named.iter().any(|word| forbidden.contains(word))
            && holds_a_secret(&lines[number + 1..]);
        if implements || derives {
            found.push(source.at(
                number + 1,
                "a secret that prints, is serialised or is copied",
            ));
        }
    }
    found
}

/// Whether the item that begins in these lines has a field that is a secret; one that is only pointed
/// to by several does not count.
fn holds_a_secret(lines: &[&str]) -> bool {
    let attribute = |line: &&str| line.trim_start().starts_with("#[");
    let item: Vec<&str> = lines
        .iter()
        .copied()
        .skip_while(|line| attribute(line))
        .collect();
    let length = source::length_of_block(&item).unwrap_or(1);
    let fields = item[..length.min(item.len())]
        .join(" ")
        .replace("Arc<SecretText>", "");
    SECRETS.iter().any(|secret| {
        fields.match_indices(secret).any(|(at, _)| {
            let whole =
                !fields[at + secret.len()..].starts_with(|next: char| next.is_alphanumeric());
            // Where a type stands, and not the name of a variant.
            whole && fields[..at].trim_end().ends_with([':', '(', '<', '&'])
        })
    })
}

fn unfinished(source: &Source) -> Found {
    let patterns = ["todo!", "unimplemented!", "#[ignore"];
    source.lines_with(&patterns, "left for later")
}

/// Files are opened in `disk`, which waits for nobody and follows no link of another user. A terminal is no file.
fn opening(source: &Source) -> Found {
    let is_library = source.path.starts_with("src/");
    if !is_library || ["disk", "prompt"].map(Some).contains(&source.room()) {
        return Found::new();
    }
    let patterns = [
        "File::open(",
        "File::create(",
        "File::options(",
        "OpenOptions",
        "fs::read(",
        "fs::read_to_string",
        "fs::write(",
        "fs::copy(",
        "fs::open",
        "openat(",
    ];
    source.live_lines_with(&patterns, "only disk opens files")
}

/// A sleeping thread is a sleeping program. Tests, which wait for processes, may.
fn sleeping(source: &Source) -> Found {
    source.live_lines_with(&["thread::sleep"], "blocks the event loop")
}

fn long_file(source: &Source) -> Found {
    let lines = source.text.lines().count();
    if lines <= LONGEST_FILE {
        return Found::new();
    }
    vec![format!(
        "{}: {lines} lines, more than {LONGEST_FILE}",
        source.path
    )]
}

/// A function fits on a screen. A test may hold a longer table of cases.
fn long_functions(source: &Source) -> Found {
    let mut found = Found::new();
    for (line, name, length, is_test) in source.functions() {
        if length > LONGEST_FUNCTION && !is_test {
            found.push(source.at(
                line,
                &format!("{name} has {length} lines, more than {LONGEST_FUNCTION}"),
            ));
        }
    }
    found
}
