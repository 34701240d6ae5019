//! Servers that behave badly: each time the right wait or the right refusal, with an end, and in words that say
//! what to do; once the server is well again the same command ends as if nothing had been.
//!
//! Some tests try a sample. `BADLY=all` tries everything they could, `BADLY_SEED` repeats a sample.

mod audit;
mod certificate;
mod clock;
mod leader;
mod sealed;
mod slow;
mod standby;

use std::sync::Arc;
use std::sync::Mutex;
use std::time::UNIX_EPOCH;

use crate::ceremony::Ceremony;
use crate::support::Proxy;

/// Whether a sample is not enough.
fn everything() -> bool {
    std::env::var("BADLY").is_ok_and(|word| word == "all")
}

/// Where chance begins; printed, so that it can be given again.
fn seed() -> usize {
    let given = std::env::var("BADLY_SEED").ok();
    let given = given.and_then(|number| number.trim().parse().ok());
    let now = UNIX_EPOCH.elapsed().expect("after 1970").subsec_micros();
    let seed = given.unwrap_or(usize::try_from(now).expect("small"));
    println!("BADLY_SEED={seed}");
    seed
}

/// A server that a test and a proxy both lay hands on.
type Shared<T> = Arc<Mutex<T>>;

/// Root is still in the checkpoint, and no user was written: what stands was written before the blow.
#[track_caller]
fn root_stands_and_nothing_more_was_written(ceremony: &Ceremony, proxy: &Proxy) {
    let kept = ceremony.files_in("checkpoint");
    assert!(
        ceremony.keeps_secrets(),
        "root is not in the checkpoint: {kept:?}"
    );
    let users = proxy.count("POST auth/userpass/users/ada");
    assert_eq!(users, 0, "{:#?}", proxy.counts());
}
