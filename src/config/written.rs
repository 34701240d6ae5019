//! Values as they are written into a file of this form by the program itself.

use crate::printable::is_hidden;

/// Words that YAML, in one version or another, takes for something else than text.
const WORDS: [&str; 8] = ["true", "false", "null", "yes", "no", "on", "off", "y"];

/// A text as one value in YAML, also inside `{…}` and `[…]`: as it is where nobody can misread it, and quoted otherwise,
/// with what nobody sees written out. In quotes no `${NAME}` is filled in.
pub(crate) fn yaml(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._@-".contains(letter);
    let begins = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '/');
    let word = text.to_ascii_lowercase();
    if begins && text.chars().all(plain) && !WORDS.contains(&word.as_str()) && word != "n" {
        return text.to_owned();
    }
    // JSON is YAML. What it does not escape and YAML does not take, or a terminal obeys, is escaped as YAML has it.
    let quoted = serde_json::Value::from(text).to_string();
    let mut shown = String::with_capacity(quoted.len());
    for letter in quoted.chars() {
        let code = u32::from(letter);
        match code {
            _ if !is_hidden(letter) => shown.push(letter),
            0..=0xFFFF => shown.push_str(&format!("\\u{code:04x}")),
            _ => shown.push_str(&format!("\\U{code:08x}")),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::from_text;

    #[test]
    fn every_text_comes_back_as_it_was() {
        assert_eq!(yaml("shares/bob.age"), "shares/bob.age");
        assert_eq!(yaml("https://a:1"), "\"https://a:1\"");
        for name in [
            "bob",
            "no",
            "N",
            "12",
            "1e3",
            "a: b",
            "a # b",
            "it's",
            "${HOME}",
            "\"",
            "größe",
            "[x]",
            "-",
            "~",
            "",
            "a\u{202e}b",
            "a\u{e0041}b",
            "a\u{feff}",
        ] {
            let text = format!("a: {{name: {}}}\n", yaml(name));
            assert!(
                !text.contains(|letter| letter != '\n' && is_hidden(letter)),
                "{text:?}"
            );
            // An unknown key is named in the problem, so the name is looked for as a key of a map.
            let text = format!(
                "{text}{}: 1\n",
                if name.is_empty() {
                    "b".to_owned()
                } else {
                    yaml(name)
                }
            );
            let problems = from_text(&text, Path::new("x"), Path::new(""), &|_| None).unwrap_err();
            let known = name.is_empty() || problems.to_string().contains(&format!("`{name}`"));
            assert!(known, "{name}: {problems}");
        }
    }
}
