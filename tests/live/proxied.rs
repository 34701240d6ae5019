//! A proxy that answers in the server's place: its 403 is no proof that root is dead.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::ceremony::{Ceremony, Server, disturbed};
use crate::support::{Action, Proxy};

/// Refusals of gateways: a page, JSON of their own, and nothing at all.
pub const PAGES: [(&str, &str); 3] = [
    (
        "text/html",
        "<html><body><h1>403 Forbidden</h1></body></html>",
    ),
    ("application/json", r#"{"message": "Forbidden"}"#),
    ("application/json", ""),
];
const LOOK: &str = "GET /v1/auth/token/lookup-self";
const REVOKE: &str = "POST /v1/auth/token/revoke-self";
/// Three doors are tried and closed before root's own revocation.
const DOORS: usize = 3;

/// What a gateway does until it is told otherwise.
#[derive(Default)]
struct Gateway {
    revocations: AtomicUsize,
    /// Root's revocation is answered with 204 and never reaches the server.
    swallows: AtomicBool,
    /// Every look at a token is answered with this.
    looks: Mutex<Option<(&'static str, &'static str)>>,
    /// The same, from root's revocation on.
    looks_after: Mutex<Option<(&'static str, &'static str)>>,
}

impl Gateway {
    fn rule(&self, label: &str) -> Action {
        let deny = |page: &Mutex<Option<(&'static str, &'static str)>>| {
            let page = page.lock().expect("no panic holds it").take();
            page.map(|(kind, text)| Action::Respond(403, kind, text.to_owned()))
        };
        match label {
            REVOKE => {
                let place = self.revocations.fetch_add(1, Ordering::SeqCst);
                if place == DOORS && self.swallows.load(Ordering::SeqCst) {
                    Action::Respond(204, "application/json", String::new())
                } else {
                    Action::Pass
                }
            }
            LOOK if self.revocations.load(Ordering::SeqCst) > DOORS => deny(&self.looks)
                .or_else(|| deny(&self.looks_after))
                .unwrap_or(Action::Pass),
            LOOK => deny(&self.looks).unwrap_or(Action::Pass),
            _ => Action::Pass,
        }
    }

    fn deny(place: &Mutex<Option<(&'static str, &'static str)>>, page: usize) {
        *place.lock().expect("no panic holds it") = Some(PAGES[page]);
    }
}

/// A ceremony behind a gateway.
fn behind() -> (Server, Ceremony, Arc<Gateway>, Proxy) {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let gateway = Arc::new(Gateway::default());
    let asked = gateway.clone();
    let proxy = disturbed(&server.address(), move |_, label| asked.rule(label));
    ceremony.set("/cluster/address", json!(proxy.address()));
    (server, ceremony, gateway, proxy)
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
    let (server, ceremony, gateway, _proxy) = behind();
    gateway.swallows.store(true, Ordering::SeqCst);
    Gateway::deny(&gateway.looks_after, 0);
    ceremony.apply().exits(1).says(&[
        "root was not proved dead",
        "was answered with 403 and text/html by something that is neither vault nor openbao",
        "run apply again",
    ]);
    gateway.swallows.store(false, Ordering::SeqCst);
    assert!(ceremony.keeps_secrets());
    assert_eq!(roots(&server, &ceremony), 1);
    // The next runs ask first whether root is dead, and are told so by everybody but the server.
    for page in 0..PAGES.len() {
        Gateway::deny(&gateway.looks, page);
        ceremony
            .apply()
            .exits(1)
            .says(&[
                "lookup-self was answered with 403",
                "neither vault nor openbao",
                "check cluster.address and any proxy in front of it",
            ])
            .never_says(&["root is gone", "done, with findings"]);
        assert!(ceremony.keeps_secrets(), "{page}");
        assert_eq!(roots(&server, &ceremony), 1, "{page}");
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
    let (server, ceremony, gateway, _proxy) = behind();
    Gateway::deny(&gateway.looks_after, 1);
    ceremony.apply().exits(1).says(&[
        "root was not proved dead",
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
    for page in 0..PAGES.len() {
        let (server, ceremony, gateway, _proxy) = behind();
        Gateway::deny(&gateway.looks, page);
        ceremony
            .apply()
            .exits(1)
            .says(&[
                "lookup-self was answered with 403",
                "neither vault nor openbao",
            ])
            .never_says(&[
                "the root token in the checkpoint is dead",
                "empty its storage",
            ]);
        assert!(ceremony.keeps_secrets());
        ceremony.apply().exits(4);
        assert_eq!(roots(&server, &ceremony), 0);
    }
}
