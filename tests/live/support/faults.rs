//! Disturbances by label: what happens at the nth request of a kind. Each must happen, or the test fails.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use super::proxy::{Action, Proxy, RequestInfo};

/// What a fault does to a request.
pub trait Does: Send + Sync + 'static {
    /// What becomes of this request, or nothing where it is not one for this fault after all.
    fn at(&self, request: &RequestInfo) -> Option<Action>;
}

impl Does for Action {
    fn at(&self, _: &RequestInfo) -> Option<Action> {
        Some(self.clone())
    }
}

/// Something happens first, and says itself what becomes of the request.
impl<F: Fn(&RequestInfo) -> Action + Send + Sync + 'static> Does for F {
    fn at(&self, request: &RequestInfo) -> Option<Action> {
        Some(self(request))
    }
}

/// Faults before one server or several: all their requests are counted together.
///
/// Requests are named by their [labels](RequestInfo::label), in which `*` stands for any text. Where several faults are
/// for one request, the first of them strikes and all of them count it. A proxy that ends while one of its faults has
/// never struck fails the test.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    faults: Vec<Fault>,
    labels: Vec<String>,
    /// The first token that came by.
    token: Option<String>,
}

struct Fault {
    label: String,
    /// Which of the requests with that label: the first and the last, from 1.
    places: (usize, usize),
    does: Arc<dyn Does>,
    when: Box<dyn Fn(&RequestInfo) -> bool + Send + Sync>,
    /// Only for requests with another token than the first one that came by.
    of_others: bool,
    /// With which request of a label it begins, and how many of those have come.
    since: Option<(String, usize, usize)>,
    /// The request that ends it, and whether it came.
    until: Option<(String, bool)>,
    met: usize,
    struck: usize,
    lifted: bool,
}

impl Fault {
    /// Counts a request, and says whether the fault is for it.
    fn is_for(&mut self, label: &str, request: &RequestInfo, first: Option<&str>) -> bool {
        if let Some((end, over)) = &mut self.until {
            *over |= fits(end, label);
            if *over {
                return false;
            }
        }
        if let Some((begin, nth, so_far)) = &mut self.since {
            *so_far += usize::from(fits(begin, label));
            if *so_far < *nth {
                return false;
            }
        }
        if self.lifted || !fits(&self.label, label) || !(self.when)(request) {
            return false;
        }
        let token = request.header("x-vault-token");
        if self.of_others && (token.is_none() || token == first) {
            return false;
        }
        self.met += 1;
        (self.places.0..=self.places.1).contains(&self.met)
    }
}

impl Faults {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// At request number `nth`, from 1, with this label.
    pub fn nth(&self, nth: usize, label: impl Into<String>, does: impl Does) -> Self {
        self.between((nth, nth), label, does)
    }

    /// At the first request with this label.
    pub fn first(&self, label: impl Into<String>, does: impl Does) -> Self {
        self.nth(1, label, does)
    }

    /// At the first so many requests with this label.
    pub fn up_to(&self, last: usize, label: impl Into<String>, does: impl Does) -> Self {
        self.between((1, last), label, does)
    }

    /// At request number `first` with this label, and at each later one.
    pub fn from(&self, first: usize, label: impl Into<String>, does: impl Does) -> Self {
        self.between((first, usize::MAX), label, does)
    }

    /// At every request with this label.
    pub fn every(&self, label: impl Into<String>, does: impl Does) -> Self {
        self.from(1, label, does)
    }

    fn between(&self, places: (usize, usize), label: impl Into<String>, does: impl Does) -> Self {
        self.state().faults.push(Fault {
            label: label.into(),
            places,
            does: Arc::new(does),
            when: Box::new(|_| true),
            of_others: false,
            since: None,
            until: None,
            met: 0,
            struck: 0,
            lifted: false,
        });
        self.clone()
    }

    /// The fault named last counts only requests that are like this.
    pub fn when(&self, like: impl Fn(&RequestInfo) -> bool + Send + Sync + 'static) -> Self {
        self.last(|fault| fault.when = Box::new(like))
    }

    /// The fault named last counts only requests with a token other than the first one, which is root's in a ceremony.
    pub fn not_of_root(&self) -> Self {
        self.last(|fault| fault.of_others = true)
    }

    /// The fault named last begins with the nth request with this label, from 1; what came before it was named does not
    /// count.
    pub fn since(&self, nth: usize, label: impl Into<String>) -> Self {
        self.last(|fault| fault.since = Some((label.into(), nth, 0)))
    }

    /// The fault named last ends when a request with this label comes.
    pub fn until(&self, label: impl Into<String>) -> Self {
        self.last(|fault| fault.until = Some((label.into(), false)))
    }

    fn last(&self, change: impl FnOnce(&mut Fault)) -> Self {
        change(self.state().faults.last_mut().expect("a fault"));
        self.clone()
    }

    /// From here on all requests pass, until another fault is named.
    ///
    /// # Panics
    ///
    /// When one of the faults so far has never struck.
    #[track_caller]
    pub fn lift(&self) {
        self.have_struck();
        for fault in &mut self.state().faults {
            fault.lifted = true;
        }
    }

    /// A proxy with these faults before the server at this address.
    pub fn before(&self, address: &str) -> Proxy {
        Proxy::with(address, self.clone())
    }

    /// How many requests with this label there were.
    pub fn seen(&self, label: &str) -> usize {
        let state = self.state();
        let labels = state.labels.iter();
        labels.filter(|seen| fits(label, seen)).count()
    }

    /// The first token that came by, which is root's in a ceremony.
    pub fn root(&self) -> Option<String> {
        self.state().token.clone()
    }

    /// How often the faults that were named with this label have struck.
    pub fn struck(&self, label: &str) -> usize {
        let state = self.state();
        let faults = state.faults.iter().filter(|fault| fault.label == label);
        faults.map(|fault| fault.struck).sum()
    }

    /// Holds that each fault has struck.
    #[track_caller]
    pub fn have_struck(&self) {
        let state = self.state();
        let idle = state.faults.iter().filter(|fault| fault.struck == 0);
        let idle: Vec<_> = idle
            .map(|fault| format!("{} of {}, met {}", fault.places.0, fault.label, fault.met))
            .collect();
        let labels = state.labels.join("\n");
        // Whoever asks while this test ends finds it usable.
        drop(state);
        assert!(
            idle.is_empty(),
            "never struck: {idle:#?}; the requests:\n{labels}"
        );
    }

    /// What becomes of a request.
    pub(super) fn rule(&self, request: &RequestInfo) -> Action {
        let label = request.label();
        let asked: Vec<_> = {
            let mut state = self.state();
            let State { faults, token, .. } = &mut *state;
            if token.is_none() {
                *token = request.header("x-vault-token").map(str::to_owned);
            }
            let faults = faults.iter_mut().enumerate();
            let asked = faults.filter_map(|(place, fault)| {
                let is = fault.is_for(&label, request, token.as_deref());
                is.then(|| (place, fault.does.clone()))
            });
            let asked = asked.collect();
            state.labels.push(label);
            asked
        };
        // What is done may take its time, and others are asked meanwhile.
        for (place, does) in asked {
            if let Some(action) = does.at(request) {
                self.state().faults[place].struck += 1;
                return action;
            }
        }
        Action::Pass
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.0)
    }
}

/// What requests wait for, until the test opens it: see [`Action::Await`].
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Lets them go on, and those that come later.
    pub fn open(&self) {
        *locked(&self.0.0) = true;
        self.0.1.notify_all();
    }

    pub(super) fn wait(&self) {
        let closed = |open: &mut bool| !*open;
        let waited = self.0.1.wait_while(locked(&self.0.0), closed);
        drop(waited);
    }
}

/// Whether a label is one of those that a pattern names; `*` stands for any text.
pub fn fits(pattern: &str, label: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else {
        return pattern == label;
    };
    let Some(label) = label.strip_prefix(begin) else {
        return false;
    };
    let ends = label.char_indices().map(|(at, _)| at).chain([label.len()]);
    ends.into_iter().any(|at| fits(rest, &label[at..]))
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn request(method: &str, path: &str, token: Option<&str>) -> RequestInfo {
    let token = token.map(|token| ("x-vault-token".to_owned(), token.to_owned()));
    RequestInfo {
        number: 0,
        method: method.to_owned(),
        path: path.to_owned(),
        headers: token.into_iter().collect(),
        body: Vec::new(),
    }
}

/// The places, from 1, of those of ten requests that these faults refuse.
fn refused(faults: &Faults) -> Vec<usize> {
    let paths = ["a", "b", "a", "b", "c", "a", "a", "c", "b", "a"];
    let refused = |path: &str| {
        let request = request("GET", &format!("/v1/{path}?x=/v1/c"), Some(path));
        matches!(faults.rule(&request), Action::Refuse)
    };
    let refused = paths.map(refused).into_iter().zip(1..);
    refused
        .filter_map(|(is, place)| is.then_some(place))
        .collect()
}

#[test]
fn a_fault_strikes_at_the_requests_that_it_is_named_for() {
    let no = || Action::Refuse;
    let none = Faults::new;
    assert_eq!(refused(&none().first("GET a", no())), [1]);
    assert_eq!(refused(&none().nth(2, "GET a", no())), [3]);
    assert_eq!(refused(&none().up_to(2, "GET b", no())), [2, 4]);
    assert_eq!(refused(&none().from(4, "GET a", no())), [7, 10]);
    assert_eq!(refused(&none().every("* c", no())), [5, 8]);
    assert_eq!(
        refused(&none().every("GET a", no()).since(1, "GET c")),
        [6, 7, 10]
    );
    assert_eq!(
        refused(&none().every("GET a", no()).since(2, "GET c")),
        [10]
    );
    let all = none().every("*", no()).since(2, "GET c");
    assert_eq!(refused(&all), [8, 9, 10]);
    assert_eq!(refused(&none().every("GET a", no()).until("GET c")), [1, 3]);
    assert_eq!(refused(&none().first("*", no()).not_of_root()), [2]);
    let like_b = |request: &RequestInfo| request.path.starts_with("/v1/b");
    assert_eq!(refused(&none().nth(3, "*", no()).when(like_b)), [9]);
    // The first one that is for a request strikes, and all of them count it.
    let two = none().first("GET a", Action::Pass).from(2, "*", no());
    assert_eq!(refused(&two), [2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(
        (two.struck("GET a"), two.struck("*"), two.seen("GET a")),
        (1, 9, 5)
    );
    two.lift();
    assert_eq!(refused(&two), Vec::<usize>::new());
    two.first("GET b", no());
    assert_eq!(refused(&two), [2]);
}

#[test]
fn a_star_in_a_label_stands_for_any_text() {
    assert!(fits("PUT sys/init", "PUT sys/init") && !fits("PUT sys/init", "PUT sys/init/x"));
    assert!(fits("* sys/r*/verify", "POST sys/rotate/recovery/verify"));
    assert!(fits("AmazonSSM.*", "AmazonSSM.PutParameter /é/x") && fits("*", ""));
    assert!(!fits("*/secrets-*", "AmazonSSM.PutParameter /x/diary-1"));
    assert!(fits("*a*b", "abab") && !fits("*a*b", "aba"));
}

#[test]
fn a_proxy_whose_fault_never_strikes_fails_its_test() {
    let ends = |faults: Faults| {
        let proxy = faults.before("http://127.0.0.1:1");
        faults.rule(&request("GET", "/v1/a", None));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(proxy)))
    };
    assert!(ends(Faults::new()).is_ok());
    assert!(ends(Faults::new().first("GET a", Action::Hold)).is_ok());
    let never = ends(Faults::new().nth(2, "GET a", Action::Hold));
    let why = never.expect_err("it did not strike");
    let why = why.downcast_ref::<String>().expect("a text");
    assert!(why.contains("2 of GET a, met 1"), "{why}");
}
