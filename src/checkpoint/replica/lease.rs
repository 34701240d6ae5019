//! Who goes on with a ceremony that has a replica: the lease of one directory on one machine.

use std::path::Path;

use rustix::system::uname;

use crate::backend::Kind;
use crate::checkpoint::{Diary, TakeOver};
use crate::code::Code;
use crate::config::Config;
use crate::disk::read;
use crate::edge::failures::of_replica;
use crate::evidence::operator::operator;
use crate::failure::Failure;
use crate::hex;
use crate::replica::{Found, Lease, Replica};
use crate::step::Step;
use crate::step::decide::Recorded;

/// Takes the lease, or keeps the one that this directory has: its former run is dead, since we hold the lock.
pub(crate) async fn take(
    config: &Config,
    replica: &Replica,
    lease: &Lease,
    there: Option<(u32, Lease)>,
    take_over: Option<&str>,
) -> Result<u32, Failure> {
    let number = match &there {
        None => 1,
        Some((number, other)) if other.same_owner(lease) => return Ok(*number),
        Some((number, other)) if take_over == Some(other.id.as_str()) => number.saturating_add(1),
        Some((_, other)) => return Err(held(config, replica, other)),
    };
    match replica.lease(number, lease).await {
        Ok(()) => Ok(number),
        Err(error) if matches!(error.kind(), Kind::Taken) => {
            let found = replica.look().await.map_err(of_replica)?;
            Err(match &found.lease {
                Some((_, other)) => held(config, replica, other),
                None => Failure::failed(
                    Code::AnotherRun,
                    format!(
                        "the lease on {} was taken and released meanwhile",
                        replica.address()
                    ),
                )
                .advise(config.command("apply")),
            })
        }
        Err(error) => {
            // It may have arrived all the same.
            let _ = replica.release(number, lease).await;
            Err(of_replica(error))
        }
    }
}

/// The diary that counts at a replica, if there is one.
///
/// # Errors
/// It cannot be fetched or read.
pub(crate) async fn diary_of(replica: &Replica, found: &Found) -> Result<Option<Diary>, Failure> {
    let Some(commit) = &found.commit else {
        return Ok(None);
    };
    let bytes = replica.fetch(&commit.diary).await.map_err(of_replica)?;
    Ok(Some(Diary::read(&bytes, replica.address())?))
}

/// The lease that a run of the same name on another machine has left, where nobody has to be asked for it: not while
/// `sys/init` was asked and no answer is known there, since that may be with the other machine alone, which may live.
///
/// # Errors
/// The diary there cannot be read.
pub(crate) async fn former_run(
    replica: &Replica,
    found: &Found,
    lease: &Lease,
) -> Result<Option<String>, Failure> {
    let Some((_, other)) = &found.lease else {
        return Ok(None);
    };
    if other.same_owner(lease) || !lease.goes_on_from(other) {
        return Ok(None);
    }
    let diary = diary_of(replica, found).await?.unwrap_or_default();
    if diary.recorded(Step::Initialize) == Recorded::Started {
        return Ok(None);
    }
    Ok(Some(other.id.clone()))
}

/// What a lease is about to take over, for the record: of a run of the same name by itself, else since it was typed.
pub(crate) fn take_over_of(
    found: &Found,
    lease: &Lease,
    (wanted, former): (Option<&str>, Option<&str>),
) -> Option<TakeOver> {
    let (_, other) = found.lease.as_ref()?;
    if other.same_owner(lease) || wanted != Some(other.id.as_str()) {
        return None;
    }
    let of_the_same_name = wanted == former;
    Some(TakeOver {
        at: lease.at.clone(),
        by: operator(),
        owner: lease.owner.clone(),
        from: other.owner.clone(),
        since: other.at.clone(),
        how: if of_the_same_name {
            RUN.to_owned()
        } else {
            TYPED.to_owned()
        },
    })
}

/// Takes a lease back that may or may not have been made.
pub(crate) async fn give_up(replica: &Replica, lease: &Lease) -> Result<(), Failure> {
    let found = replica.look().await.map_err(of_replica)?;
    match found.lease {
        Some((number, other)) if other.same_owner(lease) => {
            replica.release(number, lease).await.map_err(of_replica)
        }
        _ => Ok(()),
    }
}

/// Somebody else is at it, or was.
pub(crate) fn held(config: &Config, replica: &Replica, other: &Lease) -> Failure {
    Failure::refused(Code::AnotherRun, format!(
        "another run holds {}: {} since {}",
        replica.address(),
        other.owner,
        other.at
    ))
    .advise(format!(
        "if it is still going, wait for it to end; only if that machine is gone for good, or the run on it was \
         killed: {}",
        config.command(config.typed.taking_over(&other.id))
    ))
    .held_by(&other.id)
}

/// What names a run that goes on from one machine to the next, such as the uid of a Kubernetes Job: whoever is given the
/// same takes over from the one before it, without being asked.
const RUN: &str = "VAULT_BOOTSTRAP_RUN";
/// What a person types to take over.
const TYPED: &str = "--take-over";
/// A name is no text.
const LONGEST_RUN: usize = 100;

/// The name of this run, where it was given one.
///
/// # Errors
/// It is none.
pub(crate) fn run_name() -> Result<Option<String>, Failure> {
    let Some(name) = std::env::var_os(RUN).filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    let name = name.to_string_lossy().into_owned();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.len() <= LONGEST_RUN && name.chars().all(plain) {
        return Ok(Some(name));
    }
    Err(Failure::usage(
        Code::InputWrong,
        format!("{RUN} is no name of a run: letters, digits, '-', '_' and '.', {LONGEST_RUN} at the most"),
    )
    .advise("give it the uid of the Job, or leave it out"))
}

/// What tells machines of one name apart. Not the id of the running kernel: after lost power the same directory on
/// the same machine just goes on. Where there is none, the name alone has to do.
const OF_THE_MACHINE: &str = "/etc/machine-id";
/// It has 32 digits.
const LONGEST_ID: u64 = 4096;

/// Who a lease is said to be of.
pub(crate) fn owner(directory: &Path) -> String {
    let name = uname().nodename().to_string_lossy().into_owned();
    let machine = machine(
        &name,
        &read::bytes(OF_THE_MACHINE.as_ref(), LONGEST_ID).unwrap_or_default(),
    );
    let whole = std::path::absolute(directory);
    let directory = whole.unwrap_or_else(|_| directory.to_owned());
    let user = rustix::process::geteuid().as_raw();
    format!("user {user} on {machine} in {}", directory.display())
}

/// Its name, and a digest of its id, which is not for others to read.
fn machine(name: &str, id: &[u8]) -> String {
    let mut text = b"vault-bootstrap\0".to_vec();
    text.extend(id.trim_ascii());
    format!("{name} ({})", hex::short_sha256(&text, 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_of_one_name_are_told_apart_and_none_shows_its_id() {
        let of = |id: &str| machine("runner", id.as_bytes());
        assert_ne!(of("a"), of("b"));
        assert_ne!(of("a"), of(""));
        assert!(of("a").starts_with("runner ("));
        assert_eq!(of("a").len(), "runner (01234567)".len());
        assert_eq!(of("a\n"), of("a"));
    }
}
