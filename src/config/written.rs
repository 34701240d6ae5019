//! Values as they are written into a file of this form by the program itself.

/// Words that YAML, in one version or another, takes for something else than text.
const WORDS: [&str; 8] = ["true", "false", "null", "yes", "no", "on", "off", "y"];

/// A text as one value in YAML, also inside `{…}` and `[…]`: as it is where nobody can misread it, and quoted otherwise.
/// In quotes no `${NAME}` is filled in.
pub(crate) fn yaml(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._@-".contains(letter);
    let begins = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '/');
    let word = text.to_ascii_lowercase();
    if begins && text.chars().all(plain) && !WORDS.contains(&word.as_str()) && word != "n" {
        return text.to_owned();
    }
    // JSON is YAML.
    serde_json::Value::from(text).to_string()
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
            "bob", "no", "N", "12", "1e3", "a: b", "a # b", "it's", "${HOME}", "\"", "größe",
            "[x]", "-", "~", "",
        ] {
            let text = format!("a: {{name: {}}}\n", yaml(name));
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
