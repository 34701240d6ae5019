//! What an earlier run found is said as long as it stands, and no longer; and what no server shows is not called equal.

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Run, Server, handed_over_managed};
use crate::support::{Setup, require};

const EACH: [Setup; 3] = [
    Setup::OpenBao272Static,
    Setup::OpenBao262StaticApiAudit,
    Setup::Vault1211Shamir,
];
const CHECK: [&str; 4] = ["apply", "--check", "--login", "admin"];
const APPLY: [&str; 4] = ["apply", "--yes", "--login", "admin"];

fn summary(run: &Run) -> Value {
    run.events().pop().expect("its end")["summary"].clone()
}

#[test]
fn a_login_that_could_escalate_is_told_so_until_the_file_accepts_it() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let rules = "path \"sys/policies/acl/*\" { capabilities = [\"update\"] }\n\
                 path \"secret/data/*\" { capabilities = [\"read\", \"update\"] }";
    ceremony.set("/policies/operator", json!({ "rules": rules }));
    ceremony.remove("/logins/operator/cannot");
    ceremony
        .apply()
        .exits(4)
        .prints(&["the login operator can escalate to root"]);
    let check = || ceremony.run(&["apply", "--check", "--login", "auditor"]);
    // Of another login it is a record, with its time and what shows how it is now.
    check().exits(4).prints(&[
        "the login operator could escalate to root when it was tried, at 20",
        "apply --check --login operator",
    ]);
    let plan = ceremony.run(&["plan", "--login", "auditor"]);
    plan.prints(&["the login operator could escalate to root when it was tried"]);
    ceremony.set("/break_glass/accept_admins", json!(["operator"]));
    ceremony.save();
    let check = || ceremony.run(&["apply", "--check", "--login", "auditor"]);
    check().never_says(&["escalate"]);
}

#[test]
fn a_login_that_could_escalate_is_told_so_as_long_as_root_is_kept() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let rules = "path \"sys/policies/acl/*\" { capabilities = [\"update\"] }";
    ceremony.set("/policies/operator", json!({ "rules": rules }));
    ceremony.remove("/logins/operator/can");
    ceremony.remove("/logins/operator/cannot");
    ceremony.set("/revoke_root", json!(false));
    for _ in 0..2 {
        ceremony
            .run(&["apply", "--yes", "--keep-root"])
            .exits(4)
            .prints(&["the login operator can escalate to root"]);
    }
}

#[test]
fn whoever_looks_is_asked_anew_whether_they_could_escalate() {
    for setup in EACH {
        require!(setup.components());
        let (_server, mut ceremony) = handed_over_managed(setup);
        ceremony.run(&CHECK).never_says(&["escalate"]);
        ceremony.remove("/break_glass/accept_admins").save();
        ceremony
            .run(&CHECK)
            .exits(4)
            .prints(&["the login admin can escalate to root: it may write "]);
        // By a policy that lets them no more.
        let narrow = "path \"sys/policies/acl/operator\" { capabilities = [\"read\", \"update\"] }";
        ceremony
            .set("/policies/admin", json!({ "rules": narrow }))
            .save();
        ceremony.run(&APPLY).exits(4);
        ceremony.run(&CHECK).never_says(&["escalate"]);
    }
}

#[test]
fn what_was_not_read_back_once_is_no_finding_for_a_login_that_reads_it() {
    for setup in EACH {
        require!(setup.components());
        let (_server, mut ceremony) = handed_over_managed(setup);
        // The login takes away its own right to read.
        let narrow = "path \"secret/*\" { capabilities = [\"read\"] }";
        ceremony
            .set(
                "/auth/userpass/users/admin/token_policies",
                json!(["admin"]),
            )
            .save();
        ceremony.run(&APPLY);
        ceremony
            .set("/policies/admin", json!({ "rules": narrow }))
            .save();
        let unread =
            "sys/policies/acl/admin was written, and this login may not read what became of it";
        ceremony.run(&APPLY).exits(4).prints(&[unread]);
        ceremony
            .run(&["apply", "--check", "--login", "auditor"])
            .never_says(&[unread]);
    }
}

#[test]
fn what_no_server_shows_is_counted_and_never_called_as_the_file_says() {
    for setup in EACH {
        require!(setup.components());
        let (server, ceremony) = handed_over_managed(setup);
        let admin = server.api().log_in("admin", &ceremony.secrets["admin"]);
        // Somebody gives the operator another password: nothing shows that.
        admin.write(
            "auth/userpass/users/operator",
            &json!({ "password": "something else" }),
        );
        let run = ceremony.run(&CHECK);
        run.never_says(&["everything is as the file says"])
            .prints(&["fields that no server shows", "such as passwords"]);
        let json = ceremony.run(&[&CHECK[..], &["--output", "json"]].concat());
        let hidden = summary(&json)["not_shown"].clone();
        let named = |path: &str| {
            let mut all = hidden.as_array().expect("documents").iter();
            all.any(|one| one.as_str().is_some_and(|one| one.starts_with(path)))
        };
        assert!(named("auth/userpass/users/operator (password)"), "{hidden}");
        assert!(!named("sys/policies/acl"), "{hidden}");
        ceremony
            .run(&["plan", "--login", "admin"])
            .prints(&["what no server shows of ", "such as passwords"]);
    }
}
