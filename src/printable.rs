//! Text of others, made fit for a terminal: what a person cannot see, or what moves or hides what they see, is written
//! out as `\u{…}`.

/// Characters of one string of JSON that are shown: no advice, no stanza and no address is nearly as long.
pub const LONGEST: usize = 64 * 1024;
/// Characters of one text that are shown, be it a whole report.
pub const LONGEST_TEXT: usize = 1024 * 1024;

/// Characters that nobody sees, beside the control characters: format characters (category Cf), separators of lines and
/// paragraphs, and what Unicode calls default ignorable (`DerivedCoreProperties.txt`), each from and to.
const UNSEEN: &[(char, char)] = &[
    ('\u{AD}', '\u{AD}'),
    ('\u{34F}', '\u{34F}'),
    ('\u{600}', '\u{605}'),
    ('\u{61C}', '\u{61C}'),
    ('\u{6DD}', '\u{6DD}'),
    ('\u{70F}', '\u{70F}'),
    ('\u{890}', '\u{891}'),
    ('\u{8E2}', '\u{8E2}'),
    ('\u{115F}', '\u{1160}'),
    ('\u{17B4}', '\u{17B5}'),
    ('\u{180B}', '\u{180F}'),
    ('\u{200B}', '\u{200F}'),
    ('\u{2028}', '\u{202E}'),
    ('\u{2060}', '\u{206F}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{FE00}', '\u{FE0F}'),
    ('\u{FEFF}', '\u{FEFF}'),
    ('\u{FFA0}', '\u{FFA0}'),
    ('\u{FFF0}', '\u{FFFB}'),
    ('\u{110BD}', '\u{110BD}'),
    ('\u{110CD}', '\u{110CD}'),
    ('\u{13430}', '\u{1343F}'),
    ('\u{1BCA0}', '\u{1BCA3}'),
    ('\u{1D173}', '\u{1D17A}'),
    ('\u{E0000}', '\u{E0FFF}'),
];

/// Whether a character does something else than stand where it is read.
pub fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || UNSEEN
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&letter))
}

/// A text of several lines, of at most [`LONGEST_TEXT`].
pub fn text(text: &str) -> String {
    encoded(text, LONGEST_TEXT, |letter| {
        letter != '\n' && is_hidden(letter)
    })
}

/// A text on one line, of at most so many of its characters.
pub fn line(text: &str, most: usize) -> String {
    encoded(text, most, is_hidden)
}

/// The same of a text that is ours but for what it quotes, of at most [`LONGEST`]: nobody else begins a line in it.
pub fn one_line(text: &str) -> String {
    line(text, LONGEST)
}

fn encoded(text: &str, most: usize, hidden: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len().min(most));
    for (place, letter) in text.chars().enumerate() {
        if place == most {
            shown.push('…');
            break;
        }
        if hidden(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// JSON in which the same characters are escaped as JSON has it (RFC 8259, 7), and strings are cut at [`LONGEST`].
pub fn json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    // Of the string that is read: how much of it there was.
    let mut length = None;
    let mut letters = json.chars();
    while let Some(letter) = letters.next() {
        let mut units = [0; 2];
        let piece = match letter {
            '"' => {
                if length.is_some_and(|length| length > LONGEST) {
                    shown.push('…');
                }
                length = if length.is_some() { None } else { Some(0) };
                shown.push('"');
                continue;
            }
            '\\' => {
                let kind = letters.next().unwrap_or('\\');
                let digits = if kind == 'u' { 4 } else { 0 };
                let digits: String = letters.by_ref().take(digits).collect();
                format!("\\{kind}{digits}")
            }
            '\n' => letter.to_string(),
            _ if is_hidden(letter) => {
                let units = letter.encode_utf16(&mut units).iter();
                units.map(|unit| format!("\\u{unit:04x}")).collect()
            }
            _ => letter.to_string(),
        };
        if let Some(length) = &mut length {
            *length += 1;
        }
        if length.is_none_or(|length| length <= LONGEST) {
            shown.push_str(&piece);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str =
        "a\u{1b}[2J\u{9b}1m\r\u{7f}\u{202e}b\u{2066}\u{200b}\u{ad}\u{61c}\u{2028}\u{e0041}\tc";

    #[test]
    fn what_nobody_sees_is_written_out_and_all_else_stays() {
        assert_eq!(
            text(HOSTILE),
            "a\\u{1b}[2J\\u{9b}1m\\u{d}\\u{7f}\\u{202e}b\\u{2066}\\u{200b}\\u{ad}\\u{61c}\\u{2028}\\u{e0041}\\u{9}c"
        );
        let plain = "Zürich, 東京 e\u{301} «…»\n second";
        assert_eq!(text(plain), plain);
        assert_eq!(line("a\nb", 9), "a\\u{a}b");
        assert_eq!(text(&text(HOSTILE)), text(HOSTILE));
    }

    /// The standard library writes out what is no letter, mark, number, sign or plain blank; it knows format characters
    /// without telling them from private ones, blanks and those not assigned yet.
    #[test]
    fn every_character_that_is_hidden_is_known_as_such_to_the_standard_library_too() {
        for letter in (0..=0x10_FFFF).filter_map(char::from_u32) {
            if letter.is_control() || !is_hidden(letter) {
                continue;
            }
            // Fillers and selectors of variants count as letters and marks there.
            let fillers = "\u{34F}\u{115F}\u{1160}\u{3164}\u{FFA0}\u{17B4}\u{17B5}";
            let selects = |letter| matches!(letter, '\u{180B}'..='\u{180F}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' | '\u{13440}');
            let known = letter.escape_debug().count() > 1;
            let egyptian = ('\u{13430}'..='\u{1343F}').contains(&letter);
            assert!(
                known || fillers.contains(letter) || selects(letter) || egyptian,
                "{letter:?}"
            );
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(line("abcdef", 3), "abc…");
        assert_eq!(line("abc", 3), "abc");
        let long = "x".repeat(20 << 20);
        assert!(text(&long).len() < LONGEST_TEXT + 8);
        let cut = json(&serde_json::to_string(&long).unwrap());
        assert!(cut.len() < LONGEST + 8 && cut.ends_with("…\""));
    }

    #[test]
    fn json_says_the_same_and_hides_nothing() {
        let value = serde_json::json!({HOSTILE: [HOSTILE, "\"\\\u{1}", 1]});
        for plain in [
            value.to_string(),
            serde_json::to_string_pretty(&value).unwrap(),
        ] {
            let shown = json(&plain);
            assert!(
                !shown
                    .chars()
                    .any(|letter| letter != '\n' && is_hidden(letter)),
                "{shown}"
            );
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
                value
            );
        }
        let long = serde_json::json!(["\u{1b}\u{e0041}".repeat(LONGEST), "next"]);
        let cut: Vec<String> = serde_json::from_str(&json(&long.to_string())).unwrap();
        assert!(cut[0].ends_with('…') && cut[1] == "next");
    }
}
