//! What the command gets, and what comes of how it ends.

use rustix::process::Signal;

use super::Place;
use crate::support::{Disk, require, skip};

const BAO: &str = "openbao-2.7.2";
const VAULT: &str = "vault-1.21.1";

/// The shell's `$0` is the command line of the server.
const WRITES_AND_READS: &str = r#"set -e
"$0" kv put -mount=secret app/config colour=blue >/dev/null
"$0" kv get -mount=secret -field=colour app/config
VAULT_TOKEN=$("$0" write -field=token $VAULT_BOOTSTRAP_LOGIN_APP)
BAO_TOKEN=$VAULT_TOKEN
export VAULT_TOKEN BAO_TOKEN
"$0" kv get -mount=secret -field=colour app/config
! "$0" kv put -mount=secret app/config colour=red 2>/dev/null
! "$0" token lookup -format=json "$VAULT_TOKEN" 2>/dev/null | grep -q '"root"'
"#;

fn writes_and_reads(name: &str, more: &[&str]) {
    require!([name]);
    let place = Place::with(name);
    let program = place.server.to_str().expect("a path").to_owned();
    let words = [more, &["--", "sh", "-c", WRITES_AND_READS, &program]].concat();
    let run = place.run(&words).expect_code(0);
    assert_eq!(run.stdout, "blueblue", "{}", run.stderr);
    place.is_clean();
}

#[test]
fn a_command_writes_as_the_first_login_and_reads_as_another_on_openbao() {
    writes_and_reads(BAO, &[]);
    writes_and_reads(BAO, &["--inmem"]);
}

#[test]
fn a_command_writes_as_the_first_login_and_reads_as_another_on_vault() {
    writes_and_reads(VAULT, &[]);
    writes_and_reads(VAULT, &["--inmem"]);
}

#[test]
fn the_code_of_the_command_is_passed_on_and_stdout_is_its_own() {
    require!([BAO]);
    let place = Place::with(BAO);
    let script = "echo mine; cat; exit 7";
    let words = place.words(&["--inmem", "--", "sh", "-c", script]);
    let run = place.tool.run_with_input(&words, "heard").expect_code(7);
    assert_eq!(run.stdout, "mine\nheard");
    place.is_clean();
    // As a shell says it of one that was killed.
    place
        .run(&["--inmem", "--", "sh", "-c", "kill -9 $$"])
        .expect_code(137);
    place.is_clean();
}

#[test]
fn a_signal_reaches_the_command_which_ends_in_its_own_way() {
    require!([BAO]);
    let place = Place::with(BAO);
    let script = "trap 'echo heard; exit 5' TERM; echo ready >&2; while :; do sleep 0.05; done";
    let words = place.words(&["--inmem", "--", "sh", "-c", script]);
    let run = place.tool.spawn(&words);
    run.wait_for_line("ready", |line| line.trim() == "ready");
    run.signal(Signal::TERM);
    let ended = run.finish().expect_code(5);
    assert_eq!(ended.stdout, "heard\n");
    place.is_clean();
}

#[test]
fn a_stop_before_the_command_leaves_nothing() {
    require!([BAO]);
    let place = Place::with(BAO);
    let words = place.words(&["--", "true"]);
    let run = place.tool.spawn(&words);
    run.wait_for_line("a step", |line| line.contains("initialise the cluster"));
    run.signal(Signal::INT);
    let ended = run.finish().expect_code(130);
    assert!(
        ended.stderr.contains("the throwaway server is removed"),
        "{}",
        ended.stderr
    );
    place.is_clean();
}

#[test]
fn what_a_command_leaves_behind_does_not_hold_the_server() {
    require!([BAO]);
    let place = Place::with(BAO);
    // It goes away by itself, with all descriptors that it was given.
    let script = "(setsid sleep 3 >/dev/null 2>&1 </dev/null &); exec 0<&-; exit 0";
    place
        .run(&["--inmem", "--", "sh", "-c", script])
        .expect_code(0);
    place.is_clean();
}

#[test]
fn a_server_that_ends_by_itself_ends_the_command_and_says_its_last_lines() {
    require!([BAO]);
    let place = Place::with(BAO);
    let script = "echo ready >&2; sleep 60";
    let words = place.words(&["--inmem", "--keep", "--", "sh", "-c", script]);
    let run = place.tool.spawn(&words);
    run.wait_for_line("ready", |line| line.trim() == "ready");
    let is_server =
        |(_, line): &&(u32, String)| line.contains(" server -config=") && !line.contains("watch");
    let all = place.processes();
    let (id, _) = all.iter().find(is_server).expect("a server");
    let id = rustix::process::Pid::from_raw(i32::try_from(*id).expect("an id")).expect("an id");
    rustix::process::kill_process(id, Signal::KILL).expect("it is there");
    let ended = run.finish().expect_code(1);
    assert!(
        ended.stderr.contains("has ended; its last line: "),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("core: "), "{}", ended.stderr);
    // As --keep says it stays, also for the next run, until it is taken down.
    let kept = place.directories();
    assert_eq!(kept.len(), 1);
    let word = kept[0]
        .extension()
        .expect("a word")
        .to_str()
        .expect("a word")
        .to_owned();
    assert!(
        ended.stderr.contains(&format!("throwaway down {word}")),
        "{}",
        ended.stderr
    );
    let list = place.tool.run(&["throwaway", "list"]).expect_code(0);
    assert!(
        list.stdout.contains(&word) && list.stdout.contains("kept"),
        "{}",
        list.stdout
    );
    place.tool.run(&["throwaway", "down", &word]).expect_code(0);
    place.is_clean();
}

#[test]
fn the_environment_is_of_this_server_alone_and_files_are_as_the_caller_wants_them() {
    require!([BAO]);
    let mut place = Place::with(BAO);
    place.tool = place
        .tool
        .env("VAULT_ADDR", "https://vault.internal:8200")
        .env("VAULT_SKIP_VERIFY", "1")
        .env("BAO_NAMESPACE", "team")
        .env("NO_PROXY", "internal")
        .env("HTTPS_PROXY", "http://127.0.0.1:9");
    let script = "umask 0; umask; env; touch made; stat -c %a made";
    let run = place
        .run(&["--inmem", "--", "sh", "-c", script])
        .expect_code(0);
    let has = |text: &str| run.stdout.lines().any(|line| line.starts_with(text));
    assert!(has("VAULT_ADDR=https://127.0.0.1:") && has("BAO_ADDR=https://127.0.0.1:"));
    assert!(
        has("NO_PROXY=internal,127.0.0.1,localhost"),
        "{}",
        run.stdout
    );
    assert!(
        !has("VAULT_SKIP_VERIFY") && !has("BAO_NAMESPACE"),
        "{}",
        run.stdout
    );
    assert!(has(
        "VAULT_BOOTSTRAP_LOGIN_ON_CALL=auth/userpass/login/on-call password=@"
    ));
    assert!(has("666"), "{}", run.stdout);
    place.is_clean();
}

#[test]
fn what_cannot_work_is_said_before_anything_is_started() {
    require!([BAO]);
    let place = Place::with(BAO);
    let no_command = place.run(&["--", "no-such-command"]).expect_code(2);
    assert!(
        no_command.stderr.contains("no program no-such-command"),
        "{}",
        no_command.stderr
    );
    let nothing = place.run(&[]).expect_code(2);
    assert!(
        nothing.stderr.contains("no command was typed"),
        "{}",
        nothing.stderr
    );
    let tool = &place.tool;
    let no_server = tool
        .run(&["throwaway", "--server", "/bin/true", "--", "true"])
        .expect_code(2);
    assert!(
        no_server.stderr.contains("/bin/true is no server"),
        "{}",
        no_server.stderr
    );
    let login = place.run(&["--as", "nobody", "--", "true"]).expect_code(2);
    assert!(login.stderr.contains("nobody"), "{}", login.stderr);
    place.is_clean();
    let nowhere = crate::support::Tool::new().env("TMPDIR", "/no/such/directory");
    let server = place.server.to_str().expect("a path");
    let run = nowhere
        .run(&["throwaway", "--server", server, "--", "true"])
        .expect_code(1);
    assert!(run.stderr.contains("TMPDIR"), "{}", run.stderr);
}

#[test]
fn a_file_that_lies_there_is_named_and_not_read() {
    require!([BAO]);
    let place = Place::with(BAO);
    std::fs::write(place.tool.home().join("bootstrap.yaml"), "no: such key").expect("written");
    let run = place.run(&["--inmem", "--", "true"]).expect_code(0);
    assert!(
        run.stderr
            .contains("bootstrap.yaml lies here and is not read"),
        "{}",
        run.stderr
    );
    place
        .run(&["-c", "bootstrap.yaml", "--inmem", "--", "true"])
        .expect_code(2);
    place.is_clean();
}

#[test]
fn several_at_once_do_not_meet() {
    require!([BAO]);
    let place = Place::with(BAO);
    let program = place.server.to_str().expect("a path").to_owned();
    let script = r#"set -e; "$0" kv put -mount=secret app/x me=$$ >/dev/null; sleep 1
        test "$("$0" kv get -mount=secret -field=me app/x)" = $$"#;
    let words = place.words(&["--inmem", "--", "sh", "-c", script, &program]);
    let runs: Vec<_> = (0..8).map(|_| place.tool.spawn(&words)).collect();
    for run in runs {
        run.finish().expect_code(0);
    }
    place.is_clean();
}

#[test]
fn ten_runs_in_a_row_leave_nothing() {
    require!([BAO]);
    let place = Place::with(BAO);
    for _ in 0..10 {
        place.run(&["--inmem", "--", "true"]).expect_code(0);
        place.is_clean();
    }
}

/// A place whose directory for temporary files is a file system of its own, with these options.
fn on_a_disk(options: &str) -> Option<(Place, Disk)> {
    let mut place = Place::with(BAO);
    let disk = match Disk::over(&place.temporary(), options) {
        Ok(disk) => disk,
        Err(reason) => {
            skip(&reason);
            return None;
        }
    };
    let through = disk.through(place.tool.home());
    place.tool = place.tool.through(&through);
    Some((place, disk))
}

#[test]
fn a_full_disk_is_said_and_nothing_is_left_on_it() {
    require!([BAO]);
    let Some((place, disk)) = on_a_disk("size=8k,mode=1777") else {
        return;
    };
    let run = place.run(&["--inmem", "--", "true"]).expect_code(1);
    assert!(run.stderr.contains("no storage space"), "{}", run.stderr);
    assert!(
        run.stderr.contains("make room on that disk"),
        "{}",
        run.stderr
    );
    let left = std::fs::read_dir(disk.file(""))
        .expect("a directory")
        .count();
    assert_eq!(left, 0);
}

#[test]
fn nothing_is_run_from_the_directory_for_temporary_files() {
    require!([BAO]);
    let Some((place, disk)) = on_a_disk("size=100m,mode=1777,noexec") else {
        return;
    };
    place.run(&["--inmem", "--", "true"]).expect_code(0);
    let left = std::fs::read_dir(disk.file(""))
        .expect("a directory")
        .count();
    assert_eq!(left, 0);
}
