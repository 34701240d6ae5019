//! A secret of a throwaway server, in a text that goes to the one who asked for it: its end is the server's.

use zeroize::Zeroizing;

use crate::secret::{SecretText, Token};

/// A text that is wiped when it goes. It has room from the start, so no half of it stays behind.
fn copied(text: &str) -> Zeroizing<String> {
    let mut copy = Zeroizing::new(String::with_capacity(text.len()));
    copy.push_str(text);
    copy
}

impl Token {
    /// The token, to be written where a command of the operator's finds it.
    pub(crate) fn written_out(&self) -> Zeroizing<String> {
        copied(self.expose())
    }
}

impl SecretText {
    /// The text, to be written where a command of the operator's finds it.
    pub(crate) fn written_out(&self) -> Zeroizing<String> {
        copied(self.expose())
    }
}
