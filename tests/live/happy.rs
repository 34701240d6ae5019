//! From uninitialised to handed over, and what the server and the custodians say afterwards.

use crate::ceremony::{Ceremony, Server, root_from_shares};

/// The one finding that stands until a drill can be held.
pub const NOT_REHEARSED: &str = "break-glass is not rehearsed";

#[test]
fn a_cluster_is_handed_over_and_two_shares_bring_root_back() {
    let server = Server::on_disk();
    let ceremony = Ceremony::at(&server);
    let run = ceremony.apply();
    run.exits(4)
        .prints(&["done, with findings:", NOT_REHEARSED]);
    assert!(!ceremony.keeps_secrets());
    let auditor = server
        .api()
        .log_in("audit-reader", &ceremony.secrets["audit"]);
    let tokens = auditor.policies_of_all_tokens();
    assert!(
        tokens
            .iter()
            .all(|(_, policies)| !policies.contains(&"root".to_owned())),
        "{tokens:?}"
    );
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let shares = ["alice", "carol"].map(|name| ceremony.custody().share(name));
    let root = root_from_shares(&ada, "generate-root-token", &shares);
    let root = server.api().with(&root);
    assert_eq!(
        root.read("auth/token/lookup-self")["data"]["policies"],
        serde_json::json!(["root"])
    );
    root.write("auth/token/revoke-self", &serde_json::json!({}));
    assert_eq!(root.get("auth/token/lookup-self").0, 403);
}
