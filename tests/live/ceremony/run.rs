//! What a run of the tool ended with, and what is asked of it.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use crate::support::{Tool, ToolResult};

/// A run that came to its end.
#[derive(Debug)]
pub struct Run {
    /// Its exit code.
    pub code: i32,
    /// The result.
    pub stdout: String,
    /// Progress and advice.
    pub stderr: String,
}

impl From<ToolResult> for Run {
    fn from(ended: ToolResult) -> Self {
        Self {
            code: ended.code,
            stdout: ended.stdout,
            stderr: ended.stderr,
        }
    }
}

impl Run {
    /// The exit code, with everything that was said when it is another.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "exit code\n{self}");
        self
    }

    /// Every one of these texts stands on stderr, wherever its lines were broken.
    #[track_caller]
    pub fn says(&self, texts: &[&str]) -> &Self {
        let said = flat(&self.stderr);
        for text in texts {
            assert!(said.contains(&flat(text)), "not said: {text}\n{self}");
        }
        self
    }

    /// This text stands on stderr as it is, line ends and all.
    #[track_caller]
    pub fn shows(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "not shown:\n{text}\n{self}");
        self
    }

    /// Every one of these texts stands on stdout.
    #[track_caller]
    pub fn prints(&self, texts: &[&str]) -> &Self {
        let printed = flat(&self.stdout);
        for text in texts {
            assert!(printed.contains(&flat(text)), "not printed: {text}\n{self}");
        }
        self
    }

    /// None of these texts stands anywhere.
    #[track_caller]
    pub fn never_says(&self, texts: &[&str]) -> &Self {
        for text in texts {
            let found = flat(&self.stderr).contains(text) || flat(&self.stdout).contains(text);
            assert!(!found, "said: {text}\n{self}");
        }
        self
    }

    /// No word looks like a token of either product.
    #[track_caller]
    pub fn shows_no_token(&self) -> &Self {
        let shown = shows_a_token(&self.stderr) || shows_a_token(&self.stdout);
        assert!(!shown, "a token is shown\n{self}");
        self
    }

    /// The codes of the findings with which `--output json` ended.
    #[track_caller]
    pub fn codes(&self) -> Vec<String> {
        let end = self.events().pop().expect("an end");
        let findings = end["findings"].as_array().expect("a list").iter();
        let code = |one: &Value| one["code"].as_str().expect("a name").to_owned();
        findings.map(code).collect()
    }

    /// The events of `--output json`, one a line, each as the program's own schema says.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        let parse = |line: &str| {
            let event: Value = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{error}: {line}\n{self}"));
            if let Err(error) = SCHEMA.validate(&event) {
                panic!("not as the schema says: {error}: {line}\n{self}");
            }
            event
        };
        self.stdout.lines().map(parse).collect()
    }

    /// The only event of `--output json`.
    #[track_caller]
    pub fn event(&self) -> Value {
        let mut events = self.events();
        assert_eq!(events.len(), 1, "one event\n{self}");
        events.remove(0)
    }
}

/// What `schema --events` prints.
pub static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let printed = Tool::new().run(&["schema", "--events"]);
    let schema = serde_json::from_str(&printed.stdout).expect("a schema");
    jsonschema::validator_for(&schema).expect("a sound schema")
});

/// Whether a word looks like a token of either product, or like one that is signed.
pub(super) fn shows_a_token(text: &str) -> bool {
    let starts = ["s.", "hvs.", "hvb.", "b."];
    let is_token = |word: &str| {
        let signed = word.starts_with("eyJ") && word.matches('.').count() == 2;
        let ours = starts.iter().any(|start| word.starts_with(start));
        (ours && word.len() > 20) || (signed && word.len() > 60)
    };
    let part = |c: char| c.is_alphanumeric() || "._-".contains(c);
    text.split(|c| !part(c)).any(is_token)
}

/// Without line ends and the indentation after them.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl std::fmt::Display for Run {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            code,
            stdout,
            stderr,
        } = self;
        write!(
            out,
            "--- exit {code}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        )
    }
}
