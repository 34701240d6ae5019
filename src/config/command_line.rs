//! What was typed beside the file, so that a command that is advised works when it is typed as it stands.

use std::path::PathBuf;
use std::time::Duration;

use crate::shell::ShellCommand;
use crate::span;

/// Options that one command was given and another one, or the same once more, needs as well.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    /// The command itself, with what it cannot do without; empty where nothing is to be repeated of it.
    pub command: ShellCommand,
    /// Files of identities that open shares.
    pub identities: Vec<PathBuf>,
    /// How long holders elsewhere are waited for.
    pub holders: Option<Duration>,
    /// Nobody is there to answer.
    pub yes: bool,
    /// Root is kept, as the file says too.
    pub keep_root: bool,
    /// Root tokens of others are revoked as well.
    pub revoke_other_roots: bool,
    /// Addresses that are new in the file and may be trusted.
    pub accept_addresses: Vec<String>,
    /// A copy of the report goes here.
    pub report: Option<PathBuf>,
    /// What signs the evidence.
    pub sign_key: Option<PathBuf>,
    /// The break-glass login to use.
    pub login: Option<String>,
    /// Why the glass is broken.
    pub reason: Option<String>,
    /// The token stands in the environment of the command that runs as root.
    pub env: bool,
    /// API paths that the command which runs as root is there to change.
    pub expect: Vec<String>,
    /// There is a command that runs as root; its arguments may hold secrets and are not repeated.
    pub works: bool,
}

impl Typed {
    /// `verb` with what was typed of that which it takes; what it says already stays as it says it.
    pub fn added_to(&self, verb: &ShellCommand) -> ShellCommand {
        let words: Vec<&str> = verb.as_str().split_whitespace().collect();
        let name = words.iter().take_while(|word| !word.starts_with('-'));
        let name = name.copied().collect::<Vec<_>>().join(" ");
        let applies = name == "apply" && !words.contains(&"--abandon");
        let drills = name == "rehearse" || applies;
        let asks = name == "recovery rotate" || applies;
        let breaks = name == "break-glass" || name.starts_with("break-glass finish");
        let submits = name.starts_with("share submit");
        let gathers = breaks || drills || asks || submits || name == "unseal";
        let signs = name == "rehearse" || breaks || name == "recovery rotate";
        let enters = name == "rehearse" || name.starts_with("break-glass") || submits;

        let none = ShellCommand::default;
        let text = |value: &Option<String>| value.as_ref().map(|value| none().with(value));
        let flag = |given: bool| given.then(none);
        let seconds = |limit: Duration| none().with(span::text(limit));
        let file = |path: &PathBuf| none().with(path.display());
        let mut options = vec![("--reason", name == "break-glass", text(&self.reason))];
        let identities = self.identities.iter().map(file);
        options.extend(identities.map(|file| ("--identity", gathers, Some(file))));
        options.extend([
            ("--holders-elsewhere", drills, self.holders.map(seconds)),
            ("--yes", asks, flag(self.yes)),
            ("--keep-root", applies, flag(self.keep_root)),
            (
                "--revoke-other-roots",
                applies,
                flag(self.revoke_other_roots),
            ),
        ]);
        let accepted = self.accept_addresses.iter().map(|one| none().with(one));
        options.extend(accepted.map(|one| ("--accept-address", applies, Some(one))));
        options.extend([
            ("--report", applies, self.report.as_ref().map(file)),
            ("--sign-key", signs, self.sign_key.as_ref().map(file)),
            ("--login", enters, text(&self.login)),
            ("--env", breaks, flag(self.env)),
        ]);
        let expected = self.expect.iter().map(|path| none().with(path));
        options.extend(expected.map(|path| ("--expect", breaks, Some(path))));
        options.extend([("--", breaks, self.works.then(|| none().and("CMD")))]);
        let mut line = verb.clone();
        for (option, applies, value) in options {
            let Some(value) = value.filter(|_| applies) else {
                continue;
            };
            let said = match option {
                // There may be several, and each is said for itself.
                "--identity" | "--accept-address" | "--expect" => {
                    format!(" {verb} ").contains(&format!(" {option} {value} "))
                }
                _ => words.contains(&option),
            };
            if !said {
                line = line.and(option).join(&value);
            }
        }
        line
    }

    /// The command that was typed, with the word that another run's lease is taken over.
    pub fn taking_over(&self, id: &str) -> ShellCommand {
        let command = if self.command == ShellCommand::default() {
            ShellCommand::new("apply")
        } else {
            self.command.clone()
        };
        command.and("--take-over").with(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed() -> Typed {
        Typed {
            command: "recovery rotate --from old.yaml".into(),
            identities: vec!["a key".into(), "b.key".into()],
            holders: Some(Duration::from_secs(1800)),
            yes: true,
            keep_root: true,
            revoke_other_roots: true,
            accept_addresses: vec!["https://new:8200".into()],
            report: Some("done.json".into()),
            sign_key: Some("s.key".into()),
            login: Some("ada".into()),
            reason: Some("OIDC is down".into()),
            env: true,
            expect: vec!["sys/policies/*".into()],
            works: true,
        }
    }

    #[test]
    fn an_advised_command_has_the_options_that_it_takes_and_no_others() {
        let keys = "--identity 'a key' --identity b.key";
        for (verb, added) in [
            (
                "apply",
                " KEYS --holders-elsewhere 30m --yes --keep-root --revoke-other-roots --accept-address https://new:8200 \
                 --report done.json",
            ),
            ("apply --abandon 'lose a'", ""),
            ("status", ""),
            ("custodian prove bob", ""),
            (
                "rehearse",
                " KEYS --holders-elsewhere 30m --sign-key s.key --login ada",
            ),
            ("recovery rotate --from o", " KEYS --yes --sign-key s.key"),
            ("unseal --identity KEYFILE", " KEYS"),
            ("break-glass cancel", " --login ada"),
            (
                "break-glass",
                " --reason 'OIDC is down' KEYS --sign-key s.key --login ada --env --expect 'sys/policies/*' -- CMD",
            ),
            (
                "break-glass finish",
                " KEYS --sign-key s.key --login ada --env --expect 'sys/policies/*' -- CMD",
            ),
        ] {
            let wanted = format!("{verb}{}", added.replace("KEYS", keys));
            let verb = ShellCommand::new(verb);
            assert_eq!(typed().added_to(&verb).as_str(), wanted);
            assert_eq!(Typed::default().added_to(&verb), verb);
        }
    }

    #[test]
    fn what_a_command_says_already_is_not_said_twice() {
        let said = "apply --yes --holders-elsewhere 5m --identity b.key";
        let line = typed().added_to(&said.into());
        let more =
            "--keep-root --revoke-other-roots --accept-address https://new:8200 --report done.json";
        assert_eq!(line.as_str(), format!("{said} --identity 'a key' {more}"));
    }

    #[test]
    fn the_command_that_was_typed_is_the_one_that_takes_over() {
        let line = Typed::default().taking_over("1");
        assert_eq!(line.as_str(), "apply --take-over 1");
        assert_eq!(
            typed().taking_over("1").as_str(),
            "recovery rotate --from old.yaml --take-over 1"
        );
    }
}
