//! What may be pasted, and what a server's answer may hold.
//!
//! A command that is advised with a value in it is a `ShellCommand`, which quotes the value: no text of the source has
//! both a command and a place for a value behind it. And no text of a server's answer is taken without a form.

use crate::source::{Source, length_of_block, words};

/// What a command begins with.
const PROGRAMS: &[&str] = &[
    "age",
    "age-keygen",
    "aws",
    "bao",
    "cat",
    "chmod",
    "curl",
    "export",
    "gpg",
    "grep",
    "kubectl",
    "ls",
    "minisign",
    "mv",
    "readlink",
    "rm",
    "sh",
    "vault",
    "vault-bootstrap",
    "{program}",
];
/// What stands before a command in the middle of a text.
const BEFORE: &[&str] = &[
    ":", ";", "`", "(", "&&", "|", "\n", "--", "with", "types", "then",
];

/// Sentences that begin with the name of a program.
const SENTENCES: &[&str] = &[
    "age recipient ",
    "export it, ",
    "gpg failed ",
    "gpg needs ",
    "gpg printed ",
    "gpg was ",
    "vault-bootstrap marker ",
    "vault-bootstrap report, ",
];

/// Texts of the source that have a value in a command, or end in the middle of one.
pub(crate) fn values_in_commands(source: &Source) -> Vec<String> {
    if !source.path.starts_with("src/") {
        return Vec::new();
    }
    let texts = source.texts().iter();
    let found = texts.filter(|(_, text)| commands(text).any(takes_a_value));
    let said = "a command with a value that nothing quotes";
    found
        .map(|(line, text)| source.at(*line, &format!("{said}: {text:?}")))
        .collect()
}

/// The commands in a text, from behind the program to their end.
fn commands(text: &str) -> impl Iterator<Item = &str> {
    PROGRAMS.iter().flat_map(move |program| {
        text.match_indices(program).filter_map(move |(at, _)| {
            let (before, after) = (
                text[..at].trim_end_matches(' '),
                &text[at + program.len()..],
            );
            let begins = before.is_empty() || BEFORE.iter().any(|mark| before.ends_with(mark));
            let whole = at == 0 || !text[..at].ends_with(|letter: char| letter.is_alphanumeric());
            let command = after.split([';', '`', '\n', ')']).next()?;
            let command = command.split(", ").next()?;
            let is_sentence = SENTENCES.iter().any(|words| text[at..].starts_with(words));
            (begins && whole && !is_sentence && command.starts_with(' ')).then_some(command)
        })
    })
}

fn takes_a_value(command: &str) -> bool {
    let literal = command.replace("{{", "").replace("}}", "");
    literal.contains('{') || command.ends_with(' ')
}

/// Structures that are read from a server's answer and have a text without a form.
pub(crate) fn texts_without_form(source: &Source) -> Vec<String> {
    if !source.path.starts_with("src/vault/") {
        return Vec::new();
    }
    let code: Vec<&str> = source.live().lines().collect();
    let lines: Vec<&str> = source.text.lines().collect();
    let mut found = Vec::new();
    for (number, line) in code.iter().enumerate() {
        if !(line.contains("derive(") && words(line).any(|word| word == "Deserialize")) {
            continue;
        }
        let item = &code[number + 1..];
        let is_tuple = |line: &&&str| line.contains("struct ") && line.trim_end().ends_with(';');
        let begins = item
            .iter()
            .take_while(|line| !line.contains("struct ") && !line.contains("enum "));
        let begins = begins.count();
        let length = match item.get(begins..).and_then(<[_]>::first).filter(is_tuple) {
            Some(_) => begins + 1,
            None => length_of_block(item).unwrap_or(begins + 1),
        };
        let mut formed = false;
        for inside in number + 1..=number + length {
            formed |= lines[inside].contains("deserialize_with = \"field::")
                || lines[inside].contains("#[serde(skip)]");
            let is_text =
                words(code[inside]).any(|word| matches!(word, "String" | "str" | "Value"));
            if is_text && !formed {
                found.push(source.at(inside + 1, "a text of an answer without a form"));
            }
            if is_text || code[inside].trim_end().ends_with(',') {
                formed = false;
            }
        }
    }
    found
}
