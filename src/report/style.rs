//! Colour, or none of it.

/// Escape sequences, or none of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) colored: bool,
    /// Whether lines may overwrite themselves.
    pub(crate) terminal: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colored {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    pub(crate) fn warning(self, text: &str) -> String {
        self.paint("33", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_nothing_but_text_is_written() {
        let style = |colored| Style {
            colored,
            terminal: false,
        };
        assert_eq!(style(false).bad("x"), "x");
        assert_eq!(style(true).good("x"), "\x1b[32mx\x1b[0m");
    }
}
