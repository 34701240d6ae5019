//! Text in lines for a person: wrapped on words, with hanging indentation, and in aligned pairs.
//!
//! Pure. It never breaks what somebody would paste: a word, an address, a command.

/// What a command to type begins with, where advice names one after a colon or as a whole.
const PROGRAMS: &[&str] = &[
    "age",
    "age-keygen",
    "aws",
    "bao",
    "chmod",
    "chown",
    "curl",
    "gpg",
    "kubectl",
    "ls",
    "mv",
    "vault",
    "vault-bootstrap",
];

/// Lines of at most `width` columns. A piece that is longer stays whole on a line of its own, and lines
/// that the text already has stay lines, with their indentation.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let indent: String = line.chars().take_while(|letter| *letter == ' ').collect();
        let mut current = indent.clone();
        for piece in pieces(line) {
            let empty = current.len() == indent.len();
            if !empty && columns(&current) + 1 + columns(&piece) > width {
                lines.push(std::mem::replace(&mut current, format!("{indent}{piece}")));
            } else {
                if !empty {
                    current.push(' ');
                }
                current.push_str(&piece);
            }
        }
        lines.push(current);
    }
    lines
}

/// `text` behind something `indent` columns wide, its further lines below its first one. The first line
/// of a text is wrapped; what stands below it, such as a stanza to paste, is left as it is.
pub fn hanging(text: &str, indent: usize, width: usize) -> String {
    let (first, below) = match text.split_once('\n') {
        Some((first, below)) => (first, Some(below)),
        None => (text, None),
    };
    let lines = wrapped(first, width.saturating_sub(indent));
    let mut text = String::new();
    for (place, line) in lines.iter().enumerate() {
        if place > 0 {
            // One that would not fit moves to the left as far as it must.
            let room = width.saturating_sub(columns(line));
            text.push('\n');
            text.push_str(&" ".repeat(indent.min(room)));
        }
        text.push_str(line);
    }
    if let Some(below) = below {
        text.push('\n');
        text.push_str(below);
    }
    text
}

/// How many columns a text without colour takes.
pub fn columns(text: &str) -> usize {
    text.chars().count()
}

/// The parts of a line that are never broken: words, what stands in backticks, and commands from their
/// program to a semicolon or the end.
fn pieces(line: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut until = None;
    for word in line.split_whitespace() {
        let odd_backticks = word.matches('`').count() % 2 == 1;
        match (until, pieces.last_mut()) {
            (Some(end), Some(piece)) => {
                piece.push(' ');
                piece.push_str(word);
                let ended = if end == '`' {
                    odd_backticks
                } else {
                    word.ends_with(end)
                };
                if ended {
                    until = None;
                }
            }
            (_, before) => {
                let may_begin = before.is_none_or(|before| before.ends_with([':', ';']));
                if may_begin && PROGRAMS.contains(&word) {
                    until = Some(';');
                } else if odd_backticks {
                    until = Some('`');
                }
                pieces.push(word.to_owned());
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_wrapped_and_an_address_stays_whole() {
        let address = "https://idp.example/".to_owned() + &"x".repeat(90);
        let lines = wrapped(&format!("one two three\n  {address} end"), 8);
        assert_eq!(
            lines,
            ["one two", "three", &format!("  {address}"), "  end"]
        );
    }

    #[test]
    fn a_command_is_never_broken() {
        let text = "let each holder open a challenge: vault-bootstrap -c prod.yaml custodian prove alice; \
                    or take the risk by name: init.accept_unproved: [alice]";
        assert_eq!(
            wrapped(text, 40),
            [
                "let each holder open a challenge:",
                "vault-bootstrap -c prod.yaml custodian prove alice;",
                "or take the risk by name:",
                "init.accept_unproved: [alice]",
            ]
        );
        assert_eq!(
            wrapped("ls -ld /some/where; ls -la /some/where", 12),
            ["ls -ld /some/where;", "ls -la /some/where"]
        );
        assert_eq!(
            wrapped("what `aws sts get-caller-identity` shows", 12),
            ["what", "`aws sts get-caller-identity`", "shows"]
        );
    }

    #[test]
    fn a_program_in_the_middle_of_a_sentence_is_a_word_like_others() {
        assert_eq!(wrapped("see what age says", 9), ["see what", "age says"]);
    }

    #[test]
    fn a_command_too_long_for_its_indentation_moves_to_the_left() {
        let text = hanging("look there: curl -sSi http://127.0.0.1:8200", 14, 40);
        assert_eq!(
            text,
            "look there:\n         curl -sSi http://127.0.0.1:8200"
        );
    }

    #[test]
    fn further_lines_stand_below_the_first_and_a_stanza_stays_as_it_is() {
        let text = "add this here:\naudit \"file\" \"file\" {\n}";
        assert_eq!(
            hanging(text, 4, 12),
            "add this\n    here:\naudit \"file\" \"file\" {\n}"
        );
    }
}
