//! Where events go while a command runs.

use std::cell::Cell;

use super::Event;
use crate::code::Code;
use crate::door::{Notice, NoticeSink};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::step::Step;

/// Who called a command: may ask it to stop, and hears its events.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// Whether a stop was asked for.
    pub interrupt: &'a Interrupt,
    /// Where events go.
    pub events: &'a EventSink<'a>,
}

impl Caller<'_> {
    /// Does work that may be dropped when a stop is asked for.
    ///
    /// # Errors
    /// Of the work; or the stop.
    pub(crate) async fn unless_stopped<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            done = work => done,
            stop = self.interrupt.requested() => Err(stop),
        }
    }
}

/// Hands events on, each with the step that is under way.
pub struct EventSink<'a> {
    receiver: &'a dyn Fn(Event),
    step: Cell<Option<Step>>,
}

impl<'a> EventSink<'a> {
    /// Hands events to `receiver`; no step is under way yet.
    pub fn new(receiver: &'a dyn Fn(Event)) -> Self {
        Self {
            receiver,
            step: Cell::new(None),
        }
    }

    /// The step that is under way, if any.
    pub fn step(&self) -> Option<Step> {
        self.step.get()
    }

    /// Notes, warnings and waits are about this step from now on.
    pub fn enter(&self, step: Step) {
        self.step.set(Some(step));
    }

    /// Hands an event on as it is.
    pub fn emit(&self, event: Event) {
        (self.receiver)(event);
    }

    /// Something worth a line.
    pub fn note(&self, text: impl Into<String>) {
        self.emit(Event::Note {
            step: self.step(),
            text: text.into(),
            asks: false,
        });
    }

    /// What a person reads before they answer the question that comes next.
    pub fn before_a_question(&self, text: impl Into<String>) {
        self.emit(Event::Note {
            step: self.step(),
            text: text.into(),
            asks: true,
        });
    }

    /// Something that a person should know.
    pub fn warn(&self, code: Code, text: impl Into<String>) {
        self.emit(Event::Warning {
            step: self.step(),
            code,
            text: text.into(),
        });
    }
}

impl NoticeSink for EventSink<'_> {
    fn show(&self, door: &str, notice: Notice<'_>) {
        match notice {
            Notice::Note(text) => self.note(format!("{door}: {text}")),
            Notice::SignIn {
                url,
                code,
                wait,
                port,
            } => self.emit(Event::SignIn {
                step: self.step(),
                login: door.to_owned(),
                url: url.to_owned(),
                code: code.map(str::to_owned),
                seconds: wait.as_secs(),
                port,
            }),
        }
    }
}
