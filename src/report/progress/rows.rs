//! How many rows of a terminal lines take.

/// From here on a letter may take no column, or two.
const OTHER_WIDTHS: char = '\u{300}';

/// Columns and rows of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) struct Size {
    pub(in crate::report) columns: usize,
    pub(in crate::report) rows: usize,
}

/// Rows that lines take on a terminal this wide; none where that is not known.
pub(super) fn rows(lines: &str, width: usize) -> Option<usize> {
    let taken = lines.split_terminator('\n').map(|line| {
        let mut letters = line.chars();
        let mut taken = 0_usize;
        while let Some(letter) = letters.next() {
            match letter {
                // Only sequences of our own are left, and each ends so.
                '\u{1b}' => letters.by_ref().find(|letter| *letter == 'm').map(drop)?,
                '…' => taken += 1,
                letter if letter < OTHER_WIDTHS => taken += 1,
                _ => return None,
            }
        }
        Some(usize::max(taken.div_ceil(width), 1))
    });
    taken.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_takes_more_than_one_row_and_colour_takes_none() {
        assert_eq!(rows("a\n\nb\n", 10), Some(3));
        assert_eq!(rows(&format!("{}\n", "x".repeat(10)), 10), Some(1));
        assert_eq!(rows(&format!("{}\n", "x".repeat(11)), 10), Some(2));
        assert_eq!(rows("\u{1b}[2mZürich one…\u{1b}[0m\n", 11), Some(1));
    }

    #[test]
    fn of_letters_of_another_width_nobody_knows() {
        assert_eq!(rows("東京\n", 80), None);
        assert_eq!(rows("e\u{301}\n", 80), None);
    }
}
