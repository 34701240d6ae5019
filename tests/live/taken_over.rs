//! `apply` of a cluster that this checkpoint has not initialised: an imported one, or one whose checkpoint is lost.

use serde_json::json;

use crate::ceremony::{Ceremony, EVERY_KEY, Server, handed_over_for_rotation, handed_over_managed};
use crate::remembered::root;
use crate::support::{Setup, require};

const EACH: [Setup; 3] = [
    Setup::OpenBao272Static,
    Setup::OpenBao262StaticApiAudit,
    Setup::Vault1211Shamir,
];
const TAKE_OVER: [&str; 5] = ["apply", "--yes", "--adopt-cluster", "--login", "admin"];

/// Handed over, the file says which cluster it is, and its checkpoint is lost.
fn without_checkpoint(setup: Setup) -> (Server, Ceremony) {
    let (server, mut ceremony) = handed_over_managed(setup);
    let id = server.api().read("sys/health")["cluster_id"].clone();
    ceremony.set("/cluster/id", id).save();
    lose(&ceremony);
    (server, ceremony)
}

fn lose(ceremony: &Ceremony) {
    std::fs::remove_dir_all(ceremony.path("checkpoint")).expect("it was there");
}

#[test]
fn a_cluster_of_somebody_else_is_taken_over_by_a_login_and_then_kept_as_the_file_says() {
    for setup in EACH {
        require!(setup.components());
        let (server, mut ceremony) = without_checkpoint(setup);
        ceremony
            .set("/auth/userpass/users/operator/token_ttl", json!("30m"))
            .set(
                "/policies/later",
                json!({ "rules": "path \"later/*\" { capabilities = [\"read\"] }" }),
            )
            .save();
        let log = server.audit().after_this();
        // What is there and differs was not written from here; what is not there is made.
        let run = ceremony.run(&TAKE_OVER);
        run.exits(4).prints(&[
            "taken over",
            "initialised by somebody else: shares and root are not known here",
            "[not-adopted]",
            "auth/userpass/users/operator",
            "nothing recorded shows that it was revoked",
            "opened: admin",
        ]);
        assert_eq!(
            log.writes(),
            ["update sys/policies/acl/later"],
            "{setup:?} {run}"
        );
        let run = ceremony.run(&["apply", "--yes", "--login", "admin", "--adopt-documents"]);
        run.exits(4)
            .never_says(&["[not-adopted]", "differs from the file"]);
        let admin = server.api().log_in("admin", &ceremony.secrets["admin"]);
        assert_eq!(
            admin.read("auth/userpass/users/operator")["data"]["token_ttl"],
            1800
        );
        // By now it is known here: the next run needs no login typed, writes nothing and sees what somebody changes.
        let log = server.audit().after_this();
        let run = ceremony.run(&["apply", "--yes"]);
        run.exits(4)
            .prints(&["nothing was written", "[not-rehearsed]"])
            .says(&["not looked at: somebody else initialised the cluster"])
            .never_says(&["differs from the file", "everything is as the file says"]);
        assert_eq!(log.writes(), Vec::<String>::new(), "{setup:?} {run}");
        admin.write(
            "auth/userpass/users/operator",
            &json!({ "token_max_ttl": "9h" }),
        );
        ceremony
            .run(&["apply", "--check"])
            .exits(4)
            .prints(&["token_max_ttl", "32400"]);
        ceremony.run(&["status"]).prints(&["taken over"]);
        let report = std::fs::read_to_string(ceremony.path("checkpoint/report.json"));
        let report: serde_json::Value =
            serde_json::from_str(&report.expect("a report")).expect("JSON");
        assert_eq!(report["adopted"]["login"], "admin", "{report:#}");
        let steps = report["steps"].as_array().expect("steps");
        assert!(
            !steps
                .iter()
                .any(|step| step["step"] == "initialize" || step["step"] == "hand-over"),
            "{report:#}"
        );
    }
}

#[test]
fn nothing_is_taken_over_without_the_id_a_login_that_opens_or_at_another_cluster() {
    require!(Setup::OpenBao272Static.components());
    let (server, mut ceremony) = without_checkpoint(Setup::OpenBao272Static);
    let id = server.api().read("sys/health")["cluster_id"].clone();
    let log = server.audit().after_this();
    ceremony.run(&["apply", "--yes"]).exits(3).says(&[
        "but not by this checkpoint",
        "apply --adopt-cluster --login NAME",
    ]);
    ceremony
        .set("/cluster/id", json!("00000000-0000-0000-0000-000000000000"))
        .save();
    ceremony
        .run(&TAKE_OVER)
        .exits(3)
        .says(&["and not 00000000"]);
    ceremony.remove("/cluster/id").save();
    ceremony.run(&TAKE_OVER).exits(3).says(&[
        "the file does not say which cluster it is",
        "/v1/sys/health",
    ]);
    assert_eq!(log.requests(), Vec::<String>::new());
    ceremony.set("/cluster/id", id).save();
    let right = std::fs::read(ceremony.path("admin.password")).expect("a password");
    std::fs::write(ceremony.path("admin.password"), "wrong").expect("written");
    ceremony.run(&TAKE_OVER).exits(1).says(&["login admin"]);
    // Nothing of it is on the disk: without a login typed it is still somebody else's.
    std::fs::write(ceremony.path("admin.password"), right).expect("written");
    ceremony
        .run(&["apply", "--yes"])
        .exits(3)
        .says(&["but not by this checkpoint"]);
    ceremony
        .run(&["plan", "--login", "admin"])
        .exits(0)
        .prints(&["next: ", "apply --adopt-cluster --login admin"]);
    // What else is missing here is not what keeps it from being looked after.
    let word = std::fs::read_to_string(ceremony.path("operator.password")).expect("a password");
    std::fs::remove_file(ceremony.path("operator.password")).expect("it was there");
    ceremony
        .run(&["apply", "--yes", "--login", "admin"])
        .exits(3)
        .says(&["but not by this checkpoint", "--adopt-cluster"]);
    ceremony.write("operator.password", &word);
    // A checkpoint that is only missing is not begun anew by a login alone, and looking takes nothing over.
    for typed in [
        &["apply", "--yes", "--login", "admin"][..],
        &["apply", "--check", "--login", "admin"],
    ] {
        ceremony.run(typed).exits(3);
    }
    ceremony
        .run(&TAKE_OVER)
        .exits(4)
        .prints(&["[not-rehearsed]"]);
    ceremony
        .run(&TAKE_OVER)
        .exits(4)
        .prints(&["nothing was written"]);
}

#[test]
fn the_shares_of_a_cluster_that_was_taken_over_are_rehearsed_and_not_rotated_from_here() {
    require!(Setup::OpenBao272Static.components());
    let (server, mut ceremony) = handed_over_for_rotation(Setup::OpenBao272Static);
    let id = server.api().read("sys/health")["cluster_id"].clone();
    ceremony.set("/cluster/id", id).save();
    lose(&ceremony);
    ceremony
        .run(&["apply", "--adopt-cluster", "--login", "auditor"])
        .exits(4);
    let rehearse = [&["rehearse"], &EVERY_KEY[..]].concat();
    ceremony.run(&rehearse).exits(0);
    ceremony
        .run(&["apply"])
        .exits(4)
        .prints(&["last rehearsed"])
        .never_says(&["[not-rehearsed]"]);
    ceremony.write("old.yaml", &ceremony.file.to_string());
    ceremony.set("/init/generation", json!(2)).save();
    let rotate = [
        &["recovery", "rotate", "--from", "old.yaml", "--yes"],
        &EVERY_KEY[..],
    ]
    .concat();
    ceremony
        .run(&rotate)
        .exits(3)
        .says(&["knows nothing of the shares of this cluster"]);
}

#[test]
fn a_root_token_that_is_valid_there_is_a_finding() {
    require!(Setup::OpenBao272Static.components());
    let (server, mut ceremony) = handed_over_managed(Setup::OpenBao272Static);
    let id = server.api().read("sys/health")["cluster_id"].clone();
    ceremony.set("/cluster/id", id).save();
    let _root = root(&server, &ceremony);
    lose(&ceremony);
    ceremony
        .run(&TAKE_OVER)
        .exits(4)
        .prints(&["[other-root-tokens] there is a root token"]);
}
