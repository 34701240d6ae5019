//! What is left in memory: of all secrets nothing after hand-over, and at the question before root is revoked only
//! the root token, in one place.
//!
//! `make test-memory` does this on the program as it is shipped, many times, and writes the table of
//! `docs/measurements.md`; among the other tests it is done once.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::fs::{FileType, Mode, OFlags};
use serde_json::json;

use crate::ceremony::{Ceremony, Server};
use crate::support::{
    Action, Authority, Canaries, Dump, Faults, LocalStack, Proxy, TlsFront, cannot_dump,
    eventually, require, skip,
};

const HELD: Duration = Duration::from_secs(60);

/// One way to run: over TLS or not, and who keeps the shares.
#[derive(Debug, Clone, Copy)]
struct Way {
    tls: bool,
    ssm: bool,
}

/// The encrypted part of the checkpoint as it was at any request: each has a key of its own.
type Generations = Arc<Mutex<Vec<Vec<u8>>>>;

/// A ceremony that is looked into, with all that listens to it.
struct Watched {
    ceremony: Ceremony,
    proxies: Vec<Proxy>,
    generations: Generations,
    _front: Option<(Authority, TlsFront)>,
    _server: Server,
    results: File,
}

impl Watched {
    fn new(way: Way) -> Self {
        let server = Server::in_memory();
        let mut ceremony = Ceremony::at(&server);
        let generations = Generations::default();
        let (seen, file) = (generations.clone(), ceremony.path("checkpoint/secrets"));
        let proxy = Proxy::before(&server.address(), move |_| {
            let bytes = std::fs::read(&file).unwrap_or_default();
            let mut seen = seen.lock().expect("no panic holds it");
            if !seen.contains(&bytes) {
                seen.push(bytes);
            }
            Action::Pass
        });
        ceremony.set("/cluster/address", json!(proxy.address()));
        let mut proxies = vec![proxy];
        let front = way.tls.then(|| {
            let authority = Authority::new();
            let certificate = authority.issue("server", "IP:127.0.0.1");
            let front = TlsFront::before(&proxies[0].address(), &certificate);
            ceremony
                .set("/cluster/address", json!(front.address()))
                .set("/cluster/tls/ca_cert", json!(authority.certificate()));
            (authority, front)
        });
        if way.ssm {
            for (place, name) in ["alice", "bob", "carol"].into_iter().enumerate() {
                let custodian = ceremony.ssm_custodian(name);
                ceremony.set(&format!("/init/custodians/{place}"), custodian);
            }
            let key = ceremony.kms_checkpoint();
            let path = format!("{}/checkpoint", ceremony.prefix());
            let replica = json!({ "ssm": { "parameter": path, "kms_key": key } });
            ceremony.set("/checkpoint/replica", replica);
            credentials_in_a_file(&mut ceremony);
            let proxy = Faults::new().before(&LocalStack::shared().endpoint());
            let endpoint = ("AWS_ENDPOINT_URL".to_owned(), proxy.address());
            ceremony.environment.push(endpoint);
            proxies.push(proxy);
        }
        let results = full_pipe(&ceremony);
        // What is printed at the very end finds no room, and the program stays there.
        ceremony.through = ["sh", "-c", r#"exec "$0" "$@" >results"#]
            .map(str::to_owned)
            .to_vec();
        Self {
            ceremony,
            proxies,
            generations,
            _front: front,
            _server: server,
            results,
        }
    }

    /// Every secret that is known by now.
    fn canaries(&self) -> &Canaries {
        self.ceremony.learn_secrets();
        for bytes in self.generations.lock().expect("no panic holds it").iter() {
            self.ceremony.learn_kept(bytes);
        }
        for proxy in &self.proxies {
            self.ceremony.canaries.add_all(&proxy.heard);
        }
        &self.ceremony.canaries
    }

    /// Waits until the program has come to its last word and cannot say it.
    #[track_caller]
    fn wait_for_the_end(&self, id: u32) {
        let last = eventually(HELD, || {
            let call = std::fs::read_to_string(format!("/proc/{id}/syscall"));
            call.is_ok_and(|call| call.starts_with("1 0x1 "))
        });
        assert!(last, "it never came to its end");
    }

    /// What is found in memory just now, apart from `allowed`, which must be there once.
    #[track_caller]
    fn look(&self, when: &str, id: u32, allowed: Option<&str>) -> usize {
        let canaries = self.canaries();
        // The root token, three shares and their bytes, two keys of the checkpoint, passwords, tokens of logins.
        assert!(canaries.len() > 16, "{} canaries", canaries.len());
        let dump = Dump::of(id);
        let found = dump.search(&canaries.search());
        let (ours, others): (Vec<_>, Vec<_>) = found.iter().partition(|(find, _)| {
            find.spelling == "it is" && allowed.is_some_and(|name| find.name.contains(name))
        });
        for (find, place) in &others {
            println!("{find} in {place}\n    {}", dump.around(find.at));
        }
        assert_eq!(others.len(), 0, "secrets in memory {when}");
        assert_eq!(
            ours.len(),
            usize::from(allowed.is_some()),
            "{when}: {ours:?}"
        );
        canaries.len()
    }

    /// Reads what was said, and so lets the program go on.
    fn results(&mut self, until: &str) -> String {
        let mut text = String::new();
        let mut some = [0; 4096];
        let said = eventually(HELD, || {
            if let Ok(read) = self.results.read(&mut some) {
                text.push_str(&String::from_utf8_lossy(&some[..read]));
            }
            text.contains(until)
        });
        assert!(said, "{}", text.trim_start_matches('.'));
        text
    }
}

/// What is in the environment stays there, so the key of AWS comes from a file.
fn credentials_in_a_file(ceremony: &mut Ceremony) {
    let (id, key) = (LocalStack::ACCESS_KEY, LocalStack::SECRET_KEY);
    let text = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {key}\n");
    let file = ceremony.write("aws.credentials", &text);
    ceremony
        .environment
        .retain(|(name, _)| !name.starts_with("AWS_ACCESS_KEY") && !name.starts_with("AWS_SECRET"));
    let place = (
        "AWS_SHARED_CREDENTIALS_FILE".to_owned(),
        file.display().to_string(),
    );
    ceremony.environment.push(place);
    ceremony.secrets.insert("the key of AWS".into(), key.into());
}

/// A pipe with a name and without room.
fn full_pipe(ceremony: &Ceremony) -> File {
    let path = ceremony.path("results");
    let mode = Mode::RUSR | Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, mode, 0).expect("a pipe");
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).expect("a flag");
    let mut pipe = File::options()
        .read(true)
        .write(true)
        .custom_flags(nonblocking)
        .open(path)
        .expect("a pipe");
    while pipe.write(&[b'.'; 4096]).is_ok() {}
    while pipe.write(b".").is_ok() {}
    pipe
}

/// What one ceremony showed: how many secrets were looked for at the question and after hand-over.
fn asked_and_handed_over(way: Way) -> (usize, usize) {
    let mut watched = Watched::new(way);
    let mut terminal = watched.ceremony.terminal(&["apply"]);
    terminal.expect("Revoke the root token now?");
    let asked = watched.look("at the question", terminal.id(), Some("root_token"));
    terminal.type_line("y");
    watched.wait_for_the_end(terminal.id());
    let ended = watched.look("after hand-over", terminal.id(), None);
    let said = watched.results("report:");
    watched.canaries().are_not_in("the result", said.as_bytes());
    let (code, shown) = terminal.finish();
    assert_eq!(code, 4, "{shown}");
    watched
        .canaries()
        .are_not_in("the terminal", shown.as_bytes());
    (asked, ended)
}

/// Leaves the test, saying why, where memory cannot be looked at. gdb can be installed, root cannot.
fn can_look() -> bool {
    let Some(why) = cannot_dump() else {
        return true;
    };
    let required = std::env::var("REQUIRE_ALL").as_deref() == Ok("1");
    assert!(!required || !why.contains("gdb"), "required: {why}");
    skip(why);
    false
}

/// Without this the zeros of the others would prove nothing.
#[test]
fn what_is_still_needed_before_the_initialisation_is_found_in_memory() {
    if !can_look() {
        return;
    }
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    let faults = Faults::new().every("PUT sys/init", Action::Hold);
    let proxy = faults.before(&server.address());
    ceremony.set("/cluster/address", json!(proxy.address()));
    let run = ceremony.start();
    assert!(proxy.wait_for_held(HELD), "{}", run.stderr_so_far());
    ceremony.learn_secrets();
    let found = Dump::of(run.id()).search(&ceremony.canaries.search());
    for name in ["ada", "operator", "the bytes of checkpoint.key"] {
        let there = found.iter().any(|(find, _)| find.name == name);
        assert!(there, "{name} is not among {found:?}");
    }
    let holders = found.iter().filter(|(find, _)| find.name.contains("alice"));
    assert_eq!(holders.count(), 0, "{found:?}");
}

#[test]
fn after_hand_over_no_secret_is_left_in_memory() {
    if !can_look() {
        return;
    }
    let way = Way {
        tls: false,
        ssm: false,
    };
    let mut watched = Watched::new(way);
    let run = watched.ceremony.start();
    watched.wait_for_the_end(run.id());
    watched.look("after hand-over", run.id(), None);
    watched.results("report:");
    run.finish().expect_code(4);
}

#[test]
fn while_a_person_is_asked_the_root_token_is_in_one_place_and_no_other_secret_anywhere() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    if can_look() {
        asked_and_handed_over(Way {
            tls: true,
            ssm: true,
        });
    }
}

/// `make test-memory`: as often as `MEMORY_ROUNDS` says, each way to run. `MEMORY_PAGE` names the page whose
/// table is filled in.
#[test]
fn as_often_as_was_asked_for_no_secret_is_in_memory() {
    let rounds = std::env::var("MEMORY_ROUNDS").ok();
    let rounds: usize = rounds.map_or(0, |rounds| rounds.parse().expect("a number"));
    if rounds == 0 || !can_look() {
        return;
    }
    let mut table = TABLE_HEAD.to_owned();
    for (tls, ssm) in [(false, false), (false, true), (true, false), (true, true)] {
        let results = (0..rounds).map(|_| asked_and_handed_over(Way { tls, ssm }));
        let results: Vec<_> = results.collect();
        let fewest = results.iter().map(|(asked, ended)| asked.min(ended)).min();
        let line = format!(
            "| {}, {} | {rounds} | {} | 1: the root token, in one place | 0 |\n",
            if tls { "TLS" } else { "http" },
            if ssm {
                "`ssm`, checkpoint key `kms` and `replica`"
            } else {
                "`age` and checkpoint key `identity`"
            },
            fewest.copied().unwrap_or(0),
        );
        print!("{line}");
        table.push_str(&line);
    }
    if let Ok(page) = std::env::var("MEMORY_PAGE") {
        fill_in(&page, &table);
    }
}

const TABLE_HEAD: &str = "| ceremony on OpenBao 2.7.2 | times | secrets looked for, at least | found at the question \
                          before root is revoked | found after hand-over |\n|---|--:|--:|---|--:|\n";

/// Puts a table between its marks.
fn fill_in(page: &str, table: &str) {
    let text = std::fs::read_to_string(page).expect("a page");
    let (before, rest) = text.split_once("<!-- memory -->\n").expect("a mark");
    let (_, after) = rest.split_once("<!-- /memory -->").expect("a mark");
    let text = format!("{before}<!-- memory -->\n{table}<!-- /memory -->{after}");
    std::fs::write(page, text).expect("a page");
}
