//! Servers that outlive the run that started them.

use serde_json::Value;

use super::Place;
use crate::support::require;

const BAO: &str = "openbao-2.7.2";
const VAULT: &str = "vault-1.21.1";

impl Place {
    fn up(&self, name: &str, more: &[&str]) -> crate::support::ToolResult {
        let server = self.server.to_str().expect("a path");
        let words = [
            &["throwaway", "up", name, "--server", server, "--inmem"],
            more,
        ]
        .concat();
        self.tool.run(&words)
    }

    fn env(&self, name: &str) -> Value {
        let words = ["throwaway", "env", name, "--form", "json"];
        let run = self.tool.run(&words).expect_code(0);
        serde_json::from_str(&run.stdout).expect("JSON")
    }
}

fn is_up_until_it_is_taken_down(component: &str) {
    require!([component]);
    let place = Place::with(component);
    place.up("ci", &[]).expect_code(0);
    let env = place.env("ci");
    let again = place.up("ci", &[]).expect_code(0);
    assert!(
        again.stderr.contains("ci is up already"),
        "{}",
        again.stderr
    );
    assert_eq!(place.env("ci"), env, "a second up changes nothing");
    // But it says so, and writes what was asked for; once more that is no mistake.
    let file = place.tool.home().join("ci.env");
    let path = file.to_str().expect("a path");
    for _ in 0..2 {
        let again = place.up("ci", &["--export", path]).expect_code(0);
        assert!(
            again.stderr.contains("it stays as it was made"),
            "{}",
            again.stderr
        );
        let text = std::fs::read_to_string(&file).expect("it was written");
        assert!(text.contains("export VAULT_ADDR="), "no address");
    }
    let script = r#"eval "$("$0" throwaway env ci)" && "$1" kv put -mount=secret app/x a=b"#;
    let program = env!("CARGO_BIN_EXE_vault-bootstrap");
    let server = place.server.to_str().expect("a path");
    let tool = place.tool.command(&[]);
    let mut through = std::process::Command::new("sh");
    through.args(["-c", script, program, server]).env_clear();
    for (name, value) in tool.get_envs() {
        through.env(name, value.unwrap_or_default());
    }
    let wrote = through.output().expect("a shell");
    assert!(
        wrote.status.success(),
        "{}",
        String::from_utf8_lossy(&wrote.stderr)
    );
    // Another run beside it leaves it alone.
    place.run(&["--inmem", "--", "true"]).expect_code(0);
    let list = place.tool.run(&["throwaway", "list"]).expect_code(0);
    assert!(
        list.stdout.starts_with("ci ") && list.stdout.contains(" up "),
        "{}",
        list.stdout
    );
    place.tool.run(&["throwaway", "down", "ci"]).expect_code(0);
    place.is_clean();
    let gone = place.tool.run(&["throwaway", "env", "ci"]).expect_code(2);
    assert!(
        gone.stderr.contains("no throwaway server ci is up here"),
        "{}",
        gone.stderr
    );
}

#[test]
fn openbao_is_up_by_name_until_it_is_taken_down() {
    is_up_until_it_is_taken_down(BAO);
}

#[test]
fn vault_is_up_by_name_until_it_is_taken_down() {
    is_up_until_it_is_taken_down(VAULT);
}

#[test]
fn of_two_that_begin_at_once_one_is_up_and_the_other_says_so() {
    require!([BAO]);
    let place = Place::with(BAO);
    let server = place.server.to_str().expect("a path");
    let words = ["throwaway", "up", "ci", "--server", server, "--inmem"];
    let runs = [place.tool.spawn(&words), place.tool.spawn(&words)];
    let mut codes = runs.map(|run| run.finish().code);
    codes.sort_unstable();
    assert!(matches!(codes, [0, 0 | 3]), "{codes:?}");
    assert_eq!(place.directories().len(), 1);
    place.tool.run(&["throwaway", "down", "ci"]).expect_code(0);
    place.is_clean();
}

#[test]
fn an_export_is_private_and_goes_with_the_server() {
    require!([BAO]);
    use std::os::unix::fs::PermissionsExt;
    let place = Place::with(BAO);
    let file = place.tool.home().join("ci.env");
    let path = file.to_str().expect("a path");
    place
        .up("ci", &["--export", path, "--form", "gitlab"])
        .expect_code(0);
    let text = std::fs::read_to_string(&file).expect("a file");
    let mode = std::fs::metadata(&file)
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let env = place.env("ci");
    let address = format!("VAULT_ADDR={}", env["VAULT_ADDR"].as_str().expect("a text"));
    assert!(text.lines().any(|line| line == address), "{text}");
    place.tool.run(&["throwaway", "down", "ci"]).expect_code(0);
    assert!(!file.exists());
    place.is_clean();
    // The file of GitHub Actions is the runner's, and only added to.
    std::fs::write(&file, "BEFORE=1\n").expect("written");
    let script = r#"grep -c -e ^BEFORE=1$ -e ^VAULT_TOKEN= "$0""#;
    let words = [
        "--inmem", "--export", path, "--form", "github", "--", "sh", "-c", script, path,
    ];
    let run = place.run(&words).expect_code(0);
    assert_eq!(run.stdout, "2\n");
    assert!(file.exists());
    // Nothing begins where the file could not be written in the end.
    let nowhere = place.tool.home().join("nowhere/x.env");
    let nowhere = nowhere.to_str().expect("a path");
    let run = place
        .run(&["--inmem", "--export", nowhere, "--", "true"])
        .expect_code(2);
    assert!(run.stderr.contains("is no directory"), "{}", run.stderr);
    assert!(!run.stderr.contains("TMPDIR"), "{}", run.stderr);
    // Any other file that is there already is somebody's.
    let taken = place
        .run(&["--inmem", "--export", path, "--", "true"])
        .expect_code(2);
    assert!(
        taken.stderr.contains("is there already"),
        "{}",
        taken.stderr
    );
    place.is_clean();
}

#[test]
fn a_token_is_shown_to_a_program_and_not_at_a_terminal() {
    require!([BAO]);
    let place = Place::with(BAO);
    place.up("ci", &[]).expect_code(0);
    let token = place.env("ci")["VAULT_TOKEN"]
        .as_str()
        .expect("a token")
        .to_owned();
    let terminal = place.tool.terminal(&["throwaway", "env", "ci"]);
    let (code, run) = terminal.finish();
    assert_eq!(code, 0, "{run}");
    assert!(
        run.contains("VAULT_TOKEN=") && !run.contains(&token),
        "{run}"
    );
    place.tool.run(&["throwaway", "down", "ci"]).expect_code(0);
    place.is_clean();
}

#[test]
fn at_a_terminal_there_is_something_to_try_until_ctrl_c() {
    require!([BAO]);
    let place = Place::with(BAO);
    let mut terminal = place.tool.terminal(&place.words(&["--inmem"]));
    let before = terminal.expect("Ctrl-C");
    terminal.type_keys("\x03");
    let (code, after) = terminal.finish();
    assert_eq!(code, 0, "{after}");
    assert!(before.contains("throwaway env "), "{before}");
    let shown = before + &after;
    assert!(!shown.contains("hvs.") && !shown.contains("=s."), "{shown}");
    place.is_clean();
}
