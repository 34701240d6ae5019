//! The same requests once more, by the bare client on a fresh server.
//!
//! They go in the order of the recording, and those that were in flight together go together. What the
//! server makes anew each time (keys, tokens, accessors) is put in place of what it made then, and every
//! answer must have the status that it had then.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::Value;

use crate::Outcome;
use crate::bare::Bare;
use crate::program::Run;
use crate::proxy::Exchange;
use crate::server::Server;

/// How long a request is repeated until the server is as far as it was.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two of these.
const PAUSE: Duration = Duration::from_millis(5);
/// Shorter texts are words, not names that a server makes up.
const SHORTEST: usize = 16;

/// A ceremony's requests, step by step.
pub(crate) struct Recording {
    /// In the order of the steps; what came after the last one stands at the end.
    steps: Vec<Vec<Exchange>>,
}

impl Recording {
    /// From what passed the proxy, and how many requests each step sent.
    pub(crate) fn new(run: &Run, passed: Vec<Exchange>) -> Self {
        let mut rest = passed.into_iter();
        let of_steps = run.steps.iter().map(|step| step.requests);
        let mut steps: Vec<Vec<_>> = of_steps
            .map(|count| rest.by_ref().take(count).collect())
            .collect();
        steps.push(rest.collect());
        Self {
            steps: steps.into_iter().map(without_waiting).collect(),
        }
    }

    /// Sends everything; how long each step's requests took.
    pub(crate) async fn replay(&self, server: &Server) -> Outcome<Vec<Duration>> {
        let bare = Bare::new(&server.address())?;
        let mut new = Names::default();
        let mut took = Vec::new();
        for step in &self.steps {
            let begun = Instant::now();
            for together in in_flight_together(step) {
                let sent = together.iter().map(|exchange| again(&bare, exchange, &new));
                for (exchange, answer) in together.iter().zip(join_all(sent).await) {
                    new.learn(&exchange.answer, &answer?);
                }
            }
            took.push(begun.elapsed());
        }
        Ok(took)
    }
}

/// Looks that found the server not ready yet are the server's time: the last one of a kind remains, and
/// is repeated until the server is ready.
fn without_waiting(step: Vec<Exchange>) -> Vec<Exchange> {
    let mut kept: Vec<Exchange> = Vec::new();
    for exchange in step {
        let same = |other: &Exchange| {
            (&other.method, &other.path, &other.body)
                == (&exchange.method, &exchange.path, &exchange.body)
        };
        kept.retain(|before| {
            !(before.status >= 429 && before.path != "/v1/sys/init" && same(before))
        });
        kept.push(exchange);
    }
    kept
}

/// Groups of requests each of which began before the first of its group had ended.
fn in_flight_together(step: &[Exchange]) -> Vec<&[Exchange]> {
    let mut groups = Vec::new();
    let mut begin = 0;
    for at in 1..=step.len() {
        let first_end = step[begin..at].iter().map(|exchange| exchange.ended).min();
        if at == step.len() || first_end.is_some_and(|end| step[at].begun >= end) {
            groups.push(&step[begin..at]);
            begin = at;
        }
    }
    groups
}

async fn again(bare: &Bare, exchange: &Exchange, new: &Names) -> Outcome<Value> {
    let Exchange {
        method,
        path,
        status,
        ..
    } = exchange;
    let token = exchange.token.as_deref().map(|token| new.replace(token));
    let (path, body) = (new.replace(path), new.replace(&exchange.body));
    let begun = Instant::now();
    loop {
        let (found, answer) = bare
            .send(method, &path, token.as_deref(), body.clone())
            .await?;
        if found == *status {
            return Ok(serde_json::from_slice(&answer).unwrap_or(Value::Null));
        }
        let waits = matches!(found, 400 | 429 | 472 | 473 | 500..) && path != "/v1/sys/init";
        if !waits || begun.elapsed() > PATIENCE {
            return Err(
                format!("{method} {path} was answered with {found}, then with {status}").into(),
            );
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What the server called something in the recording, and what it calls it now.
#[derive(Default)]
struct Names(HashMap<String, String>);

impl Names {
    /// Two answers to the same request, side by side. What was learnt first stays.
    fn learn(&mut self, then: &Value, now: &Value) {
        match (then, now) {
            (Value::String(then), Value::String(now)) if then != now && then.len() >= SHORTEST => {
                self.0.entry(then.clone()).or_insert_with(|| now.clone());
            }
            (Value::Array(then), Value::Array(now)) => {
                // Lists of accessors come in the order of their random names.
                let then: Vec<_> = then
                    .iter()
                    .filter(|name| !self.knows(name))
                    .cloned()
                    .collect();
                let known = |name: &Value| {
                    self.0
                        .values()
                        .any(|new| Some(new.as_str()) == name.as_str())
                };
                let now: Vec<_> = now.iter().filter(|name| !known(name)).cloned().collect();
                for (then, now) in then.iter().zip(&now) {
                    self.learn(then, now);
                }
            }
            (Value::Object(then), Value::Object(now)) => {
                for (field, then) in then {
                    if let Some(now) = now.get(field) {
                        self.learn(then, now);
                    }
                }
            }
            _ => {}
        }
    }

    fn knows(&self, name: &Value) -> bool {
        name.as_str().is_some_and(|name| self.0.contains_key(name))
    }

    fn replace(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (then, now) in &self.0 {
            if text.contains(then) {
                text = text.replace(then, now);
            }
        }
        text
    }
}
