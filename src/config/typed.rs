//! What was typed beside the file, so that a command that is advised works when it is typed as it stands.

use std::path::PathBuf;
use std::time::Duration;

/// Options that one command was given and another one, or the same once more, needs as well.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    /// The command itself, with what it cannot do without; empty where nothing is to be repeated of it.
    pub command: String,
    /// Files of identities that open shares.
    pub identities: Vec<PathBuf>,
    /// How long holders elsewhere are waited for.
    pub holders: Option<Duration>,
    /// Nobody is there to answer.
    pub yes: bool,
    /// The break-glass login to use.
    pub login: Option<String>,
    /// Why the glass is broken.
    pub reason: Option<String>,
    /// The token stands in the environment of the command that runs as root.
    pub env: bool,
    /// There is a command that runs as root; its arguments may hold secrets and are not repeated.
    pub works: bool,
}

impl Typed {
    /// `verb` with what was typed of that which it takes; what it says already stays as it says it.
    #[must_use]
    pub fn added_to(&self, verb: &str) -> String {
        let words = || verb.split_whitespace();
        let name: Vec<_> = words().take_while(|word| !word.starts_with('-')).collect();
        let says = |option: &str| words().any(|word| word == option);
        let name = name.join(" ");
        let applies = name == "apply" && !says("--abandon");
        let drills = name == "rehearse" || applies;
        let asks = name == "recovery rotate" || applies;
        let breaks = name == "break-glass" || name.starts_with("break-glass finish");
        let submits = name.starts_with("share submit");
        let gathers = breaks || drills || asks || submits || name == "unseal";
        let enters = name == "rehearse" || name.starts_with("break-glass") || submits;

        let reason = self.reason.as_deref().filter(|_| name == "break-glass");
        let holders = self.holders.filter(|_| drills);
        let mut line = verb.to_owned();
        let mut add = |option: &str, value: Option<String>| {
            let value = value.map(|value| format!(" {value}"));
            line.push_str(&format!(" {option}{}", value.unwrap_or_default()));
        };
        if let Some(reason) = reason.filter(|_| !says("--reason")) {
            add("--reason", Some(in_shell(reason)));
        }
        for file in self.identities.iter().filter(|_| gathers) {
            let file = in_shell(&file.display().to_string());
            // What was built of the same options says them already.
            if !format!(" {verb} ").contains(&format!(" --identity {file} ")) {
                add("--identity", Some(file));
            }
        }
        if let Some(limit) = holders.filter(|_| !says("--holders-elsewhere")) {
            add("--holders-elsewhere", Some(format!("{}s", limit.as_secs())));
        }
        if self.yes && asks && !says("--yes") {
            add("--yes", None);
        }
        if let Some(login) = self.login.as_deref().filter(|_| enters && !says("--login")) {
            add("--login", Some(in_shell(login)));
        }
        if breaks && self.env && !says("--env") {
            add("--env", None);
        }
        if breaks && self.works {
            add("--", Some("CMD".into()));
        }
        line
    }

    /// The command that was typed, with the word that another run's claim is taken over.
    #[must_use]
    pub fn taking_over(&self, id: &str) -> String {
        let command = if self.command.is_empty() {
            "apply"
        } else {
            &self.command
        };
        format!("{command} --take-over {id}")
    }
}

/// A word as a shell takes it for one.
#[must_use]
pub fn in_shell(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "/._-+=:,@%".contains(letter);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_a_blank_or_a_quote_stays_one_word() {
        assert_eq!(in_shell("conf/prod-1.yaml"), "conf/prod-1.yaml");
        assert_eq!(in_shell("my file.yaml"), "'my file.yaml'");
        assert_eq!(in_shell("it's.yaml"), r"'it'\''s.yaml'");
    }

    fn typed() -> Typed {
        Typed {
            command: "recovery rotate --from old.yaml".into(),
            identities: vec!["a key".into(), "b.key".into()],
            holders: Some(Duration::from_secs(1800)),
            yes: true,
            login: Some("ada".into()),
            reason: Some("OIDC is down".into()),
            env: true,
            works: true,
        }
    }

    #[test]
    fn an_advised_command_has_the_options_that_it_takes_and_no_others() {
        let keys = "--identity 'a key' --identity b.key";
        for (verb, wanted) in [
            (
                "apply",
                format!("apply {keys} --holders-elsewhere 1800s --yes"),
            ),
            (
                "apply --abandon 'lose a'",
                "apply --abandon 'lose a'".into(),
            ),
            ("status", "status".into()),
            ("custodian prove bob", "custodian prove bob".into()),
            (
                "rehearse",
                format!("rehearse {keys} --holders-elsewhere 1800s --login ada"),
            ),
            (
                "recovery rotate --from o",
                format!("recovery rotate --from o {keys} --yes"),
            ),
            (
                "unseal --identity KEYFILE",
                format!("unseal --identity KEYFILE {keys}"),
            ),
            (
                "break-glass cancel",
                "break-glass cancel --login ada".into(),
            ),
            (
                "break-glass",
                format!("break-glass --reason 'OIDC is down' {keys} --login ada --env -- CMD"),
            ),
            (
                "break-glass finish",
                format!("break-glass finish {keys} --login ada --env -- CMD"),
            ),
        ] {
            assert_eq!(typed().added_to(verb), wanted);
            assert_eq!(Typed::default().added_to(verb), verb);
        }
    }

    #[test]
    fn what_a_command_says_already_is_not_said_twice() {
        let said = "apply --yes --holders-elsewhere 5m --identity b.key";
        let line = typed().added_to(said);
        assert_eq!(line, format!("{said} --identity 'a key'"));
    }

    #[test]
    fn the_command_that_was_typed_is_the_one_that_takes_over() {
        assert_eq!(Typed::default().taking_over("1"), "apply --take-over 1");
        assert_eq!(
            typed().taking_over("1"),
            "recovery rotate --from old.yaml --take-over 1"
        );
    }
}
