//! The text of a policy, as far as it can be told without a server what it lets its holders do.

use serde_json::Value;

use crate::config::problem::meant;

/// All that Vault 1.21 and OpenBao 2.7 take (their sources).
const KNOWN: [&str; 11] = [
    "create",
    "delete",
    "deny",
    "list",
    "patch",
    "read",
    "recover",
    "scan",
    "subscribe",
    "sudo",
    "update",
];

/// One rule: a path, which may end in `*` and have `+` for one part, and the capabilities there.
type Rule = (String, Vec<String>);

/// The rules of a policy in HCL or JSON. What is neither has none.
pub(crate) fn rules(text: &str) -> Vec<Rule> {
    match serde_json::from_str::<Value>(text) {
        Ok(json) => of_json(&json),
        Err(_) => of_hcl(text),
    }
}

/// The line and what is to be said of the first word in a list of capabilities that no server takes, in either form. A text that
/// is no policy at all is left to the server.
pub(super) fn unknown_capability(text: &str) -> Option<(usize, String)> {
    let tokens = tokens(text);
    let mut lists = (0..tokens.len()).filter_map(|place| {
        let name = match &tokens[place].1 {
            Token::Word(name) => name,
            Token::Quoted(name) => name.as_str(),
            Token::Sign(_) => return None,
        };
        let begins = matches!(
            tokens[place + 1..],
            [(_, Token::Sign('=' | ':')), (_, Token::Sign('[')), ..]
        );
        (name == "capabilities" && begins).then(|| list(&tokens[place + 1..]))
    });
    let (line, word) = lists.find_map(|words| {
        let mut words = words.into_iter();
        words.find(|(_, word)| !KNOWN.contains(&word.as_str()))
    })?;
    let (near, shown) = (meant(&word, KNOWN.into_iter()), word.escape_debug());
    Some((
        line,
        format!("`{shown}` is no capability of a policy{near}"),
    ))
}

/// The quoted texts of a list, with their lines.
fn list(tokens: &[Located<'_>]) -> Vec<(usize, String)> {
    let within = tokens
        .iter()
        .take_while(|(_, one)| !matches!(one, Token::Sign(']' | '}')));
    let words = within.filter_map(|(line, one)| match one {
        Token::Quoted(word) => Some((*line, word.clone())),
        _ => None,
    });
    words.collect()
}

fn of_json(json: &Value) -> Vec<Rule> {
    let paths = json["path"].as_object().into_iter().flatten();
    let rules = paths.map(|(path, rule)| {
        let words = rule["capabilities"].as_array().into_iter().flatten();
        let mut may: Vec<_> = words.filter_map(Value::as_str).map(str::to_owned).collect();
        may.extend(rule["policy"].as_str().map(of_old_word).unwrap_or_default());
        (path.clone(), may)
    });
    rules.collect()
}

fn of_hcl(text: &str) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    let tokens = tokens(text);
    for place in 0..tokens.len() {
        let rest = &tokens[place + 1..];
        match (&tokens[place].1, rest, rules.last_mut()) {
            (Token::Word("path"), [(_, Token::Quoted(path)), ..], _) => {
                rules.push((path.clone(), Vec::new()));
            }
            (Token::Word("capabilities"), _, Some((_, may))) => {
                may.extend(list(rest).into_iter().map(|(_, word)| word));
            }
            (
                Token::Word("policy"),
                [(_, Token::Sign('=')), (_, Token::Quoted(word)), ..],
                Some((_, may)),
            ) => may.extend(of_old_word(word)),
            _ => {}
        }
    }
    rules
}

/// The old form of capabilities (Vault's documentation of policies).
fn of_old_word(word: &str) -> Vec<String> {
    let all: &[&str] = match word {
        "write" => &["create", "read", "update", "delete", "list"],
        "sudo" => &["create", "read", "update", "delete", "list", "sudo"],
        "read" => &["read", "list"],
        _ => &["deny"],
    };
    all.iter().map(ToString::to_string).collect()
}

#[derive(Debug, PartialEq)]
enum Token<'t> {
    Word(&'t str),
    Quoted(String),
    Sign(char),
}

/// With the line that it stands on.
type Located<'t> = (usize, Token<'t>);

/// Words, quoted texts and signs, without comments.
fn tokens(text: &str) -> Vec<Located<'_>> {
    let (mut found, mut rest, mut number) = (Vec::new(), text, 1);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => line(rest),
            '/' if rest.starts_with("//") => line(rest),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => {
                let (text, length) = quoted(rest);
                found.push((number, Token::Quoted(text)));
                length
            }
            _ if first.is_alphanumeric() || first == '_' => {
                let ends = |letter: char| !letter.is_alphanumeric() && letter != '_';
                let length = rest.find(ends).unwrap_or(rest.len());
                found.push((number, Token::Word(&rest[..length])));
                length
            }
            _ => {
                if !first.is_whitespace() {
                    found.push((number, Token::Sign(first)));
                }
                first.len_utf8()
            }
        };
        number += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    found
}

fn line(rest: &str) -> usize {
    rest.find('\n').unwrap_or(rest.len())
}

/// A quoted text without its marks, and how long it is with them.
fn quoted(rest: &str) -> (String, usize) {
    let (mut text, mut escaped) = (String::new(), false);
    for (place, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => {
                text.push(letter);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (text, place + 1),
            _ => text.push(letter),
        }
    }
    (text, rest.len())
}

/// Whether a rule's path is about this path (Vault's documentation: `*` at the end, `+` for one part).
pub(crate) fn covers(rule: &str, path: &str) -> bool {
    let (rule, glob) = match rule.strip_suffix('*') {
        Some(before) => (before, true),
        None => (rule, false),
    };
    let (mut of_rule, mut of_path) = (rule.split('/').peekable(), path.split('/'));
    while let Some(part) = of_rule.next() {
        let Some(have) = of_path.next() else {
            return false;
        };
        let last = of_rule.peek().is_none();
        if part == "+" && !(last && glob) {
            continue;
        }
        if last && glob {
            return have.starts_with(part);
        }
        if part != have {
            return false;
        }
    }
    of_path.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_a_policy_are_read_in_each_of_its_forms() {
        let owned = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        let text = "# path \"no\" {}\npath \"a/*\" { capabilities = [\"read\", # x\n \"sudo\"] }\npath \"b\" { policy = \"write\" }\n\
                    /* path \"no\" */ path \"c\\\"d\" {\n}\n";
        assert_eq!(
            rules(text),
            [
                ("a/*".to_owned(), owned(&["read", "sudo"])),
                (
                    "b".to_owned(),
                    owned(&["create", "read", "update", "delete", "list"])
                ),
                ("c\"d".to_owned(), Vec::new()),
            ]
        );
        let json = r#"{"path": {"x": {"capabilities": ["update"]}}}"#;
        assert_eq!(rules(json), [("x".to_owned(), owned(&["update"]))]);
        for neither in ["", "path", "path \"a", "{", "capabilities = [\"x\"]"] {
            assert!(
                rules(neither).iter().all(|(_, may)| may.is_empty()),
                "{neither}"
            );
        }
    }

    #[test]
    fn a_rule_covers_what_the_servers_say_that_it_does() {
        for (rule, path, is) in [
            ("*", "sys/policies/acl/a", true),
            ("sys/*", "sys/policies/acl/a", true),
            ("sys/policies/acl/+", "sys/policies/acl/a", true),
            ("sys/+/acl/a", "sys/policies/acl/a", true),
            ("sys/+/acl/*", "sys/policies/acl/a", true),
            ("sys/pol*", "sys/policies/acl/a", true),
            ("sys/policies", "sys/policies/acl/a", false),
            ("sys/policies/acl/b*", "sys/policies/acl/a", false),
            ("sys/policies/acl/a", "sys/policies/acl/a", true),
            ("+", "sys/policies", false),
            ("sys/policies/acl/a/*", "sys/policies/acl/a", false),
        ] {
            assert_eq!(covers(rule, path), is, "{rule} {path}");
        }
    }

    #[test]
    fn a_word_that_is_no_capability_is_said_with_the_one_that_was_meant() {
        for (policy, line, said) in [
            (
                r#"path "a" { capabilities = ["read", "raed"] }"#,
                1,
                "`raed` is no capability of a policy; did you mean `read`?",
            ),
            (
                r#"{"path": {"a": {"capabilities": ["raed"]}}}"#,
                1,
                "`raed` is no capability of a policy; did you mean `read`?",
            ),
            (
                "path \"a\" {\n  capabilities = [\n    \"write\", # all\n    \"list\",\n  ]\n}",
                3,
                "`write` is no capability of a policy",
            ),
            (
                "path \"a#b\" { capabilities = [\"READ\"] }",
                1,
                "`READ` is no capability of a policy",
            ),
            (
                "/* of\n [\"x\"] */ path \"a//b\" { capabilities=[\"a\u{7}\"] }",
                2,
                "`a\\u{7}` is no capability of a policy",
            ),
        ] {
            let found = unknown_capability(policy);
            assert_eq!(found, Some((line, said.to_owned())), "{policy}");
        }
    }

    #[test]
    fn what_the_servers_take_is_taken() {
        for policy in [
            r#"path "a" { capabilities = ["create", "delete", "deny", "list", "patch", "read", "sudo", "update"] }"#,
            r#"path "a" { capabilities = ["subscribe", "recover", "scan"] }"#,
            "# capabilities = [\"none\"]\npath \"a\" { capabilities = [\"read\"] }",
            "// capabilities = [\"none\"]\n/* capabilities = [\"none\"] */ path \"b\" { capabilities = [] }",
            r#"path "secret/capabilities/x" { capabilities = ["read"] policy = "write" }"#,
            "path \"a\" { capabilities = [\"read\"",
            "capabilities",
            "\"",
            "/*",
        ] {
            assert_eq!(unknown_capability(policy), None, "{policy}");
        }
    }
}
