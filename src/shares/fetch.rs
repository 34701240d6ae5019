//! Shares back from who keeps them: by machine, with an identity file of the holder, or typed in.

use std::path::PathBuf;

use crate::code::Code;
use crate::config::Config;
use crate::custodian::{self, Custodian, IdentityFile, Kind, Opener};
use crate::failure::Failure;
use crate::finding::GONE;
use crate::prompt;
use crate::root_generation::Held;
use crate::secret::Share;
use crate::shell::ShellCommand;
use crate::vault::keys::typed_share;

/// How often a person is asked for one share before it counts as none.
pub(crate) const TIMES: usize = 3;

/// The identity files that were typed.
pub(crate) fn identities(files: &[PathBuf]) -> Result<Vec<IdentityFile>, Failure> {
    let (mut read, mut failures) = (Vec::new(), Vec::new());
    for path in files {
        match IdentityFile::read(path) {
            Ok(identity) => read.push(identity),
            Err(error) => failures.push(error.into()),
        }
    }
    Failure::check(failures)?;
    Ok(read)
}

/// Those of the identities that open no share of these custodians: otherwise their holder would be asked, as if none had
/// been given.
pub(crate) async fn useless<'i>(
    custodians: impl Iterator<Item = &Custodian> + Clone,
    identities: &'i [IdentityFile],
) -> Vec<&'i IdentityFile> {
    let mut found = Vec::new();
    for identity in identities {
        let mut opens = false;
        for custodian in custodians.clone() {
            opens |= custodian.opens_with(std::slice::from_ref(identity)).await;
        }
        if !opens {
            found.push(identity);
        }
    }
    found
}

/// What is said of one of them.
pub(crate) fn opens_none(identity: &IdentityFile) -> String {
    format!("{} opens no share of this file", identity.path().display())
}

/// The share of a custodian as it is kept. A person is asked for it where no machine opens it.
pub(crate) async fn share(
    ask: &Ask<'_>,
    custodian: &Custodian,
    identities: &[IdentityFile],
) -> Result<Held, Failure> {
    let held = |share, typed| Held {
        name: custodian.name().to_owned(),
        share,
        typed,
    };
    let error = match custodian.fetch(identities).await {
        Ok(share) => return Ok(held(share, false)),
        Err(error) => error,
    };
    let said = match error.kind() {
        Kind::WrongIdentity if !identities.is_empty() => {
            Some("no identity that was given opens it")
        }
        Kind::NeedsHolder | Kind::WrongIdentity => None,
        Kind::NotOpened(said) => Some(said.as_str()),
        Kind::NotFound => return Err(Failure::from(error).advise(GONE)),
        _ => return Err(error.into()),
    };
    Ok(held(ask.person(custodian, said).await?, true))
}

/// How a person is asked for a share that no machine opens.
pub(crate) struct Ask<'a> {
    pub(crate) config: &'a Config,
    /// The command that can be given an identity instead, without `--identity`.
    pub(crate) verb: ShellCommand,
    /// Another way round, where there is one.
    pub(crate) otherwise: &'a str,
    /// Into how many the key was cut.
    pub(crate) shares: u32,
    /// Others may give theirs instead, so one who cannot is left out by Enter alone.
    pub(crate) may_skip: bool,
}

impl Ask<'_> {
    /// The question, and what to do where there is no terminal to ask it on.
    fn about(&self, custodian: &Custodian) -> (String, String) {
        let (name, opener) = (custodian.name(), custodian.opener());
        let command = custodian.read_command();
        let question = format!("The share of {name}, as {name} reads it: {command}");
        let instead = match opener {
            Opener::Gpg => format!(
                "let gpg open it here, by {name} or at a machine with {name}'s secret key, or run it at a terminal: {}{}",
                self.config.command(self.verb.clone()),
                self.otherwise
            ),
            _ => format!(
                "let {name}'s key open it here: {}{}",
                self.config
                    .command(self.verb.clone().and("--identity KEYFILE")),
                self.otherwise
            ),
        };
        (question, instead)
    }

    /// What its holder types. What is no share at all is said at once, while they still sit there, and asked for again.
    /// `said` is why the holder's own program did not open it here.
    async fn person(&self, custodian: &Custodian, said: Option<&str>) -> Result<Share, Failure> {
        let name = custodian.name();
        let (about, instead) = self.about(custodian);
        let said = said.map_or(String::new(), |said| format!("{said}\n"));
        prompt::can_ask(&format!("{said}{about}").replace('\n', ". "), &instead)?;
        let hint = if self.may_skip {
            format!("; Enter alone leaves {name} out")
        } else {
            String::new()
        };
        let command = custodian.read_command();
        let asked =
            format!("The share of {name}, as {name} reads it:\n  {command}\nShare (hidden{hint})");
        let (mut said, mut wrong) = (said, String::new());
        for _ in 0..TIMES {
            wrong = match prompt::hidden(&format!("{said}{asked}"), &instead).await {
                Ok(text) => {
                    let share = custodian::typed(text);
                    match typed_share::wrong_with(&share, self.shares) {
                        None => return Ok(share),
                        Some(wrong) => wrong,
                    }
                }
                Err(prompt::Error::Empty(_)) if self.may_skip => {
                    return Err(
                        Failure::failed(Code::InputWrong, "nothing was typed").advise(instead)
                    );
                }
                Err(prompt::Error::Empty(_)) => "nothing was typed".to_owned(),
                Err(error) => return Err(error.into()),
            };
            prompt::forget_the_rest();
            said = format!("That is not a share: {wrong}\n");
        }
        Err(Failure::refused(
            Code::ShareUnreadable,
            format!("what {name} typed {TIMES} times is not a share: {wrong}"),
        )
        .advise(format!(
            "let {name} type it exactly as it is shown by: {command}"
        )))
    }

    /// Holds that every share can be had, before anything is written for want of which they are needed. Each that
    /// nobody could open in this run comes into `failures`.
    pub(crate) async fn can_have(
        &self,
        custodians: &[Custodian],
        files: &[PathBuf],
        failures: &mut Vec<Failure>,
    ) {
        let identities = match identities(files) {
            Ok(identities) => identities,
            Err(failure) => return failures.push(failure),
        };
        for custodian in custodians {
            let (question, instead) = self.about(custodian);
            if let Err(error) = prompt::can_ask(&question, &instead)
                && !custodian.opens_with(&identities).await
            {
                failures.push(error.into());
            }
        }
    }
}
