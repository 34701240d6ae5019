//! What the text of a policy lets its holders do, as far as that can be told without a server.

use serde_json::Value;

/// One rule: a path, which may end in `*` and have `+` for one part, and the capabilities there.
type Rule = (String, Vec<String>);

/// The rules of a policy in HCL or JSON. What is neither has none.
pub(super) fn rules(text: &str) -> Vec<Rule> {
    match serde_json::from_str::<Value>(text) {
        Ok(json) => of_json(&json),
        Err(_) => of_hcl(text),
    }
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

/// Words, quoted texts and signs, without comments.
fn of_hcl(text: &str) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    let tokens = tokens(text);
    let mut place = 0;
    while let Some(token) = tokens.get(place) {
        place += 1;
        match (token, tokens.get(place)) {
            (Token::Word("path"), Some(Token::Quoted(path))) => {
                rules.push((path.clone(), Vec::new()));
                place += 1;
            }
            (Token::Word("capabilities"), _) => {
                let list = tokens[place..].iter();
                let list = list.take_while(|one| !matches!(one, Token::Sign(']' | '}')));
                let words = list.filter_map(|one| match one {
                    Token::Quoted(word) => Some(word.clone()),
                    _ => None,
                });
                let words: Vec<_> = words.collect();
                if let Some((_, may)) = rules.last_mut() {
                    may.extend(words);
                }
            }
            (Token::Word("policy"), Some(Token::Sign('='))) => {
                if let (Some(Token::Quoted(word)), Some((_, may))) =
                    (tokens.get(place + 1), rules.last_mut())
                {
                    may.extend(of_old_word(word));
                }
            }
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

fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => line(rest),
            '/' if rest.starts_with("//") => line(rest),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => {
                let (text, length) = quoted(rest);
                found.push(Token::Quoted(text));
                length
            }
            _ if first.is_alphanumeric() || first == '_' => {
                let ends = |letter: char| !letter.is_alphanumeric() && letter != '_';
                let length = rest.find(ends).unwrap_or(rest.len());
                found.push(Token::Word(&rest[..length]));
                length
            }
            _ => {
                if !first.is_whitespace() {
                    found.push(Token::Sign(first));
                }
                first.len_utf8()
            }
        };
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
pub(super) fn covers(rule: &str, path: &str) -> bool {
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
}
