//! A proxy that answers in the server's place: its 403 is no proof that root is dead.

use serde_json::json;

use crate::ceremony::{Ceremony, Server};
use crate::support::{Action, Faults, Proxy};

/// Refusals of gateways: a page, JSON of their own, and nothing at all.
pub const PAGES: [(&str, &str); 3] = [
    (
        "text/html",
        "<html><body><h1>403 Forbidden</h1></body></html>",
    ),
    ("application/json", r#"{"message": "Forbidden"}"#),
    ("application/json", ""),
];
const LOOK: &str = "GET auth/token/lookup-self";
const REVOKE: &str = "POST auth/token/revoke-self";
/// Three doors are tried and closed, then root goes.
const ROOTS: usize = 4;

/// A gateway's refusal.
fn page(number: usize) -> Action {
    let (kind, text) = PAGES[number];
    Action::Respond(403, kind, text.to_owned())
}

/// A ceremony behind a gateway that does this.
fn behind(gateway: &Faults) -> (Server, Ceremony, Proxy) {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let proxy = gateway.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    (server, ceremony, proxy)
}

/// How many root tokens the server has, asked past the gateway.
fn roots(server: &Server, ceremony: &Ceremony) -> usize {
    let auditor = server
        .api()
        .log_in("audit-reader", &ceremony.secrets["audit"]);
    auditor.roots().len()
}

#[test]
fn a_gateways_403_after_a_revocation_it_swallowed_leaves_root_to_the_next_run() {
    let swallowed = Action::Respond(204, "application/json", String::new());
    let gateway = Faults::new()
        .nth(ROOTS, REVOKE, swallowed)
        .first(LOOK, page(0))
        .since(ROOTS, REVOKE);
    let (server, ceremony, _proxy) = behind(&gateway);
    ceremony.apply().exits(1).says(&[
        "could not prove that root is revoked",
        "was answered with 403 and text/html by something that is neither vault nor openbao",
        "run apply again",
    ]);
    gateway.lift();
    assert!(ceremony.keeps_secrets());
    assert_eq!(roots(&server, &ceremony), 1);
    // The next runs ask first whether root is dead, and are told so by everybody but the server.
    for number in 0..PAGES.len() {
        gateway.first(LOOK, page(number));
        ceremony
            .apply()
            .exits(1)
            .says(&[
                "lookup-self was answered with 403",
                "neither vault nor openbao",
                "check cluster.address and any proxy in front of it",
            ])
            .never_says(&["root is revoked", "done, with findings"]);
        assert!(ceremony.keeps_secrets(), "{number}");
        assert_eq!(roots(&server, &ceremony), 1, "{number}");
    }
    ceremony.apply().exits(4);
    assert_eq!(roots(&server, &ceremony), 0);
    assert!(!ceremony.keeps_secrets());
    let proof = &ceremony.evidence("revoke-root")["proof"];
    assert_eq!(
        (&proof["before"], &proof["revoke"], &proof["after"]),
        (&json!(200), &json!(204), &json!(403))
    );
}

#[test]
fn a_gateways_403_after_a_revocation_that_happened_is_looked_at_again() {
    let gateway = Faults::new().first(LOOK, page(1)).since(ROOTS, REVOKE);
    let (server, ceremony, _proxy) = behind(&gateway);
    ceremony.apply().exits(1).says(&[
        "could not prove that root is revoked",
        "neither vault nor openbao",
        "run apply again",
    ]);
    assert!(ceremony.keeps_secrets());
    assert_eq!(roots(&server, &ceremony), 0);
    ceremony.apply().exits(4);
    assert!(!ceremony.keeps_secrets());
    assert_eq!(
        ceremony.evidence("revoke-root")["after"],
        "403, found by the next run"
    );
}

#[test]
fn a_gateways_403_while_waiting_for_the_cluster_does_not_condemn_it() {
    for number in 0..PAGES.len() {
        let (server, ceremony, _proxy) = behind(&Faults::new().first(LOOK, page(number)));
        ceremony
            .apply()
            .exits(1)
            .says(&[
                "lookup-self was answered with 403",
                "neither vault nor openbao",
            ])
            .never_says(&[
                "the root token in the checkpoint is no longer valid",
                "empty its storage",
            ]);
        assert!(ceremony.keeps_secrets());
        ceremony.apply().exits(4);
        assert_eq!(roots(&server, &ceremony), 0);
    }
}
