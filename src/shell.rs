//! Commands that are advised, to be pasted into a shell: whatever a value holds, it is one word there.

use std::fmt;

use crate::printable;

/// This program, as it is typed.
const PROGRAM: &str = "vault-bootstrap";

/// A command to be typed. Its own words are literals of the source; every other value is quoted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShellCommand(String);

impl ShellCommand {
    /// Words of ours, as they are typed: a program, a verb, options.
    pub fn new(words: &'static str) -> Self {
        Self(words.to_owned())
    }

    /// Further words of ours.
    #[must_use]
    pub fn and(self, words: &'static str) -> Self {
        self.push(words)
    }

    /// A value of anybody's, as one word.
    #[must_use]
    pub fn with(self, value: impl fmt::Display) -> Self {
        self.push(&quoted(&value.to_string()))
    }

    /// An option of ours with its value, where the two are one word, such as `-address=`.
    #[must_use]
    pub fn set(self, option: &'static str, value: impl fmt::Display) -> Self {
        self.push(&quoted(&format!("{option}{value}")))
    }

    /// What follows once this one went well.
    #[must_use]
    pub fn then(self, next: &Self) -> Self {
        self.push("&&").push(&next.0)
    }

    /// All words of another one behind these.
    #[must_use]
    pub fn join(self, rest: &Self) -> Self {
        self.push(&rest.0)
    }

    /// A command of this program with this verb, as an earlier run has written it down; nothing where it is not such a one:
    /// whoever has the record may have put another one there.
    pub fn recorded(text: &str, verb: &str) -> Option<Self> {
        let words = words(text)?;
        let rest = match words.get(1).map(String::as_str) {
            Some("-c") => words.get(3..)?,
            _ => words.get(1..)?,
        };
        let mut expected = verb.split(' ');
        let mut given = rest.iter().map(String::as_str);
        let runs_nothing = !rest.iter().any(|word| word == "--");
        if !expected.all(|word| given.next() == Some(word)) || !runs_nothing {
            return None;
        }
        let whole: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        let own = words.first().is_some_and(|program| program == PROGRAM);
        (own && whole.join(" ") == text).then(|| Self(text.to_owned()))
    }

    /// The file that it names with `-c`.
    pub fn file(&self) -> Option<String> {
        let words = words(&self.0)?;
        match &words[..] {
            [_, option, file, ..] if option == "-c" => Some(file.clone()),
            _ => None,
        }
    }

    /// Its words, as they are typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn push(mut self, words: &str) -> Self {
        if !self.0.is_empty() && !words.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(words);
        self
    }
}

impl fmt::Display for ShellCommand {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl From<&'static str> for ShellCommand {
    fn from(words: &'static str) -> Self {
        Self::new(words)
    }
}

impl From<ShellCommand> for String {
    fn from(command: ShellCommand) -> Self {
        command.0
    }
}

/// A word as a shell takes it for one. What nobody sees, and what ends a line, is written out: it is then another word,
/// and still one.
pub(crate) fn quoted(word: &str) -> String {
    let word = &printable::one_line(word);
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+=:,@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The words of a command in which nothing is quoted but with `'` and `\'`.
fn words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut inside) = (Vec::new(), String::new(), false);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => inside = !inside,
            _ if inside => word.push(letter),
            '\\' => word.push(letters.next()?),
            ' ' => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    words.push(word);
    (!inside).then_some(words)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_word_with_a_blank_or_a_quote_stays_one_word() {
        assert_eq!(quoted("conf/prod-1.yaml"), "conf/prod-1.yaml");
        assert_eq!(quoted("my file.yaml"), "'my file.yaml'");
        assert_eq!(quoted("it's.yaml"), r"'it'\''s.yaml'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_line_that_ends_within_a_word_is_written_out() {
        let command = ShellCommand::new("printf %s").with("two\nlines\u{1b}[2J");
        assert_eq!(command.as_str(), r"printf %s 'two\u{a}lines\u{1b}[2J'");
    }

    #[test]
    fn a_command_of_ours_is_read_back_and_no_other_one() {
        for value in ["old.yaml", "my file.yaml", "it's", "a\\b", "x; touch F #"] {
            let command = ShellCommand::new("vault-bootstrap -c").with(value);
            let command = command.and("recovery rotate");
            let recorded = ShellCommand::recorded(command.as_str(), "recovery rotate");
            assert_eq!(recorded, Some(command));
        }
        for other in [
            "",
            "rm -rf /",
            "vault-bootstrap break-glass --reason x --env -- sh -c evil",
            "vault-bootstrap -c evil.yaml apply",
            "vault-bootstrap recovery rotate --from x -- sh",
            "vault-bootstrap recovery rotate; touch F",
            "vault-bootstrap recovery rotate && touch F",
            "vault-bootstrap recovery rotate\ntouch F",
            "vault-bootstrap recovery rotate $(touch F)",
            "vault-bootstrap recovery 'rotate",
            "vault-bootstrap recovery  rotate",
            "vault-bootstrap-evil recovery rotate",
            "vault-bootstrap recovery rotate \"a\"",
        ] {
            let recorded = ShellCommand::recorded(other, "recovery rotate");
            assert_eq!(recorded, None, "{other}");
        }
    }

    #[test]
    fn a_shell_hands_every_value_on_as_it_was() {
        for hostile in [
            "x; touch F #",
            "$(touch F)`touch F`",
            "'; touch F; '",
            "\"$HOME\" \\ !! ~ * ?[a] {a,b} <F >F |F &",
            "-n",
            "größe",
        ] {
            let command = ShellCommand::new("printf %s")
                .with(hostile)
                .set("-a=", hostile);
            let ran = Command::new("sh").arg("-c").arg(command.as_str()).output();
            let said = String::from_utf8(ran.unwrap().stdout).unwrap();
            assert_eq!(said, format!("{hostile}-a={hostile}"));
        }
    }
}
