//! Who has the terminal just now. Progress keeps a line there that it goes back to. A question, or a program that draws
//! there, borrows the terminal: the line is ended first, nothing is written over it meanwhile, and afterwards nobody
//! knows how far up it stands.

use std::cell::{Cell, RefCell};

thread_local! {
    // Questions are asked, and progress is written, by the thread that runs the command.
    static ENDING: RefCell<Option<String>> = const { RefCell::new(None) };
    static LENT: Cell<u32> = const { Cell::new(0) };
    static TIMES: Cell<u64> = const { Cell::new(0) };
}

/// Says what ends the line that is begun on the terminal; none where none is.
pub fn begun(ending: Option<String>) {
    ENDING.set(ending);
}

/// What ends the line that is begun, if one is. Whoever takes it writes it.
pub fn take_ending() -> Option<String> {
    ENDING.take()
}

/// Borrows the terminal until the value is dropped.
pub fn lend() -> Lent {
    LENT.set(LENT.get() + 1);
    TIMES.set(TIMES.get() + 1);
    Lent(())
}

/// Whether somebody has it.
pub fn is_lent() -> bool {
    LENT.get() > 0
}

/// How often it was borrowed by now.
pub fn times_lent() -> u64 {
    TIMES.get()
}

/// The terminal, borrowed.
#[must_use]
#[derive(Debug)]
pub struct Lent(());

impl Drop for Lent {
    fn drop(&mut self) {
        LENT.set(LENT.get().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_lent_until_the_last_borrower_gives_it_back() {
        let before = times_lent();
        let (first, second) = (lend(), lend());
        drop(first);
        assert!(is_lent());
        drop(second);
        assert!(!is_lent());
        assert_eq!(times_lent(), before + 2);
    }

    #[test]
    fn an_ending_is_taken_once() {
        begun(Some("\n".into()));
        assert_eq!(take_ending().as_deref(), Some("\n"));
        assert_eq!(take_ending(), None);
    }
}
