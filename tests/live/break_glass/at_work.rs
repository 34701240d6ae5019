//! Somebody has the command's token, or a root token beside that of the ceremony, and works with it to its very end: what
//! they leave is told of or ended, or that nobody could look is.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{auditor, evidence, handed_over, nothing_is_left, rehearse, with_keys};
use crate::ceremony::{Ceremony, Run, Server, root_from_shares};
use crate::support::{HttpClient, Running, eventually, require};

const PATIENCE: Duration = Duration::from_secs(60);
/// A cluster that is in use.
pub(super) const TOKENS: usize = 2000;
/// How many of them work with the command's token.
const CHILDREN: usize = 4;
/// How many they have made when the command ends; they go on.
const MADE: usize = 8;
/// Shows its token to the test, and waits for it.
const SHOWS: &str = "umask 077; cat /dev/fd/$VAULT_BOOTSTRAP_TOKEN_FD > given && mv given token; \
                     while ! test -e go; do sleep 0.02; done";

/// A token and its accessor.
type Made = (String, String);

/// One who works with a token, beside everybody else.
struct Worker {
    http: HttpClient,
    address: String,
}

impl Worker {
    fn at(server: &Server) -> Self {
        Self {
            http: HttpClient::default(),
            address: server.address(),
        }
    }

    fn post(&self, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/v1/{path}", self.address);
        let headers = [("X-Vault-Token", token)];
        let answer = self
            .http
            .call("POST", &url, &headers, Some(body.to_string()));
        let answer = answer.expect("an answer");
        (answer.status, answer.json())
    }

    /// Nothing where the token is dead.
    fn make(&self, token: &str, body: &Value) -> Option<Made> {
        let (status, answer) = self.post("auth/token/create-orphan", token, body);
        let text = |name: &str| answer["auth"][name].as_str().expect("a text").to_owned();
        match status {
            200 => Some((text("accessor"), text("client_token"))),
            403 => None,
            // It died in the middle of it.
            400 if answer.to_string().contains("no parent found") => None,
            _ => panic!("{status} {answer}"),
        }
    }

    /// Makes root tokens with this one every few milliseconds, until it is dead.
    fn work(&self, token: &str, count: &AtomicUsize) -> Vec<Made> {
        let root = json!({ "policies": ["root"], "ttl": "600s" });
        let (mut made, begun) = (Vec::new(), Instant::now());
        while let Some(one) = self.make(token, &root) {
            made.push(one);
            count.fetch_add(1, Ordering::Relaxed);
            assert!(begun.elapsed() < PATIENCE, "the token never dies");
            thread::sleep(Duration::from_millis(8));
        }
        made
    }

    /// Makes a root token, ends the one it was made with, and makes the next: no look sees one for long. Whether it was
    /// alive to the end.
    fn hop(&self, mut held: String, over: &AtomicBool) -> bool {
        let root = json!({ "policies": ["root"], "ttl": "600s" });
        while !over.load(Ordering::Relaxed) {
            // One that is looked up before it is whole is revoked by the server.
            let Some((_, next)) = self.make(&held, &root) else {
                return false;
            };
            self.post("auth/token/revoke-self", &held, &json!({}));
            held = next;
        }
        self.post("auth/token/revoke-self", &held, &json!({}));
        true
    }
}

/// Runs while one hops, from this very token.
fn hopping(server: &Server, token: &str, run: impl FnOnce() -> Run) -> (Run, usize) {
    let over = &AtomicBool::new(false);
    thread::scope(|scope| {
        let hops = scope.spawn(|| Worker::at(server).hop(token.to_owned(), over));
        let run = run();
        over.store(true, Ordering::Relaxed);
        (run, usize::from(hops.join().expect("its end")))
    })
}

/// Runs while others hop with root tokens that they made with `token`; how many of them were alive when it ended.
fn beside_hoppers(server: &Server, token: &str, run: impl FnOnce() -> Run) -> (Run, usize) {
    let worker = Worker::at(server);
    let body = json!({ "policies": ["root"], "ttl": "600s" });
    let first = (0..CHILDREN).map(|_| worker.make(token, &body).expect("a token").1);
    let first: Vec<_> = first.collect();
    let over = &AtomicBool::new(false);
    thread::scope(|scope| {
        let children: Vec<_> = first
            .into_iter()
            .map(|held| scope.spawn(|| Worker::at(server).hop(held, over)))
            .collect();
        let run = run();
        over.store(true, Ordering::Relaxed);
        let alive = children
            .into_iter()
            .map(|child| child.join().expect("its end"));
        (run, alive.filter(|alive| *alive).count())
    })
}

/// Tokens that have nothing to do with it.
pub(super) fn crowd(server: &Server, ceremony: &Ceremony) {
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let shares = ["alice", "bob"].map(|name| ceremony.custody().share(name));
    let root = root_from_shares(&ada, "generate-root-token", &shares);
    let harmless = json!({ "policies": ["default"], "ttl": "24h" });
    thread::scope(|scope| {
        for _ in 0..CHILDREN {
            scope.spawn(|| {
                let worker = Worker::at(server);
                for _ in 0..TOKENS / CHILDREN {
                    worker.make(&root, &harmless).expect("a token");
                }
            });
        }
    });
    let root = server.api().with(&root);
    root.write("auth/token/revoke-self", &Value::Null);
}

/// A run whose command has shown its token.
fn shown(ceremony: &Ceremony) -> (Running, String) {
    for name in ["token", "go"] {
        let _ = std::fs::remove_file(ceremony.path(name));
    }
    ceremony.may_hold_secrets(&ceremony.path("token"));
    ceremony.save();
    let words = with_keys("break-glass", &["--reason", "x", "--", "sh", "-c", SHOWS]);
    let run = ceremony.tool().spawn(&words);
    let path = ceremony.path("token");
    assert!(
        eventually(PATIENCE, || path.exists()),
        "{}",
        run.stderr_so_far()
    );
    let token = std::fs::read_to_string(path).expect("a token");
    (run, token.trim().to_owned())
}

/// The root tokens that were made and are alive, with one that no finding names.
fn worked_to_the_end(server: &Server, ceremony: &Ceremony) -> (usize, Vec<String>) {
    let (run, token) = shown(ceremony);
    let (token, count) = (token.as_str(), &AtomicUsize::new(0));
    let (run, made) = thread::scope(|scope| {
        let work = || Worker::at(server).work(token, count);
        let children: Vec<_> = (0..CHILDREN).map(|_| scope.spawn(work)).collect();
        let enough = || count.load(Ordering::Relaxed) >= MADE;
        assert!(eventually(PATIENCE, enough), "none is made");
        ceremony.write("go", "");
        let run = Run::from(run.finish());
        let made = children
            .into_iter()
            .map(|child| child.join().expect("made"));
        (run, made.flatten().collect::<Vec<_>>())
    });
    let findings = evidence(ceremony, "break-glass-")["findings"].to_string();
    let worker = Worker::at(server);
    let root = &made.first().expect("one").1;
    let asks = |path: &str, accessor: &str| {
        let body = json!({ "accessor": accessor });
        worker.post(path, root, &body).0
    };
    let accessors = made.iter().map(|(accessor, _)| accessor.clone());
    let (mut alive, mut unnamed) = (0, Vec::new());
    for accessor in accessors.clone() {
        if asks("auth/token/lookup-accessor", &accessor) == 200 {
            alive += 1;
            unnamed.extend(Some(accessor).filter(|accessor| !findings.contains(accessor)));
        }
    }
    for accessor in accessors.skip(1) {
        asks("auth/token/revoke-accessor", &accessor);
    }
    worker.post("auth/token/revoke-self", root, &json!({}));
    run.exits(4);
    (alive, unnamed)
}

/// `BREAK_GLASS_ROUNDS=200` for a longer look.
#[test]
fn every_root_token_that_is_made_until_the_commands_token_is_dead_is_named() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    crowd(&server, &ceremony);
    let rounds = std::env::var("BREAK_GLASS_ROUNDS").ok();
    let rounds = rounds.map_or(10, |text| text.parse().expect("a number"));
    let (mut alive, mut unseen) = (0, 0);
    for round in 0..rounds {
        let (left, unnamed) = worked_to_the_end(&server, &ceremony);
        alive += left;
        unseen += unnamed.len();
        println!(
            "round {round}: {left} left, {} of them unseen",
            unnamed.len()
        );
    }
    println!("{alive} root tokens in {rounds} rounds, {unseen} unseen");
    assert!(alive >= rounds * MADE, "{alive} only");
    assert_eq!(unseen, 0, "unseen of {alive} in {rounds} rounds");
    nothing_is_left(&server, &ceremony);
}

/// It is root, and sees the other one among the accessors.
#[test]
fn where_the_command_ends_the_token_that_looks_afterwards_that_is_a_finding() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let (run, token) = shown(&ceremony);
    let root = server.api().with(&token);
    let own = root.read("auth/token/lookup-self")["data"]["accessor"].clone();
    let mut others = root.roots();
    others.retain(|accessor| *accessor != own);
    assert_eq!(others.len(), 1);
    let body = json!({ "accessor": others[0] });
    root.write("auth/token/revoke-accessor", &body);
    ceremony.write("go", "");
    Run::from(run.finish()).exits(4).says(&[
        "it was not possible to search for root tokens that the command left",
        "the token that was to look is no longer valid",
    ]);
    nothing_is_left(&server, &ceremony);
}

/// As who makes a root token, ends it, and makes the next one: no look sees it alive.
#[test]
fn where_tokens_come_and_go_at_every_look_that_is_a_finding() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony) = handed_over();
    let (run, token) = shown(&ceremony);
    let (run, alive) = beside_hoppers(&server, &token, || {
        ceremony.write("go", "");
        Run::from(run.finish())
    });
    assert!(alive > 0, "none of them came to the end\n{run}");
    run.exits(4)
        .says(&["somebody may still be making root tokens"]);
    auditor(&server, &ceremony).no_root_is_left();
}

/// A ceremony that keeps root, and another root token that somebody has made with shares.
fn with_another_root() -> (Server, Ceremony, String) {
    let server = Server::in_memory();
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/revoke_root", json!(false));
    ceremony.run(&["apply", "--yes", "--keep-root"]).exits(4);
    ceremony.remove("/revoke_root");
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let shares = ["alice", "bob"].map(|name| ceremony.custody().share(name));
    let root = root_from_shares(&ada, "generate-root-token", &shares);
    (server, ceremony, root)
}

const REVOKE_ALL: [&str; 3] = ["apply", "--yes", "--revoke-other-roots"];

#[test]
fn every_root_token_that_is_made_while_others_are_revoked_goes_before_root_does() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony, root) = with_another_root();
    let (root, count) = (root.as_str(), &AtomicUsize::new(0));
    let (run, made) = thread::scope(|scope| {
        let work = || Worker::at(&server).work(root, count);
        let children: Vec<_> = (0..CHILDREN).map(|_| scope.spawn(work)).collect();
        let enough = || count.load(Ordering::Relaxed) >= MADE;
        assert!(eventually(PATIENCE, enough), "none is made");
        let run = ceremony.run(&REVOKE_ALL);
        let made = children
            .into_iter()
            .map(|child| child.join().expect("made").len());
        (run, made.sum::<usize>())
    });
    run.exits(4).says(&["revoked another root token"]);
    assert!(!ceremony.keeps_secrets(), "{run}");
    let revoked = &ceremony.evidence("revoke-root")["other_root_tokens_revoked"];
    // The one that they worked with is one more.
    assert_eq!(revoked.as_u64(), Some(made as u64 + 1), "{run}");
    auditor(&server, &ceremony).no_root_is_left();
}

#[test]
fn where_root_tokens_come_and_go_at_every_look_root_is_not_revoked() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony, root) = with_another_root();
    let (run, alive) = beside_hoppers(&server, &root, || ceremony.run(&REVOKE_ALL));
    assert!(alive > 0, "none of them came to the end\n{run}");
    run.exits(3).says(&["somebody may be making root tokens"]);
    assert!(ceremony.keeps_secrets(), "{run}");
}

/// One look shows none of them: each is gone before it can be looked up.
#[test]
fn where_root_tokens_come_and_go_root_is_not_revoked_and_no_rehearsal_says_that_there_are_none() {
    require!(["openbao-2.7.2"]);
    let (server, ceremony, root) = with_another_root();
    let (run, alive) = hopping(&server, &root, || ceremony.run(&["apply", "--yes"]));
    assert!(alive > 0, "none of them came to the end\n{run}");
    run.exits(3).says(&["root token"]);
    assert!(ceremony.keeps_secrets(), "{run}");
    ceremony.run(&REVOKE_ALL).exits(4);
    let ada = server.api().log_in("ada", &ceremony.secrets["ada"]);
    let shares = ["alice", "bob"].map(|name| ceremony.custody().share(name));
    let root = root_from_shares(&ada, "generate-root-token", &shares);
    let (run, alive) = hopping(&server, &root, || rehearse(&ceremony));
    assert!(alive > 0, "none of them came to the end\n{run}");
    run.exits(4).prints(&["root token"]);
}
