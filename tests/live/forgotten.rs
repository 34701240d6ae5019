//! A memory that is lost, damaged or of another cluster, and a mount that is another one.

use serde_json::json;

use crate::ceremony::handed_over;
use crate::remembered::root;
use crate::support::require;

#[test]
fn without_the_memory_what_is_there_is_compared_by_meaning_once() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    std::fs::remove_file(ceremony.path("checkpoint/memory.jsonl")).expect("it was there");
    let log = server.audit().after_this();
    ceremony
        .apply()
        .exits(4)
        .never_says(&["differs from the file"])
        .says(&["recorded, not re-checked: password of auth/userpass/users/"]);
    assert_eq!(log.writes(), Vec::<String>::new());
    let text =
        std::fs::read_to_string(ceremony.path("checkpoint/memory.jsonl")).expect("it is there");
    assert!(text.contains("sys/policies/acl/operator"), "{text}");
}

#[test]
fn a_memory_that_is_damaged_or_of_another_cluster_is_refused_and_half_a_line_is_not_counted() {
    require!(["openbao-2.7.2"]);
    let (_server, ceremony) = handed_over();
    let file = ceremony.path("checkpoint/memory.jsonl");
    let whole = std::fs::read_to_string(&file).expect("a memory");
    let last = whole.trim_end().rsplit('\n').next().expect("a line").len();
    std::fs::write(&file, &whole[..whole.len() - last / 2]).expect("written");
    ceremony.apply().exits(4).never_says(&["damaged"]);
    for (text, said) in [
        (
            whole.replacen("{\"path\"", "{\"paht\"", 1),
            "is damaged: line 2",
        ),
        (
            whole.replacen("\"version\":2", "\"version\":9", 1),
            "has form 9",
        ),
        (String::new(), "is damaged: line 1"),
    ] {
        std::fs::write(&file, text).expect("written");
        ceremony.apply().exits(3).says(&[said]);
    }
}

#[test]
fn a_mount_that_was_made_anew_is_seen() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let admin = root(&server, &ceremony);
    admin.delete("sys/mounts/secret");
    admin.write(
        "sys/mounts/secret",
        &json!({ "type": "kv", "options": { "version": "2" } }),
    );
    ceremony
        .apply()
        .exits(4)
        .prints(&["sys/mounts/secret", "accessor"]);
}
