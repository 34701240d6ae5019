//! Killed anywhere, it goes on from there, and at every moment one making of the shares holds.

use super::*;

/// The end of a run, or nothing where it was killed with a request in the air.
fn killed_or_ended(mut run: Running, proxies: &[&Proxy]) -> Option<Run> {
    loop {
        if proxies
            .iter()
            .any(|proxy| proxy.wait_for_held(Duration::from_millis(2)))
        {
            run.kill();
            return None;
        }
        if run.has_ended() {
            return Some(Run::from(run.finish()));
        }
    }
}

/// Which request of a run is the last that it sends, and whether the server hears of it.
struct Trap {
    /// Requests of this run so far, from the first that is about shares.
    seen: AtomicUsize,
    /// Where the run is killed.
    place: AtomicUsize,
    /// Whether the server does what it is asked by an even place; it is the other way round at an odd one.
    heard_at_even: bool,
}

impl Trap {
    fn new(heard_at_even: bool) -> Arc<Self> {
        Arc::new(Self {
            seen: AtomicUsize::new(0),
            place: AtomicUsize::new(0),
            heard_at_even,
        })
    }

    fn judge(&self) -> Action {
        let number = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        match self.place.load(Ordering::SeqCst) {
            place if place != number => Action::Pass,
            place if place.is_multiple_of(2) == self.heard_at_even => Action::HoldAnswer,
            _ => Action::Hold,
        }
    }

    /// Kills one run after the other, each one request later than the one before; the run that came to its end.
    fn spring(&self, (rotation, server): (&Rotation, &Server), proxies: &[&Proxy]) -> (Run, usize) {
        let mut kills = 0;
        loop {
            self.seen.store(0, Ordering::SeqCst);
            self.place.fetch_add(1, Ordering::SeqCst);
            match killed_or_ended(rotation.start(), proxies) {
                // Nobody knows whose it is that was begun when the answer was lost with the run.
                Some(run) if run.stderr.contains("by somebody else is under way") => {
                    run.exits(3);
                    rotation.ada(server).delete("sys/rotate/recovery/init");
                }
                Some(run) => return (run, kills),
                None => kills += 1,
            }
            assert!(kills < 200, "it never comes to its end");
        }
    }
}

#[test]
fn killed_at_any_request_the_next_run_brings_it_to_its_end() {
    require!(["openbao-2.7.2"]);
    for heard_at_even in [false, true] {
        let (server, mut rotation) = Rotation::ready();
        let trap = Trap::new(heard_at_even);
        let judge = trap.clone();
        let proxy = disturbed(&server.address(), move |_, label| {
            let counts = label.contains("/sys/rotate/") || judge.seen.load(Ordering::SeqCst) > 0;
            if counts { judge.judge() } else { Action::Pass }
        });
        rotation
            .ceremony
            .set("/cluster/address", json!(proxy.address()));
        let (last, kills) = trap.spring((&rotation, &server), &[&proxy]);
        last.exits(0);
        assert!(kills > 6, "{kills} kills only");
        rotation.is_done(&server, Setup::OpenBao272Static);
    }
}

/// The parameter store is asked for the trial value, the old share, the new one, and to delete both.
#[test]
fn killed_at_any_request_to_the_parameter_store_the_next_run_brings_it_to_its_end() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    for heard_at_even in [false, true] {
        let server = Server::in_memory();
        let mut rotation = Rotation::at(&server, true);
        let trap = Trap::new(heard_at_even);
        let judge = trap.clone();
        let aws = disturbed(&LocalStack::shared().endpoint(), move |_, label| {
            let counts = label.starts_with("AmazonSSM.");
            if counts { judge.judge() } else { Action::Pass }
        });
        rotation
            .ceremony
            .environment
            .push(("AWS_ENDPOINT_URL".into(), aws.address()));
        let (last, kills) = trap.spring((&rotation, &server), &[&aws]);
        last.exits(0);
        assert!(kills > 6, "{kills} kills only");
        rotation.is_done(&server, Setup::OpenBao272Static);
    }
}

/// Between the last word to the server and the first old share that goes.
#[test]
fn killed_once_the_new_shares_hold_the_next_run_only_takes_the_old_ones_away() {
    require!(["openbao-2.7.2"]);
    let (server, mut rotation) = Rotation::ready();
    let trap = Arc::new((AtomicUsize::new(0), AtomicBool::new(false)));
    let judge = trap.clone();
    let proxy = disturbed(&server.address(), move |_, label| {
        let verifies = label == "POST /v1/sys/rotate/recovery/verify";
        let last = verifies && judge.0.fetch_add(1, Ordering::SeqCst) == 1;
        match last && !judge.1.swap(true, Ordering::SeqCst) {
            true => Action::HoldAnswer,
            false => Action::Pass,
        }
    });
    rotation.killed_at(&proxy);
    assert_eq!(rotation.state()["phase"], "verifying");
    let before = rotation.ceremony.files_in("shares");
    assert_eq!(before.len(), 6, "{before:?}");
    let verified = proxy.count("POST", "/v1/sys/rotate/recovery/verify");
    rotation.rotate().exits(0);
    assert_eq!(
        proxy.count("POST", "/v1/sys/rotate/recovery/verify"),
        verified
    );
    rotation.is_done(&server, Setup::OpenBao272Static);
}
