//! One source file, with comments and strings taken out, so that rules see code and nothing else.

use std::path::Path;

/// One file.
pub(crate) struct Source {
    /// From the root of the repository.
    pub(crate) path: String,
    /// As it is.
    pub(crate) text: String,
    /// Without comments and the insides of strings; every line stands where it stood.
    pub(crate) code: String,
    /// As `code`, without tests.
    live: String,
    /// The texts of the code that ships, each with the line it begins on.
    texts: Vec<(usize, String)>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let (code, mut texts) = without_comments_and_strings(text);
        let live = if is_test_file(path) {
            blank(&code)
        } else {
            without_tests(&code)
        };
        // What a test has on a line is taken away whole, its indentation too.
        let ships = |(line, _): &(usize, String)| {
            let at = |code: &str| code.lines().nth(line - 1).map_or(0, str::len);
            at(&code) == at(&live)
        };
        texts.retain(ships);
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            live,
            texts,
        }
    }

    /// Every Rust file of the repository.
    pub(crate) fn all() -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut sources = Vec::new();
        for folder in ["src", "tests", "benches"] {
            collect(root, &root.join(folder), &mut sources);
        }
        assert!(sources.len() > 50, "the sources are elsewhere");
        sources
    }

    /// The code that ships: without tests, comments and the insides of strings.
    pub(crate) fn live(&self) -> &str {
        &self.live
    }

    /// The texts of the code that ships, each with the line it begins on.
    pub(crate) fn texts(&self) -> &[(usize, String)] {
        &self.texts
    }

    /// The room of the house: the first name below `src/`.
    pub(crate) fn room(&self) -> Option<&str> {
        let name = self.path.strip_prefix("src/")?.split('/').next()?;
        Some(name.strip_suffix(".rs").unwrap_or(name))
    }

    /// A line for a person.
    pub(crate) fn at(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }

    /// What follows each occurrence of `pattern` in the code that ships, with its line.
    pub(crate) fn after<'a>(&'a self, pattern: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
        self.live.match_indices(pattern).map(|(at, _)| {
            let line = self.live[..at].matches('\n').count() + 1;
            (line, &self.live[at + pattern.len()..])
        })
    }

    /// The lines of all the code that hold one of the patterns.
    pub(crate) fn lines_with(&self, patterns: &[&str], what: &str) -> Vec<String> {
        self.matching(&self.code, patterns, what)
    }

    /// The lines of the code that ships that hold one of the patterns.
    pub(crate) fn live_lines_with(&self, patterns: &[&str], what: &str) -> Vec<String> {
        self.matching(&self.live, patterns, what)
    }

    fn matching(&self, code: &str, patterns: &[&str], what: &str) -> Vec<String> {
        let lines = code.lines().enumerate();
        let matching =
            lines.filter(|(_, line)| patterns.iter().any(|pattern| line.contains(pattern)));
        matching
            .map(|(number, line)| self.at(number + 1, &format!("{what}: {}", line.trim())))
            .collect()
    }

    /// Line, name and length of every function, and whether it is a test.
    pub(crate) fn functions(&self) -> Vec<(usize, String, usize, bool)> {
        let lines: Vec<&str> = self.code.lines().collect();
        let mut found = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            let mut after_fn = words(line).skip_while(|word| *word != "fn").skip(1);
            let (Some(name), false) = (after_fn.next(), line.contains("fn(")) else {
                continue;
            };
            let Some(length) = length_of_block(&lines[number..]) else {
                continue;
            };
            let before = lines[..number]
                .iter()
                .rev()
                .take_while(|line| line.trim_start().starts_with("#["));
            let is_test = before.into_iter().any(|line| line.contains("test]"));
            found.push((number + 1, name.to_owned(), length, is_test));
        }
        found
    }
}

/// The names in a piece of code.
pub(crate) fn words(code: &str) -> impl Iterator<Item = &str> {
    let words = code.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.filter(|word| !word.is_empty())
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            sources.push(Source::new(name, &std::fs::read_to_string(&path).unwrap()));
        }
    }
}

fn is_test_file(path: &str) -> bool {
    path.starts_with("tests/")
        || path.starts_with("benches/")
        || path.contains("/tests/")
        || path.ends_with("/tests.rs")
}

/// How many lines from the first one to the one that closes what it opens; `None` for a declaration.
pub(crate) fn length_of_block(lines: &[&str]) -> Option<usize> {
    let mut depth = 0_usize;
    for (number, line) in lines.iter().enumerate() {
        for letter in line.chars() {
            match letter {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                ';' if depth == 0 => return None,
                _ => {}
            }
        }
        if depth == 0 && line.contains('}') {
            return Some(number + 1);
        }
    }
    None
}

fn blank(code: &str) -> String {
    code.chars().filter(|letter| *letter == '\n').collect()
}

/// Takes every `#[cfg(test)] mod … { … }` out.
fn without_tests(code: &str) -> String {
    let lines: Vec<&str> = code.lines().collect();
    let (mut live, mut at) = (String::new(), 0);
    while at < lines.len() {
        let length = if lines[at].contains("#[cfg(test)]") {
            length_of_block(&lines[at..]).unwrap_or(2)
        } else {
            live.push_str(lines[at]);
            1
        };
        live.push_str(&"\n".repeat(length));
        at += length;
    }
    live
}

/// A small reader of Rust: enough of it to tell code from comments, strings and letters. The code, and the strings.
fn without_comments_and_strings(text: &str) -> (String, Vec<(usize, String)>) {
    let letters: Vec<char> = text.chars().collect();
    let (mut code, mut at, mut texts) = (String::new(), 0, Vec::new());
    while at < letters.len() {
        let end = match letters[at] {
            '/' if letters.get(at + 1) == Some(&'/') => find(&letters, at, "\n"),
            '/' if letters.get(at + 1) == Some(&'*') => find(&letters, at, "*/") + 2,
            '"' => end_of_string(&letters, at + 1),
            'r' if begins_raw_string(&letters, at) => {
                let hashes = letters[at + 1..]
                    .iter()
                    .take_while(|letter| **letter == '#')
                    .count();
                let close = format!("\"{}", "#".repeat(hashes));
                find(&letters, at + hashes + 2, &close) + close.len()
            }
            '\'' => end_of_letter(&letters, at),
            letter => {
                code.push(letter);
                at += 1;
                continue;
            }
        };
        let end = end.min(letters.len());
        if matches!(letters[at], '"' | 'r') {
            let line = code.matches('\n').count() + 1;
            texts.push((line, meant(&letters[at..end])));
        }
        code.extend(letters[at..end].iter().filter(|letter| **letter == '\n'));
        at = end;
    }
    (code, texts)
}

/// What a string in the source says: on one line where the source breaks it.
fn meant(letters: &[char]) -> String {
    let text: String = letters.iter().collect();
    let mut parts = text.split("\\\n");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        whole.push_str(part.trim_start());
    }
    let text = whole
        .trim_start_matches(['r', '#'])
        .trim_end_matches('#')
        .trim_matches('"');
    text.replace("\\n", "\n").replace("\\\"", "\"")
}

fn find(letters: &[char], from: usize, what: &str) -> usize {
    let what: Vec<char> = what.chars().collect();
    let from = from.min(letters.len());
    let found = letters[from..]
        .windows(what.len())
        .position(|window| window == what);
    found.map_or(letters.len(), |place| from + place)
}

fn end_of_string(letters: &[char], from: usize) -> usize {
    let mut at = from;
    while at < letters.len() && letters[at] != '"' {
        at += if letters[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn begins_raw_string(letters: &[char], at: usize) -> bool {
    let inside_a_word = at > 0
        && (letters[at - 1].is_alphanumeric() || letters[at - 1] == '_')
        && letters[at - 1] != 'b';
    let after = letters[at + 1..].iter().find(|letter| **letter != '#');
    !inside_a_word && after == Some(&'"')
}

/// A letter between quotes, or the quote of a lifetime alone.
fn end_of_letter(letters: &[char], at: usize) -> usize {
    match (letters.get(at + 1), letters.get(at + 2)) {
        (Some('\\'), _) => find(letters, at + 3, "'") + 1,
        (_, Some('\'')) => at + 3,
        _ => at + 1,
    }
}
