//! `custodian prove NAME`: a holder opens a challenge before the ceremony, so that no share is ever
//! encrypted to somebody who cannot open it.

use std::path::Path;
use std::sync::Arc;

use crate::checkpoint::diary::Unanswered;
use crate::checkpoint::replica::damaged;
use crate::checkpoint::{self, Proof, ReplicatedCheckpoint};
use crate::code::{Code, Reported};
use crate::config::Config;
use crate::custodian::{self, Answer, Custodian, IdentityFile, Kind, Opener};
use crate::disk;
use crate::edge::custodians;
use crate::envelope::digest;
use crate::event::{Caller, Challenged, Event, Outcome, Proved};
use crate::failure::Failure;
use crate::finding::Finding;
use crate::prompt;
use crate::shell::ShellCommand;
use crate::step::Step;

/// How often a word is asked for: a mistake in typing costs nothing.
const TRIES: usize = 3;

/// How the holder of a custodian is to show that they open it.
#[derive(Debug, Clone, Copy)]
pub enum ProofMethod<'p> {
    /// With this age identity, here.
    Identity(&'p Path),
    /// By the word in a challenge that is shown, typed here.
    Shown,
    /// By the word in a challenge that is written to this file, typed later.
    Written(&'p Path),
    /// By the word in the challenge of an earlier run, typed here.
    Answer,
}

/// Lets the holder of `name` open a challenge and remembers that it was opened.
///
/// A challenge that nobody has answered yet is kept, but for the word in it: it is opened by the holder wherever their
/// key is, today or later, and the private key never comes to this machine.
///
/// # Errors
/// There is no such custodian, the answer is wrong, or the checkpoint cannot remember it. Or the stop that was asked
/// for.
pub async fn prove_custodian(
    config: &Config,
    name: &str,
    way: ProofMethod<'_>,
    caller: Caller<'_>,
) -> Result<Outcome, Failure> {
    let custodian = custodians::one(config, name).await?;
    let records = damaged::checkpoint(config, None, caller).await?;
    let proving = Proving {
        config,
        custodian: &custodian,
        records: &records,
        caller,
    };
    let last = caller.unless_stopped(proving.last_event(way)).await;
    records.release(caller).await;
    Ok(Outcome::done(last?))
}

/// A custodian whose holder is asked.
struct Proving<'p> {
    config: &'p Config,
    custodian: &'p Custodian,
    records: &'p ReplicatedCheckpoint,
    caller: Caller<'p>,
}

impl Proving<'_> {
    async fn last_event(&self, way: ProofMethod<'_>) -> Result<Event, Failure> {
        let proof = match (way, self.custodian.opener()) {
            // Reading back what was just written is the proof.
            (ProofMethod::Identity(_) | ProofMethod::Shown, Opener::Machine) => {
                self.open(Answer::Machine).await?
            }
            (ProofMethod::Written(_) | ProofMethod::Answer, Opener::Machine) => {
                return Err(self.no_person());
            }
            (ProofMethod::Identity(path), _) => {
                let identity = IdentityFile::read(path)?;
                let identities = std::slice::from_ref(&identity);
                self.open(Answer::Identities(identities)).await?
            }
            (ProofMethod::Written(file), _) => {
                let challenge = self.unanswered().await?;
                let written = self.write(&challenge, file)?;
                self.written_to(challenge, file).await?;
                return Ok(Event::Challenge(written));
            }
            (ProofMethod::Shown, _) => {
                // A challenge that nobody can answer is not shown.
                prompt::can_ask(&self.question(), &self.instead())?;
                let challenge = self.unanswered().await?;
                let shown = self.challenged(&challenge, None);
                self.caller.events.emit(Event::Challenge(shown));
                let command = self.custodian.opener().command();
                let label = self.label(" (paste the text above there)", &command);
                self.ask(challenge, &label).await?
            }
            (ProofMethod::Answer, _) => {
                let kept = self.kept().ok_or_else(|| self.nothing_to_answer())?;
                prompt::can_ask(
                    &self.question(),
                    "run it at a terminal: the word is typed there",
                )?;
                let command = self.custodian.opener().command();
                let command = match &kept.file {
                    Some(file) => command.with(file),
                    None => command,
                };
                let label = self.label("", &command);
                self.ask(kept, &label).await?
            }
        };
        for Reported { code, text, .. } in &proof.warnings {
            self.caller.events.warn(*code, text);
        }
        self.remember(proof).await.map(Event::Proved)
    }

    async fn open(&self, answer: Answer<'_>) -> Result<custodian::Proof, Failure> {
        let challenge = self.custodian.challenge().await?;
        let answered = self.custodian.answer(&challenge, answer).await;
        let wanted = |error: custodian::Error| match error.kind() {
            Kind::WrongIdentity => {
                let subject = challenge.subject();
                error.advise(format!(
                    "the recipient that is wanted is {subject}: name its identity; age-keygen -y FILE shows the recipient \
                     of one"
                ))
            }
            _ => error,
        };
        Ok(answered.map_err(wanted)?)
    }

    /// The challenge that waits for an answer, where it is for the custodian of the file as it is now.
    fn kept(&self) -> Option<Unanswered> {
        let kept = self
            .records
            .diary()
            .challenges
            .get(self.custodian.name())
            .cloned();
        kept.filter(|kept| kept.subject == self.custodian.proof_subject())
    }

    /// The same, or a new one.
    async fn unanswered(&self) -> Result<Unanswered, Failure> {
        if let Some(kept) = self.kept() {
            return Ok(kept);
        }
        let challenge = self.custodian.challenge().await?;
        let made = Unanswered {
            subject: challenge.subject().to_owned(),
            armored: challenge.armored().unwrap_or_default().to_owned(),
            word: digest::secret_digest(challenge.word()).await?,
            at: checkpoint::now(),
            file: None,
        };
        self.keep(made.clone()).await?;
        Ok(made)
    }

    /// The challenge on disk and, where there is one, at the replica.
    async fn keep(&self, challenge: Unanswered) -> Result<(), Failure> {
        let name = self.custodian.name().to_owned();
        self.records
            .record(|diary| drop(diary.challenges.insert(name, challenge)))?;
        self.records.replicate().await
    }

    /// Whoever asks for the word can then say which file it is in.
    async fn written_to(&self, challenge: Unanswered, file: &Path) -> Result<(), Failure> {
        let name = file.file_name().map(|name| name.display().to_string());
        if challenge.file == name {
            return Ok(());
        }
        self.keep(Unanswered {
            file: name,
            ..challenge
        })
        .await
    }

    /// Asks for the word, more than once.
    async fn ask(&self, kept: Unanswered, label: &str) -> Result<custodian::Proof, Failure> {
        let instead = self.instead();
        for left in (0..TRIES).rev() {
            let word = prompt::hidden(label, &instead).await?;
            let word = Arc::new(custodian::as_written(&word));
            if digest::matches(&word, kept.word.clone()).await? {
                return Ok(custodian::Proof {
                    subject: kept.subject,
                    warnings: Vec::new(),
                });
            }
            if left > 0 {
                let note = format!(
                    "that is not the word in the challenge of {}: try again",
                    kept.at
                );
                self.caller.events.note(note);
            }
        }
        let name = self.custodian.name();
        Err(Failure::failed(
            Code::CustodianUnproved,
            format!("the challenge of {name}: the answer is not the word of the challenge"),
        )
        .advise(format!(
            "let the holder decrypt it: {}; the challenge stays the same, and takes the word at any time: {}",
            self.custodian.opener().command(),
            self.command("--answer")
        )))
    }

    fn write(&self, challenge: &Unanswered, file: &Path) -> Result<Challenged, Failure> {
        let text = format!("{}\n", challenge.armored.trim_end());
        let failed = |doing: &str, error: std::io::Error| {
            let text = format!("cannot {doing} {}: {error}", file.display());
            Failure::failed(Code::FileFailed, text).advise("name another file")
        };
        let is_new = disk::create(file, text.as_bytes());
        if !is_new.map_err(|(doing, error)| failed(doing, error))? {
            let there = disk::read::bytes(file, text.len() as u64 + 1);
            if there.map_err(|error| failed("read", error))? != text.as_bytes() {
                let text = format!("{} exists, and is never overwritten", file.display());
                return Err(Failure::usage(Code::FileFailed, text).advise("name another file"));
            }
        }
        Ok(self.challenged(challenge, Some(file)))
    }

    fn challenged(&self, challenge: &Unanswered, file: Option<&Path>) -> Challenged {
        let decrypt = self.custodian.opener().command();
        let decrypt = match file.and_then(Path::file_name) {
            Some(name) => decrypt.with(name.display()),
            None => decrypt,
        };
        Challenged {
            custodian: self.custodian.name().to_owned(),
            subject: challenge.subject.clone(),
            armored: challenge.armored.clone(),
            at: challenge.at.clone(),
            file: file.map(Path::to_owned),
            decrypt: decrypt.to_string(),
            next: self.command("--answer").to_string(),
        }
    }

    /// The proof on disk and, where there is one, at the replica.
    async fn remember(&self, proof: custodian::Proof) -> Result<Proved, Failure> {
        let name = self.custodian.name().to_owned();
        let proved = Proved {
            custodian: name.clone(),
            subject: proof.subject.clone(),
        };
        self.records.record(|diary| {
            let proof = Proof {
                subject: proof.subject,
                at: checkpoint::now(),
            };
            diary.challenges.remove(&name);
            diary.settle(Step::Preflight, |one| Finding::is_of_unproved(one, &name));
            diary.proofs.insert(name, proof);
        })?;
        self.records.replicate().await?;
        Ok(proved)
    }

    /// What is asked, in a line.
    fn question(&self) -> String {
        format!("the word in the challenge of {}", self.custodian.name())
    }

    /// The same for whoever answers: what shows the word, `how` it is used, and where it is typed.
    fn label(&self, how: &str, command: &ShellCommand) -> String {
        let name = self.custodian.name();
        format!("The word in the challenge, as {name} reads it{how}:\n  {command}\nWord (hidden)")
    }

    /// What to type where nobody can be asked.
    fn instead(&self) -> String {
        let later = format!(
            "write it to a file, and type the word later: {}",
            self.command("--challenge-file FILE")
        );
        match self.custodian.opener() {
            Opener::Gpg => later,
            _ => format!(
                "open it here: {}; or {later}",
                self.command("--identity KEYFILE")
            ),
        }
    }

    fn command(&self, option: &'static str) -> ShellCommand {
        let verb = ShellCommand::new("custodian prove").with(self.custodian.name());
        self.config.command(verb.and(option))
    }

    fn no_person(&self) -> Failure {
        let text = format!(
            "{} is opened by a machine: there is no challenge to answer",
            self.custodian.name()
        );
        let verb = ShellCommand::new("custodian prove").with(self.custodian.name());
        Failure::usage(Code::CustodianUnproved, text)
            .advise(format!("try it: {}", self.config.command(verb)))
    }

    fn nothing_to_answer(&self) -> Failure {
        let name = self.custodian.name();
        let diary = self.records.diary();
        let proof = diary.proofs.get(name);
        let proof = proof.filter(|proof| proof.subject == self.custodian.proof_subject());
        let anew = self.command("--challenge-file FILE");
        if let Some(proof) = proof {
            let text = format!(
                "{name} is proved since {}: no challenge waits for an answer",
                proof.at
            );
            return Failure::usage(Code::InputWrong, text).advise(format!(
                "there is nothing left to do; to prove {name} once more: {anew}"
            ));
        }
        let text = format!("no challenge waits for {name} as the file has them now");
        Failure::usage(Code::CustodianUnproved, text).advise(format!("make one: {anew}"))
    }
}
