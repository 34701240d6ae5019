//! Which version of the key set is asked for: none that is known to be no longer valid, and where a new one is not finished,
//! whoever asks is told so before a holder is called.

use crate::checkpoint::rotation::{Phase, Rotation};
use crate::checkpoint::{self, Diary};
use crate::code::Code;
use crate::config::{Config, Seal};
use crate::custodian::Custodian;
use crate::failure::Failure;
use crate::finding::Finding;

/// What a person should know before any holder is asked, where new shares are half made or the file does not describe
/// those that were made.
///
/// # Errors
/// The file asks for shares that are no longer valid, as the checkpoint here has it.
pub(crate) fn asked_for(config: &Config) -> Result<Vec<Finding>, Failure> {
    // In an emergency a damaged diary bars nothing: whether the shares are in effect, the server knows.
    let Ok(Some(diary)) = checkpoint::read_diary(&config.checkpoint.path) else {
        return Ok(Vec::new());
    };
    let half_made = diary.rotation.as_ref().filter(|one| one.is_half_made());
    let wanted = config.init.generation;
    let may_hold = may_hold(&diary, half_made);
    if !may_hold.is_empty() && !may_hold.contains(&wanted) {
        return Err(of_no_use(config, &may_hold, diary.rotation.as_ref()));
    }
    Ok(match half_made {
        Some(rotation) => vec![unfinished(rotation, wanted)],
        None => contradictions(&diary, config),
    })
}

/// What the file says of shares that were made and given otherwise: writing it there changed nothing.
pub(crate) fn contradictions(diary: &Diary, config: &Config) -> Vec<Finding> {
    let init = &config.init;
    let Some(asked) = diary
        .asked
        .filter(|asked| asked.generation == init.generation)
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let (made, said) = (
        (asked.threshold, asked.shares),
        (init.threshold, init.shares),
    );
    if made != said {
        found.push(Finding::SharesMadeOtherwise(made.0, made.1, said.0, said.1));
    }
    let given: Vec<_> = diary.shares.keys().cloned().collect();
    let mut named: Vec<_> = init.custodians.iter().map(|one| one.name.clone()).collect();
    named.sort();
    if !given.is_empty() && given != named {
        found.push(Finding::SharesGivenOtherwise(given, named));
    }
    let made = if asked.recovery {
        Seal::Auto
    } else {
        Seal::Shamir
    };
    if let Some(said) = init.seal.filter(|said| *said != made) {
        found.push(Finding::SealOtherwise(made.name(), said.name()));
    }
    found
}

/// That the file names another key, or parameter, for a share than what it was encrypted to: writing it there changed
/// nothing. Of a share at another place that is said anyway.
pub(crate) fn of_another_key(
    diary: &Diary,
    custodian: &Custodian,
    config: &Config,
) -> Option<Finding> {
    let name = custodian.name();
    let record = diary.shares.get(name)?;
    let stored = record.stored.as_ref()?;
    let (was, is) = (record.encrypted_to.clone()?, custodian.proof_subject());
    let rotate = config.command("recovery rotate --from OLD.yaml");
    let another = stored.address == custodian.address() && was != is;
    another.then(|| Finding::ShareOfAnotherKey(name.to_owned(), was, is, rotate))
}

/// Of which makings the shares are that may open the cluster; empty where nothing is known.
fn may_hold(diary: &Diary, half_made: Option<&Rotation>) -> Vec<u32> {
    match half_made {
        Some(rotation) => match rotation.phase {
            Phase::Unverified => vec![rotation.before.generation],
            Phase::Verifying => vec![rotation.before.generation, rotation.wanted.generation],
            Phase::Verified | Phase::Done => vec![rotation.wanted.generation],
        },
        None => diary.asked.iter().map(|asked| asked.generation).collect(),
    }
}

fn unfinished(rotation: &Rotation, asked: u32) -> Finding {
    let (before, new) = (rotation.before.generation, rotation.wanted.generation);
    let again = rotation.again.clone();
    match rotation.phase {
        Phase::Unverified => Finding::OldSharesInEffect(new, before, again),
        Phase::Verifying => Finding::EitherSharesInEffect(new, before, asked, again),
        Phase::Verified | Phase::Done => Finding::NewSharesInEffect(new, before, again),
    }
}

fn of_no_use(config: &Config, may_hold: &[u32], rotation: Option<&Rotation>) -> Failure {
    let (directory, file) = (config.checkpoint.path.display(), config.file.display());
    let hold: Vec<_> = may_hold.iter().map(u32::to_string).collect();
    let failure = Failure::refused(
        Code::KeySetOther,
        format!(
            "{directory} says that generation {} of the shares is in effect, and {file} asks for generation {}; nobody was asked",
            hold.join(" or "),
            config.init.generation
        ),
    );
    let newer = "if newer ones were made from another machine, this directory is out of date: name another one in \
                 checkpoint.path";
    match rotation.filter(|one| one.is_half_made()) {
        Some(rotation) => failure.advise(format!(
            "use the file of the shares that are in effect: it stands in the command that brings the others to their end, {}; {newer}",
            rotation.again
        )),
        None => failure.advise(format!("{}; {newer}", in_effect(rotation))),
    }
}

/// The file of the shares that are in effect, as far as the rotation that made them is on record.
pub(crate) fn in_effect(rotation: Option<&Rotation>) -> String {
    match rotation.and_then(Rotation::file) {
        Some(file) => format!(
            "use the file of the shares that are in effect, with -c: recovery rotate was run with {file}"
        ),
        None => "use the file of the shares that are in effect, with -c: the one that recovery rotate was run with"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_shares_may_hold_follows_from_how_far_the_new_ones_are() {
        let mut rotation = Rotation::to_the_second_generation();
        rotation.again = "recovery rotate --from old.yaml".into();
        let diary: Diary = Diary::new("a", "http://a");
        for (phase, hold) in [
            (Phase::Unverified, &[1][..]),
            (Phase::Verifying, &[1, 2]),
            (Phase::Verified, &[2]),
        ] {
            rotation.phase = phase;
            assert_eq!(may_hold(&diary, Some(&rotation)), hold, "{phase:?}");
            let said = unfinished(&rotation, 1).to_string();
            assert!(said.ends_with("--from old.yaml"), "{said}");
        }
        assert!(may_hold(&diary, None).is_empty());
    }
}
