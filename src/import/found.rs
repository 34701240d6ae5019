//! What was found, as the file will say it.

use serde_json::{Map, Value, json};

use crate::event::Told;
use crate::hex::file_name;

/// An entry of a section, and the API path of what it is about.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Its key in the section; of `writes` nothing.
    pub(super) key: String,
    /// The API path, for messages.
    pub(super) path: String,
    /// As it stands in the file. A reference is a map with `file`.
    pub(super) value: Map<String, Value>,
}

/// An auth method with what it has.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Method {
    pub(super) mount: Entry,
    pub(super) roles: Vec<Entry>,
    pub(super) users: Vec<Entry>,
}

/// A secret that no server shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ToFill {
    /// Of which document.
    pub(super) path: String,
    /// Which field.
    pub(super) field: String,
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) audit: Vec<Entry>,
    /// Plugins, each kind by itself: its path says which.
    pub(super) plugins: Vec<Entry>,
    pub(super) secrets: Vec<Entry>,
    pub(super) auth: Vec<Method>,
    pub(super) policies: Vec<Entry>,
    /// Groups of identities, where they are said by their names.
    pub(super) groups: Vec<Entry>,
    /// Second factors.
    pub(super) factors: Vec<Entry>,
    /// Whose logins need one of them.
    pub(super) enforcements: Vec<Entry>,
    pub(super) writes: Vec<Entry>,
    pub(super) to_fill: Vec<ToFill>,
    /// What is there, and cannot be said in the file.
    pub(super) left_out: Vec<Told>,
}

impl Found {
    /// Adds a document that `writes` says.
    pub(super) fn write(&mut self, path: &str, data: Map<String, Value>) {
        let value = Map::from_iter([
            ("path".to_owned(), Value::from(path)),
            ("data".to_owned(), Value::Object(data)),
        ]);
        self.writes.push(Entry {
            key: String::new(),
            path: path.to_owned(),
            value,
        });
    }

    /// Notes what is not carried over.
    pub(super) fn leave(&mut self, path: impl Into<String>, why: impl Into<String>) {
        self.left_out.push(Told::new(path, why));
    }

    /// A reference for a secret that no server shows, noted.
    pub(super) fn reference(&mut self, path: &str, field: &str) -> Value {
        self.to_fill.push(ToFill {
            path: path.to_owned(),
            field: field.to_owned(),
        });
        json!({ "file": file_of(path, field) })
    }

    /// How many entries there are.
    pub(super) fn entries(&self) -> usize {
        let of_method = |method: &Method| 1 + method.roles.len() + method.users.len();
        let methods: usize = self.auth.iter().map(of_method).sum();
        let named = [
            &self.audit,
            &self.plugins,
            &self.secrets,
            &self.policies,
            &self.groups,
            &self.factors,
            &self.enforcements,
        ];
        let named: usize = named.iter().map(|section| section.len()).sum();
        methods + named + self.writes.len()
    }

    /// Takes back what was to be filled of a document that is not in the file after all.
    pub(super) fn forget(&mut self, path: &str) {
        self.to_fill.retain(|one| one.path != path);
    }
}

/// Where a secret that is to be filled in is looked for.
pub(super) fn file_of(path: &str, field: &str) -> String {
    let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
    let name = format!("{name}.{field}");
    let parts = above.split('/').chain([name.as_str()]);
    let parts = parts.filter(|part| !part.is_empty()).map(file_name);
    format!("TO-BE-FILLED/{}", parts.collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_has_a_file_of_its_own_whatever_its_name() {
        assert_eq!(
            file_of("auth/userpass/users/ada", "password"),
            "TO-BE-FILLED/auth/userpass/users/ada.password"
        );
        assert_ne!(file_of("a b", "c"), file_of("a_b", "c"));
        // What somebody has written on the server leads to no file elsewhere.
        assert_eq!(
            file_of("a/../../etc/x", "c"),
            "TO-BE-FILLED/a/%2e%2e/%2e%2e/etc/x.c"
        );
        assert!(file_of("größe \u{202e}", "c").is_ascii());
    }
}
