//! The commands of the pages, as a reader types them: one after the other, in one directory, on a real server.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ceremony::Server;
use crate::support::{Scratch, Tool, require};

/// In the order in which somebody reads them who has just begun.
const PAGES: [(&str, &str); 3] = [
    ("README.md", include_str!("../../README.md")),
    (
        "docs/break-glass.md",
        include_str!("../../docs/break-glass.md"),
    ),
    (
        "docs/recovery-keys.md",
        include_str!("../../docs/recovery-keys.md"),
    ),
];
/// What every machine has. Neither `age` nor a server's own program is among it.
const USUAL: [&str; 10] = [
    "sh", "cat", "head", "base64", "mkdir", "mv", "rm", "sed", "ls", "chmod",
];

/// The blocks of a page whose mark is this.
fn blocks(text: &str, mark: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut inside) {
            (Some(info), None) => inside = Some((info.to_owned(), String::new())),
            (Some(_), Some(_)) => {
                let (info, block) = inside.take().expect("it has begun");
                if info.split(' ').nth(1) == Some(mark) {
                    found.push(block);
                }
            }
            (None, Some((_, block))) => *block += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    found
}

fn on_the_path(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").expect("a PATH");
    let mut all = std::env::split_paths(&path).map(|directory| directory.join(name));
    all.find(|file| file.is_file())
        .unwrap_or_else(|| panic!("no {name}"))
}

/// A directory of links as the only one on the PATH.
fn programs(directory: &Path, more: &[(&str, PathBuf)]) {
    std::fs::create_dir(directory).expect("a directory");
    let program = PathBuf::from(Tool::new().command(&[]).get_program());
    let usual = USUAL.map(|name| (name, on_the_path(name)));
    let own = [("vault-bootstrap", program)];
    for (name, target) in usual.iter().chain(&own).chain(more) {
        symlink(target, directory.join(name)).expect("a link");
    }
}

#[test]
fn what_the_pages_tell_a_reader_to_type_works_from_the_quick_start_on() {
    require!(["openbao-2.7.2"]);
    let server = Server::in_memory();
    let scratch = Scratch::new();
    let (plain, with_bao) = (scratch.file("bin"), scratch.file("bin-with-bao"));
    programs(&plain, &[]);
    programs(&with_bao, &[("bao", server.program())]);
    let directory = scratch.file("here");
    std::fs::create_dir(&directory).expect("a directory");
    let (mut ran, mut checked) = (0, 0);
    for (page, text) in PAGES {
        checked += blocks(text, "check").len();
        for block in blocks(text, "run") {
            let needs_bao = block.contains("-- bao ");
            assert!(
                !needs_bao || page != "README.md",
                "the quick start needs no other program"
            );
            let path = if needs_bao { &with_bao } else { &plain };
            let mut shell = Command::new(path.join("sh"));
            shell
                .args(["-euc", &block])
                .current_dir(&directory)
                .env_clear();
            shell
                .env("PATH", path)
                .env("HOME", &directory)
                .env("VAULT_ADDR", server.address());
            shell.env("AUDIT_LOG", server.audit_file());
            let ended = shell.output().expect("a shell");
            let shown =
                String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
            assert!(
                ended.status.success(),
                "{page}:\n{block}\n{:?}\n{shown}",
                ended.status
            );
            assert!(!shown.contains("AGE-SECRET-KEY"), "{page}:\n{block}");
            ran += 1;
        }
    }
    println!("blocks of the pages: {ran} run, {checked} only checked");
    assert!(ran > 4, "the blocks are marked in another way");
    let status = Tool::new().directory(&directory).run(&["status"]);
    assert_eq!(status.code, 0, "{}", status.stdout);
}
