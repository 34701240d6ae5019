//! What this program remembers of each document that it wrote: exactly what was sent, and what the server made of it.
//!
//! ```text
//! memory.jsonl  {"version": 2, "program": "0.1.0", "cluster": "prod", "key": {…}}
//!               {"path": "sys/policies/acl/ops", "sent": {"plain": {…}}, "made": {"plain": {…}}, "created": true}
//!               {"path": "auth/userpass/users/ada", "sending": true}
//! ```
//!
//! It stands beside the diary and is only ever added to, one line a document; a later line of the same path counts. What may
//! be secret is there as a digest under a key that opens nothing, wrapped by the operator's key, so that it outlives the
//! hand-over. Where it is lost, documents are compared by their meaning once, and remembered anew.

mod compared;
mod file;
pub(crate) mod form;
pub(crate) mod leaf;
mod state;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::json;

use crate::checkpoint::CheckpointError;
use crate::checkpoint::directory::MEMORY;
use crate::envelope::{self, Sealer};
use crate::memory::file::{Answer, Header, Line};
use crate::memory::form::{DigestKey, Form};
use crate::memory::leaf::Leaves;
use crate::memory::state::State;
use crate::secret::SecretText;
use crate::vault::Body;

pub(crate) use crate::memory::compared::{
    Changed, Drift, Edits, Look, OfPlace, Shown, drift, edits, field_then,
};

/// Under which name, which is none of a field, it is kept beside an answer where its secret went.
const HANDED_OUT: &str = "handed out";
/// What the digests are made for, beside the key that makes them.
const PURPOSE: &str = "vault-bootstrap memory 1";

/// What is remembered of one document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Remembered {
    /// What was sent last.
    pub(crate) sent: Form,
    /// What the server said afterwards; `None` where it cannot be read.
    pub(crate) made: Option<Form>,
    /// This program has made it: when it was first written, the server had nothing there.
    pub(crate) created: bool,
}

/// The memory of one checkpoint.
#[derive(Debug)]
pub(crate) struct Memory {
    directory: PathBuf,
    cluster: String,
    state: RefCell<State>,
}

/// What is to be remembered of a document.
#[derive(Debug)]
pub(crate) struct Record {
    /// Its path.
    pub(crate) path: String,
    /// What is known of it.
    pub(crate) remembered: Remembered,
}

impl Memory {
    /// What the directory of a checkpoint remembers. Writes nothing.
    ///
    /// # Errors
    /// It cannot be read, is damaged, of another cluster, or of a later release.
    pub(crate) fn read(directory: &Path, cluster: &str) -> Result<Self, CheckpointError> {
        let found = file::read(directory, cluster)?;
        let mut state = State::default();
        if let Some(found) = found {
            state.lines = found.lines.len();
            state.torn = found.torn;
            state.wrapped = found.header.key;
            for line in found.lines {
                state.take(line);
            }
        }
        Ok(Self {
            directory: directory.to_owned(),
            cluster: cluster.to_owned(),
            state: RefCell::new(state),
        })
    }

    /// Whether anything remembered takes the key.
    pub(crate) fn has_key(&self) -> bool {
        self.state.borrow().wrapped.is_some()
    }

    /// Opens the key of the digests with the operator's key.
    ///
    /// # Errors
    /// The operator's key does not open it or cannot be used.
    pub(crate) async fn open_key(&self, key: &envelope::Key) -> Result<(), envelope::Error> {
        let wrapped = self.state.borrow().wrapped.clone();
        let Some(wrapped) = wrapped else {
            return Ok(());
        };
        let sealer = Sealer::open(key, &wrapped, &self.cluster).await?;
        self.keep_key(&sealer);
        Ok(())
    }

    /// Makes a key for the digests, where there is none yet.
    ///
    /// # Errors
    /// The operator's key cannot be used, or the disk refuses.
    pub(crate) async fn make_key(&self, key: &envelope::Key) -> Result<(), CheckpointError> {
        if self.has_key() {
            return Ok(());
        }
        let failed = |source| CheckpointError::Sealed {
            path: self.directory.join(MEMORY),
            source: Box::new(source),
        };
        let sealer = Sealer::create(key, &self.cluster).await.map_err(failed)?;
        self.state.borrow_mut().wrapped = Some(sealer.header().clone());
        self.keep_key(&sealer);
        self.compact()
    }

    fn keep_key(&self, sealer: &Sealer) {
        let key = sealer.derived(PURPOSE);
        self.state.borrow_mut().key = Some(Rc::new(DigestKey::new(&key)));
    }

    /// The key of the digests, where it could be opened.
    pub(crate) fn key(&self) -> Option<Rc<DigestKey>> {
        self.state.borrow().key.clone()
    }

    /// What is remembered of a document; `None` where it was never written from here.
    pub(crate) fn of(&self, path: &str) -> Option<Rc<Remembered>> {
        let state = self.state.borrow();
        let known = state.documents.get(path)?;
        Some(Rc::clone(&known.remembered))
    }

    /// Whether anything is remembered: a document of which nothing is, was then not written from here.
    pub(crate) fn knows_something(&self) -> bool {
        !self.state.borrow().documents.is_empty()
    }

    /// Whether the last write of a document has no known end: what is remembered is of before.
    pub(crate) fn is_unsettled(&self, path: &str) -> bool {
        let state = self.state.borrow();
        state
            .documents
            .get(path)
            .is_some_and(|known| known.unsettled)
    }

    /// Whether a document that was written from here is not there any more for certain.
    pub(crate) fn is_gone(&self, path: &str) -> bool {
        self.state.borrow().gone.contains(path)
    }

    /// Whether a write of a document that is done once was begun, and has no known end.
    pub(crate) fn is_begun(&self, path: &str) -> bool {
        self.state.borrow().begun.contains(path)
    }

    /// Notes, durably and before anything is sent, that these documents are about to be written: killed in between, the next
    /// run does not take the state of before for the one that the server has. With each, whether it is done once: that is
    /// noted the first time too.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn begin<'p>(
        &self,
        paths: impl Iterator<Item = (&'p str, bool)>,
    ) -> Result<(), CheckpointError> {
        let known = paths.filter(|(path, once)| *once || self.of(path).is_some());
        let lines: Vec<_> = known.map(|(path, _)| Line::sending(path)).collect();
        self.append(lines)
    }

    /// Remembers these documents, durably.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn remember(&self, mut records: Vec<Record>) -> Result<(), CheckpointError> {
        for record in &mut records {
            // Later writes do not change who has made it.
            let known = self.of(&record.path);
            record.remembered.created |= known.is_some_and(|known| known.created);
        }
        let changed = |record: &Record| {
            self.is_unsettled(&record.path)
                || self
                    .of(&record.path)
                    .is_none_or(|known| *known != record.remembered)
        };
        // A value that may be secret now does not stay in an older line in clear.
        let hides = |record: &Record| {
            let known = self.of(&record.path);
            known.is_some_and(|known| record.remembered.hides_what_was_plain(&known))
        };
        let compact = records.iter().any(hides);
        let lines = records.into_iter().filter(changed).map(Line::settled);
        self.append(lines.collect())?;
        if compact { self.compact() } else { Ok(()) }
    }

    /// Takes back that these documents are about to be written: the server has refused them, and nothing has changed.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn not_written<'p>(
        &self,
        paths: impl Iterator<Item = &'p str>,
    ) -> Result<(), CheckpointError> {
        let lines = paths.filter_map(|path| match self.of(path) {
            Some(known) => self
                .is_unsettled(path)
                .then(|| Line::of(path, &known, false)),
            None => self.is_begun(path).then(|| Line::gone(path)),
        });
        let lines = lines.collect();
        self.append(lines)
    }

    /// Forgets, durably, what is remembered of documents below these paths: what they were in is made anew, so they are gone.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn forget_below(&self, paths: &[String]) -> Result<(), CheckpointError> {
        let state = self.state.borrow();
        let below = paths.iter().flat_map(|above| {
            let from = state.documents.range(above.clone()..);
            from.map(|(path, _)| path)
                .take_while(move |path| path.starts_with(above.as_str()))
        });
        let below: BTreeSet<&String> = below.collect();
        let lines: Vec<_> = below.into_iter().map(|path| Line::gone(path)).collect();
        drop(state);
        self.append(lines)
    }

    /// Every document of which something is remembered, by path.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.state.borrow().documents.keys().cloned().collect()
    }

    /// Forgets, durably, a document that is not there any more, and those below it.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn forget(&self, path: &str) -> Result<(), CheckpointError> {
        self.append(vec![Line::gone(path)])?;
        self.forget_below(&[format!("{path}/")])
    }

    /// Whether a write of a document was begun, and has no known end.
    pub(crate) fn is_sending(&self, path: &str) -> bool {
        self.is_begun(path) || self.is_unsettled(path)
    }

    /// What was kept of the answer to the last write of a document, where that is known to be the last.
    pub(crate) fn answer(&self, path: &str) -> Option<Answer> {
        let state = self.state.borrow();
        let kept = state.answers.get(path).filter(|kept| kept.holds)?;
        Some(kept.answer.clone())
    }

    /// Keeps beside an answer where its secret goes, durably and before it is there; `given` as a digest, which needs the key.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn hand_out(
        &self,
        path: &str,
        (to, given): (&str, SecretText),
        mut answer: Answer,
    ) -> Result<(), CheckpointError> {
        let digest = self.digest_of(path, given);
        answer.insert(HANDED_OUT.to_owned(), json!({ "to": to, "digest": digest }));
        self.append(vec![Line::answer(path, answer)])
    }

    /// Where the secret of the last write of a document went, or was about to; `None` where none was, or nobody knows of the
    /// last write.
    pub(crate) fn handed_out_to(&self, path: &str) -> Option<String> {
        let known = self.answer(path)?;
        Some(known.get(HANDED_OUT)?["to"].as_str()?.to_owned())
    }

    /// Whether this is what was about to be handed out. Without the key nobody knows.
    pub(crate) fn was_handed_out(&self, path: &str, found: SecretText) -> bool {
        let known = self.answer(path);
        let known = known.as_ref().and_then(|known| known.get(HANDED_OUT));
        let digest = known.and_then(|known| known["digest"].as_str());
        digest.is_some() && digest == self.digest_of(path, found).as_deref()
    }

    fn digest_of(&self, path: &str, given: SecretText) -> Option<String> {
        let given = Body::map([(HANDED_OUT, Body::from(given))]);
        let form = Form::of(path, &leaf::leaves(&given), self.key().as_deref(), |_| {
            false
        });
        form.secret.get(HANDED_OUT).cloned()
    }

    /// Keeps these fields of an answer, durably: nobody is told them again.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn keep_answer(&self, path: &str, answer: Answer) -> Result<(), CheckpointError> {
        self.append(vec![Line::answer(path, answer)])
    }

    fn append(&self, lines: Vec<Line>) -> Result<(), CheckpointError> {
        if lines.is_empty() {
            return Ok(());
        }
        let (fresh, torn) = {
            let state = self.state.borrow();
            (state.lines == 0 && state.wrapped.is_none(), state.torn)
        };
        if fresh || torn {
            // The file is not there yet, its end is half a line, or it is of an earlier form.
            self.take(lines);
            return self.compact();
        }
        file::append(&self.directory, &lines)?;
        self.take(lines);
        let state = self.state.borrow();
        let needed = state.documents.len() + state.gone.len() + state.answers.len();
        let long = state.lines > 2 * needed + file::SLACK;
        drop(state);
        if long { self.compact() } else { Ok(()) }
    }

    fn take(&self, lines: Vec<Line>) {
        let mut state = self.state.borrow_mut();
        state.lines += lines.len();
        for line in lines {
            state.take(line);
        }
    }

    /// Writes the file anew, a line a document.
    fn compact(&self) -> Result<(), CheckpointError> {
        let mut state = self.state.borrow_mut();
        let header = Header::new(&self.cluster, state.wrapped.clone());
        let lines = state.documents.iter();
        let lines = lines.map(|(path, known)| Line::of(path, &known.remembered, known.unsettled));
        let begun = state.begun.iter().map(|path| Line::sending(path));
        let gone = state.gone.iter().map(|path| Line::gone(path));
        let answers = state.answers.iter();
        // First, since what is said of a document tells whether they hold.
        let answers = answers.map(|(path, kept)| Line::answer(path, kept.answer.clone()));
        let lines = answers.chain(lines).chain(begun).chain(gone);
        file::replace(&self.directory, &header, lines)?;
        state.lines =
            state.documents.len() + state.begun.len() + state.gone.len() + state.answers.len();
        state.torn = false;
        Ok(())
    }
}

impl Remembered {
    /// Whether a place that `before` has in clear may be secret by now.
    fn hides_what_was_plain(&self, before: &Self) -> bool {
        let hides = |now: &Form, then: &Form| {
            then.plain.iter().any(|(place, value)| {
                !leaf::is_nothing(value) && !now.plain.contains_key(place) && now.has(place)
            })
        };
        let made = self.made.as_ref().zip(before.made.as_ref());
        hides(&self.sent, &before.sent) || made.is_some_and(|(now, then)| hides(now, then))
    }

    /// Of a document that was sent and read back.
    pub(crate) fn new(
        path: &str,
        sent: &Leaves,
        made: Option<&Leaves>,
        (key, plain): (Option<&DigestKey>, OfPlace<'_>),
    ) -> Self {
        let of = |leaves: &Leaves| Form::of(path, leaves, key, plain);
        Self {
            sent: of(sent),
            made: made.map(of),
            created: false,
        }
    }
}
