//! Where cases come from, and how long they are tried.

use std::path::Path;
use std::sync::Once;
use std::time::{Duration, Instant};

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde_json::Value;

/// Cases of one round; without `FUZZ_SECONDS` there is one round.
const CASES: u32 = 64;
/// Nothing that is read may take longer, on however busy a machine.
const LONGEST_CASE: Duration = Duration::from_secs(10);
/// Addresses that this process may use. What asks for more without end is ended by it.
const MOST_MEMORY: u64 = 6 << 30;

/// Tries cases for a while. A panic, an error or a case that takes too long fails the test with the smallest such
/// case.
pub fn for_a_while<S: Strategy>(name: &'static str, cases: &S, test: impl Fn(S::Value)) {
    bound_memory();
    let seconds = std::env::var("FUZZ_SECONDS").ok();
    let seconds: u64 = seconds.map_or(0, |text| text.parse().expect("a number"));
    let begun = Instant::now();
    let saved = format!("{}/tests/fuzz/saved/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let mut rounds = 0;
    while rounds == 0 || begun.elapsed() < Duration::from_secs(seconds) {
        let config = Config {
            cases: CASES,
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct(String::leak(
                saved.clone(),
            )))),
            ..Config::default()
        };
        let result = TestRunner::new(config).run(cases, |case| {
            let begun = Instant::now();
            test(case);
            let took = begun.elapsed();
            prop_assert!(took < LONGEST_CASE, "took {took:?}");
            Ok(())
        });
        if let Err(error) = result {
            panic!("{name}: {error}");
        }
        rounds += 1;
    }
    let took = begun.elapsed().as_secs_f32();
    println!("{name}: {} cases in {took:.1} s", rounds * CASES);
}

fn bound_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let limit = Rlimit {
            current: Some(MOST_MEMORY),
            maximum: Some(MOST_MEMORY),
        };
        setrlimit(Resource::As, limit).expect("a limit may be lowered");
    });
}

/// One change of a text.
#[derive(Debug, Clone)]
enum Edit {
    Set(Index, u8),
    Cut(Index, usize),
    Copy(Index, Index, usize),
    Insert(Index, String),
    Repeat(Index, String, usize),
    End(Index),
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            bytes.push(b' ');
        }
        let length = bytes.len();
        let within = |from: usize, count: usize| from..(from + count).min(length);
        match self {
            Self::Set(at, byte) => bytes[at.index(length)] = *byte,
            Self::Cut(at, count) => drop(bytes.drain(within(at.index(length), *count))),
            Self::Copy(from, to, count) => {
                let copied = bytes[within(from.index(length), *count)].to_owned();
                let to = to.index(length);
                bytes.splice(to..to, copied);
            }
            Self::Insert(at, word) => {
                let at = at.index(length);
                bytes.splice(at..at, word.bytes());
            }
            Self::Repeat(at, word, times) => {
                let at = at.index(length);
                bytes.splice(at..at, word.repeat(*times).bytes());
            }
            Self::End(at) => bytes.truncate(at.index(length)),
        }
    }
}

/// What trips readers of any form.
const ODD: &[&str] = &[
    "null",
    "true",
    "-1",
    "0",
    "1e999",
    "18446744073709551616",
    "\"\"",
    "{}",
    "[]",
    "\\u0000",
    "\\ud800",
    "\u{feff}",
    "\u{202e}",
    "\0",
    "\r\n",
    "\t",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "- ",
    "&a ",
    "*a",
    "<<: ",
    "!!binary ",
    "| ",
    "${HOME}",
    "${X:?",
    "%",
    "é",
];

fn edit(words: &'static [&'static str]) -> impl Strategy<Value = Edit> {
    let word = || {
        prop_oneof![
            select(ODD).prop_map(str::to_owned),
            select(words).prop_map(str::to_owned),
            "\\PC{0,12}",
        ]
    };
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        2 => (any::<Index>(), 1usize..64).prop_map(|(at, count)| Edit::Cut(at, count)),
        2 => (any::<Index>(), any::<Index>(), 1usize..400).prop_map(|(from, to, count)| Edit::Copy(from, to, count)),
        4 => (any::<Index>(), word()).prop_map(|(at, word)| Edit::Insert(at, word)),
        1 => (any::<Index>(), word(), 1usize..5000).prop_map(|(at, word, times)| Edit::Repeat(at, word, times)),
        1 => any::<Index>().prop_map(Edit::End),
    ]
}

/// True texts, damaged in up to eight places, with words that their readers know.
pub fn damaged(
    texts: Vec<Vec<u8>>,
    words: &'static [&'static str],
) -> impl Strategy<Value = Vec<u8>> {
    (select(texts), vec(edit(words), 0..8)).prop_map(|(mut bytes, edits)| {
        for edit in edits {
            edit.apply(&mut bytes);
        }
        bytes
    })
}

/// Any JSON, with keys that its readers know.
pub fn json(words: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        select(words).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 8, move |inner| {
        let key = prop_oneof![9 => select(words).prop_map(str::to_owned), 1 => "\\PC{0,8}"];
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(key, inner, 0..8).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// JSON as bytes: damaged true ones, or any.
pub fn answers(
    texts: &'static [&'static str],
    words: &'static [&'static str],
) -> impl Strategy<Value = Vec<u8>> {
    let texts = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    prop_oneof![
        2 => damaged(texts, words),
        1 => json(words).prop_map(|value| value.to_string().into_bytes()),
    ]
}

/// Writes a file that only its owner reads.
pub fn write(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new();
    let file = file.write(true).create(true).truncate(true).mode(0o600);
    file.open(path)
        .expect("a file")
        .write_all(bytes)
        .expect("written");
}
