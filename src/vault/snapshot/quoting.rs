//! Names that a server gave, in a command to be pasted and on a terminal.

/// One word as a shell takes it for one, and as a terminal shows it for what it is.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+=:,@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let visible =
        |letter: char| letter.is_ascii_graphic() || letter == ' ' || letter.is_alphanumeric();
    if word.chars().all(visible) {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    let mut text = String::from("$'");
    for letter in word.chars() {
        match letter {
            '\'' | '\\' => text.extend(['\\', letter]),
            letter if visible(letter) => text.push(letter),
            letter => {
                let mut bytes = [0; 4];
                for byte in letter.encode_utf8(&mut bytes).bytes() {
                    text.push_str(&format!("\\x{byte:02x}"));
                }
            }
        }
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_holds_is_neither_run_nor_hidden() {
        assert_eq!(quoted("a b;c"), "'a b;c'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("a\u{1b}[2K'"), r"$'a\x1b[2K\''");
        assert_eq!(quoted("a\u{202e}b"), r"$'a\xe2\x80\xaeb'");
        assert_eq!(quoted(""), "''");
    }
}
