//! Templates of bank-vaults: `${ env "NAME" }` and so on, which it fills in before it reads the YAML. Here none is filled in:
//! each is put aside, and its number between two private-use characters stands in its place.

/// What begins and ends a mark. No file that has these characters itself is read.
const MARK: [char; 2] = ['\u{e000}', '\u{e001}'];
/// What decides about lines, or stands for no value.
const CONTROLS: [&str; 12] = [
    "if", "else", "end", "range", "with", "define", "block", "template", "break", "continue",
    "return", "/*",
];

/// One template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Template {
    /// An environment variable.
    Env(String),
    /// A file, by its whole path.
    File(String),
    /// Anything else.
    Other,
}

/// A part of a text, which may be a secret.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) enum Part<'t> {
    Text(&'t str),
    Template(&'t Template),
}

/// The templates of a file.
#[derive(Debug, Default)]
pub(super) struct Templates(Vec<Template>);

impl Templates {
    /// The text with marks, and what they stand for.
    ///
    /// # Errors
    /// The line, and what is wrong there.
    pub(super) fn put_aside(text: &str) -> Result<(String, Self), (usize, &'static str)> {
        let mut all = Self::default();
        let mut marked = String::with_capacity(text.len());
        for (number, line) in text.split_inclusive('\n').enumerate() {
            if line.contains(MARK) {
                return Err((
                    number + 1,
                    "a private-use character (U+E000 or U+E001) stands here",
                ));
            }
            // A comment is no value, however it looks.
            if line.trim_start().starts_with('#') {
                marked.push_str(line);
                continue;
            }
            all.line(line, &mut marked)
                .map_err(|why| (number + 1, why))?;
        }
        Ok((marked, all))
    }

    fn line(&mut self, line: &str, marked: &mut String) -> Result<(), &'static str> {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("${") {
            marked.push_str(before);
            let end = end(after).ok_or("`${` without `}` on the same line")?;
            let template = parse(&after[..end])?;
            marked.push_str(&format!("{}{}{}", MARK[0], self.0.len(), MARK[1]));
            self.0.push(template);
            rest = &after[end + 1..];
        }
        marked.push_str(rest);
        Ok(())
    }

    /// The parts of a text with marks.
    pub(super) fn parts<'t>(&'t self, text: &'t str) -> Vec<Part<'t>> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, number, after)) = next(rest) {
            if !before.is_empty() {
                parts.push(Part::Text(before));
            }
            let template = number.parse().ok().and_then(|at: usize| self.0.get(at));
            parts.push(Part::Template(template.unwrap_or(&Template::Other)));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest));
        }
        parts
    }
}

/// Whether a text has a mark in it.
pub(super) fn is_marked(text: &str) -> bool {
    text.contains(MARK)
}

fn next(text: &str) -> Option<(&str, &str, &str)> {
    let (before, after) = text.split_once(MARK[0])?;
    let (number, after) = after.split_once(MARK[1])?;
    Some((before, number, after))
}

/// Where the `}` is that ends a template: not one within quotes. In JSON, as a resource may hold it, these have a `\` before.
fn end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (place, letter) in text.char_indices() {
        match (letter, quote) {
            ('}', None) => return Some(place),
            ('"' | '`', None) => quote = Some(letter),
            (_, Some(open)) if letter == open => quote = None,
            _ => {}
        }
    }
    None
}

fn parse(body: &str) -> Result<Template, &'static str> {
    let body = body.trim();
    let body = body.strip_prefix("- ").unwrap_or(body);
    let body = body.strip_suffix(" -").unwrap_or(body).trim();
    let (word, rest) = body
        .split_once(|letter: char| letter.is_whitespace() || "\"`\\".contains(letter))
        .map_or((body, ""), |(word, _)| (word, &body[word.len()..]));
    if CONTROLS.contains(&word) || body.starts_with("/*") || body.starts_with('$') {
        return Err("a template decides here which lines there are");
    }
    let Some(named) = quoted(rest.trim()) else {
        return Ok(Template::Other);
    };
    Ok(match word {
        "env" if is_variable(named) => Template::Env(named.to_owned()),
        "file" if named.starts_with('/') && !named.contains(char::is_control) => {
            Template::File(named.to_owned())
        }
        _ => Template::Other,
    })
}

/// The one quoted text that this is.
fn quoted(text: &str) -> Option<&str> {
    let inner = [("`", "`"), ("\\\"", "\\\""), ("\"", "\"")]
        .iter()
        .find_map(|(open, close)| text.strip_prefix(open)?.strip_suffix(close))?;
    (!inner.contains(['`', '"', '\\'])).then_some(inner)
}

fn is_variable(name: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(line: &str) -> Template {
        let (_, mut all) = Templates::put_aside(line).expect("a template");
        assert_eq!(all.0.len(), 1, "{line}");
        all.0.remove(0)
    }

    #[test]
    fn a_template_is_read_in_each_of_its_spellings() {
        let env = || Template::Env("ROOT_PASSWORD".into());
        for (line, wanted) in [
            ("a: ${env \"ROOT_PASSWORD\"}", env()),
            ("a: \"${env \"ROOT_PASSWORD\"}\"", env()),
            ("a: \"${ env `ROOT_PASSWORD` }\"", env()),
            ("a: \"${ env \\\"ROOT_PASSWORD\\\" }\"", env()),
            ("a: ${- env `ROOT_PASSWORD` -}", env()),
            ("a: '${env`ROOT_PASSWORD`}'", env()),
            (
                "a: ${ file `/run/secrets/x` }",
                Template::File("/run/secrets/x".into()),
            ),
            // Where it starts at is not known.
            ("a: ${ file `x` }", Template::Other),
            ("a: ${ env `A B` }", Template::Other),
            ("a: ${ env `A` | upper }", Template::Other),
            ("a: ${ awskms (env `A`) }", Template::Other),
            ("a: ${ env `A}` }", Template::Other),
            ("a: ${}", Template::Other),
        ] {
            assert_eq!(only(line), wanted, "{line}");
        }
    }

    #[test]
    fn what_a_template_stands_for_comes_back_by_its_mark_and_lines_stay_where_they_are() {
        let text = "# ${ env\na: \"x-${env `A`}-${ file `/b` }\"\nb: 1\n";
        let (marked, all) = Templates::put_aside(text).expect("templates");
        assert_eq!(marked.lines().count(), 3);
        assert!(marked.starts_with("# ${ env\n"), "{marked}");
        let line = marked.lines().nth(1).expect("a line");
        let (env, file) = (Template::Env("A".into()), Template::File("/b".into()));
        let wanted = [
            Part::Text("a: \"x-"),
            Part::Template(&env),
            Part::Text("-"),
            Part::Template(&file),
            Part::Text("\""),
        ];
        assert_eq!(all.parts(line), wanted);
        assert!(is_marked(line) && !is_marked("b: 1"));
    }

    #[test]
    fn what_decides_about_lines_and_what_has_no_end_is_refused_with_its_line() {
        for (text, line) in [
            ("a: 1\n${ if env `A` }\nb: 2\n${ end }\n", 2),
            ("${ range . }", 1),
            ("${/* a comment */}", 1),
            ("a: 1\nb: ${ $x := 1 }", 2),
            ("a: 1\n\nb: ${ env `A`\n}", 3),
            ("a: \u{e000}0\u{e001}", 1),
        ] {
            let (found, _) = Templates::put_aside(text).expect_err(text);
            assert_eq!(found, line, "{text}");
        }
    }
}
