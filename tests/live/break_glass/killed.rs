//! Killed, or left without an answer, at any moment: the next run ends what is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use super::{ATTEMPT, handed_over, nothing_is_left, rehearse, with_keys};
use crate::ceremony::{Ceremony, Server, disturbed, killed_or_ended};
use crate::support::{Action, Proxy, require};

/// Where the work of a run begins: before it, there is nothing to leave.
fn begins(label: &str) -> bool {
    label.starts_with("POST ") && label.ends_with(ATTEMPT)
}

/// A handed-over cluster behind a proxy that holds request number `place` of a run, from its attempt on; by turns
/// before it arrives and before its answer does.
fn held_at(place: &Arc<AtomicUsize>, seen: &Arc<AtomicUsize>) -> (Server, Ceremony, Proxy) {
    let (server, mut ceremony) = handed_over();
    let (wanted, counter) = (place.clone(), seen.clone());
    let proxy = disturbed(&server.address(), move |_, label| {
        let number = match counter.load(Ordering::SeqCst) {
            0 if !begins(label) => return Action::Pass,
            // Every killed run leaves a token of a login, and so one more of these.
            _ if label.ends_with("/lookup-accessor") => return Action::Pass,
            _ => counter.fetch_add(1, Ordering::SeqCst) + 1,
        };
        match wanted.load(Ordering::SeqCst) {
            here if here != number => Action::Pass,
            here if here.is_multiple_of(2) => Action::Hold,
            _ => Action::HoldAnswer,
        }
    });
    ceremony.set("/cluster/address", json!(proxy.address()));
    ceremony.save();
    (server, ceremony, proxy)
}

/// Kills a run at each of its requests; after each, another one that is not disturbed leaves nothing.
fn killed_everywhere(words: &[&str], at_least: usize) {
    require!(["openbao-2.7.2"]);
    let (place, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (server, ceremony, proxy) = held_at(&place, &seen);
    let mut kills = 0;
    for number in 1.. {
        assert!(number < 100, "it never comes to its end");
        seen.store(0, Ordering::SeqCst);
        place.store(number, Ordering::SeqCst);
        match killed_or_ended(ceremony.tool().spawn(words), &proxy) {
            Some(run) => {
                run.exits(0);
                break;
            }
            None => kills += 1,
        }
        place.store(usize::MAX, Ordering::SeqCst);
        let run = rehearse(&ceremony);
        // Nobody heard the nonce of what was begun: it may be a colleague's, and is ended as it is said.
        if let Some((_, nonce)) = run.stderr.split_once("break-glass cancel --nonce ") {
            run.exits(3);
            let nonce = nonce.trim();
            ceremony
                .run(&["break-glass", "cancel", "--nonce", nonce])
                .exits(0);
            rehearse(&ceremony).exits(0);
        } else {
            run.exits(0);
        }
        nothing_is_left(&server, &ceremony);
    }
    assert!(kills >= at_least, "{kills} kills only");
    nothing_is_left(&server, &ceremony);
}

#[test]
fn what_a_killed_rehearsal_leaves_is_ended_by_the_next() {
    killed_everywhere(&with_keys("rehearse", &[]), 15);
}

#[test]
fn what_a_killed_emergency_leaves_is_ended_by_the_next_rehearsal() {
    killed_everywhere(
        &with_keys("break-glass", &["--reason", "x", "--", "true"]),
        10,
    );
}

/// The server made a root token, and nobody got it.
#[test]
fn a_root_token_whose_answer_was_lost_is_found_and_revoked() {
    require!(["openbao-2.7.2"]);
    for words in [
        with_keys("rehearse", &[]),
        with_keys("break-glass", &["--reason", "x", "--", "true"]),
    ] {
        let (server, mut ceremony) = handed_over();
        let given = AtomicUsize::new(0);
        let proxy = disturbed(&server.address(), move |_, label| {
            let gives = label.ends_with("/generate-root-token/update");
            match gives && given.fetch_add(1, Ordering::SeqCst) == 1 {
                true => Action::DropAnswer,
                false => Action::Pass,
            }
        });
        ceremony.set("/cluster/address", json!(proxy.address()));
        ceremony.run(&words).exits(0).says(&[
            "the answer to the last share is lost",
            "revoked the root token of an answer that was lost",
        ]);
        nothing_is_left(&server, &ceremony);
    }
}

/// The token for the command was made, and its answer did not come.
#[test]
fn a_token_for_the_command_whose_answer_was_lost_is_revoked_and_nothing_runs() {
    require!(["openbao-2.7.2"]);
    let (server, mut ceremony) = handed_over();
    let once = AtomicBool::new(false);
    let proxy = disturbed(&server.address(), move |_, label| {
        let makes = label.ends_with("/auth/token/create-orphan");
        match makes && !once.swap(true, Ordering::SeqCst) {
            true => Action::DropAnswer,
            false => Action::Pass,
        }
    });
    ceremony.set("/cluster/address", json!(proxy.address()));
    let words = with_keys("break-glass", &["--reason", "x", "--", "touch", "ran"]);
    ceremony.run(&words).exits(1);
    assert!(!ceremony.path("ran").exists());
    nothing_is_left(&server, &ceremony);
}
