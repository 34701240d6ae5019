//! Lengths of time have one spelling, that of `src/span.rs`: no text of the source writes a number of seconds or minutes by
//! itself.

use crate::source::Source;

/// What a place for a number is followed by where it is one of a length of time.
const UNITS: [&str; 7] = ["s", "sec", "seconds", "min", "minutes", "h", "hours"];
/// How long a step took, with its tenths, and takes so far: measurements in a column.
const MEASURED: [&str; 2] = ["{}.{} s", "{} {} s"];

fn spelt_otherwise(text: &str) -> bool {
    let mut behind = text.split("} ").skip(1);
    let unit = |rest: &str| {
        let end = rest.find(|letter: char| !letter.is_alphanumeric());
        UNITS.contains(&&rest[..end.unwrap_or(rest.len())])
    };
    !MEASURED.contains(&text) && behind.any(unit)
}

#[test]
fn no_length_of_time_is_written_but_by_the_one_that_writes_them() {
    let sources = Source::all();
    let ours = sources
        .iter()
        .filter(|source| source.path.starts_with("src/"));
    let found: Vec<String> = ours
        .flat_map(|source| {
            let texts = source.texts().iter();
            let wrong = texts.filter(|(_, text)| spelt_otherwise(text));
            wrong.map(|(line, text)| source.at(*line, text))
        })
        .collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn another_spelling_is_noticed() {
    for text in ["within {} s", "{minutes} min ago", "for {} seconds;"] {
        assert!(spelt_otherwise(text), "{text}");
    }
    for text in [
        "within {}",
        "{} shares",
        "{name} says",
        MEASURED[0],
        MEASURED[1],
    ] {
        assert!(!spelt_otherwise(text), "{text}");
    }
}
