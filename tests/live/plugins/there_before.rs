//! Plugins and files that somebody else has put there.

use std::fs;

use serde_json::json;

use super::{EACH, PATH, PLUGIN, plugged};
use crate::remembered::root;
use crate::support::require;

#[test]
fn a_plugin_that_was_there_before_loses_no_environment_unsaid() {
    for setup in EACH {
        require!([&setup.components()[..], &[PLUGIN]].concat());
        let mut of = plugged(setup);
        of.ceremony.set("/revoke_root", json!(false));
        of.keeps_root().exits(4);
        let root = root(&of.server, &of.ceremony);
        let mut there = of.plugin("first", "v1.2.3");
        there["env"] = json!(["MODE=theirs"]);
        root.write(PATH, &there);
        let ours = of.plugin("first", "v1.2.3");
        of.ceremony.set("/plugins/secret/ours", ours);
        of.keeps_root()
            .says(&["env of sys/plugins/catalog/secret/ours: not compared"]);
        let goes = "its environment goes with this write, if somebody else gave it one";
        of.ceremony
            .set("/plugins/secret/ours/args", json!(["-quiet"]));
        of.ceremony.save();
        of.ceremony.run(&["plan"]).prints(&["args", goes]);
        of.ceremony
            .set("/plugins/secret/ours/env", json!({ "MODE": "theirs" }));
        of.ceremony.save();
        of.ceremony
            .run(&["plan"])
            .prints(&["args"])
            .never_says(&[goes]);
        of.keeps_root().exits(4);
    }
}

#[test]
fn a_plugin_without_a_version_in_the_file_is_known_beside_another_version_and_by_its_file() {
    for setup in EACH {
        require!([&setup.components()[..], &[PLUGIN]].concat());
        let mut of = plugged(setup);
        let own = json!({ "command": "first", "sha256": of.digest("first"), "args": ["auth"] });
        of.ceremony
            .set("/revoke_root", json!(false))
            .set("/plugins/auth/door", own);
        of.keeps_root().exits(4);
        let root = root(&of.server, &of.ceremony);
        // Of a file that it does not run a server believes any version.
        let other = json!({ "command": "second", "sha256": "0".repeat(64), "version": "v9.9.9" });
        root.write("sys/plugins/catalog/auth/door", &other);
        of.writes(&[]);
        // Another file by that name is told by each run that can read it.
        fs::copy(of.directory.file("second"), of.directory.file("first")).expect("ours");
        for _ in 0..2 {
            of.keeps_root().exits(4).prints(&[
                "sys/plugins/catalog/auth/door",
                "on this machine has the SHA-256",
                &of.digest("second"),
            ]);
        }
    }
}
