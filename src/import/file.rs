//! The file itself: what it begins with, its sections, and what is still to be said in it. It is read back before anybody
//! gets it, so that whatever this program would not take is named and left out.

use std::ops::Range;
use std::path::Path;

use serde_json::Value;

use crate::code::Code;
use crate::config::{LONGEST_FILE, Problems, from_text};
use crate::failure::Failure;
use crate::import::found::{Entry, Found, Method};
use crate::import::frame::{Head, begin, end};
use crate::import::yaml::{after_key, key, map};

/// So often it is read back, and what is wrong in it is left out.
const ROUNDS: usize = 20;

/// What no server tells, so that the rest can be read back.
pub(super) const FILLED: &str = "
cluster: {name: a, address: https://a}
init: {shares: 1, threshold: 1, custodians: [{name: a, age: {recipient: age1-of-a, file: a.age}}]}
checkpoint: {path: a, key: {passphrase: {prompt: a}}}
break_glass: {none: read back}
revoke_root: false
";

/// The sections, and where each entry stands in them.
#[derive(Default)]
struct Sections {
    text: String,
    /// Lines, from 1, with the entry of them: an outer one before those in it.
    places: Vec<(Range<usize>, Place)>,
}

/// What makes the place of a role or user of its number, and that of its method.
type Member = fn(usize, usize) -> Place;

/// An entry: its section, its number there, and that of a role or user in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Writes(usize),
    Enforcements(usize),
    Factors(usize),
    Groups(usize),
    Policies(usize),
    Role(usize, usize),
    User(usize, usize),
    Auth(usize),
    Secrets(usize),
    Plugins(usize),
    Audit(usize),
}

/// The text of the file. What this program would not read is left out of it, and noted.
///
/// # Errors
/// It is longer than any file that is read, or cannot be read back for a reason of its own.
pub(super) fn text(head: &Head<'_>, found: &mut Found) -> Result<String, Failure> {
    let body = body(found, &|_| None)?;
    Ok(format!("{}{body}{}", begin(head, found), end(head)))
}

/// Its sections. `env` is what the environment may say where the file asks for it.
///
/// # Errors
/// As with [`text`].
pub(super) fn body(
    found: &mut Found,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<String, Failure> {
    for _ in 0..ROUNDS {
        let sections = sections(found);
        let length = u64::try_from(sections.text.len()).unwrap_or(u64::MAX);
        if length > LONGEST_FILE {
            return Err(too_long(length));
        }
        let whole = format!("{}{FILLED}", sections.text);
        let Err(problems) = from_text(&whole, Path::new("import"), Path::new(""), env) else {
            return Ok(sections.text);
        };
        if !take_out(found, &sections, &problems) {
            return Err(Failure::failed(
                Code::Unexpected,
                format!("what was read makes no file that can be read back: {problems}"),
            ));
        }
    }
    Err(Failure::failed(
        Code::Unexpected,
        "what was read makes no file that can be read back",
    ))
}

fn too_long(length: u64) -> Failure {
    Failure::refused(
        Code::InputWrong,
        format!("the file would have {length} bytes, and one of more than {LONGEST_FILE} is not read"),
    )
    .advise("import with a login that reads fewer documents, once for each team, and name the files in include")
}

/// Takes out each entry that a problem stands in; whether there was any.
fn take_out(found: &mut Found, sections: &Sections, problems: &Problems) -> bool {
    let mut out: Vec<(Place, String)> = Vec::new();
    for problem in &problems.list {
        let line = problem.line as usize;
        let places = sections.places.iter().rev();
        let mut inner = places.filter(|(lines, _)| lines.contains(&line));
        if let Some((_, place)) = inner.next()
            && !out.iter().any(|(known, _)| known == place)
        {
            out.push((*place, problem.text.clone()));
        }
    }
    // From behind, so that numbers stay what they are; members before their methods.
    out.sort_by(|(one, _), (other, _)| other.cmp(one));
    let members = |(place, _): &(Place, String)| matches!(place, Place::Role(..) | Place::User(..));
    let (first, rest): (Vec<_>, Vec<_>) = out.into_iter().partition(members);
    let any = !first.is_empty() || !rest.is_empty();
    for (place, why) in first.into_iter().chain(rest) {
        let gone = match place {
            Place::Audit(at) => found.audit.remove(at).path,
            Place::Secrets(at) => found.secrets.remove(at).path,
            Place::Plugins(at) => found.plugins.remove(at).path,
            Place::Groups(at) => found.groups.remove(at).path,
            Place::Factors(at) => found.factors.remove(at).path,
            Place::Enforcements(at) => found.enforcements.remove(at).path,
            Place::Policies(at) => found.policies.remove(at).path,
            Place::Writes(at) => found.writes.remove(at).path,
            Place::Role(of, at) => found.auth[of].roles.remove(at).path,
            Place::User(of, at) => found.auth[of].users.remove(at).path,
            Place::Auth(at) => {
                let method = found.auth.remove(at);
                for member in method.roles.iter().chain(&method.users) {
                    found.forget(&member.path);
                    found.leave(&member.path, "its auth method is left out");
                }
                method.mount.path
            }
        };
        found.forget(&gone);
        found.leave(gone, why);
    }
    any
}

fn sections(found: &Found) -> Sections {
    let mut sections = Sections {
        text: "\nversion: 1\n".to_owned(),
        ..Sections::default()
    };
    sections.named("\naudit:\n", &found.audit, (2, Place::Audit));
    sections.plugins(&found.plugins);
    sections.named("\nsecrets:\n", &found.secrets, (2, Place::Secrets));
    sections.auth(&found.auth);
    sections.named("\npolicies:\n", &found.policies, (2, Place::Policies));
    let identity = "\nidentity:\n  groups:\n";
    sections.named(identity, &found.groups, (4, Place::Groups));
    let factors = "\nmfa:\n  methods:\n";
    sections.named(factors, &found.factors, (4, Place::Factors));
    let enforced = if found.factors.is_empty() {
        "\nmfa:\n  enforcements:\n"
    } else {
        "  enforcements:\n"
    };
    sections.named(enforced, &found.enforcements, (4, Place::Enforcements));
    sections.writes(&found.writes);
    sections
}

impl Sections {
    fn line(&self) -> usize {
        self.text.matches('\n').count() + 1
    }

    fn named(
        &mut self,
        head: &str,
        entries: &[Entry],
        (indent, place): (usize, fn(usize) -> Place),
    ) {
        if entries.is_empty() {
            return;
        }
        self.text.push_str(head);
        let mut line = self.line();
        for (number, entry) in entries.iter().enumerate() {
            let before = self.text.len();
            self.entry(entry, indent);
            let after = line + self.text[before..].matches('\n').count();
            self.places.push((line..after, place(number)));
            line = after;
        }
    }

    /// Each below its kind, of which there are one after the other.
    fn plugins(&mut self, plugins: &[Entry]) {
        let kind_of = |entry: &Entry| entry.path.rsplit('/').nth(1).map(str::to_owned);
        let mut kind = None;
        for (number, entry) in plugins.iter().enumerate() {
            let own = kind_of(entry);
            let first = if number == 0 { "\nplugins:\n" } else { "" };
            let head = match &own {
                Some(name) if own != kind => format!("{first}  {name}:\n"),
                _ => first.to_owned(),
            };
            self.text.push_str(&head);
            let line = self.line();
            self.entry(entry, 4);
            self.places
                .push((line..self.line(), Place::Plugins(number)));
            kind = own;
        }
    }

    fn entry(&mut self, entry: &Entry, indent: usize) {
        key(&entry.key, indent, &mut self.text);
        let value = Value::Object(entry.value.clone());
        after_key(&value, indent, &mut self.text);
    }

    fn auth(&mut self, methods: &[Method]) {
        if methods.is_empty() {
            return;
        }
        self.text.push_str("\nauth:\n");
        for (number, method) in methods.iter().enumerate() {
            let line = self.line();
            let alone = method.roles.is_empty() && method.users.is_empty();
            if alone || !method.mount.value.is_empty() {
                self.entry(&method.mount, 2);
            } else {
                key(&method.mount.key, 2, &mut self.text);
                self.text.push('\n');
            }
            let own = self.places.len();
            self.places.push((line..line, Place::Auth(number)));
            let kinds = [
                ("roles", &method.roles, Place::Role as Member),
                ("users", &method.users, Place::User as Member),
            ];
            for (kind, members, place) in kinds {
                if members.is_empty() {
                    continue;
                }
                self.text.push_str(&format!("    {kind}:\n"));
                let mut line = self.line();
                for (member, entry) in members.iter().enumerate() {
                    let before = self.text.len();
                    self.entry(entry, 6);
                    let after = line + self.text[before..].matches('\n').count();
                    self.places.push((line..after, place(number, member)));
                    line = after;
                }
            }
            self.places[own].0.end = self.line();
        }
    }

    fn writes(&mut self, writes: &[Entry]) {
        if writes.is_empty() {
            return;
        }
        self.text.push_str("\nwrites:\n");
        let mut line = self.line();
        for (number, entry) in writes.iter().enumerate() {
            let mut lines = String::new();
            map(&entry.value, 4, &mut lines);
            lines.replace_range(..4, "  - ");
            self.text.push_str(&lines);
            let after = line + lines.matches('\n').count();
            self.places.push((line..after, Place::Writes(number)));
            line = after;
        }
    }
}
