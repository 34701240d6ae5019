//! What auth methods call the entities and groups of the file. An alias that somebody else has moves to who is to have it.

use serde_json::{Value, json};

use crate::code::Code;
use crate::config::{AliasName, Config};
use crate::desired::document::{Document, Read};
use crate::desired::identity::answers::{Alias, Called, Seen};
use crate::desired::identity::paths::{ALIAS, entity_path, group_path};
use crate::desired::identity::server::Server;
use crate::desired::kind::MERGED;
use crate::desired::resolve::texts;
use crate::failure::Failure;
use crate::vault::Body;

/// An alias of the file.
pub(super) struct Wanted<'c> {
    /// Its document.
    pub(super) path: String,
    /// `entity` or `group`.
    pub(super) kind: &'static str,
    /// Who is to have it.
    pub(super) owner: &'c str,
    /// How it is called, and where.
    pub(super) called: &'c AliasName,
    custom_metadata: Option<&'c [(String, String)]>,
}

/// The aliases of the file.
pub(super) fn wanted(config: &Config) -> Vec<Wanted<'_>> {
    let entities = config.identity.entities.iter();
    let of_entities = entities.flat_map(|entity| {
        entity.aliases.iter().map(|alias| Wanted {
            path: format!("{}{ALIAS}/{}", entity_path(&entity.name), alias.called.auth),
            kind: "entity",
            owner: &entity.name,
            called: &alias.called,
            custom_metadata: alias.custom_metadata.as_deref(),
        })
    });
    let groups = config.identity.groups.iter();
    let of_groups = groups.filter_map(|group| {
        Some(Wanted {
            path: format!("{}{ALIAS}", group_path(&group.name)),
            kind: "group",
            owner: &group.name,
            called: group.alias.as_ref()?,
            custom_metadata: None,
        })
    });
    of_entities.chain(of_groups).collect()
}

/// The documents of all aliases, and why some cannot be as the file says.
pub(super) fn all(config: &Config, server: &Server) -> (Vec<Document>, Vec<Failure>) {
    let (mut documents, mut conflicts) = (Vec::new(), Vec::new());
    for one in wanted(config) {
        let (found, conflict) = one.found(server);
        documents.push(one.document(server, found));
        conflicts.extend(conflict);
    }
    (documents, conflicts)
}

/// What the server has in the place of an alias.
enum Found {
    /// It cannot be seen from here; whether because reading it may show what is nobody's business.
    Denied(bool),
    /// Nothing.
    Nothing,
    /// This one.
    This(Alias),
}

impl Wanted<'_> {
    fn seen<'s>(&self, server: &'s Server) -> &'s Seen {
        match self.kind {
            "group" => &server.groups[self.owner],
            _ => &server.entities[self.owner],
        }
    }

    /// The one of this name, whoever has it, or the one that the owner has in its place.
    fn found(&self, server: &Server) -> (Found, Option<Failure>) {
        let seen = self.seen(server);
        if matches!(seen, Seen::Denied) || server.accessors.is_none() {
            return (Found::Denied(false), None);
        }
        let name = match server.called(self.called) {
            Called::By(name) => name,
            Called::NotYet => return (Found::Nothing, None),
            Called::Denied => return (Found::Denied(true), None),
        };
        // Its auth method comes before it.
        let Some(accessor) = server.accessor(&self.called.auth) else {
            return (Found::Nothing, None);
        };
        let own = seen.answer().map(Alias::all_of).unwrap_or_default();
        if let Some(this) = own.iter().find(|one| one.is(accessor, &name)) {
            return (Found::This(this.clone()), None);
        }
        let all = match self.kind {
            "group" => &server.group_aliases,
            _ => &server.entity_aliases,
        };
        let Some(all) = all else {
            return (Found::Denied(false), None);
        };
        let there = all.iter().find(|one| one.is(accessor, &name));
        // A group has one in all, an entity one of each method.
        let instead = own
            .into_iter()
            .find(|one| self.kind == "group" || one.accessor == accessor);
        match (there, instead) {
            (Some(there), Some(instead)) if self.kind == "entity" => {
                let conflict = self.conflict(server, there, &instead);
                (Found::This(there.clone()), Some(conflict))
            }
            (Some(there), _) => (Found::This(there.clone()), None),
            (None, Some(instead)) => (Found::This(instead), None),
            (None, None) => (Found::Nothing, None),
        }
    }

    /// Why an alias cannot move to an entity that has another one of the same auth method.
    fn conflict(&self, server: &Server, there: &Alias, instead: &Alias) -> Failure {
        Failure::refused(
            Code::AliasTaken,
            format!(
                "{}: {} belongs to the entity {}, and {} is called {} there, of which an entity has one",
                self.path,
                self.called.name,
                server.name_of(&there.owner),
                self.owner,
                instead.name
            ),
        )
        .advise(format!(
            "delete one of the two: identity/entity-alias/id/{} or identity/entity-alias/id/{}; then apply again",
            there.id, instead.id
        ))
    }

    fn document(&self, server: &Server, found: Found) -> Document {
        let mut body = vec![
            (self.kind.to_owned(), Body::from(self.owner)),
            ("auth".to_owned(), self.called.auth.as_str().into()),
            ("name".to_owned(), self.called.name.as_str().into()),
        ];
        if let Some(metadata) = self.custom_metadata {
            body.push(("custom_metadata".to_owned(), texts(metadata)));
        }
        let collection = format!("identity/{}-alias", self.kind);
        let (read, id, hides) = match &found {
            Found::Denied(hides) => (Read::Denied, None, *hides),
            Found::Nothing => (Read::Known(None), None, false),
            Found::This(this) => {
                let answer = self.answer(server, this);
                (Read::Known(Some(answer)), Some(&this.id), false)
            }
        };
        let kind = if hides { MERGED.hidden() } else { MERGED };
        let document = Document::new(self.path.clone(), Body::Map(body), kind);
        let owner = match self.kind {
            "group" => group_path(self.owner),
            _ => entity_path(self.owner),
        };
        Document {
            read,
            at: Some(id.map_or(collection.clone(), |id| format!("{collection}/id/{id}"))),
            needs: vec![owner, format!("sys/auth/{}", self.called.auth)],
            ..document
        }
    }

    /// An alias of the server in the file's words.
    fn answer(&self, server: &Server, this: &Alias) -> Value {
        let accessor = server.accessor(&self.called.auth).unwrap_or_default();
        let by = match server.called(self.called) {
            Called::By(name) => name,
            Called::NotYet | Called::Denied => String::new(),
        };
        let is_role = by != self.called.name;
        let name = if this.is(accessor, &by) {
            self.called.name.clone()
        } else if is_role && this.accessor == accessor {
            "(another role id)".to_owned()
        } else {
            this.name.clone()
        };
        let mut answer = json!({
            "auth": server.method_of(&this.accessor),
            "name": name,
            "custom_metadata": this.custom_metadata,
        });
        answer[self.kind] = server.name_of(&this.owner).into();
        answer
    }

    /// What is sent, with the ids of now; `None` where its owner or its auth method is not there.
    pub(super) fn wire(&self, server: &Server, body: &Body) -> Option<Body> {
        let Called::By(name) = server.called(self.called) else {
            return None;
        };
        let accessor = server.accessor(&self.called.auth)?;
        let owner = self.seen(server).answer()?["id"].as_str()?;
        let mut fields = vec![
            ("name".to_owned(), Body::from(name)),
            ("mount_accessor".to_owned(), accessor.into()),
            ("canonical_id".to_owned(), owner.into()),
        ];
        if let Some(metadata) = body.get("custom_metadata") {
            fields.push(("custom_metadata".to_owned(), metadata.clone()));
        }
        Some(Body::Map(fields))
    }
}
