//! What the lines of the file come to, one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::envelope::WrappedKey;
use crate::memory::Remembered;
use crate::memory::file::{Answer, Entry, Line};
use crate::memory::form::DigestKey;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) documents: BTreeMap<String, Known>,
    /// Documents of which nothing is remembered, and whose write was begun.
    pub(super) begun: BTreeSet<String>,
    /// Documents that are not there any more for certain: what they were in was made anew, or the server refused them.
    pub(super) gone: BTreeSet<String>,
    /// What was kept of the answers to writes, for other documents.
    pub(super) answers: BTreeMap<String, Kept>,
    /// What wraps the key of the digests, once there is one.
    pub(super) wrapped: Option<WrappedKey>,
    /// The key, where it could be opened.
    pub(super) key: Option<Rc<DigestKey>>,
    /// Lines in the file.
    pub(super) lines: usize,
    /// Its last line is not whole, or it is of an earlier form.
    pub(super) torn: bool,
}

/// What is known of one document.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) remembered: Rc<Remembered>,
    /// A write was begun since, and has no known end.
    pub(super) unsettled: bool,
}

/// Fields of an answer.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) answer: Answer,
    /// No write was begun since that nobody knows the answer to.
    pub(super) holds: bool,
}

impl State {
    pub(super) fn take(&mut self, line: Line) {
        match line.into_entry() {
            Entry::Settled(path, remembered, unsettled) => {
                self.begun.remove(&path);
                self.gone.remove(&path);
                self.let_hold(&path, !unsettled);
                let remembered = Rc::new(remembered);
                let known = Known {
                    remembered,
                    unsettled,
                };
                self.documents.insert(path, known);
            }
            Entry::Sending(path) => {
                // What the server answers to this one is another, also where nobody hears it.
                self.let_hold(&path, false);
                if let Some(known) = self.documents.get_mut(&path) {
                    known.unsettled = true;
                } else {
                    self.begun.insert(path);
                }
            }
            Entry::Gone(path) => {
                self.begun.remove(&path);
                self.documents.remove(&path);
                self.answers.remove(&path);
                self.gone.insert(path);
            }
            Entry::Answer(path, answer) => {
                let holds = true;
                self.answers.insert(path, Kept { answer, holds });
            }
        }
    }
}

impl State {
    fn let_hold(&mut self, path: &str, holds: bool) {
        if let Some(kept) = self.answers.get_mut(path) {
            kept.holds = holds;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use serde_json::json;

    use crate::memory::form::{DigestKey, Form};
    use crate::memory::{Memory, Record, Remembered};
    use crate::secret::SecretText;

    const PATH: &str = "ca/intermediate/generate/internal";

    fn record() -> Record {
        let remembered = Remembered {
            sent: Form::default(),
            made: None,
            created: false,
        };
        Record {
            path: PATH.to_owned(),
            remembered,
        }
    }

    #[test]
    fn what_was_made_here_stays_so_through_later_writes_until_it_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let read = || Memory::read(directory.path(), "lab").unwrap();
        let made = |memory: &Memory| memory.of(PATH).is_some_and(|known| known.created);
        let memory = read();
        memory.remember(vec![record()]).unwrap();
        assert!(!made(&read()), "it was found there");
        let mut created = record();
        created.remembered.created = true;
        memory.remember(vec![created]).unwrap();
        assert!(made(&read()));
        memory.begin([(PATH, true)].into_iter()).unwrap();
        memory.remember(vec![record()]).unwrap();
        memory.compact().unwrap();
        assert!(made(&memory) && made(&read()));
        memory.forget(PATH).unwrap();
        memory.remember(vec![record()]).unwrap();
        assert!(!made(&read()), "it was made anew by somebody else");
    }

    #[test]
    fn a_memory_of_an_earlier_form_is_read_and_written_anew_before_anything_is_added() {
        let directory = tempfile::tempdir().unwrap();
        let read = || Memory::read(directory.path(), "lab").unwrap();
        read().remember(vec![record()]).unwrap();
        let file = directory.path().join("memory.jsonl");
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.replacen("\"version\":2", "\"version\":1", 1);
        std::fs::write(&file, &text).unwrap();
        let memory = read();
        assert!(memory.of(PATH).is_some());
        assert_eq!(
            std::fs::read_to_string(&file).unwrap(),
            text,
            "looking writes nothing"
        );
        memory.begin([(PATH, true)].into_iter()).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("{\"version\":2"), "{text}");
        assert!(read().is_unsettled(PATH));
    }

    #[test]
    fn an_answer_holds_until_the_next_write_begins_and_again_if_that_was_refused() {
        let directory = tempfile::tempdir().unwrap();
        let read = || Memory::read(directory.path(), "lab").unwrap();
        let csr = |memory: &Memory| Some(memory.answer(PATH)?["csr"].clone());
        let answer = |text: &str| [("csr".to_owned(), json!(text))].into();
        let memory = read();
        memory.begin([(PATH, true)].into_iter()).unwrap();
        memory.keep_answer(PATH, answer("first")).unwrap();
        memory.remember(vec![record()]).unwrap();
        assert_eq!(csr(&read()), Some(json!("first")));
        // A run that is killed here does not know what the server answered.
        memory.begin([(PATH, true)].into_iter()).unwrap();
        assert_eq!((csr(&memory), csr(&read())), (None, None));
        memory.not_written([PATH].into_iter()).unwrap();
        assert_eq!(csr(&read()), Some(json!("first")));
        memory.begin([(PATH, true)].into_iter()).unwrap();
        memory.keep_answer(PATH, answer("second")).unwrap();
        assert_eq!(csr(&read()), Some(json!("second")));
        // Written anew as a whole, it says the same.
        memory.compact().unwrap();
        assert_eq!(csr(&read()), None);
        memory.remember(vec![record()]).unwrap();
        memory.compact().unwrap();
        assert_eq!(csr(&read()), Some(json!("second")));
        memory.forget_below(&["ca/".to_owned()]).unwrap();
        assert_eq!(csr(&read()), None);
    }

    #[test]
    fn where_a_secret_went_is_known_until_another_one_is_asked_for_and_shown_to_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let read = || {
            let memory = Memory::read(directory.path(), "lab").unwrap();
            let key = DigestKey::new(b"a key of the tests");
            memory.state.borrow_mut().key = Some(Rc::new(key));
            memory
        };
        let secret = |text: &str| SecretText::new(text.to_owned());
        let memory = read();
        memory.begin([(PATH, true)].into_iter()).unwrap();
        assert_eq!(memory.handed_out_to(PATH), None);
        let public = [("id".to_owned(), json!("x"))].into();
        memory
            .hand_out(PATH, ("keys/ca", secret("hunter2")), public)
            .unwrap();
        for memory in [&memory, &read()] {
            assert_eq!(memory.handed_out_to(PATH).as_deref(), Some("keys/ca"));
            assert!(memory.was_handed_out(PATH, secret("hunter2")));
            assert!(!memory.was_handed_out(PATH, secret("hunter3")));
        }
        let without_key = Memory::read(directory.path(), "lab").unwrap();
        assert!(!without_key.was_handed_out(PATH, secret("hunter2")));
        let text = std::fs::read_to_string(directory.path().join("memory.jsonl")).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        memory.remember(vec![record()]).unwrap();
        assert_eq!(read().handed_out_to(PATH).as_deref(), Some("keys/ca"));
        memory.begin([(PATH, true)].into_iter()).unwrap();
        assert_eq!(read().handed_out_to(PATH), None);
        assert!(!read().was_handed_out(PATH, secret("hunter2")));
    }
}
