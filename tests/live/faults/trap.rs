//! What the two proxies of a ceremony share: one count over all requests, and the fault at one of them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::point::{Kind, Point};
use crate::support::{Action, RequestInfo, eventually};

/// The one request that is never repeated.
pub const INIT: &str = "PUT sys/init";
/// The program has been started when its first request comes, and its id is about to be known.
const STARTED: Duration = Duration::from_secs(5);
/// A signal is seen before the answer of the request that it came with.
const SEEN: Duration = Duration::from_millis(20);

/// Whose proxy a request comes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The server's.
    Server,
    /// The custodians' and the checkpoint key's.
    Aws,
}

/// What is known of the requests so far.
#[derive(Default)]
struct State {
    armed: bool,
    labels: Vec<String>,
    here: Option<(Side, usize, String)>,
    initialisations: usize,
}

/// One fault, set for one run.
pub struct Trap {
    point: Option<Point>,
    program: AtomicU32,
    state: Mutex<State>,
}

impl Trap {
    /// A fault at this point, or none.
    pub fn new(point: Option<Point>) -> Self {
        Self {
            point: point.filter(|point| !point.kind.is_of_the_disk()),
            program: AtomicU32::new(0),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Counts and disturbs from here on.
    pub fn arm(&self) {
        self.state().armed = true;
    }

    /// The process that signals go to.
    pub fn aim_at(&self, program: u32) {
        self.program.store(program, Ordering::SeqCst);
    }

    /// Lets everything pass from here on.
    pub fn disarm(&self) {
        self.state().armed = false;
    }

    /// The requests that were counted, by name.
    pub fn requests(&self) -> Vec<String> {
        self.state().labels.clone()
    }

    /// The request that was disturbed, if the run came so far.
    pub fn disturbed(&self) -> Option<String> {
        self.state().here.as_ref().map(|(.., label)| label.clone())
    }

    /// How many requests to initialise reached the server.
    pub fn initialisations(&self) -> usize {
        self.state().initialisations
    }

    /// What becomes of a request.
    pub fn rule(&self, side: Side, request: &RequestInfo) -> Action {
        let mut state = self.state();
        if !state.armed {
            return Action::Pass;
        }
        state.labels.push(request.label());
        let number = state.labels.len();
        let Some(point) = self.point.filter(|point| point.number == number) else {
            return Action::Pass;
        };
        state.here = Some((side, request.number, request.label()));
        drop(state);
        match point.kind {
            Kind::KillBefore => {
                self.signal(Signal::KILL);
                Action::Refuse
            }
            // Once the server has acted: see `heard`.
            Kind::KillAfter => Action::Pass,
            Kind::Refuse => Action::Refuse,
            Kind::Drop => Action::DropAnswer,
            Kind::Fail => Action::DoAndRespond(500, "application/json", failure(side)),
            Kind::Hold => Action::HoldAnswer,
            Kind::Cut => Action::CutAnswer,
            Kind::Page => Action::Respond(503, "text/html", page("503 Service Unavailable")),
            Kind::PageInstead => Action::DoAndRespond(502, "text/html", page("502 Bad Gateway")),
            Kind::Interrupt => {
                self.signal(Signal::INT);
                Action::Delay(SEEN)
            }
            Kind::Terminate => {
                self.signal(Signal::TERM);
                Action::Delay(SEEN)
            }
            // The disk has its own.
            _ => Action::Pass,
        }
    }

    /// The server has acted and answered; nobody else knows yet.
    pub fn heard(&self, side: Side, request: &RequestInfo) {
        let mut state = self.state();
        if request.label() == INIT {
            state.initialisations += 1;
        }
        let here = matches!(&state.here, Some((at, number, _)) if *at == side && *number == request.number);
        drop(state);
        if here
            && self
                .point
                .is_some_and(|point| point.kind == Kind::KillAfter)
        {
            self.signal(Signal::KILL);
        }
    }

    /// The program waits for an answer of ours, so it is there.
    fn signal(&self, signal: Signal) {
        let program = || self.program.load(Ordering::SeqCst);
        eventually(STARTED, || program() != 0);
        if let Some(program) = Pid::from_raw(program().cast_signed()) {
            let _ = rustix::process::kill_process(program, signal);
        }
    }
}

fn failure(side: Side) -> String {
    match side {
        Side::Server => r#"{"errors":["internal error"]}"#,
        Side::Aws => r#"{"__type":"InternalServerError","message":"internal error"}"#,
    }
    .to_owned()
}

fn page(title: &str) -> String {
    format!("<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n")
}
