//! The clock of this machine is two hours off. The servers' own clock is right: they are written in Go, which asks
//! the kernel itself and not the C library.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::ceremony::{Ceremony, Server, builder};
use crate::refusals::{nothing_was_written, refused_before};
use crate::support::{Authority, Scratch, Setup, Tls, require};

/// Puts itself before the C library and moves the time of day; time that passes is left alone.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long off(void) { const char *text = getenv("CLOCK_OFF_BY"); return text ? atol(text) : 0; }
int clock_gettime(clockid_t id, struct timespec *now) {
  int failed = (int)syscall(SYS_clock_gettime, id, now);
  if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += off();
  return failed;
}
int gettimeofday(struct timeval *now, void *zone) {
  struct timespec time; (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &time)) return -1;
  now->tv_sec = time.tv_sec; now->tv_usec = time.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
"#;

/// The shim, if there is a compiler.
fn shim(scratch: &Scratch) -> Option<PathBuf> {
    let (source, library) = (scratch.file("clock.c"), scratch.file("clock.so"));
    std::fs::write(&source, SHIM).expect("a temporary file");
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-O1", "-o"]);
    let compiled = command.arg(&library).arg(&source).output();
    match compiled {
        Ok(output) if output.status.success() => Some(library),
        other => {
            assert!(std::env::var_os("REQUIRE_ALL").is_none(), "cc: {other:?}");
            println!("not tried: no C compiler here");
            None
        }
    }
}

fn off_by(ceremony: &mut Ceremony, library: &Path, seconds: i64) {
    ceremony.environment = vec![
        ("LD_PRELOAD".to_owned(), library.display().to_string()),
        ("CLOCK_OFF_BY".to_owned(), seconds.to_string()),
    ];
}

/// `written` of the report, in seconds after the true time.
fn written(ceremony: &Ceremony) -> i64 {
    let written = ceremony.report()["written"].clone();
    let written: jiff::Timestamp = written.as_str().expect("a time").parse().expect("a time");
    written.as_second() - jiff::Timestamp::now().as_second()
}

#[test]
fn a_clock_two_hours_off_is_a_finding_with_both_times_and_bars_nothing() {
    require!(["openbao-2.7.2"]);
    let scratch = Scratch::new();
    let Some(library) = shim(&scratch) else {
        return;
    };
    for (seconds, side) in [(7200_i64, "behind"), (-7200, "ahead of")] {
        let server = Server::in_memory();
        let mut ceremony = Ceremony::at(&server);
        off_by(&mut ceremony, &library, seconds);
        let run = ceremony.apply();
        let start = format!("the clock of {} (", server.address());
        let apart = [
            format!("is 2h {side} this machine's ("),
            format!("is 1h59m {side} this machine's ("),
        ];
        run.exits(4).prints(&[&start]).says(&["ada opened"]);
        let printed = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(apart.iter().any(|text| printed.contains(text)), "{run}");
        let late = (written(&ceremony) - seconds).abs();
        assert!(late < 300, "the report is by this machine's clock: {late}");
        assert!(!ceremony.keeps_secrets());
        // With the clock right again: nothing is taken for changed or for ended.
        ceremony.environment.clear();
        let run = ceremony.apply();
        run.exits(4).prints(&["nothing was written", &start]);
    }
}

#[test]
fn a_certificate_that_is_not_valid_yet_by_a_slow_clock_puts_the_clock_in_question() {
    require!(["openbao-2.7.2"]);
    let scratch = Scratch::new();
    let Some(library) = shim(&scratch) else {
        return;
    };
    let ours = Authority::new();
    let tls = Tls {
        server: ours.issue("server", "IP:127.0.0.1"),
        client_authority: None,
        client: None,
    };
    let builder = builder(Setup::OpenBao272Static).in_memory().tls(tls);
    let server = Server::from(builder.start());
    let mut ceremony = Ceremony::at(&server);
    ceremony.set("/cluster/tls", json!({ "ca_cert": ours.certificate() }));
    off_by(&mut ceremony, &library, -7200);
    let run = refused_before(
        &server,
        &ceremony,
        1,
        &[
            "no trusted connection",
            "not valid",
            "by the clock of this machine it is now 20",
            "set that clock if this is wrong",
        ],
    );
    run.never_says(&["cluster.tls.ca_cert"]);
    nothing_was_written(&server, &ceremony, &run);
    ceremony.environment.clear();
    ceremony.apply().exits(4);
}
