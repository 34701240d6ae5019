//! A configuration of several files: what they say together is written, and a later run finds it so.

use serde_json::json;

use crate::ceremony::{Ceremony, Server};
use crate::support::{Setup, require};

/// A ceremony whose team `payments` has a file of its own, with policies in files beside it.
fn with_a_team(server: &Server) -> Ceremony {
    let mut ceremony = Ceremony::at(server);
    let ben = ceremony.password("ben");
    std::fs::create_dir_all(ceremony.path("teams/policies")).expect("a directory");
    std::fs::create_dir_all(ceremony.path("policies")).expect("a directory");
    ceremony.write("teams/ben.password", &format!("{ben}\n"));
    ceremony.write("policies/reader.hcl", &policy("secret/data/*"));
    ceremony.write("teams/policies/payments.hcl", &policy("payments/data/*"));
    write_team(&ceremony, "1h");
    ceremony.set("/include", json!("teams/*.yaml"));
    ceremony.set("/policies/files", json!("policies/*.hcl"));
    ceremony
}

fn policy(path: &str) -> String {
    format!("path \"{path}\" {{ capabilities = [\"read\"] }}\n")
}

fn write_team(ceremony: &Ceremony, life: &str) {
    let text = format!(
        "policies: {{files: policies/*.hcl}}\n\
         auth:\n  userpass:\n    users:\n      \
         ben: {{password: {{file: ben.password}}, token_policies: [payments, reader], token_ttl: {life}}}\n\
         secrets: {{payments: {{type: kv-v2}}}}\n\
         writes:\n  - {{path: payments/config, data: {{max_versions: 3}}}}\n\
         logins:\n  ben:\n    auth: userpass\n    username: ben\n    password: {{file: ben.password}}\n    \
         can: {{payments/data/a: [read], secret/data/a: [read]}}\n"
    );
    ceremony.write("teams/payments.yaml", &text);
}

#[test]
fn what_several_files_say_is_written_once_and_found_by_the_next_run() {
    for setup in [
        Setup::OpenBao272Static,
        Setup::OpenBao262StaticApiAudit,
        Setup::Vault1211Shamir,
    ] {
        require!(setup.components());
        let server = Server::of(setup);
        let mut ceremony = with_a_team(&server);
        ceremony.apply().exits(4).says(&["ben opened"]);
        let log = server.audit().after_this();
        let run = ceremony.apply();
        run.exits(4)
            .prints(&["nothing was written"])
            .never_says(&["differs"]);
        assert_eq!(log.writes(), Vec::<String>::new(), "{setup:?}");
        // What is wrong in a file of the team is said with its name and line, before any server is asked.
        write_team(&ceremony, "soon");
        let log = server.audit().after_this();
        let run = ceremony.apply();
        run.exits(2).says(&["teams/payments.yaml:5:"]);
        assert_eq!(log.requests(), Vec::<String>::new(), "{setup:?}");
        write_team(&ceremony, "1h");
        ceremony.set("/policies/payments", json!({ "rules": "x" }));
        let run = ceremony.apply();
        run.exits(2)
            .says(&["teams/payments.yaml:1:", "it stands in bootstrap.yaml:"]);
    }
}

#[test]
fn an_edit_in_an_included_file_is_written_while_root_is_kept() {
    let server = Server::in_memory();
    let mut ceremony = with_a_team(&server);
    ceremony.set("/revoke_root", json!(false));
    let keep = ["apply", "--yes", "--keep-root"];
    ceremony.run(&keep).exits(4);
    let silent = || {
        let log = server.audit().after_this();
        ceremony
            .run(&keep)
            .exits(4)
            .prints(&["nothing was written"]);
        assert_eq!(log.writes(), Vec::<String>::new());
    };
    silent();
    write_team(&ceremony, "30m");
    ceremony.write("teams/policies/payments.hcl", &policy("payments/*"));
    ceremony.write(
        "teams/policies/payments-audit.hcl",
        &policy("payments/data/audit"),
    );
    ceremony.write("policies/reader.hcl", &policy("secret/*"));
    let log = server.audit().after_this();
    ceremony.run(&keep).exits(4);
    let mut writes = log.writes();
    writes.retain(|write| write.contains("policies/acl") || write.contains("users"));
    writes.sort();
    assert_eq!(
        writes,
        [
            "update auth/userpass/users/ben",
            "update sys/policies/acl/payments",
            "update sys/policies/acl/payments-audit",
            "update sys/policies/acl/reader",
        ]
    );
    silent();
}
