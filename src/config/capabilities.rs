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

/// Says of the first word in a list of capabilities that no server takes. A text that is no policy at all is left to
/// the server.
pub(super) fn unknown(policy: &str) -> Option<String> {
    let text = without_comments(policy);
    let lists = text.split("capabilities").skip(1);
    let lists = lists.filter_map(|rest| {
        let rest = rest.trim_start_matches('"').trim_start();
        let rest = rest.strip_prefix(['=', ':'])?.trim_start();
        rest.strip_prefix('[')?.split_once(']')
    });
    for (list, _) in lists {
        let words = list.split(',').map(str::trim);
        let quoted = words.filter_map(|word| word.strip_prefix('"')?.strip_suffix('"'));
        for word in quoted {
            if !KNOWN.contains(&word) {
                let near = meant(word, KNOWN.into_iter());
                let shown = word.escape_debug();
                return Some(format!("`{shown}` is no capability of a policy{near}"));
            }
        }
    }
    None
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
        for (policy, said) in [
            (
                r#"path "a" { capabilities = ["read", "raed"] }"#,
                "`raed` is no capability of a policy; did you mean `read`?",
            ),
            (
                r#"{"path": {"a": {"capabilities": ["raed"]}}}"#,
                "`raed` is no capability of a policy; did you mean `read`?",
            ),
            (
                "path \"a\" {\n  capabilities = [\n    \"write\", # all\n    \"list\",\n  ]\n}",
                "`write` is no capability of a policy",
            ),
            (
                "path \"a#b\" { capabilities = [\"READ\"] }",
                "`READ` is no capability of a policy",
            ),
            (
                "/* of [\"x\"] */ path \"a//b\" { capabilities=[\"a\u{7}\"] }",
                "`a\\u{7}` is no capability of a policy",
            ),
        ] {
            assert_eq!(unknown(policy).as_deref(), Some(said), "{policy}");
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
