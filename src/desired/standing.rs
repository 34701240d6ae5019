//! A document that was written, and that the file names no more: whether it is still what was made of it then.

use serde_json::Value;

use crate::desired::comparing::read;
use crate::desired::document::Document;
use crate::desired::identity::is_identity;
use crate::desired::identity::missed::{self, There};
use crate::desired::kind::{Kind, MERGED};
use crate::desired::record;
use crate::failure::Failure;
use crate::memory::{self, Look, Memory};
use crate::session::Session;
use crate::vault::Body;

/// How such a document stands.
#[derive(Debug)]
pub(crate) enum Standing {
    /// It is not there any more.
    Gone,
    /// This login may not read it, or what it takes to understand it: the path that it may not read.
    Denied(String),
    /// It has so many members, in this field, that they were not looked at.
    TooMany(&'static str, usize),
    /// What the server made of it was never read.
    NotReadBack,
    /// These places are other than after the last write, or nobody here can compare them.
    Changed(Vec<String>),
    /// It is as after the last write.
    AsWritten(There),
}

/// Looks at one document of a kind that can be deleted. Changes nothing.
///
/// # Errors
/// The server does not answer as such servers do.
pub(crate) async fn standing(
    session: &Session<'_>,
    memory: &Memory,
    path: &str,
) -> Result<Standing, Failure> {
    let Some(known) = memory.of(path) else {
        return Ok(Standing::NotReadBack);
    };
    let kind = if is_identity(path) {
        MERGED
    } else {
        Kind::of_path(session.config, path)
    };
    let document = Document::new(path, Body::Map(Vec::new()), kind);
    let (have, there) = if is_identity(path) {
        match missed::found(session, path, &known).await? {
            missed::Found::Gone => return Ok(Standing::Gone),
            missed::Found::Denied(path) => return Ok(Standing::Denied(path)),
            missed::Found::TooMany(field, count) => return Ok(Standing::TooMany(field, count)),
            missed::Found::There(have, there) => (have, there),
        }
    } else {
        let Some(have) = answer(session, &document).await? else {
            return Ok(Standing::Gone);
        };
        if have == DENIED {
            return Ok(Standing::Denied(path.to_owned()));
        }
        let there = There {
            answer: have.clone(),
            at: path.to_owned(),
        };
        (have, there)
    };
    let Some(made) = known.made.as_ref().filter(|_| !have.is_null()) else {
        return Ok(Standing::NotReadBack);
    };
    let key = memory.key();
    let look = Look {
        key: key.as_deref(),
        moves: &|place| document.moves(place),
        plain: &|_| false,
        exact: false,
    };
    let drift = memory::drift(path, made, &record::still(&document, &have), look);
    let changed = drift.changed.into_iter().map(|one| one.place);
    let places: Vec<String> = changed.chain(drift.unknown).collect();
    Ok(if places.is_empty() {
        Standing::AsWritten(there)
    } else {
        Standing::Changed(places)
    })
}

/// In place of an answer that this login may not have. No server's answer is a text.
const DENIED: &str = "denied";

async fn answer(session: &Session<'_>, document: &Document) -> Result<Option<Value>, Failure> {
    let have = read(session, session.token()?, document).await;
    match have {
        Err(error) if error.is_forbidden() => Ok(Some(DENIED.into())),
        have => Ok(have?),
    }
}
