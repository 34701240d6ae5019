//! 1,000 policies and 200 roles: written first, looked at again, and over a slow line.

use std::time::Duration;

use crate::bare::Bare;
use crate::fixture::{self, Amount};
use crate::program::Program;
use crate::proxy::Proxy;
use crate::server::{Installed, Server};
use crate::table::{Row, Table, best};
use crate::{Outcome, say};

const AMOUNT: Amount = Amount {
    policies: 1000,
    roles: 200,
};
/// The program's own default.
const IN_FLIGHT: usize = 16;
/// Added to every request on the slow line.
const DELAY: Duration = Duration::from_millis(20);
/// The steps that are compared.
const STEPS: [&str; 2] = ["policies", "roles"];
/// Second runs for each first one: they cost little.
const SECOND_RUNS: usize = 5;

/// Times of one kind of work, program and bare client in turn.
#[derive(Default)]
struct Pairs {
    program: Vec<Duration>,
    bare: Vec<Duration>,
    requests: usize,
}

/// All three comparisons on one server.
pub(crate) async fn measure(
    program: &Program,
    installed: &Installed,
    rounds: usize,
    table: &mut Table,
) -> Outcome<()> {
    let title = &installed.title;
    let (mut first, mut second) = (Pairs::default(), Pairs::default());
    let documents = [AMOUNT.policies(), AMOUNT.roles()].concat();
    for round in 1..=rounds {
        say(&format!(
            "{title}: 1,000 policies and 200 roles, round {round} of {rounds}"
        ));
        with_program(program, installed, &mut first, &mut second).await?;
        let server = Server::start(installed)?;
        let mut bare = Bare::new(&server.address())?;
        bare.begin(&server).await?;
        first.bare.push(with_read_back(&bare, IN_FLIGHT).await?);
    }
    let count = documents.len();
    let what = format!(
        "{title}: first write with its read-back, {} requests for {count} documents",
        first.requests
    );
    table.row(Row::at_most(
        what,
        best(&first.program),
        best(&first.bare),
        1.15,
    ));
    let what = format!(
        "{title}: second run, {} requests for {count} reads",
        second.requests
    );
    table.row(Row::at_most(
        what,
        best(&second.program),
        best(&second.bare),
        1.1,
    ));
    let slow = slow_line(program, installed, rounds).await?;
    let what = format!("{title}: first write, 20 ms added, against one at a time");
    table.row(Row::at_least(what, slow.0, slow.1, 10.0));
    Ok(())
}

async fn with_program(
    program: &Program,
    installed: &Installed,
    first: &mut Pairs,
    second: &mut Pairs,
) -> Outcome<()> {
    let server = Server::start(installed)?;
    let directory = fixture::prepare(&server, &server.address(), AMOUNT)?;
    let run = program.apply(directory.path())?;
    first.program.push(run.of(&STEPS));
    first.requests = run.requests(&STEPS);
    let mut bare = Bare::new(&server.address())?;
    bare.log_in().await?;
    for _ in 0..SECOND_RUNS {
        let again = program.apply(directory.path())?;
        second.program.push(again.of(&STEPS));
        second.requests = again.requests(&STEPS);
        let policies = bare.read(&AMOUNT.policies(), IN_FLIGHT).await?;
        second
            .bare
            .push(policies + bare.read(&AMOUNT.roles(), IN_FLIGHT).await?);
    }
    Ok(())
}

/// The program at its 16 in flight, and the bare client with one request after the other.
async fn slow_line(
    program: &Program,
    installed: &Installed,
    rounds: usize,
) -> Outcome<(Duration, Duration)> {
    let mut ours = Vec::new();
    for round in 1..=rounds {
        let title = &installed.title;
        say(&format!(
            "{title}: with 20 ms added to each request, round {round} of {rounds}"
        ));
        let server = Server::start(installed)?;
        let proxy = Proxy::start(server.port, DELAY)?;
        let directory = fixture::prepare(&server, &proxy.address, AMOUNT)?;
        ours.push(program.apply(directory.path())?.of(&STEPS));
    }
    let server = Server::start(installed)?;
    let proxy = Proxy::start(server.port, DELAY)?;
    let mut bare = Bare::new(&proxy.address)?;
    bare.begin(&server).await?;
    Ok((best(&ours), with_read_back(&bare, 1).await?))
}

/// What the program does of it: each document is read back once it is written.
async fn with_read_back(bare: &Bare, in_flight: usize) -> Outcome<Duration> {
    let mut all = Duration::ZERO;
    for documents in [AMOUNT.policies(), AMOUNT.roles()] {
        all += bare.write(&documents, in_flight).await?;
        all += bare.read(&documents, in_flight).await?;
    }
    Ok(all)
}
