//! The login that looks on while root goes: whatever fails, its token is ended.

use std::sync::Mutex;

use super::*;

/// How many logins came in, and how many tokens were ended.
fn in_and_out(proxy: &Proxy) -> (usize, usize) {
    let counts = proxy.counts();
    let logins = counts.iter().filter(|(label, _)| label.contains("/login/"));
    (
        logins.map(|(_, count)| count).sum(),
        proxy.count_of(REVOCATION),
    )
}

fn token_of(request: &RequestInfo) -> Option<String> {
    request.header("x-vault-token").map(str::to_owned)
}

/// Root looks round first, before anybody is asked; whoever does so with another token is the control.
fn is_the_controls(root: &Mutex<Option<String>>, request: &RequestInfo) -> bool {
    let token = token_of(request);
    let mut root = root.lock().expect("ours");
    *root.get_or_insert_with(|| token.clone().unwrap_or_default()) != token.unwrap_or_default()
}

#[test]
fn a_control_that_could_not_look_round_is_ended_all_the_same() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let seen = Mutex::new(None);
    let proxy = watched(&mut ceremony, &server, move |request, _| {
        if request.label() == SCAN && is_the_controls(&seen, request) {
            return refusal(400, "the list is broken");
        }
        Action::Pass
    });
    ceremony.apply().exits(1).says(&["the list is broken"]);
    let (logins, ended) = in_and_out(&proxy);
    assert_eq!((logins, ended), (ROOTS, ROOTS));
}

#[test]
fn a_control_that_does_not_answer_is_ended_before_another_one_is_called() {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let (root, control) = (Mutex::new(None), Mutex::new(None));
    let looks = AtomicUsize::new(0);
    // Its own look fails, and the look of the next attempt.
    let proxy = watched(&mut ceremony, &server, move |request, _| {
        let token = token_of(request);
        let mut control = control.lock().expect("ours");
        match &*request.label() {
            SCAN if is_the_controls(&root, request) && control.is_none() => *control = token,
            LOOK if control.is_some()
                && *control == token
                && looks.fetch_add(1, Ordering::SeqCst) < 2 =>
            {
                return refusal(500, "not now");
            }
            _ => {}
        }
        Action::Pass
    });
    ceremony.apply().exits(4);
    let (logins, ended) = in_and_out(&proxy);
    assert_eq!(ended, logins + 1, "each login and root");
    assert!(logins > ROOTS, "there were two controls");
}
