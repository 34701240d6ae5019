//! Which of the two places of a checkpoint knows more, and when nobody can say so: a secret that may be the only
//! one of its kind is never taken away for what another ceremony left.

use super::checkpoint::{Checkpoint, Diary, Mark};
use super::decide::Recorded;
use super::second_place::of_replica;
use super::step::Step;
use crate::config::Config;
use crate::failure::Failure;
use crate::replica::{Commit, Found, Replica};

/// Takes up from the second place where that knows more. This directory knows more if it wrote last what is there:
/// then it was killed before it wrote more. Otherwise another machine went on, and what is here is of before.
///
/// # Errors
/// The two do not go on from each other, or one of them cannot be read.
pub(super) async fn reconcile(
    config: &Config,
    replica: &Replica,
    checkpoint: &mut Checkpoint,
    (id, mark): (&str, Option<&Mark>),
    found: &Found,
) -> Result<(), Failure> {
    let Some(commit) = &found.commit else {
        return Ok(());
    };
    let seen = mark.map_or(0, |mark| mark.generation);
    let ours = commit.id == id;
    let mark = Mark {
        id: id.to_owned(),
        generation: commit.generation,
    };
    // One ahead is a run that was killed before it could remember it.
    if ours && commit.generation <= seen + 1 {
        return Ok(checkpoint.set_mark(&mark)?);
    }
    let there = There::read(replica, commit).await?;
    // Killed when it had taken this up, before it could remember it, there is nothing more to take.
    if !there.is_here(checkpoint)? {
        if let Some(problem) = there.problem(checkpoint, (ours, seen), commit) {
            return Err(refused(config, replica, checkpoint, commit, &problem));
        }
        let secrets = there.secrets.as_deref();
        checkpoint.unpack(&there.bytes, secrets, replica.address())?;
    }
    Ok(checkpoint.set_mark(&mark)?)
}

/// Whether this directory keeps a secret that is not what counts at the second place.
///
/// # Errors
/// One of the two places cannot be read.
pub(super) async fn lacks(
    replica: &Replica,
    checkpoint: &Checkpoint,
    commit: Option<&Commit>,
) -> Result<bool, Failure> {
    if !checkpoint.keeps_something()? {
        return Ok(false);
    }
    let Some(commit) = commit else {
        return Ok(true);
    };
    let (diary, secrets) = checkpoint.packed()?;
    if commit.is_of(&diary, secrets.as_deref()) {
        return Ok(false);
    }
    let there = match &commit.secrets {
        Some(part) => Some(replica.fetch(part).await.map_err(of_replica)?),
        None => None,
    };
    Ok(there != secrets)
}

/// Why nothing is taken up.
enum Problem {
    TwoCeremonies,
    /// What only this directory keeps.
    OnlyHere(&'static str),
}

/// What counts at the second place, fetched.
struct There {
    diary: Diary,
    bytes: Vec<u8>,
    secrets: Option<Vec<u8>>,
}

impl There {
    async fn read(replica: &Replica, commit: &Commit) -> Result<Self, Failure> {
        let bytes = replica.fetch(&commit.diary).await.map_err(of_replica)?;
        let secrets = match &commit.secrets {
            Some(part) => Some(replica.fetch(part).await.map_err(of_replica)?),
            None => None,
        };
        Ok(Self {
            diary: Diary::read(&bytes, replica.address())?,
            bytes,
            secrets,
        })
    }

    /// Whether all of it is in this directory already. Proofs of here stay when it is taken up, and the diary is
    /// then of the program that did it.
    fn is_here(&self, checkpoint: &Checkpoint) -> Result<bool, Failure> {
        let here = checkpoint.diary();
        let there = Diary {
            program: here.program.clone(),
            proofs: here.proofs.clone(),
            ..self.diary.clone()
        };
        Ok(there == *here && checkpoint.packed()?.1 == self.secrets)
    }

    fn problem(
        &self,
        checkpoint: &Checkpoint,
        (ours, seen): (bool, u64),
        commit: &Commit,
    ) -> Option<Problem> {
        let here = checkpoint.diary();
        let begun = here.recorded(Step::Initialize) != Recorded::Nothing;
        // Damaged, it is still not thrown away for nothing.
        let keeps = checkpoint.keeps_something().unwrap_or(true);
        let done = self.diary.recorded(Step::Initialize) == Recorded::Done;
        if keeps && !done && !self.keeps_something() {
            let words = checkpoint.secrets_in_words().ok().flatten();
            return Some(Problem::OnlyHere(words.unwrap_or("secrets")));
        }
        let other = begun && keeps && beginning(here) != beginning(&self.diary);
        let strange = if ours {
            // A place that was left for another one and came back.
            latest(here) > latest(&self.diary)
        } else {
            // The mark of generation 0 says only that somebody looked.
            (begun && seen == 0) || commit.generation < seen
        };
        (other || strange).then_some(Problem::TwoCeremonies)
    }

    /// Whether it is an answer or a root token, and not the room for one.
    fn keeps_something(&self) -> bool {
        self.secrets.as_ref().is_some_and(|bytes| {
            let packed: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
            packed["ciphertext"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        })
    }
}

/// When `sys/init` was announced: the same in every copy of one ceremony that has its answer.
fn beginning(diary: &Diary) -> Option<&str> {
    let entry = diary.steps.get(&Step::Initialize);
    entry.map(|entry| entry.started.as_str())
}

/// When anything was last done.
fn latest(diary: &Diary) -> Option<&str> {
    let steps = diary.steps.values();
    let times = steps.map(|entry| entry.finished.as_ref().unwrap_or(&entry.started));
    let proofs = diary.proofs.values().map(|proof| &proof.at);
    times.chain(proofs).map(String::as_str).max()
}

fn refused(
    config: &Config,
    replica: &Replica,
    checkpoint: &Checkpoint,
    commit: &Commit,
    problem: &Problem,
) -> Failure {
    let (here, address) = (checkpoint.directory().display(), replica.address());
    let written = format!(
        "{address} was written by {} at {}",
        commit.owner, commit.written
    );
    match problem {
        Problem::TwoCeremonies => Failure::refused(format!(
            "{here} and {address} tell of two ceremonies, and neither goes on from the other"
        ))
        .advise(format!(
            "{written}: find out which of the two is of this cluster, then name another place in \
             checkpoint.replica, or another checkpoint.path"
        )),
        Problem::OnlyHere(what) => Failure::refused(format!(
            "{here} keeps {what}, and {address} knows nothing of them"
        ))
        .advise(format!(
            "{written}. While this cluster lives, keep that directory, name another place in \
             checkpoint.replica, then {}; if it was wiped since, name another checkpoint.path",
            config.command("apply")
        )),
    }
}
