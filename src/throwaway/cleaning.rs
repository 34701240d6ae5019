//! What an unlucky run has left is removed by the next one.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::code::Code;
use crate::event::EventSink;
use crate::throwaway::instance::{COMMAND, Instance, SERVER, State, WATCHER};

/// How long processes that were killed may take to be gone.
const GONE: Duration = Duration::from_secs(5);
/// How often they are looked at meanwhile.
const EVERY: Duration = Duration::from_millis(5);

/// Removes all that nobody needs any more.
pub(super) async fn sweep(events: &EventSink<'_>) {
    for instance in Instance::all() {
        if instance.state() == State::Left {
            remove(&instance, events).await;
        }
    }
}

/// Ends what is left of one and removes its directory.
pub(super) async fn remove(instance: &Instance, events: &EventSink<'_>) {
    // The watcher first: it would remove the directory as well.
    let processes = [WATCHER, COMMAND, SERVER].map(|name| instance.process(name));
    let until = Instant::now() + GONE;
    for process in processes.into_iter().flatten() {
        process.kill();
        while process.lives() && Instant::now() < until {
            sleep(EVERY).await;
        }
    }
    if let Err(error) = instance.remove() {
        events.warn(
            Code::FileFailed,
            format!("cannot remove {}: {error}", instance.path().display()),
        );
    }
}
