//! A replica that is not what was written: refused, with what is lost and what is not. Neither that nor one that cannot
//! be reached is a bar for who does not need it.

use crate::checkpoint::ReplicatedCheckpoint;
use crate::checkpoint::replica::sync;
use crate::code::Code;
use crate::config::Config;
use crate::event::Caller;
use crate::failure::Failure;

/// As [`checkpoint`]; without the replica also where it cannot be reached and everything was handed over. For who looks at
/// the cluster: what is only recorded here, another machine would not know.
pub(crate) async fn checkpoint_even_without_replica(
    config: &Config,
    take_over: Option<&str>,
    caller: Caller<'_>,
) -> Result<ReplicatedCheckpoint, Failure> {
    open(config, take_over, caller, is_away).await
}

/// The checkpoint and its replica, as [`sync::checkpoint`]; without that one where it is damaged and
/// everything was handed over. The failure of a damaged one says what can still be done.
pub(crate) async fn checkpoint(
    config: &Config,
    take_over: Option<&str>,
    caller: Caller<'_>,
) -> Result<ReplicatedCheckpoint, Failure> {
    open(config, take_over, caller, |_| false).await
}

async fn open(
    config: &Config,
    take_over: Option<&str>,
    caller: Caller<'_>,
    passes: fn(&Failure) -> bool,
) -> Result<ReplicatedCheckpoint, Failure> {
    let opened = Box::pin(sync::checkpoint(config, take_over, caller)).await;
    let failure = match opened {
        Err(failure) if failure.damaged_place().is_some() || passes(&failure) => failure,
        opened => return opened,
    };
    let checkpoint = sync::alone(config)?;
    let here = checkpoint.directory().display().to_string();
    let keeps = checkpoint.keeps_something().unwrap_or(true);
    if checkpoint.diary().handed_over() && !keeps {
        let unknown = if is_away(&failure) {
            "; what another machine has recorded there since is not known here"
        } else {
            ""
        };
        let text = format!("{failure}; {here} was handed over and needs nothing of it{unknown}");
        caller.events.warn(failure.code(), text);
        return Ok(ReplicatedCheckpoint::new(checkpoint, None));
    }
    if is_away(&failure) {
        return Err(failure);
    }
    let words = checkpoint.secrets_in_words()?.unwrap_or("nothing");
    Err(failure.advise(advice(config, (&here, words), keeps)))
}

/// Nothing is known of what is there: no credentials, no network, or no right to look.
fn is_away(failure: &Failure) -> bool {
    [Code::AwsUnusable, Code::ReplicaUnreachable].contains(&failure.code())
}

/// What is there may be the only answer: nothing goes over it, and it is given up under a person's word only.
fn advice(config: &Config, (here, words): (&str, &str), keeps: bool) -> String {
    let give_up = format!(
        "{}, where nothing there is deleted",
        config.command("apply --abandon")
    );
    if keeps {
        return format!(
            "{here} keeps {words} itself: if no other machine went on since, name another place in \
             checkpoint.replica, then {}; or give it up: {give_up}",
            config.command("apply")
        );
    }
    format!(
        "{here} keeps {words} that opens the cluster: bring back what was there, or use the release that wrote it; \
         only if nobody can, and what was there is lost: {give_up}"
    )
}
