//! Fenced blocks of the pages: each block of commands or YAML is marked as one that a live test runs or as one that is
//! checked here, without a server. Text that is shown and not typed is `text`.

use std::path::Path;

use clap::Parser;
use vault_bootstrap::cli::Cli;
use vault_bootstrap::config;

use crate::pages::pages;

/// What a block may be of that somebody types or saves.
const LANGUAGES: [&str; 3] = ["sh", "console", "yaml"];
/// Keys of the file that no fragment leaves out by mistake: a block that has it is a whole configuration.
const WHOLE: &str = "version";

/// One fenced block.
#[derive(Debug)]
struct Block {
    /// Page and line.
    place: String,
    /// What stands behind the opening fence.
    info: String,
    text: String,
}

/// Who looks after a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// The live test, as it stands.
    Run,
    /// The tests below.
    Check,
}

impl Block {
    /// Language and mark of a block that somebody types or saves; nothing of one that is shown.
    fn marked(&self) -> Result<Option<(&str, Mark)>, String> {
        let words: Vec<&str> = self.info.split_whitespace().collect();
        match words[..] {
            ["text"] => Ok(None),
            [language, "run"] if LANGUAGES.contains(&language) => Ok(Some((language, Mark::Run))),
            [language, "check"] if LANGUAGES.contains(&language) => {
                Ok(Some((language, Mark::Check)))
            }
            _ => Err(format!(
                "{}: `{}` is neither text, nor sh, console or yaml with run or check",
                self.place, self.info
            )),
        }
    }

    /// Whether it is of one of these languages, however it is marked.
    fn is_of(&self, languages: &[&str]) -> bool {
        matches!(self.marked(), Ok(Some((language, _))) if languages.contains(&language))
    }

    /// The files that it writes, by name: `cat > NAME <<END`, with what the shell fills in.
    fn documents(&self) -> Vec<(&str, String)> {
        let mut found = Vec::new();
        let mut rest = self.text.as_str();
        while let Some((_, behind)) = rest.split_once("cat > ") {
            let Some((name, body)) = behind.split_once(" <<END\n") else {
                break;
            };
            let (body, after) = body.split_once("\nEND\n").unwrap_or((body, ""));
            found.push((name, filled_in(body)));
            rest = after;
        }
        found
    }
}

/// All blocks of a page.
fn blocks(path: &str, text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), inside) {
            (Some(info), false) => found.push(Block {
                place: format!("{path}:{}", number + 1),
                info: info.to_owned(),
                text: String::new(),
            }),
            (Some(_), true) => {}
            (None, true) => {
                let block = found.last_mut().expect("it has begun");
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, false) => continue,
        }
        inside = line.starts_with("```") != inside;
    }
    found
}

fn all_blocks() -> Vec<Block> {
    let pages = pages();
    let of_pages = pages.iter().flat_map(|page| blocks(&page.path, &page.text));
    of_pages.collect()
}

#[test]
#[allow(clippy::print_stdout, reason = "how many there are is worth a line")]
fn every_block_of_commands_or_yaml_is_marked_as_run_or_check() {
    let blocks = all_blocks();
    let marks: Result<Vec<_>, _> = blocks.iter().map(Block::marked).collect();
    let marks = marks.unwrap_or_else(|why| panic!("{why}"));
    let count = |mark| marks.iter().flatten().filter(|(_, of)| *of == mark).count();
    let (run, check) = (count(Mark::Run), count(Mark::Check));
    println!("blocks of commands and YAML: {run} run, {check} check");
    assert!(run > 0 && check > 0, "{run} run, {check} check");
}

#[test]
fn a_block_without_a_mark_is_noticed() {
    let page = "a\n```sh\nvault-bootstrap apply\n```\n```text\n```\n```yaml check\na: 1\n```\n";
    let blocks = blocks("x.md", page);
    assert!(blocks[0].marked().is_err_and(|why| why.contains("x.md:2")));
    assert_eq!(blocks[1].marked(), Ok(None));
    assert_eq!(blocks[2].marked(), Ok(Some(("yaml", Mark::Check))));
    assert_eq!(blocks[2].text, "a: 1\n");
}

#[test]
fn every_command_line_of_a_block_is_understood() {
    let (mut wrong, mut lines) = (Vec::new(), 0);
    for block in all_blocks()
        .iter()
        .filter(|it| it.is_of(&["sh", "console"]))
    {
        for words in command_lines(&block.text) {
            lines += 1;
            if let Err(why) = Cli::try_parse_from(&words) {
                wrong.push(format!("{}: {}\n{why}", block.place, words.join(" ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(lines > 10, "the commands are written in another way");
}

#[test]
fn a_command_line_is_read_as_a_shell_reads_it() {
    let text = "$ vault-bootstrap break-glass --reason \"OIDC is down\" \\\n  -- sh -c 'a b' # why\n\
                for x in y; do vault-bootstrap status; done; vault-bootstrap schema > x.json\nls\n";
    let expected = [
        vec![
            "vault-bootstrap",
            "break-glass",
            "--reason",
            "OIDC is down",
            "--",
            "sh",
            "-c",
            "a b",
        ],
        vec!["vault-bootstrap", "status"],
        vec!["vault-bootstrap", "schema"],
    ];
    assert_eq!(command_lines(text), expected);
    for (line, expected) in [
        ("vault-bootstrap apply", true),
        ("vault-bootstrap apply --no", false),
    ] {
        let words = command_lines(line);
        assert_eq!(Cli::try_parse_from(&words[0]).is_ok(), expected, "{line}");
    }
}

#[test]
fn every_configuration_of_a_block_is_sound() {
    let blocks = all_blocks();
    let documents: Vec<_> = blocks.iter().flat_map(Block::documents).collect();
    let first = documents.iter().find(|(name, _)| *name == "bootstrap.yaml");
    let base = &first.expect("the quick start writes a file").1;
    for (name, text) in &documents {
        assert_eq!(problems(text), Vec::<String>::new(), "{name}");
    }
    let mut fragments = 0;
    for block in blocks.iter().filter(|block| block.is_of(&["yaml"])) {
        let whole = sections(&block.text).iter().any(|(key, _)| *key == WHOLE);
        let text = if whole {
            block.text.clone()
        } else {
            fragments += 1;
            laid_over(base, &block.text)
        };
        assert_eq!(problems(&text), Vec::<String>::new(), "{}", block.place);
    }
    assert!(fragments > 2, "the fragments are written in another way");
}

#[test]
fn every_section_of_a_fragment_is_one_of_the_schema() {
    let schema = config::schema();
    let known = schema["properties"].as_object().expect("its sections");
    let mut unknown = Vec::new();
    for block in all_blocks().iter().filter(|block| block.is_of(&["yaml"])) {
        let sections = sections(&block.text);
        assert!(!sections.is_empty(), "{} has no section", block.place);
        for (key, _) in sections.iter().filter(|(key, _)| !known.contains_key(*key)) {
            unknown.push(format!("{}: {key}", block.place));
        }
    }
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn a_fragment_that_the_schema_does_not_know_is_noticed() {
    let base = "a: 1\nb:\n  c: 2\nd: 3\n";
    assert_eq!(
        laid_over(base, "# x\nb: {c: 4}\ne: 5\n"),
        "a: 1\nb: {c: 4}\nd: 3\ne: 5\n"
    );
    let text = "cat > x.yaml <<END\na: ${B:-c}\nd: [$(e f), $(g)]\nEND\nls\n";
    let block = &blocks("x.md", &format!("```sh run\n{text}```\n"))[0];
    assert_eq!(
        block.documents(),
        [("x.yaml", "a: c\nd: [age1of0, age1of1]\n".into())]
    );
    assert!(!problems("version: 1\n").is_empty());
}

/// What the program says of a configuration.
fn problems(text: &str) -> Vec<String> {
    let nothing_is_set = |_: &str| None;
    let checked = config::from_text(text, Path::new("x.yaml"), Path::new(""), &nothing_is_set);
    let problems = checked
        .err()
        .map(|problems| problems.list)
        .unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

/// A document as the shell writes it: `${NAME:-default}` is the default, and what a command prints is some recipient.
fn filled_in(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    let mut commands = 0;
    while let Some((before, behind)) = rest.split_once('$') {
        out.push_str(before);
        let end = if behind.starts_with('{') { '}' } else { ')' };
        let (inside, after) = behind
            .split_once(end)
            .expect("the end of what is filled in");
        match inside.split_once(":-") {
            Some((_, default)) => out.push_str(default),
            None => {
                out.push_str(&format!("age1of{commands}"));
                commands += 1;
            }
        }
        rest = after;
    }
    out + rest + "\n"
}

/// The top-level keys of a document, each with all its lines.
fn sections(text: &str) -> Vec<(&str, String)> {
    let mut found: Vec<(&str, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match (line.starts_with(' '), line.split_once(':')) {
            (false, Some((key, _))) => found.push((key, format!("{line}\n"))),
            _ => {
                if let Some((_, lines)) = found.last_mut() {
                    lines.push_str(&format!("{line}\n"));
                }
            }
        }
    }
    found
}

/// A configuration whose sections are those of a fragment where it has them.
fn laid_over(base: &str, fragment: &str) -> String {
    let mut all = sections(base);
    for (key, lines) in sections(fragment) {
        match all.iter_mut().find(|(of, _)| *of == key) {
            Some((_, old)) => *old = lines,
            None => all.push((key, lines)),
        }
    }
    all.into_iter().map(|(_, lines)| lines).collect()
}

/// The words of each call of this program in a block: after `$ `, `do` or `;` too, without comments and redirections.
fn command_lines(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for line in text.replace("\\\n", " ").lines() {
        for command in shell_words(line).split(|word| word == ";") {
            let begins =
                |word: &String| word == "vault-bootstrap" || word.ends_with("/vault-bootstrap");
            let before = |word: &&String| ["$", "do"].contains(&word.as_str());
            let words: Vec<_> = command.iter().skip_while(before).cloned().collect();
            if words.first().is_some_and(begins) {
                let ends = |word: &String| [">", "|", "&&", "||"].contains(&word.as_str());
                found.push(words.into_iter().take_while(|word| !ends(word)).collect());
            }
        }
    }
    found
}

/// Words of a shell's line; a `;` is one by itself, and a comment is none.
fn shell_words(line: &str) -> Vec<String> {
    let (mut words, mut quote) = (vec![String::new()], None);
    for letter in line.chars() {
        let word = words.last_mut().expect("there is one");
        match (quote, letter) {
            (Some(end), _) if letter == end => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, '#') if word.is_empty() => break,
            (None, ' ') => words.push(String::new()),
            (None, ';') => words.extend([";".to_owned(), String::new()]),
            _ => word.push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
