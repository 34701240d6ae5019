//! Plugins: registered before anything is mounted, looked at afterwards, and never reloaded or removed.

mod there_before;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::ceremony::{Ceremony, Run, Server, builder, killed_or_ended};
use crate::remembered::root;
use crate::support::{Action, Faults, Scratch, Setup, component, require};

const EACH: [Setup; 3] = [
    Setup::OpenBao272Static,
    Setup::OpenBao262StaticApiAudit,
    Setup::Vault1211Shamir,
];
const KEEP: [&str; 3] = ["apply", "--yes", "--keep-root"];
const PLUGIN: &str = "kvplugin-0.25.0";
/// Where the plugin of these tests stands in the catalogue.
const PATH: &str = "sys/plugins/catalog/secret/ours";

/// A server that has a directory for plugins, with the plugin in it twice: one file has a byte more.
struct Plugged {
    server: Server,
    ceremony: Ceremony,
    directory: Scratch,
}

fn plugged(setup: Setup) -> Plugged {
    let directory = Scratch::new();
    let plugin = component(PLUGIN).expect("it is installed");
    for (name, more) in [("first", ""), ("second", "x")] {
        let mut bytes = fs::read(&plugin).expect("a program");
        bytes.extend(more.as_bytes());
        let file = directory.file(name);
        fs::write(&file, bytes).expect("a file");
        runs(&file);
    }
    let place = fs::canonicalize(directory.path()).expect("a directory");
    let line = format!("plugin_directory = {place:?}");
    let server = Server::from(builder(setup).top_level(&line).start());
    let ceremony = Ceremony::at(&server);
    Plugged {
        server,
        ceremony,
        directory,
    }
}

fn runs(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("ours");
}

fn digest(file: &PathBuf) -> String {
    let output = Command::new("sha256sum").arg(file).output();
    let text = String::from_utf8(output.expect("sha256sum").stdout).expect("text");
    text.split(' ').next().expect("a digest").to_owned()
}

impl Plugged {
    fn digest(&self, name: &str) -> String {
        digest(&self.directory.file(name))
    }

    fn plugin(&self, name: &str, version: &str) -> Value {
        json!({ "command": name, "sha256": self.digest(name), "version": version })
    }

    /// With a plugin and a mount of it.
    fn declare(&mut self) {
        let plugin = self.plugin("first", "v1.2.3");
        self.ceremony
            .set("/revoke_root", json!(false))
            .set("/plugins/secret/ours", plugin)
            .set("/secrets/own", json!({ "type": "ours" }));
    }

    fn keeps_root(&self) -> Run {
        self.ceremony.run(&KEEP)
    }

    /// A run that writes exactly this, and a second one that writes nothing.
    #[track_caller]
    fn writes(&self, paths: &[&str]) -> Run {
        let log = self.server.audit().after_this();
        let run = self.keeps_root();
        let expected: Vec<String> = paths.iter().map(|path| format!("update {path}")).collect();
        assert_eq!(log.writes(), expected, "{run}");
        let log = self.server.audit().after_this();
        let again = self.keeps_root();
        assert_eq!(log.writes(), Vec::<String>::new(), "{again}");
        run
    }
}

#[test]
fn a_plugin_is_registered_before_its_mount_answers_and_what_was_sent_is_compared_with_what_is_there()
 {
    for setup in EACH {
        require!([&setup.components()[..], &[PLUGIN]].concat());
        let mut of = plugged(setup);
        of.declare();
        of.ceremony.password("rpc");
        let door = json!({ "command": "first", "sha256": of.digest("first"), "args": ["auth"] });
        of.ceremony
            .set("/plugins/secret/ours/args", json!(["-quiet"]))
            .set(
                "/plugins/secret/ours/env",
                json!({ "MODE": "plain", "RPC_TOKEN": { "file": "rpc.password" } }),
            )
            .set(
                "/secrets/pinned",
                json!({ "type": "ours", "tune": { "plugin_version": "v1.2.3" } }),
            )
            .set("/plugins/auth/door", door)
            .set("/auth/door", json!({ "type": "door" }));
        of.ceremony.run(&["plan"]).prints(&[PATH]);
        of.keeps_root().exits(4);
        let log = of.server.audit();
        assert!(log.place(&format!("update {PATH}")) < log.place("update sys/mounts/own"));
        let root = root(&of.server, &of.ceremony);
        root.write("own/a", &json!({ "b": "c" }));
        assert_eq!(root.read("own/a")["data"]["b"], "c", "{setup:?}");
        assert_eq!(root.read("sys/auth")["data"]["door/"]["type"], "door");
        let mounts = root.read("sys/mounts")["data"].clone();
        assert_eq!(mounts["pinned/"]["running_plugin_version"], "v1.2.3");
        of.writes(&[]);

        // Somebody registers another file by that name and version.
        root.write(PATH, &of.plugin("second", "v1.2.3"));
        let plan = of.ceremony.run(&["plan"]);
        plan.prints(&[PATH, &of.digest("second"), &of.digest("first")]);
        of.writes(&[PATH]);
        let path = format!("{PATH}?version=v1.2.3");
        let there = &root.read(&path)["data"];
        assert_eq!(there["sha256"], of.digest("first"), "{there}");
        assert_eq!(there["args"], json!(["-quiet"]), "{there}");

        // Another secret in its environment, which no server shows.
        of.ceremony.password("rpc");
        of.writes(&[PATH])
            .says(&["keeps the environment", "reload -mounts=own/,pinned/"]);
    }
}

#[test]
fn a_mount_keeps_the_version_that_it_began_with_until_somebody_reloads_it() {
    for setup in EACH {
        require!([&setup.components()[..], &[PLUGIN]].concat());
        let mut of = plugged(setup);
        of.declare();
        let door = json!({ "command": "first", "sha256": of.digest("first"), "args": ["auth"] });
        of.ceremony
            .set("/plugins/auth/door", door)
            .set("/auth/door", json!({ "type": "door" }));
        of.keeps_root().exits(4).never_says(&["of its plugin"]);
        let root = root(&of.server, &of.ceremony);
        let stays = "sys/mounts/own runs v1.2.3 of its plugin, and the file says v1.3.0";
        let second = of.plugin("second", "v1.3.0");
        of.ceremony.set("/plugins/secret/ours", second);
        of.writes(&[PATH])
            .prints(&[stays, "vault plugin reload -mounts=own/"]);
        let own = || root.read("sys/mounts")["data"]["own/"].clone();
        assert_eq!(own()["plugin_version"], "v1.2.3", "{setup:?}");

        // The version that it runs is named: nothing is amiss.
        of.ceremony
            .set("/secrets/own/tune", json!({ "plugin_version": "v1.2.3" }));
        of.keeps_root().never_says(&["of its plugin"]);
        of.ceremony
            .set("/secrets/own/tune/plugin_version", json!("v1.3.0"));
        of.writes(&["sys/mounts/own/tune"]).prints(&[stays]);
        root.write("sys/plugins/reload/backend", &json!({ "mounts": ["own/"] }));
        assert_eq!(own()["running_plugin_version"], "v1.3.0", "{setup:?}");
        of.keeps_root().never_says(&["of its plugin"]);

        // The method says itself which version it is, and the file says none: another file is told by its digest.
        let door = json!({ "command": "second", "sha256": of.digest("second"), "args": ["auth"] });
        of.ceremony.set("/plugins/auth/door", door);
        of.writes(&["sys/plugins/catalog/auth/door"])
            .prints(&["sys/auth/door runs the file", &of.digest("second")]);

        // Both versions are there, and the older one is nobody's any more.
        let old = format!("{PATH}?version=v1.2.3");
        root.read(&old);
        of.ceremony.remove("/plugins/secret/ours");
        of.keeps_root()
            .exits(4)
            .prints(&[&format!("{PATH} is not in the file any more")]);
        root.read(&old);
    }
}

#[test]
fn a_file_that_the_server_does_not_run_is_said_with_what_to_do_and_once_it_does_the_next_run_ends_it()
 {
    for setup in EACH {
        require!([&setup.components()[..], &[PLUGIN]].concat());
        let mut of = plugged(setup);
        of.declare();
        of.ceremony
            .set("/plugins/secret/ours/command", json!("third"));
        let log = of.server.audit().after_this();
        let run = of.keeps_root();
        run.exits(1).says(&[
            PATH,
            "put the file of that name into the plugin_directory of every node",
        ]);
        let tried = format!("update {PATH}");
        let writes = log.writes();
        let tries = writes.iter().filter(|one| **one == tried).count();
        // What a server has decided is not asked for again.
        assert_eq!(tries, 1, "{setup:?} {writes:#?}");
        assert!(!writes.contains(&"update sys/mounts/own".to_owned()));

        // The file is there, and is another one than the file says.
        of.ceremony
            .set("/plugins/secret/ours/command", json!("second"));
        let run = of.keeps_root();
        run.exits(1)
            .says(&["sha256sum of the file in plugin_directory"]);
        // It is on this machine, so which digest it has is said too.
        run.says(&[&of.digest("second"), "on this machine"]);
        let digest = of.digest("second");
        of.ceremony
            .set("/plugins/secret/ours/sha256", json!(digest));
        of.keeps_root().exits(4);
        let root = root(&of.server, &of.ceremony);
        root.write("own/a", &json!({ "b": "c" }));
    }
}

#[test]
fn a_server_without_a_directory_for_plugins_says_so() {
    for setup in EACH {
        require!(setup.components());
        let server = Server::of(setup);
        let mut ceremony = Ceremony::at(&server);
        ceremony.set("/revoke_root", json!(false)).set(
            "/plugins/secret/ours",
            json!({ "command": "ours", "sha256": "0".repeat(64) }),
        );
        let run = ceremony.run(&KEEP);
        run.exits(1).says(&[
            PATH,
            "set plugin_directory in the configuration of every node",
        ]);
    }
}

#[test]
fn a_name_that_this_server_has_built_in_is_refused_before_anything_is_written() {
    let setup = Setup::OpenBao262StaticApiAudit;
    require!(setup.components());
    let server = Server::of(setup);
    let mut ceremony = Ceremony::at(&server);
    ceremony.set(
        "/plugins/auth/ldap",
        json!({ "command": "ours", "sha256": "0".repeat(64), "version": "v1.0.0" }),
    );
    let run = ceremony.apply();
    run.exits(3)
        .says(&["plugins.auth.ldap of the file", "built in"]);
    let requests = server.audit().requests();
    let writes =
        |path: &&String| path.contains("sys/plugins/catalog/") || path.contains("sys/auth");
    assert_eq!(requests.iter().find(writes), None);
}

#[test]
fn a_method_that_openbao_has_no_more_is_brought_by_a_plugin_of_the_file() {
    let setup = Setup::OpenBao272Static;
    require!([&setup.components()[..], &[PLUGIN]].concat());
    let mut of = plugged(setup);
    let plugin = json!({ "command": "first", "sha256": of.digest("first"), "args": ["auth"] });
    of.ceremony
        .set("/revoke_root", json!(false))
        .set("/auth/ldap", json!({ "type": "ldap" }));
    let warned = "OpenBao 2.7.2 has no built-in type for auth/ldap";
    of.ceremony.run(&["plan"]).prints(&[warned]);
    of.ceremony.set("/plugins/auth/ldap", plugin);
    of.ceremony.run(&["plan"]).never_says(&[warned]);
    of.keeps_root().exits(4).never_says(&[warned]);
    let root = root(&of.server, &of.ceremony);
    assert_eq!(root.read("sys/auth")["data"]["ldap/"]["type"], "ldap");
}

#[test]
fn a_run_that_is_killed_between_the_plugin_and_its_mount_is_ended_by_the_next_one() {
    for setup in EACH {
        require!([&setup.components()[..], &[PLUGIN]].concat());
        let mut of = plugged(setup);
        of.declare();
        of.ceremony.remove("/revoke_root");
        let faults = Faults::new();
        faults.first("POST sys/mounts/own", Action::Hold);
        let proxy = faults.before(&of.server.address());
        of.ceremony.set("/cluster/address", json!(proxy.address()));
        assert!(killed_or_ended(of.ceremony.start(), &[&proxy]).is_none());
        let log = of.server.audit().after_this();
        of.ceremony.apply().exits(4);
        let written = log.writes();
        assert!(!written.contains(&format!("update {PATH}")), "{written:#?}");
        assert!(written.contains(&"update sys/mounts/own".to_owned()));
    }
}

#[test]
fn after_hand_over_a_login_that_may_writes_a_corrected_line_and_what_else_is_there_is_left_and_imported()
 {
    for setup in EACH {
        require!([&setup.components()[..], &[PLUGIN]].concat());
        let mut of = plugged(setup);
        of.declare();
        let rules = "path \"sys/plugins/catalog\" { capabilities = [\"read\"] }\n\
                     path \"sys/plugins/catalog/*\" { capabilities = [\"create\", \"read\", \"update\", \"sudo\"] }\n\
                     path \"sys/plugins/catalog/secret/ours\" { capabilities = [\"create\", \"read\", \"update\", \"sudo\"] }\n\
                     path \"sys/mounts\" { capabilities = [\"read\"] }\n";
        of.ceremony.password("smith");
        let password = json!({ "file": "smith.password" });
        of.ceremony
            .remove("/revoke_root")
            .set("/policies/smith", json!({ "rules": rules }))
            .set(
                "/auth/userpass/users/smith",
                json!({ "password": password, "token_policies": ["auditor", "smith"], "token_ttl": "15m" }),
            )
            .set(
                "/logins/smith",
                json!({ "auth": "userpass", "username": "smith", "password": password }),
            );
        of.ceremony.apply().exits(4);
        // The auditor sees all of it.
        let silent = of.ceremony.run(&["apply", "--check"]);
        silent.never_says(&[PATH]);
        of.ceremony
            .set("/plugins/secret/ours/args", json!(["-quiet"]));
        let plan = of.ceremony.run(&["plan", "--login", "auditor"]);
        plan.prints(&[PATH, "\"sudo\"] }"]);
        let smith = of
            .server
            .api()
            .log_in("smith", &of.ceremony.secrets["smith"]);
        let other = "sys/plugins/catalog/database/theirs";
        smith.write(other, &of.plugin("first", "v2.0.0"));
        let log = of.server.audit().after_this();
        let run = of
            .ceremony
            .run(&["apply", "--yes", "--all", "--login", "smith"]);
        run.says(&[&format!("{other} v2.0.0")]);
        assert_eq!(log.writes(), [format!("update {PATH}")], "{run}");
        let there = &smith.read(&format!("{PATH}?version=v1.2.3"))["data"];
        assert_eq!(there["args"], json!(["-quiet"]), "{there}");

        let imported = of.ceremony.run(&["import", "--login", "smith"]);
        for text in [
            "plugins:\n  database:\n    theirs:\n      command: first\n",
            "  secret:\n    ours:\n",
        ] {
            assert!(imported.stdout.contains(text), "{imported}");
        }
    }
}
