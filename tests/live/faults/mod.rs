//! Every request of a whole ceremony, those to custodians and the checkpoint's key included, and every write to its
//! disk, disturbed in every way: run again, it ends as if nothing had been, or says truly that the one answer was lost.
//!
//! `make test` tries a sample, `make test-faults` all; see `plan.rs` for how to repeat one point.

mod disk;
mod end;
mod leaks;
mod outcome;
mod plan;
mod point;
mod stage;
mod table;
mod trap;

use disk::Disk;
use outcome::{Outcome, Verdict};
use plan::{Choice, Plan, Reference};
use point::{Kind, Point, Product};
use stage::Stage;
use trap::INIT;

use crate::support::{available, require};

#[test]
fn a_ceremony_disturbed_at_any_request_ends_as_if_nothing_had_been() {
    require!(["localstack-4.9.2"]);
    let products: Vec<_> = Product::ALL
        .into_iter()
        .filter(|product| available(&[product.name()]))
        .collect();
    let plan = Plan::from_environment();
    let references = plan.references(&products);
    let (mut outcomes, chosen) = plan.run(&products, &references);
    let whole = outcomes.len() == chosen;
    outcomes.retain(Outcome::counts);
    let table = table::markdown(&outcomes);
    println!("seed {}\n\n{table}", plan.seed);
    let bad = |outcome: &&Outcome| outcome.verdict == Verdict::Lost || outcome.leaked > 0;
    let bad: Vec<_> = outcomes.iter().filter(bad).collect();
    let names: Vec<_> = bad
        .iter()
        .map(|outcome| outcome.point.to_string())
        .collect();
    if plan.choice == Choice::All && products.len() == Product::ALL.len() {
        for product in products.iter().filter(|_| whole) {
            // One request wide is the window in which an answer is lost for good.
            let windows = table::windows(&outcomes, *product);
            assert_eq!(windows.len(), 1, "{windows:?}");
        }
        let left = (!whole).then_some(chosen);
        keep(&plan, &outcomes, left, &table);
    }
    for product in &products {
        let windows = table::windows(&outcomes, *product);
        assert!(windows.iter().all(|name| *name == INIT), "{windows:?}");
    }
    assert!(
        bad.is_empty(),
        "lost or leaked, to be repeated with FAULTS=\"{}\":\n{}",
        names.join("\" or FAULTS=\""),
        bad[0].why
    );
}

/// Also the proof that the faults do what their names say.
#[test]
fn an_answer_is_lost_for_good_only_where_the_server_initialised_and_nobody_heard_of_it() {
    require!(["localstack-4.9.2", "openbao-2.7.2"]);
    let product = Product::OpenBao272;
    let reference = Reference::of(product);
    let place = reference.requests.iter().position(|name| name == INIT);
    let number = place.expect("it initialises") + 1;
    let verdicts = std::thread::scope(|scope| {
        let judged = Kind::REQUESTS.map(|kind| {
            let point = Point {
                product,
                kind,
                number,
            };
            let end = &reference.end;
            scope.spawn(move || outcome::of(point, end))
        });
        judged.map(|thread| thread.join().expect("an outcome"))
    });
    for outcome in verdicts {
        let expected = if outcome.point.kind.loses_the_answer() {
            Verdict::Refused
        } else {
            Verdict::Converged
        };
        assert_eq!(outcome.request.as_deref(), Some(INIT));
        assert_eq!(
            outcome.verdict, expected,
            "{}: {}",
            outcome.point, outcome.why
        );
    }
}

#[test]
fn the_page_of_measurements_says_how_often_a_ceremony_makes_something_durable() {
    require!(["localstack-4.9.2", "openbao-2.7.2"]);
    let stage = Stage::set(Product::OpenBao272, None);
    let table = table::of_syncs(&stage.counted_run());
    println!("{table}");
    if std::env::var_os("FSYNCS").is_some_and(|value| value == "write") {
        table::into_page("fsyncs", &table);
    }
    assert!(
        table::is_in_page("fsyncs", &table),
        "docs/measurements.md has another table; `make fsyncs` puts this one there"
    );
}

#[test]
fn what_a_holder_has_proved_survives_a_power_cut_with_its_directory() {
    require!(["localstack-4.9.2", "openbao-2.7.2"]);
    let directory = tempfile::tempdir().expect("a directory");
    let disk = Disk::at(directory.path());
    let stage = Stage::unproved(Product::OpenBao272);
    let ceremony = &stage.ceremony;
    let deep = directory.path().join("a/b/checkpoint");
    ceremony.write(
        "deep.yaml",
        &{
            let mut file = ceremony.file.clone();
            file["checkpoint"]["path"] = deep.display().to_string().into();
            file
        }
        .to_string(),
    );
    let words = [
        "-c",
        "deep.yaml",
        "custodian",
        "prove",
        "alice",
        "--identity",
        "alice.key",
    ];
    let tool = ceremony.tool().through(&disk.through(None, 0));
    tool.run(&words).expect_code(0);
    disk.cut_power(false);
    let diary = std::fs::read_to_string(deep.join("diary.json"));
    assert!(
        diary.is_ok_and(|diary| diary.contains("alice")),
        "{:?}",
        disk.writes()
    );
}

#[test]
fn secrets_that_were_destroyed_by_half_are_destroyed_by_the_next_run() {
    require!(["localstack-4.9.2", "openbao-2.7.2"]);
    let product = Product::OpenBao272;
    let reference = Reference::of_openbao();
    let gone = |label: &str| label == "unlink checkpoint/.new-secrets";
    let place = reference.writes.iter().position(|write| gone(&write.label));
    let number = place.expect("they are destroyed") + 1;
    for kind in [Kind::DiskFull, Kind::PowerCut] {
        let point = Point {
            product,
            kind,
            number,
        };
        let outcome = outcome::of(point, &reference.end);
        assert_eq!(outcome.verdict, Verdict::Converged, "{}", outcome.why);
    }
}

#[test]
fn a_panic_with_its_whole_backtrace_shows_no_secret_and_the_next_run_goes_on() {
    require!(["localstack-4.9.2", "openbao-2.7.2"]);
    let reference = Reference::of_openbao();
    for quarter in 1..4 {
        let point = Point {
            product: Product::OpenBao272,
            kind: Kind::Panic,
            number: reference.writes.len() * quarter / 4,
        };
        let outcome = outcome::of(point, &reference.end);
        assert_eq!(outcome.verdict, Verdict::Converged, "{}", outcome.why);
        assert_eq!(outcome.leaked, 0, "{}", outcome.why);
        assert!(outcome.request.is_some(), "{point} was not met");
    }
}

/// The disk breaks in the one moment in which the answer is in memory only: it waits for a person.
#[test]
fn an_answer_that_the_disk_does_not_take_is_kept_trying_until_it_does() {
    require!(["localstack-4.9.2", "openbao-2.7.2"]);
    let product = Product::OpenBao272;
    let reference = Reference::of_openbao();
    let labels = reference.writes.iter().map(|write| write.label.as_str());
    let first = labels
        .zip(1..)
        .find(|(label, _)| label.starts_with("pwrite"));
    let number = first.expect("it is filled in").1;
    // What is full may still take what it gave before; what is read-only takes nothing more in this run.
    for (kind, then, again) in [(Kind::DiskFull, 1, 4), (Kind::ReadOnly, 3, 3)] {
        let point = Point {
            product,
            kind,
            number,
        };
        let stage = Stage::set(product, Some(point));
        let run = stage.disturbed_run();
        run.exits(then);
        run.says(&[
            "is in the memory of this process only",
            "do not end this run",
        ]);
        stage.run().exits(again);
    }
}

/// The table goes into `docs/measurements.md` if it is about a commit and nothing else. Where there was no time for all points it
/// says `of` how many it is.
fn keep(plan: &Plan, outcomes: &[Outcome], of: Option<usize>, table: &str) {
    let (commit, exact) = &plan.commit;
    if !exact {
        eprintln!("faults: the code has changes, so docs/measurements.md is left alone");
        return;
    }
    let seconds: f64 = outcomes.iter().map(|outcome| outcome.seconds).sum();
    let left = outcomes.iter().filter(|outcome| outcome.trial_values > 0);
    let facts = format!(
        "Made on the code of commit `{commit}` with seed {}: {} points{} in {:.1} h of ceremonies, several at a time. \
         After {} of them a trial value, or a file of ciphertext that has no name yet, was left with a custodian.",
        plan.seed,
        outcomes.len(),
        of.map(|all| format!(" of {all}, in an order of chance,"))
            .unwrap_or_default(),
        seconds / 3600.0,
        left.count(),
    );
    table::into_page("faults", &format!("{facts}\n\n{table}"));
}

#[test]
fn a_point_is_found_again_by_its_name() {
    let point = Point {
        product: Product::Vault1211,
        kind: Kind::PageInstead,
        number: 12,
    };
    assert_eq!(point.to_string(), "vault-1.21.1 page-instead 12");
    assert_eq!(point.to_string().parse(), Ok(point));
    assert!("vault-1.21.1 nothing 12".parse::<Point>().is_err());
    let points: Vec<_> = (1..200).map(|number| Point { number, ..point }).collect();
    let words = |text: &str| text.split(' ').map(str::to_owned).collect();
    let one = Choice::Named(words("vault-1.21.1 page-instead 12")).of(points.clone(), 0);
    assert_eq!(one, [point]);
    let all = Choice::Named(words("vault-1.21.1")).of(points.clone(), 0);
    assert_eq!(all.len(), points.len());
    let sample = |seed| Choice::Sample(22).of(points.clone(), seed);
    assert_eq!(sample(3), sample(3));
    assert_ne!(sample(3), sample(4));
}
