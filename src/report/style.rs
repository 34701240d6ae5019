//! Colour, or none of it, and the one kind of text that is written.

use std::ops::Add;

use crate::printable;

/// What may be written to the terminal: text of whomever, in which what nobody sees is written out, and sequences of
/// [`Style`].
#[derive(Debug, Default)]
pub(crate) struct Painted(String);

impl Painted {
    /// Text of whomever.
    pub(crate) fn text(text: &str) -> Self {
        Self(printable::text(text))
    }

    /// Text that this program alone has made, or that was encoded for machines.
    pub(crate) fn ours(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Add for Painted {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self.0.push_str(&other.0);
        self
    }
}

impl<T: AsRef<str>> Add<T> for Painted {
    type Output = Self;

    fn add(self, text: T) -> Self {
        self + Self::text(text.as_ref())
    }
}

/// How an outcome is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Well.
    Good,
    /// Something is open.
    Open,
    /// It was not to be done.
    Left,
}

/// Escape sequences, or none of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) colored: bool,
    /// Whether lines may overwrite themselves.
    pub(crate) terminal: bool,
    /// Whether the terminal shows more than ASCII.
    pub(crate) unicode: bool,
}

/// What this program writes beyond ASCII, and what stands for it where that cannot be shown.
const IN_ASCII: [(char, &str); 4] = [('…', "..."), ('✓', "ok"), ('·', "-"), ('→', "->")];

impl Style {
    fn paint(self, code: &'static str, text: &str) -> Painted {
        let text = Painted::text(text);
        if self.colored && !text.0.is_empty() {
            Painted(format!("\x1b[{code}m{}\x1b[0m", text.0))
        } else {
            text
        }
    }

    /// The same in ASCII, where no more can be shown.
    pub(crate) fn shown(self, text: Painted) -> Painted {
        if self.unicode || text.0.is_ascii() {
            return text;
        }
        let shown = IN_ASCII
            .iter()
            .fold(text.0, |text, (letter, ascii)| text.replace(*letter, ascii));
        Painted(shown)
    }

    /// What stands before the outcome of a step.
    pub(crate) fn mark(self, mark: Mark) -> &'static str {
        match (mark, self.unicode) {
            (Mark::Good, true) => "✓",
            (Mark::Good, false) => "ok",
            (Mark::Open, _) => "!",
            (Mark::Left, true) => "·",
            (Mark::Left, false) => "-",
        }
    }

    /// Up so many rows, to the beginning; only where there is a terminal.
    pub(crate) fn up(self, rows: usize) -> Painted {
        Painted(format!("\r\x1b[{rows}A"))
    }

    /// Down so many rows, to this column.
    pub(crate) fn down(self, rows: usize, column: usize) -> Painted {
        let right = match column {
            0 => String::new(),
            column => format!("\x1b[{column}C"),
        };
        Painted(format!("\r\x1b[{rows}B{right}"))
    }

    /// Takes the line that was begun away; only where there is a terminal.
    pub(crate) fn rewound(self) -> Painted {
        Painted("\r\x1b[2K".to_owned())
    }

    pub(crate) fn good(self, text: &str) -> Painted {
        self.paint("32", text)
    }

    pub(crate) fn bad(self, text: &str) -> Painted {
        self.paint("1;31", text)
    }

    pub(crate) fn warning(self, text: &str) -> Painted {
        self.paint("33", text)
    }

    pub(crate) fn dim(self, text: &str) -> Painted {
        self.paint("2", text)
    }

    pub(crate) fn bold(self, text: &str) -> Painted {
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
            unicode: true,
        };
        assert_eq!(style(false).bad("x").as_str(), "x");
        assert_eq!(style(true).good("x").as_str(), "\x1b[32mx\x1b[0m");
    }

    #[test]
    fn sequences_of_others_are_written_out_wherever_they_stand() {
        let style = Style {
            colored: true,
            terminal: true,
            unicode: true,
        };
        let text = style.bad("a\u{1b}[0m") + "\r\u{1b}[2K" + Painted::text("\u{202e}");
        assert_eq!(
            text.as_str(),
            "\x1b[1;31ma\\u{1b}[0m\x1b[0m\\u{d}\\u{1b}[2K\\u{202e}"
        );
    }

    #[test]
    fn where_only_ascii_can_be_shown_our_own_signs_are_ascii() {
        let style = |unicode| Style {
            colored: false,
            terminal: true,
            unicode,
        };
        let text = || Painted::text("✓ give `{file: …}` · Zürich");
        assert_eq!(style(true).shown(text()).as_str(), text().as_str());
        assert_eq!(
            style(false).shown(text()).as_str(),
            "ok give `{file: ...}` - Zürich"
        );
        assert_eq!(
            (style(true).mark(Mark::Good), style(false).mark(Mark::Good)),
            ("✓", "ok")
        );
    }
}
