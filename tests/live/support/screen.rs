//! What a person sees of what was sent to a terminal.

/// Rows and columns of the pseudo-terminals of the tests.
const ROWS: usize = 24;
const COLUMNS: usize = 80;

/// The lines on a terminal, also those that have left it at the top, once it has obeyed what was sent.
pub fn seen(sent: &str) -> Vec<String> {
    let mut screen = Screen {
        lines: vec![Vec::new()],
        row: 0,
        column: 0,
    };
    let mut letters = sent.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\n' => screen.row += 1,
            '\r' => screen.column = 0,
            '\u{8}' => screen.column = screen.column.saturating_sub(1),
            '\u{1b}' => {
                let sequence = letters.by_ref().skip(1);
                let mut number = String::new();
                for letter in sequence {
                    if letter.is_ascii_alphabetic() {
                        screen.obey(letter, &number);
                        break;
                    }
                    number.push(letter);
                }
            }
            letter => screen.put(letter),
        }
        screen.grow();
    }
    let line = |line: Vec<char>| line.into_iter().collect::<String>().trim_end().to_owned();
    screen.lines.into_iter().map(line).collect()
}

struct Screen {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Screen {
    fn grow(&mut self) {
        let rows = self.lines.len().max(self.row + 1);
        self.lines.resize(rows, Vec::new());
    }

    fn put(&mut self, letter: char) {
        if self.column == COLUMNS {
            (self.row, self.column) = (self.row + 1, 0);
            self.grow();
        }
        let line = &mut self.lines[self.row];
        line.resize(line.len().max(self.column + 1), ' ');
        line[self.column] = letter;
        self.column += 1;
    }

    fn obey(&mut self, letter: char, number: &str) {
        let top = self.lines.len().saturating_sub(ROWS);
        let many = number.parse().unwrap_or(1);
        match letter {
            'A' => self.row = self.row.saturating_sub(many).max(top),
            'B' => self.row = (self.row + many).min(self.lines.len() - 1),
            'C' => self.column += many,
            'D' => self.column = self.column.saturating_sub(many),
            'K' if number == "2" => self.lines[self.row].clear(),
            'K' => self.lines[self.row].truncate(self.column),
            // Colour; and whether the cursor is shown.
            'm' | 'h' | 'l' => {}
            other => panic!("an unknown sequence: {number}{other}"),
        }
    }
}
