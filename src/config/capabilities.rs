//! The capabilities that a policy names, before any server refuses one of them.

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

/// The line and what is to be said of the first word in a list of capabilities that no server takes. A text that is no policy
/// at all is left to the server.
pub(super) fn unknown(policy: &str) -> Option<(usize, String)> {
    let text = without_comments(policy);
    let lists = text.split("capabilities").skip(1);
    let lists = lists.filter_map(|rest| {
        let rest = rest.trim_start_matches('"').trim_start();
        let rest = rest.strip_prefix(['=', ':'])?.trim_start();
        Some(rest.strip_prefix('[')?.split_once(']')?.0)
    });
    let words = lists.flat_map(|list| list.split(',').map(str::trim));
    let mut quoted = words.filter_map(|word| word.strip_prefix('"')?.strip_suffix('"'));
    let word = quoted.find(|word| !KNOWN.contains(word))?;
    // A part of the text without comments, which has all its line ends.
    let before = &text[..word.as_ptr() as usize - text.as_ptr() as usize];
    let line = before.matches('\n').count() + 1;
    let (near, shown) = (meant(word, KNOWN.into_iter()), word.escape_debug());
    Some((
        line,
        format!("`{shown}` is no capability of a policy{near}"),
    ))
}

/// The policy without what follows `#` or `//` on a line and what stands in `/* */`; what is quoted stays.
fn without_comments(policy: &str) -> String {
    let (mut text, mut rest) = (String::with_capacity(policy.len()), policy);
    while let Some(place) = rest.find(['"', '#', '/']) {
        let (before, from) = rest.split_at(place);
        text.push_str(before);
        let length = if from.starts_with('"') {
            quoted(from)
        } else if from.starts_with('#') || from.starts_with("//") {
            from.find('\n').unwrap_or(from.len())
        } else if from.starts_with("/*") {
            from.find("*/").map_or(from.len(), |end| end + 2)
        } else {
            1
        };
        let (taken, after) = from.split_at(length);
        if !taken.starts_with(['#', '/']) || length == 1 {
            text.push_str(taken);
        } else {
            text.extend(taken.chars().filter(|letter| *letter == '\n'));
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

/// How long a quoted text is, with both marks.
fn quoted(from: &str) -> usize {
    let mut escaped = false;
    for (place, letter) in from.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return place + 1,
            _ => {}
        }
    }
    from.len()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let found = unknown(policy);
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
            assert_eq!(unknown(policy), None, "{policy}");
        }
    }
}
