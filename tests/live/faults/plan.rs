//! Which points are tried, in which order, by how many at a time, and what is known from an earlier run.
//!
//! `FAULTS` chooses: without it a sample, a number for one of another size, `all` for all of them, or the first words of a point's name, such as
//! `openbao-2.7.2 kill-before 12`. `FAULT_SEED` and `FAULT_WORKERS` are numbers.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde_json::Value;

use super::disk::Write;
use super::outcome::{self, Outcome, Verdict};
use super::point::{Kind, Point, Product};
use super::stage::Stage;
use super::{end, leaks};

/// How many points a sample has.
const SAMPLE: usize = 30;
/// How many ceremonies go on at a time by default.
const WORKERS: usize = 4;
/// How many requests more than the undisturbed ceremony another one may take, waiting.
const MORE: usize = 4;
/// How often it is said how far it is.
const NEWS: Duration = Duration::from_secs(30);

/// What is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// So many points, spread evenly from a place that the seed says.
    Sample(usize),
    /// All of them; what an earlier run of the same commit tried is not tried again.
    All,
    /// Those whose names begin with these words.
    Named(Vec<String>),
}

impl Choice {
    fn read(text: Option<&str>) -> Self {
        match text.map(str::trim) {
            None | Some("") => Self::Sample(SAMPLE),
            Some("all") => Self::All,
            Some(number) if number.parse::<usize>().is_ok_and(|number| number > 0) => {
                Self::Sample(number.parse().expect("seen"))
            }
            Some(words) => Self::Named(words.split_whitespace().map(str::to_owned).collect()),
        }
    }

    /// The chosen ones of all points.
    pub fn of(&self, mut points: Vec<Point>, seed: u64) -> Vec<Point> {
        match self {
            Self::Sample(size) => {
                let stride = points.len().div_ceil(*size).max(1);
                let first = usize::try_from(seed % u64::try_from(stride).expect("small"));
                let first = first.expect("small");
                points.into_iter().skip(first).step_by(stride).collect()
            }
            Self::All => {
                // In no order: then what is left takes as long as what was done.
                points.sort_by_cached_key(|point| mixed(seed, &point.to_string()));
                points
            }
            Self::Named(words) => {
                let begins = |point: &Point| {
                    let name = point.to_string();
                    let mut parts = name.split(' ');
                    words.iter().all(|word| parts.next() == Some(word.as_str()))
                };
                points.retain(begins);
                points
            }
        }
    }
}

/// FNV-1a, begun with the seed and stirred at the end.
fn mixed(seed: u64, text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let begun = seed
        .to_le_bytes()
        .into_iter()
        .fold(0xcbf2_9ce4_8422_2325, step);
    let h = text.bytes().fold(begun, step);
    // FNV leaves low bits that neighbours share.
    let h = (h ^ (h >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    h ^ (h >> 29)
}

/// An undisturbed ceremony.
pub struct Reference {
    /// How it ended.
    pub end: Value,
    /// The requests that it took.
    pub requests: Vec<String>,
    /// What it wrote to the disk.
    pub writes: Vec<Write>,
}

impl Reference {
    /// A ceremony on this server.
    pub fn of(product: Product) -> Self {
        let stage = Stage::set(product, None);
        let run = stage.disturbed_run();
        run.exits(4);
        let (requests, end) = (stage.trap.requests(), end::read(&stage));
        assert_eq!(end::trial_values(&stage), 0);
        assert_eq!(leaks::found(&stage, &[run]), Vec::<String>::new());
        let writes = stage.disk.writes();
        Self {
            end,
            requests,
            writes,
        }
    }
}

impl Reference {
    /// One for all tests of the process.
    pub fn of_openbao() -> &'static Self {
        static KNOWN: OnceLock<Reference> = OnceLock::new();
        KNOWN.get_or_init(|| Self::of(Product::OpenBao272))
    }

    /// Where this can be done: at each request, at each call of the disk, or where there is a half of what is written.
    fn numbers(&self, kind: Kind) -> Vec<usize> {
        if !kind.is_of_the_disk() {
            return (1..=self.requests.len() + MORE).collect();
        }
        let halves = matches!(kind, Kind::ShortWrite | Kind::ShortThenFull);
        let writes = self.writes.iter().zip(1..);
        let writes = writes.filter(|(write, _)| !halves || is_a_write(&write.label));
        writes.map(|(_, number)| number).collect()
    }
}

fn is_a_write(label: &str) -> bool {
    label.starts_with("write ") || label.starts_with("pwrite ")
}

/// The whole undertaking.
pub struct Plan {
    /// What is tried.
    pub choice: Choice,
    /// Where chance begins.
    pub seed: u64,
    workers: usize,
    /// After which no further point is begun.
    limit: Duration,
    /// The commit that the code is of, and whether it is exactly that.
    pub commit: (String, bool),
}

impl Plan {
    /// What the environment says.
    pub fn from_environment() -> Self {
        let number = |name: &str| std::env::var(name).ok()?.trim().parse::<u64>().ok();
        let now = UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
        let workers = number("FAULT_WORKERS").and_then(|number| usize::try_from(number).ok());
        Self {
            choice: Choice::read(std::env::var("FAULTS").ok().as_deref()),
            seed: number("FAULT_SEED").unwrap_or(now),
            workers: workers.unwrap_or(WORKERS).max(1),
            limit: number("FAULT_MINUTES")
                .map_or(Duration::MAX, |minutes| Duration::from_secs(60 * minutes)),
            commit: commit(),
        }
    }

    /// The undisturbed ceremonies, all at once.
    pub fn references(&self, products: &[Product]) -> BTreeMap<&'static str, Reference> {
        thread::scope(|scope| {
            let started: Vec<_> = products
                .iter()
                .map(|product| (product.name(), scope.spawn(|| Reference::of(*product))))
                .collect();
            let ended = started.into_iter().map(|(name, thread)| {
                let reference = thread.join();
                (
                    name,
                    reference.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                )
            });
            ended.collect()
        })
    }

    /// Tries what is chosen and was not tried before, for as long as there is time. Also how many were chosen.
    pub fn run(
        &self,
        products: &[Product],
        references: &BTreeMap<&'static str, Reference>,
    ) -> (Vec<Outcome>, usize) {
        let mut points = Vec::new();
        for product in products {
            for kind in Kind::all() {
                let numbers = references[product.name()].numbers(kind);
                points.extend(numbers.into_iter().map(|number| Point {
                    product: *product,
                    kind,
                    number,
                }));
            }
        }
        let points = self.choice.of(points, self.seed);
        let chosen = points.len();
        let mut done = self.known();
        done.retain(|outcome| points.contains(&outcome.point));
        let left: VecDeque<Point> = points
            .into_iter()
            .filter(|point| done.iter().all(|outcome| outcome.point != *point))
            .collect();
        eprintln!(
            "faults: {} points, {} known, seed {}, {} at a time, commit {}",
            left.len() + done.len(),
            done.len(),
            self.seed,
            self.workers,
            self.commit.0,
        );
        done.extend(self.try_all(left, references));
        (done, chosen)
    }

    fn try_all(
        &self,
        points: VecDeque<Point>,
        references: &BTreeMap<&'static str, Reference>,
    ) -> Vec<Outcome> {
        let (begun, all) = (Instant::now(), points.len());
        let queue = Mutex::new(points);
        let tried: Mutex<(Vec<Outcome>, Instant)> = Mutex::new((Vec::new(), begun));
        let progress = (self.choice == Choice::All).then(|| Mutex::new(self.progress_file()));
        let next = || queue.lock().expect("no panic holds it").pop_front();
        let work = || {
            while begun.elapsed() < self.limit
                && let Some(point) = next()
            {
                let reference = &references[point.product.name()];
                let outcome = outcome::of(point, &reference.end);
                if let Some(file) = &progress {
                    let mut file = file.lock().expect("no panic holds it");
                    writeln!(file, "{}", outcome.to_line())
                        .expect("the build directory is writable");
                }
                tell(&outcome);
                let mut tried = tried.lock().expect("no panic holds it");
                tried.0.push(outcome);
                if tried.1.elapsed() > NEWS {
                    tried.1 = Instant::now();
                    news(begun, all, &tried.0);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.workers {
                scope.spawn(work);
            }
        });
        tried.into_inner().expect("no panic held it").0
    }

    /// Beside the build, so that it is in no checkout and goes with the code that it is about.
    fn progress_path(&self) -> PathBuf {
        let (commit, exact) = &self.commit;
        let name = format!("{commit}{}.jsonl", if *exact { "" } else { "-changed" });
        Path::new(env!("CARGO_TARGET_TMPDIR"))
            .with_file_name("faults")
            .join(name)
    }

    fn progress_file(&self) -> File {
        let path = self.progress_path();
        fs::create_dir_all(path.parent().expect("a directory"))
            .expect("the build directory is writable");
        let file = File::options().create(true).append(true).open(&path);
        file.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn known(&self) -> Vec<Outcome> {
        if self.choice != Choice::All {
            return Vec::new();
        }
        let text = fs::read_to_string(self.progress_path()).unwrap_or_default();
        text.lines().filter_map(Outcome::from_line).collect()
    }
}

fn tell(outcome: &Outcome) {
    if outcome.verdict == Verdict::Lost || outcome.leaked > 0 {
        let request = outcome.request.as_deref().unwrap_or("no request");
        eprintln!(
            "faults: LOST {} ({request}): {}",
            outcome.point, outcome.why
        );
    }
}

fn news(begun: Instant, all: usize, tried: &[Outcome]) {
    let spent = begun.elapsed().as_secs_f64();
    let (done, left) = (tried.len(), all - tried.len());
    let lost = tried
        .iter()
        .filter(|outcome| outcome.verdict == Verdict::Lost)
        .count();
    #[allow(clippy::cast_precision_loss)]
    let minutes = spent / done as f64 * left as f64 / 60.0;
    eprintln!("faults: {done} of {all} tried, {lost} lost, {minutes:.0} min left");
}

/// The last commit that changed code, and whether nothing changed since: what else is committed, such as the table
/// itself, makes nothing void.
fn commit() -> (String, bool) {
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        let command = command.current_dir(env!("CARGO_MANIFEST_DIR"));
        let code = ["--", "src", "tests", "Cargo.toml", "Cargo.lock"];
        let output = command.args(words).args(code).output().ok();
        let output = output.filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["log", "-1", "--format=%h", "--abbrev=12"]);
    let commit = commit.filter(|commit| !commit.is_empty());
    let changes = git(&["status", "--porcelain"]);
    (
        commit.unwrap_or_else(|| "unknown".into()),
        changes.is_some_and(|changes| changes.is_empty()),
    )
}
