//! Which of the two places of a checkpoint knows more, and when nobody can say so: a secret that may be the only
//! one of its kind is never taken away for what another ceremony left.

use crate::checkpoint::directory::MEMORY;
use crate::checkpoint::packed::memory_of;
use crate::checkpoint::{Checkpoint, CheckpointError, Diary, Mark};
use crate::code::Code;
use crate::config::Config;
use crate::edge::failures::of_replica;
use crate::failure::Failure;
use crate::replica::{Commit, Found, Replica};
use crate::step::Step;
use crate::step::decide::Recorded;

/// Takes up from the replica where that knows more. This directory knows more if it wrote last what is there,
/// and remembers so. Otherwise another machine went on, or this directory is an old copy that was put back: what is
/// here is of before.
///
/// # Errors
/// The two do not go on from each other, or one of them cannot be read.
pub(crate) async fn reconcile(
    config: &Config,
    replica: &Replica,
    checkpoint: &mut Checkpoint,
    (id, mark): (&str, Option<&Mark>),
    found: &Found,
) -> Result<(), Failure> {
    let Some(commit) = &found.commit else {
        return Ok(());
    };
    let age = Age::of(commit, id, mark);
    let mark = Mark::seen(id, replica.address(), commit.generation);
    if age == Age::WrittenFromHere {
        return Ok(checkpoint.set_mark(&mark)?);
    }
    let there = There::read(replica, commit).await?;
    // Killed when it had taken this up, before it could remember it, there is nothing more to take.
    if !there.is_here(checkpoint)? {
        let here = Side {
            diary: checkpoint.diary(),
            // Damaged, it is still not thrown away for nothing.
            keeps: checkpoint.keeps_something().unwrap_or(true),
        };
        if let Some(problem) = problem(&here, &there.side(), age) {
            return Err(refused(config, replica, checkpoint, commit, &problem));
        }
        let secrets = there.secrets.as_deref();
        let unpacked = checkpoint.unpack(&there.bytes, secrets, replica.address());
        unpacked.map_err(|error| of_copy(error, replica))?;
    }
    Ok(checkpoint.set_mark(&mark)?)
}

/// Whether this directory keeps a secret that is not what counts at the replica.
pub(crate) async fn lacks(
    (replica, longest): (&Replica, u64),
    checkpoint: &Checkpoint,
    commit: Option<&Commit>,
) -> Result<bool, Failure> {
    if !checkpoint.keeps_something()? {
        return Ok(false);
    }
    let Some(commit) = commit else {
        return Ok(true);
    };
    let (diary, secrets) = checkpoint.packed(longest)?;
    if commit.is_of(&diary, secrets.as_deref()) {
        return Ok(false);
    }
    Ok(secrets_there(replica, commit).await? != secrets)
}

/// The encrypted part of what counts, while there is one.
async fn secrets_there(replica: &Replica, commit: &Commit) -> Result<Option<Vec<u8>>, Failure> {
    match &commit.secrets {
        Some(part) => Ok(Some(replica.fetch(part).await.map_err(of_replica)?)),
        None => Ok(None),
    }
}

/// What counts at the replica, as this directory sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    /// This directory wrote it and remembers that: it knows as much, or more.
    WrittenFromHere,
    /// This directory wrote it and does not remember: it is an old copy, or the place was left and came back.
    Forgotten,
    /// Another one wrote it, after what this one saw.
    Newer,
    /// Another one wrote it, before what this one saw there.
    Older,
    /// Another one wrote it, and this one never saw anything there.
    NeverSeen,
}

impl Age {
    fn of(commit: &Commit, id: &str, mark: Option<&Mark>) -> Self {
        let seen = mark.map_or(0, |mark| mark.generation);
        if commit.id == id {
            // One that was killed before it could remember had written down what it was about to do.
            let was_next = mark.is_some_and(|mark| mark.next.as_ref() == Some(commit));
            let remembered = was_next || commit.generation <= seen;
            return if remembered {
                Self::WrittenFromHere
            } else {
                Self::Forgotten
            };
        }
        match seen {
            // The mark of generation 0 says only that somebody looked.
            0 => Self::NeverSeen,
            seen if commit.generation < seen => Self::Older,
            _ => Self::Newer,
        }
    }
}

/// What one of the two places knows.
struct Side<'a> {
    diary: &'a Diary,
    /// Whether it keeps an answer or a root token.
    keeps: bool,
}

/// Why nothing is taken up.
#[derive(Debug, PartialEq, Eq)]
enum Problem {
    TwoCeremonies,
    /// A secret that only this directory keeps.
    OnlyHere,
}

/// Whether what is there must not take the place of what is here.
fn problem(here: &Side<'_>, there: &Side<'_>, age: Age) -> Option<Problem> {
    let begun = here.diary.recorded(Step::Initialize) != Recorded::Nothing;
    let done = there.diary.recorded(Step::Initialize) == Recorded::Done;
    if here.keeps && !done && !there.keeps {
        return Some(Problem::OnlyHere);
    }
    let other = begun && here.keeps && beginning(here.diary) != beginning(there.diary);
    let strange = match age {
        Age::WrittenFromHere | Age::Newer => false,
        Age::Forgotten => latest(here.diary) > latest(there.diary),
        Age::NeverSeen => begun,
        Age::Older => true,
    };
    (other || strange).then_some(Problem::TwoCeremonies)
}

/// What counts at the replica, fetched.
struct There {
    diary: Diary,
    bytes: Vec<u8>,
    secrets: Option<Vec<u8>>,
}

impl There {
    async fn read(replica: &Replica, commit: &Commit) -> Result<Self, Failure> {
        let bytes = replica.fetch(&commit.diary).await.map_err(of_replica)?;
        let secrets = secrets_there(replica, commit).await?;
        let diary = Diary::read(&bytes, replica.address());
        Ok(Self {
            diary: diary.map_err(|error| of_copy(error, replica))?,
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
        let remembers = checkpoint.directory().join(MEMORY).exists();
        let memory = remembers || memory_of(&self.bytes).is_none();
        Ok(there == *here && memory && checkpoint.packed(0)?.1 == self.secrets)
    }

    fn side(&self) -> Side<'_> {
        // Space reserved for a secret is not a secret.
        let keeps = self.secrets.as_ref().is_some_and(|bytes| {
            let packed: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
            let ciphertext = packed["ciphertext"].as_str();
            ciphertext.is_some_and(|text| !text.is_empty())
        });
        let diary = &self.diary;
        Side { diary, keeps }
    }
}

/// What is wrong with the copy there, and not with the directory.
fn of_copy(error: CheckpointError, replica: &Replica) -> Failure {
    let damaged = matches!(error, CheckpointError::Damaged { .. });
    let failure = Failure::from(error);
    if damaged {
        return failure.damaged_at(replica.address());
    }
    failure
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
        Problem::TwoCeremonies => Failure::refused(
            Code::ReplicaContradicts,
            format!(
                "{here} and {address} describe two ceremonies, and neither continues the other"
            ),
        )
        .advise(format!(
            "{written}: find out which of the two is of this cluster, then name another place in \
             checkpoint.replica, or another checkpoint.path"
        )),
        Problem::OnlyHere => Failure::refused(
            Code::ReplicaContradicts,
            format!(
                "{here} keeps {}, and {address} knows nothing of them",
                checkpoint
                    .secrets_in_words()
                    .ok()
                    .flatten()
                    .unwrap_or("secrets")
            ),
        )
        .advise(format!(
            "{written}. While this cluster lives, keep that directory, name another place in \
             checkpoint.replica, then {}; if it was wiped since, name another checkpoint.path",
            config.command("apply")
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checkpoint::Entry;
    use crate::evidence::facts::Evidence;

    const HERE: &str = "0123456789abcdef";

    fn commit(id: &str, generation: u64, digest: &str) -> Commit {
        let part = json!({"name": "part", "pieces": 1, "digest": digest});
        serde_json::from_value(json!({
            "version": 1, "generation": generation, "id": id, "owner": "somebody", "written": "now",
            "diary": part, "secrets": null,
        }))
        .expect("a commit")
    }

    /// A diary whose ceremony began, at the minute, and was last written to some minutes later.
    fn diary(began: u32, recorded: Recorded, minutes: u32) -> Diary {
        let time = |minute: u32| format!("2026-01-01T00:{minute:02}:00Z");
        let mut diary = Diary::new("test", "http://127.0.0.1:8200");
        let entry = Entry {
            state: recorded,
            started: time(began),
            finished: Some(time(began + minutes)),
            evidence: Evidence::default(),
        };
        diary.steps.insert(Step::Initialize, entry);
        diary
    }

    fn decided(here: (&Diary, bool), there: (&Diary, bool), age: Age) -> Option<Problem> {
        let side = |(diary, keeps)| Side { diary, keeps };
        problem(&side(here), &side(there), age)
    }

    #[test]
    fn only_what_this_directory_remembers_to_have_written_is_not_newer_than_it() {
        let mark = |generation, next| Mark {
            id: HERE.into(),
            place: None,
            generation,
            next,
        };
        let there = commit(HERE, 5, "one");
        let of = |mark: &Mark| Age::of(&there, HERE, Some(mark));
        assert_eq!(of(&mark(5, None)), Age::WrittenFromHere);
        assert_eq!(of(&mark(6, None)), Age::WrittenFromHere);
        // What was seen at another place is nothing.
        assert_eq!(of(&mark(6, None).at("elsewhere")), Age::Forgotten);
        // Killed between writing and remembering.
        assert_eq!(of(&mark(4, Some(there.clone()))), Age::WrittenFromHere);
        // A copy of just before, also of a run that had tried something else under this number.
        assert_eq!(of(&mark(4, None)), Age::Forgotten);
        assert_eq!(of(&mark(4, Some(commit(HERE, 5, "else")))), Age::Forgotten);
        assert_eq!(of(&mark(1, None)), Age::Forgotten);
        let other = commit("fedcba9876543210", 5, "one");
        let of = |seen| Age::of(&other, HERE, Some(&mark(seen, None)));
        assert_eq!((of(0), of(4)), (Age::NeverSeen, Age::Newer));
        assert_eq!((of(5), of(6)), (Age::Newer, Age::Older));
        assert_eq!(Age::of(&other, HERE, None), Age::NeverSeen);
    }

    #[test]
    fn an_old_copy_takes_up_what_is_newer_but_never_for_the_only_answer() {
        let started = diary(1, Recorded::Started, 0);
        let (answered, later) = (diary(1, Recorded::Done, 1), diary(1, Recorded::Done, 9));
        let nothing = Diary::new("test", "http://127.0.0.1:8200");
        for (here, there) in [
            ((&nothing, false), (&started, false)),
            ((&started, false), (&answered, true)),
            ((&answered, true), (&later, true)),
            // ShareMaterial over meanwhile: the secrets of before go, as they went there.
            ((&answered, true), (&later, false)),
        ] {
            assert_eq!(decided(here, there, Age::Forgotten), None);
        }
        let only_here = Some(Problem::OnlyHere);
        for there in [&nothing, &started] {
            for age in [Age::Forgotten, Age::Newer, Age::NeverSeen] {
                assert_eq!(decided((&answered, true), (there, false), age), only_here);
            }
        }
        let two = Some(Problem::TwoCeremonies);
        let other = diary(20, Recorded::Done, 9);
        assert_eq!(
            decided((&answered, true), (&other, true), Age::Forgotten),
            two
        );
        assert_eq!(
            decided((&later, true), (&answered, true), Age::Forgotten),
            two
        );
    }
}
