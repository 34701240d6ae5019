//! One whole ceremony on a fresh server, against nothing but its requests.
//!
//! Sums are of the best time of each step: a server elects itself after a random time of one to two seconds,
//! which would drown everything else.

use std::time::Duration;

use crate::fixture::{self, Amount};
use crate::program::{Program, Run};
use crate::proxy::Proxy;
use crate::replay::Recording;
use crate::server::{Installed, Server};
use crate::table::{Row, StepRow, Table, best};
use crate::{Outcome, say};

const AMOUNT: Amount = Amount {
    policies: 8,
    roles: 4,
};
/// Compared apart: a login is the server's own work, and a person's.
const LOGINS: &str = "logins";
/// Until then the server writes its first keys and elects itself, after a random time.
const START: [&str; 4] = [
    "preflight",
    "initialize",
    "store-recovery-keys",
    "wait-until-active",
];

/// `apply` on a fresh server; each round on one of its own, program, its version before where one is given, and
/// bare client in turn.
pub(crate) async fn measure(
    (program, before): (&Program, Option<&Program>),
    installed: &Installed,
    rounds: usize,
    table: &mut Table,
) -> Outcome<()> {
    let title = &installed.title;
    let recording = record(program, installed)?;
    let (mut runs, mut runs_before, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        say(&format!(
            "{title}: a small ceremony, round {round} of {rounds}"
        ));
        runs.push(once(program, installed)?);
        if let Some(before) = before {
            runs_before.push(once(before, installed)?);
        }
        let server = Server::start(installed)?;
        bare.push(recording.replay(&server).await?);
    }
    compare(title, &runs, &bare, table);
    if before.is_some() {
        let what = format!("{title}: apply on a fresh server, against the version before");
        let (now, then) = (least(&runs), least(&runs_before));
        table.row(Row::at_most(what, now, then, 1.05));
    }
    let peak = runs.iter().map(|run| run.peak).max().unwrap_or(0);
    table.row(Row::below(
        "peak memory of apply",
        peak as f64 / 1024.0,
        48.0,
        "MiB",
    ));
    Ok(())
}

fn once(program: &Program, installed: &Installed) -> Outcome<Run> {
    let server = Server::start(installed)?;
    let directory = fixture::prepare(&server, &server.address(), AMOUNT)?;
    program.apply(directory.path())
}

/// The best time of each step, and of what is around them, together.
fn least(runs: &[Run]) -> Duration {
    let names = runs.first().into_iter().flat_map(|run| &run.steps);
    let steps = names.map(|step| {
        let times = runs.iter().map(|run| run.of(&[&step.name]));
        best(&times.collect::<Vec<_>>())
    });
    let around = runs.iter().map(Run::around).collect::<Vec<_>>();
    steps.sum::<Duration>() + best(&around)
}

/// One more ceremony, through a proxy that writes down its requests.
fn record(program: &Program, installed: &Installed) -> Outcome<Recording> {
    let server = Server::start(installed)?;
    let proxy = Proxy::start(server.port, Duration::ZERO)?;
    let directory = fixture::prepare(&server, &proxy.address, AMOUNT)?;
    let run = program.apply(directory.path())?;
    Ok(Recording::new(&run, proxy.passed()))
}

fn compare(title: &str, runs: &[Run], bare: &[Vec<Duration>], table: &mut Table) {
    let Some(names) = runs.first().map(|run| {
        run.steps
            .iter()
            .map(|step| step.name.clone())
            .collect::<Vec<_>>()
    }) else {
        return;
    };
    for (place, name) in names.iter().enumerate() {
        let ours: Vec<_> = runs.iter().map(|run| run.of(&[name])).collect();
        let theirs: Vec<_> = bare.iter().map(|steps| steps[place]).collect();
        table.steps.push(StepRow {
            name: name.clone(),
            requests: runs[0].requests(&[name]),
            program: best(&ours),
            bare: best(&theirs),
        });
    }
    // What the process does before its first step and after its last one is its own time, too.
    let around = best(&runs.iter().map(Run::around).collect::<Vec<_>>());
    let closing = bare
        .iter()
        .filter_map(|steps| steps.get(names.len()).copied());
    let closing = best(&closing.collect::<Vec<_>>());
    let sum = |left_out: &[&str]| {
        let counted = table
            .steps
            .iter()
            .filter(|step| !left_out.contains(&step.name.as_str()));
        counted.fold((Duration::ZERO, Duration::ZERO), |(ours, theirs), step| {
            (ours + step.program, theirs + step.bare)
        })
    };
    let (ours, theirs) = sum(&[LOGINS]);
    let (ours_on, theirs_on) = sum(&[&START[..], &[LOGINS]].concat());
    let what = format!("{title}: apply on a fresh server, logins apart");
    table.row(Row::at_most(what, ours + around, theirs + closing, 1.15));
    let what = format!("{title}: the same from the step audit on");
    table.row(Row::at_most(what, ours_on, theirs_on, 1.15));
}
