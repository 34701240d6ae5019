//! A document of the file, what is planted in it, and how it is corrected.

use serde_json::{Value, json};

use crate::ceremony::{Api, Ceremony};

/// What changes in an answer although nobody has changed the document.
const MOVES: [&str; 9] = [
    "modify_index",
    "last_update_time",
    "modified",
    "current_metadata_version",
    "updated_time",
    "created_time",
    "last_updated_by",
    "creation_time",
    "aliases",
];

/// One document, and its cases.
pub struct Document {
    /// As the program names it, which is where it is read and written.
    pub path: String,
    /// Its fields in the file, by JSON pointer; empty for one of `writes` that has no place yet.
    place: String,
    /// Its fields.
    pub body: Value,
    /// A write sets what it does not name to its default.
    replaced: bool,
    /// What a write beside the program has in the place of references of the file.
    beside: Value,
    /// Fields of the body that each write has to have.
    needs: &'static [&'static str],
    /// What it is changed with, where that is another path below its own.
    below: &'static str,
    /// It has no read of its own.
    read_above: bool,
    /// Each field that is changed on the server, and what to.
    pub drifts: Vec<(String, Value)>,
    /// Each line that is corrected; none where it is taken out.
    pub edits: Vec<(String, Option<Value>)>,
    /// A fresh document beside it is made of the same body.
    pub twin: Option<String>,
}

impl Document {
    fn at(path: String, place: String, body: Value) -> Self {
        Self {
            path,
            place,
            body,
            replaced: false,
            beside: json!({}),
            needs: &[],
            below: "",
            read_above: false,
            drifts: Vec::new(),
            edits: Vec::new(),
            twin: None,
        }
    }

    /// A role of an auth method.
    pub fn role(mount: &str, body: Value) -> Self {
        let path = format!("auth/{mount}/role/r");
        let mut role = Self::at(path, format!("/auth/{mount}/roles/r"), body);
        role.twin = Some(format!("auth/{mount}/role/twin"));
        role
    }

    /// A user.
    pub fn user(body: Value) -> Self {
        let place = "/auth/userpass/users/mutant".to_owned();
        let mut user = Self::at("auth/userpass/users/mutant".into(), place, body);
        user.twin = Some("auth/userpass/users/twin".into());
        user
    }

    /// The config of an auth method.
    pub fn config(mount: &str, body: Value) -> Self {
        let (path, place) = (
            format!("auth/{mount}/config"),
            format!("/auth/{mount}/config"),
        );
        Self::at(path, place, body)
    }

    /// The tuning of a mount: `auth/M`, or the path of a secrets engine.
    pub fn tune(mount: &str, body: Value) -> Self {
        if mount.starts_with("auth/") {
            return Self::at(format!("sys/{mount}/tune"), format!("/{mount}/tune"), body);
        }
        let path = format!("sys/mounts/{mount}/tune");
        Self::at(path, format!("/secrets/{mount}/tune"), body)
    }

    /// A policy.
    pub fn policy(rules: &str) -> Self {
        let place = "/policies/mutant".to_owned();
        let mut policy = Self::at(
            "sys/policies/acl/mutant".into(),
            place,
            json!({ "rules": rules }),
        );
        policy.twin = Some("sys/policies/acl/twin".into());
        policy
    }

    /// The config of a secrets engine.
    pub fn engine_config(mount: &str, body: Value) -> Self {
        Self::at(
            format!("{mount}/config"),
            format!("/secrets/{mount}/config"),
            body,
        )
    }

    /// An entry of `writes`.
    pub fn write(path: &str, body: Value) -> Self {
        let mut written = Self::at(path.to_owned(), String::new(), body);
        let (parent, _) = path.rsplit_once('/').expect("a path");
        written.twin = Some(format!("{parent}/twin"));
        written
    }

    /// There is one of it only.
    pub fn alone(mut self) -> Self {
        self.twin = None;
        self
    }

    /// A write of it sets the rest to defaults.
    pub fn replaced(mut self) -> Self {
        self.replaced = true;
        self
    }

    /// It is changed below its own path.
    pub fn changed_below(mut self, name: &'static str) -> Self {
        self.below = name;
        self
    }

    /// What it stands in shows it.
    pub fn read_above(mut self) -> Self {
        self.read_above = true;
        self
    }

    /// Where it is changed.
    pub fn changed_at(&self) -> String {
        match self.below {
            "" => self.path.clone(),
            name => format!("{}/{name}", self.path),
        }
    }

    /// What is changed on the server, one field a round.
    pub fn drifts(mut self, fields: Value) -> Self {
        let fields = fields.as_object().expect("fields").clone();
        self.drifts.extend(fields);
        self
    }

    /// What is corrected in the file, one line a round; a line without a value is taken out.
    pub fn edits(mut self, lines: Value) -> Self {
        for line in lines.as_array().expect("lines") {
            let name = line[0].as_str().expect("a name").to_owned();
            self.edits.push((name, line.get(1).cloned()));
        }
        self
    }

    /// What stands for the references of the file where it is written beside the program.
    pub fn beside(mut self, fields: Value) -> Self {
        self.beside = fields;
        self
    }

    /// What each write of it has to name.
    pub fn needs(mut self, fields: &'static [&'static str]) -> Self {
        self.needs = fields;
        self
    }

    /// Puts it into the file.
    pub fn enter(&mut self, ceremony: &mut Ceremony, writes: &mut Vec<Value>) {
        if !self.place.is_empty() {
            ceremony.set(&self.place, self.body.clone());
            return;
        }
        self.place = format!("/writes/{}/data", writes.len());
        let mut write = json!({ "path": self.path, "data": self.body });
        if self.path.contains("stored") {
            write["manage"] = json!(true);
        }
        writes.push(write);
    }

    /// The same document under another name, to which the drifts of this one go that are left after so many rounds.
    pub fn rest(&mut self, rounds: usize) -> Option<Self> {
        if self.drifts.len() <= rounds {
            return None;
        }
        let drifts = self.drifts.split_off(rounds);
        let rename = |text: &str| match text.strip_suffix("/r") {
            Some(above) => format!("{above}/rr"),
            None => text.replace("/ldap", "/ldap-ldap").replace("/rr", "/rrr"),
        };
        Some(self.called(&rename, drifts))
    }

    fn called(&self, rename: &dyn Fn(&str) -> String, drifts: Vec<(String, Value)>) -> Self {
        Self {
            path: rename(&self.path),
            place: rename(&self.place),
            body: self.body.clone(),
            beside: self.beside.clone(),
            drifts,
            edits: Vec::new(),
            twin: None,
            ..*self
        }
    }

    /// Changes a field on the server.
    pub fn plant(&self, api: &Api<'_>, (field, value): &(String, Value)) -> Result<(), String> {
        let mut body = self.sent();
        if !self.replaced {
            let fields = body.as_object_mut().expect("fields");
            fields.retain(|name, _| self.needs.contains(&name.as_str()));
        }
        body[field] = value.clone();
        match api.put(&self.changed_at(), &body) {
            (200..300, _) => Ok(()),
            (status, answer) => Err(format!("{} {field}: {status} {answer}", self.path)),
        }
    }

    /// Corrects a line of the file.
    pub fn correct(&mut self, ceremony: &mut Ceremony, (line, value): &(String, Option<Value>)) {
        let pointer = format!("{}/{line}", self.place);
        match value {
            Some(value) => ceremony.set(&pointer, value.clone()),
            None => ceremony.remove(&pointer),
        };
        self.body = ceremony
            .file
            .pointer(&self.place)
            .expect("it is there")
            .clone();
    }

    /// What the server has, without what moves.
    pub fn read(&self, api: &Api<'_>) -> Value {
        read(api, self.read_at())
    }

    /// What the server answers, as it stands there.
    pub fn answer(&self, api: &Api<'_>) -> Value {
        api.read(self.read_at())["data"].clone()
    }

    fn read_at(&self) -> &str {
        let above = self.path.rsplit_once('/').map(|(above, _)| above);
        above.filter(|_| self.read_above).unwrap_or(&self.path)
    }

    /// What the server makes of the body where nothing was before; nothing where there is no such place.
    pub fn fresh(&self, api: &Api<'_>) -> Option<Value> {
        let twin = self.twin.as_ref()?;
        if api.get(twin).0 == 200 {
            api.delete(twin);
        }
        api.write(twin, &self.sent());
        // Of nothing at all nothing is made in some places.
        (api.get(twin).0 == 200).then(|| read(api, twin))
    }

    /// What the server gets of it.
    fn sent(&self) -> Value {
        let mut body = self.body.clone();
        if let Some(text) = body.get("rules") {
            body = json!({ "policy": text });
        }
        for (name, value) in self.beside.as_object().expect("fields") {
            body[name] = value.clone();
        }
        body
    }
}

#[track_caller]
fn read(api: &Api<'_>, path: &str) -> Value {
    let mut data = api.read(path)["data"].clone();
    if let Some(fields) = data.as_object_mut() {
        fields.retain(|name, _| !MOVES.contains(&name.as_str()));
        // What locks nobody out is as none.
        let locks = |value: &Value| *value != json!(0) && *value != json!(false);
        fields.retain(|name, value| !name.starts_with("user_lockout_") || locks(value));
        let of_itself: &[&str] = match path.split('/').next() {
            // Its versions.
            Some("secret") => &["metadata", "versions", "current_version"],
            Some("sys" | "identity") => &[
                "version",
                "id",
                "name",
                "client_id",
                "client_secret",
                "request",
            ],
            Some("auth") => &["name", "display_name"],
            _ => &["keys", "name"],
        };
        fields.retain(|name, _| !of_itself.contains(&name.as_str()));
    }
    without_nothing(data)
}

/// Null, an empty list, map and text are one: which of them stands there depends on whether it was ever set.
fn without_nothing(value: Value) -> Value {
    let Value::Object(fields) = value else {
        return value;
    };
    let kept = fields
        .into_iter()
        .map(|(name, value)| (name, without_nothing(value)));
    let says = |value: &Value| {
        !matches!(value, Value::Null)
            && *value != json!([])
            && *value != json!({})
            && *value != json!("")
    };
    Value::Object(kept.filter(|(_, value)| says(value)).collect())
}
