//! `make bench`: what the program costs beside the requests it sends, as ratios from one run on one
//! machine. Real servers on loopback; nothing outlives it, and nothing is judged by a clock in a test.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is what it is for"
)]
#![allow(
    clippy::cast_precision_loss,
    reason = "sizes in a table, to one decimal"
)]

mod bare;
mod children;
mod compared;
mod drill;
mod fixture;
mod localstack;
mod many;
mod program;
mod proxy;
mod replay;
mod server;
mod small;
mod table;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use program::Program;
use server::{Installed, Product};
use table::{Row, Table, median};

/// Either it was measured, or why not.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const USAGE: &str = "usage: ceremony --program FILE [--openbao FILE] [--vault FILE] [--rounds N] \
     [--localstack PYTHON] [--before FILE] [--page FILE]";
/// Starts of `--help`.
const HELPS: usize = 50;

/// What was typed (by `benches/run`).
struct Typed {
    program: PathBuf,
    servers: Vec<(Product, PathBuf)>,
    rounds: usize,
    /// The program of an earlier version, to be compared with.
    before: Option<Program>,
    /// The page that has the table.
    page: Option<PathBuf>,
    /// The Python that has LocalStack; without it the drill is left out.
    localstack: Option<PathBuf>,
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = typed().and_then(|typed| {
        children::watch()?;
        runtime?.block_on(measure(&typed))
    });
    match result {
        Ok(holds) => {
            // A measurement, not a test: a busy machine must not look like a mistake.
            if !holds {
                say("a target was missed");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(typed: &Typed) -> Outcome<bool> {
    let program = Program(typed.program.clone());
    let load = load();
    if load > cores() as f64 {
        say(&format!(
            "the machine is busy (load {load}): its ratios are not worth much"
        ));
    }
    let mut table = Table::default();
    let installed = typed
        .servers
        .iter()
        .map(|(product, binary)| installed(*product, binary));
    let installed = installed.collect::<Outcome<Vec<_>>>()?;
    for server in installed
        .iter()
        .filter(|server| server.product == Product::OpenBao)
    {
        let programs = (&program, typed.before.as_ref());
        small::measure(programs, server, typed.rounds, &mut table).await?;
    }
    if let Some(python) = &typed.localstack {
        let openbao = |server: &&Installed| server.product == Product::OpenBao;
        for server in installed.iter().filter(openbao) {
            drill::measure(&program, server, (python, typed.rounds), &mut table).await?;
            compared::measure(&program, server, (python, typed.rounds), &mut table).await?;
        }
    }
    for server in &installed {
        many::measure(&program, server, typed.rounds.min(3), &mut table).await?;
    }
    let helps = (0..HELPS)
        .map(|_| program.help())
        .collect::<Outcome<Vec<_>>>()?;
    table.row(Row::below(
        "--help, from start to end",
        median(&helps).as_secs_f64() * 1000.0,
        5.0,
        "ms",
    ));
    table.row(Row::below(
        "binary, with all features",
        program.size()? as f64 / 1e6,
        24.0,
        "MB",
    ));
    table.facts = facts(&installed, load);
    let text = table.markdown();
    println!("{text}");
    if let Some(page) = &typed.page
        && !table::write_between_markers(page, &text)?
    {
        say("the page has no place for the table (<!-- bench --> and <!-- /bench -->)");
    }
    Ok(table.holds())
}

/// What version is it? `OpenBao v2.7.2 (…), built …`.
fn installed(product: Product, binary: &PathBuf) -> Outcome<Installed> {
    let said = Command::new(binary).arg("version").env_clear().output()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let version = said
        .split_whitespace()
        .nth(1)
        .unwrap_or_default()
        .trim_matches(['v', ',']);
    let name = match product {
        Product::OpenBao => "OpenBao",
        Product::Vault => "Vault",
    };
    Ok(Installed {
        product,
        title: format!("{name} {version}"),
        binary: binary.clone(),
    })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// How many others wanted to run in the last minute; 0 where nobody says.
fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace()
        .next()
        .and_then(|first| first.parse().ok())
        .unwrap_or(0.0)
}

fn facts(installed: &[Installed], load: f64) -> String {
    let cores = cores();
    let titles: Vec<_> = installed
        .iter()
        .map(|server| server.title.as_str())
        .collect();
    format!(
        "Version {}, with {} on the same machine with {cores} cores ({} {}, load {load} before), one \
         node each with raft storage and a file audit device. Best times of several rounds, program and bare \
         client in turn, a fresh server for each first write. What has no request, and preflight, writes \
         and syncs files of its own.",
        env!("CARGO_PKG_VERSION"),
        titles.join(" and "),
        std::env::consts::OS,
        std::env::consts::ARCH,
    )
}

fn typed() -> Outcome<Typed> {
    let mut typed = Typed {
        program: PathBuf::new(),
        servers: Vec::new(),
        rounds: 5,
        before: None,
        page: None,
        localstack: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or(USAGE)?;
        match word.as_str() {
            "--program" => typed.program = std::path::absolute(value)?,
            "--openbao" => typed.servers.push((Product::OpenBao, value.into())),
            "--vault" => typed.servers.push((Product::Vault, value.into())),
            "--rounds" => typed.rounds = value.parse().map_err(|_| USAGE)?,
            "--before" => typed.before = Some(Program(std::path::absolute(value)?)),
            "--localstack" => typed.localstack = Some(value.into()),
            "--page" => typed.page = Some(value.into()),
            _ => return Err(USAGE.into()),
        }
    }
    if typed.program.as_os_str().is_empty() || typed.rounds == 0 {
        return Err(USAGE.into());
    }
    Ok(typed)
}

/// Progress, apart from the result.
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}
