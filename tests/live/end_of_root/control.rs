//! The login that looks on while root goes: whatever fails, its token is ended.

use std::sync::{Arc, OnceLock};

use super::*;
use crate::support::{Faults, RequestInfo};

/// How many logins came in, and how many tokens were ended.
fn in_and_out(proxy: &Proxy) -> (usize, usize) {
    let counts = proxy.counts();
    let logins = counts.iter().filter(|(label, _)| label.contains("/login/"));
    (
        logins.map(|(_, count)| count).sum(),
        proxy.count(REVOCATION),
    )
}

#[test]
fn a_control_that_could_not_look_round_is_ended_all_the_same() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    // Whoever looks round with another token than root's is the control.
    let faults = Faults::new()
        .every(SCAN, refusal(400, "the list is broken"))
        .not_of_root();
    let proxy = watched(&mut ceremony, &server, &faults);
    ceremony.apply().exits(1).says(&["the list is broken"]);
    let (logins, ended) = in_and_out(&proxy);
    assert_eq!((logins, ended), (ROOTS, ROOTS));
}

#[test]
fn a_control_that_does_not_answer_is_ended_before_another_one_is_called() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let control = Arc::new(OnceLock::new());
    let (heard, known) = (control.clone(), control);
    let token_of = |request: &RequestInfo| request.header("x-vault-token").map(str::to_owned);
    // Its own look fails, and the look of the next attempt.
    let faults = Faults::new()
        .first(SCAN, move |request: &RequestInfo| {
            heard.set(token_of(request)).expect("the first");
            Action::Pass
        })
        .not_of_root()
        .up_to(2, LOOK, refusal(500, "not now"))
        .when(move |request| known.get() == Some(&token_of(request)));
    let proxy = watched(&mut ceremony, &server, &faults);
    ceremony.apply().exits(4);
    let (logins, ended) = in_and_out(&proxy);
    assert_eq!(ended, logins + 1, "each login and root");
    assert!(logins > ROOTS, "there were two controls");
}
