use super::*;
use crate::code::Code;
use crate::event::StepOutcome;
use crate::evidence::facts::Evidence;
use crate::step::Step;

const ROWS: usize = 12;

/// A terminal that does what [`Progress`] sends it, so that a test reads what a person sees.
struct Screen {
    progress: Progress,
    columns: usize,
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Screen {
    fn of(columns: usize) -> Self {
        let mut progress = Progress::new(style(true), columns);
        progress.resize(Some(Size {
            columns,
            rows: ROWS,
        }));
        Self {
            progress,
            columns,
            lines: vec![Vec::new()],
            row: 0,
            column: 0,
        }
    }

    fn event(&mut self, event: &Event) -> &mut Self {
        let text = self.progress.lines(event);
        self.write(text.as_str());
        self
    }

    fn after(&mut self, seconds: u64) -> &mut Self {
        let now = Instant::now() + Duration::from_secs(seconds);
        let text = self.progress.tick(now);
        self.write(text.as_str());
        self
    }

    /// Somebody else asks something there and gets an answer.
    fn asked(&mut self, question: &str) -> &mut Self {
        let lent = screen::lend();
        let ending = screen::take_ending().unwrap_or_default();
        self.write(&format!("{ending}{question}: \n"));
        drop(lent);
        self
    }

    fn write(&mut self, text: &str) {
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\n' => (self.row, self.column) = (self.row + 1, 0),
                '\r' => self.column = 0,
                '\u{1b}' => {
                    let mut number = String::new();
                    for letter in letters.by_ref().skip(1) {
                        if letter.is_ascii_alphabetic() {
                            self.obey(letter, number.parse().unwrap_or(0));
                            break;
                        }
                        number.push(letter);
                    }
                }
                letter => self.put(letter),
            }
            self.lines
                .resize(self.lines.len().max(self.row + 1), Vec::new());
        }
    }

    fn put(&mut self, letter: char) {
        if self.column == self.columns {
            (self.row, self.column) = (self.row + 1, 0);
            self.lines
                .resize(self.lines.len().max(self.row + 1), Vec::new());
        }
        let line = &mut self.lines[self.row];
        line.resize(line.len().max(self.column + 1), ' ');
        line[self.column] = letter;
        self.column += 1;
    }

    fn obey(&mut self, letter: char, number: usize) {
        let top = self.lines.len().saturating_sub(ROWS);
        match letter {
            'A' => self.row = self.row.saturating_sub(number).max(top),
            'B' => self.row = (self.row + number).min(self.lines.len() - 1),
            'C' => self.column += number,
            'K' => self.lines[self.row].clear(),
            _ => panic!("{letter}"),
        }
    }

    fn text(&self) -> String {
        let line = |line: &Vec<char>| line.iter().collect::<String>().trim_end().to_owned();
        self.lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

fn style(terminal: bool) -> Style {
    Style {
        colored: false,
        terminal,
        unicode: true,
    }
}

/// What a log has of these.
fn log(events: &[Event]) -> String {
    let mut progress = Progress::new(style(false), WIDTH);
    let lines = events.iter().map(|event| progress.lines(event));
    lines.map(|lines| lines.as_str().to_owned()).collect()
}

fn started() -> Event {
    Event::StepStarted {
        step: Step::Audit,
        number: 5,
        of: 13,
    }
}

fn note_of(text: &str) -> Event {
    Event::Note {
        step: Some(Step::Audit),
        text: text.into(),
        asks: false,
    }
}

fn note() -> Event {
    note_of("enabled")
}

fn wait(seconds: u64) -> Event {
    Event::Waiting {
        step: Some(Step::Audit),
        text: "all nodes to open (https://vault-2.internal:8200 is sealed)".into(),
        seconds,
        limit: 60,
    }
}

fn finished() -> Event {
    Event::StepFinished {
        step: Step::Audit,
        outcome: StepOutcome::Applied,
        requests: 12,
        milliseconds: 1234,
        evidence: Evidence::default(),
    }
}

const DONE: &str =
    " 5/13 audit first                          ✓ done            1.2 s  12 requests";

#[test]
fn a_step_with_nothing_to_say_is_one_line_and_is_there_when_it_begins() {
    let mut screen = Screen::of(80);
    assert_eq!(screen.event(&started()).text(), " 5/13 audit first");
    assert_eq!(screen.event(&finished()).text(), format!("{DONE}\n"));
}

#[test]
fn a_step_is_finished_on_its_line_whatever_was_said_below_it() {
    let mut screen = Screen::of(80);
    let long = note_of(&"word ".repeat(30));
    screen.event(&started()).event(&note()).event(&long);
    screen.event(&note_of(&"x".repeat(100))).event(&finished());
    screen.event(&started());
    let text = screen.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], DONE, "{text}");
    assert_eq!(lines[1], "      enabled", "{text}");
    assert_eq!(text.matches("done").count(), 1, "{text}");
    assert_eq!(*lines.last().unwrap(), " 5/13 audit first", "{text}");
    assert!(lines.iter().all(|line| !line.is_empty()), "{text}");
}

#[test]
fn what_takes_long_is_seen_to_run_on_its_line_and_the_cursor_comes_back() {
    let mut screen = Screen::of(80);
    screen.event(&started());
    assert_eq!(screen.after(0).text(), " 5/13 audit first");
    let text = screen.after(3).text();
    assert!(text.starts_with(" 5/13 audit first   "), "{text}");
    assert!(text.ends_with(" 3 s"), "{text}");
    let text = screen.event(&note()).after(4).event(&note()).text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].ends_with(" 4 s"), "{text}");
    assert_eq!(lines[1..], ["      enabled", "      enabled"], "{text}");
    let text = screen.event(&wait(5)).after(6).event(&wait(7)).text();
    assert!(text.contains("\n      waiting 7s of 1m for all"), "{text}");
    assert_eq!(text.matches("waiting").count(), 1, "{text}");
    let text = screen.event(&finished()).text();
    assert_eq!(text, format!("{DONE}\n      enabled\n      enabled\n"));
}

#[test]
fn a_question_stands_below_its_step_which_is_named_again_at_its_end() {
    let mut screen = Screen::of(80);
    screen.event(&started()).after(2).asked("Revoke it?");
    assert_eq!(screen.text(), " 5/13 audit first\nRevoke it?:\n");
    screen.event(&finished());
    let text = format!(" 5/13 audit first\nRevoke it?:\n{DONE}\n");
    assert_eq!(screen.text(), text);
}

#[test]
fn what_is_said_after_a_question_stands_below_its_step() {
    let mut screen = Screen::of(80);
    screen.event(&started()).event(&note()).asked("Revoke it?");
    screen.event(&note()).event(&finished());
    let asked = " 5/13 audit first\n      enabled\nRevoke it?:\n";
    assert_eq!(screen.text(), format!("{asked}{DONE}\n      enabled\n"));
}

#[test]
fn a_question_leaves_no_time_that_stands_still_and_no_wait() {
    let mut screen = Screen::of(80);
    screen
        .event(&started())
        .event(&note())
        .event(&wait(3))
        .after(4);
    let text = screen.asked("share").after(5).text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..3], [" 5/13 audit first", "      enabled", "share:"]);
    assert!(lines[3].starts_with(" 5/13 audit first  ") && lines[3].ends_with("5 s"));
    let text = screen.event(&note()).event(&finished()).text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[3..], [DONE, "      enabled"], "{text}");
}

#[test]
fn nothing_is_written_while_a_person_types() {
    let mut screen = Screen::of(80);
    screen.event(&started());
    let _lent = screen::lend();
    let text = screen
        .progress
        .tick(Instant::now() + Duration::from_secs(3));
    assert_eq!(text.as_str(), "");
}

#[test]
fn a_line_that_has_left_the_terminal_is_named_again() {
    let mut screen = Screen::of(80);
    screen.event(&started());
    for _ in 0..ROWS {
        screen.event(&note());
    }
    let text = screen.event(&finished()).text();
    assert!(text.starts_with(" 5/13 audit first\n"), "{text}");
    assert!(
        text.ends_with(&format!("      enabled\n{DONE}\n")),
        "{text}"
    );
    let mut screen = Screen::of(80);
    screen.event(&started());
    for _ in 0..ROWS - 2 {
        screen.event(&note());
    }
    assert!(screen.event(&finished()).text().starts_with(DONE));
}

#[test]
fn on_a_terminal_of_another_size_than_before_nothing_is_written_above() {
    let mut screen = Screen::of(80);
    screen.event(&started()).event(&note());
    let other = Size {
        columns: 90,
        rows: ROWS,
    };
    screen.progress.resize(Some(other));
    let text = screen.event(&finished()).text();
    assert_eq!(text, format!(" 5/13 audit first\n      enabled\n{DONE}\n"));
}

#[test]
fn of_letters_of_another_width_the_rows_are_not_counted() {
    let mut screen = Screen::of(80);
    screen.event(&started()).event(&note_of("東京"));
    let text = screen.event(&finished()).text();
    assert_eq!(text, format!(" 5/13 audit first\n      東京\n{DONE}\n"));
}

#[test]
fn a_step_that_is_stopped_says_so_on_its_line() {
    let mut screen = Screen::of(80);
    screen.event(&started()).event(&note());
    let text = screen.progress.stopped();
    screen.write(text.as_str());
    let text = screen.text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with(" 5/13 audit first  "), "{text}");
    assert!(lines[0].contains("  ! stopped "), "{text}");
    assert_eq!(lines[1], "      enabled");
}

#[test]
fn a_log_has_the_same_words_and_no_sequences() {
    let text = log(&[started(), note(), wait(1), finished()]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], [" 5/13 audit first", "      enabled"]);
    assert!(lines[2].starts_with("      waiting 1s of 1m for all"));
    assert_eq!(*lines.last().unwrap(), DONE);
    assert!(!text.contains(['\u{1b}', '\r']), "{text:?}");
    let mut progress = Progress::new(style(false), WIDTH);
    let (columns, rows) = (WIDTH, ROWS);
    progress.resize(Some(Size { columns, rows }));
    progress.lines(&started());
    let later = progress.tick(Instant::now() + Duration::from_secs(9));
    assert_eq!(later.as_str(), "");
}

#[test]
fn details_are_dim_and_what_is_read_before_an_answer_is_not() {
    let colored = Style {
        colored: true,
        ..style(true)
    };
    let mut progress = Progress::new(colored, WIDTH);
    progress.lines(&started());
    assert!(
        progress
            .lines(&note())
            .as_str()
            .contains("\u{1b}[2menabled")
    );
    let asks = Event::Note {
        step: Some(Step::Audit),
        text: "only these get in".into(),
        asks: true,
    };
    assert!(!progress.lines(&asks).as_str().contains('\u{1b}'));
    let of_no_step = Event::Note {
        step: None,
        text: "alice has answered".into(),
        asks: false,
    };
    let text = progress.lines(&of_no_step);
    assert_eq!(text.as_str(), "  alice has answered\n");
}

#[test]
fn a_warning_of_a_command_without_steps_is_wrapped_below_itself() {
    let event = Event::Warning {
        step: None,
        code: Code::NoTerminal,
        text: "carol does not answer: no terminal to ask on for the share that she keeps".into(),
    };
    let text = Progress::new(style(false), 40).lines(&event);
    let text = text.as_str();
    assert!(text.starts_with("  warning: carol does not"), "{text}");
    assert!(text.lines().count() > 1);
    let fits = |line: &str| line.chars().count() <= 40 && line.starts_with("  ");
    assert!(text.lines().all(fits), "{text}");
    let mut with_codes = Progress::new(style(false), 40);
    with_codes.codes = true;
    let text = with_codes.lines(&event);
    let text = text.as_str();
    assert!(text.starts_with("  warning [no-terminal]: carol"), "{text}");
}

#[test]
fn on_a_narrow_terminal_no_line_is_wider_than_it() {
    let mut screen = Screen::of(40);
    screen.event(&started()).after(2).event(&wait(3));
    let waits = screen.text();
    let text = screen.event(&finished()).text();
    for line in waits.lines().chain(text.lines()) {
        assert!(line.chars().count() <= 40, "{line:?}");
    }
    assert_eq!(text, " 5/13 audit first  ✓ done  1.2 s\n");
}

#[test]
fn elsewhere_a_wait_is_mentioned_now_and_then() {
    let mut progress = Progress::new(style(false), WIDTH);
    progress.lines(&started());
    let lines: String = (0..12)
        .map(|seconds| progress.lines(&wait(seconds)).as_str().to_owned())
        .collect();
    assert_eq!(lines.matches("of 1m for all").count(), 3, "{lines}");
}
