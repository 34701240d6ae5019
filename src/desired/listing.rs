//! What the server lists of a collection, asked once before a first write: where nothing is there yet, a
//! thousand reads that would all answer 404 are not sent.
//!
//! It only ever spares reads. Where the server does not list, or does not let us, every document is read.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};

use crate::desired::document::Document;
use crate::desired::view::{CONCURRENCY, View};
use crate::failure::Failure;

/// With a single document a listing is as dear as its read.
const WORTH: usize = 2;

/// Names by the path they are listed under, in small letters: the servers keep most names so.
#[derive(Debug, Default)]
pub(crate) struct Listing(BTreeMap<String, BTreeSet<String>>);

impl Listing {
    /// Lists the collections that hold the `documents`.
    pub(crate) async fn take(view: &View<'_>, documents: &[Document]) -> Result<Self, Failure> {
        let token = view.token()?;
        let mut wanted: BTreeMap<&str, usize> = BTreeMap::new();
        for document in documents.iter().filter(|one| one.is_read()) {
            if let Some((collection, _)) = document.path.rsplit_once('/') {
                *wanted.entry(collection).or_default() += 1;
            }
        }
        let worth = wanted.into_iter().filter(|(_, count)| *count >= WORTH);
        let lists = stream::iter(worth).map(|(collection, _)| async move {
            match view.client().list(Some(token), collection).await {
                Ok(names) => Ok(Some((collection.to_owned(), in_small_letters(names)))),
                Err(error) if error.is_retryable() => Err(Failure::from(error)),
                Err(_) => Ok(None),
            }
        });
        let lists: Vec<_> = lists.buffer_unordered(CONCURRENCY).try_collect().await?;
        Ok(Self(lists.into_iter().flatten().collect()))
    }

    /// True when the collection of `path` was listed and does not hold it.
    pub(crate) fn lacks(&self, path: &str) -> bool {
        let Some((collection, name)) = path.rsplit_once('/') else {
            return false;
        };
        let listed = self.0.get(collection);
        listed.is_some_and(|names| !names.contains(&name.to_lowercase()))
    }
}

fn in_small_letters(names: Vec<String>) -> BTreeSet<String> {
    names.iter().map(|name| name.to_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing() -> Listing {
        let names = ["Auditor".to_owned(), "team/".to_owned()];
        Listing([("auth/oidc/role".to_owned(), in_small_letters(names.into()))].into())
    }

    #[test]
    fn only_a_listed_collection_lacks_anything() {
        assert!(listing().lacks("auth/oidc/role/operator"));
        assert!(!listing().lacks("auth/jwt/role/operator"));
        assert!(!listing().lacks("auth/oidc/role/team/operator"));
        assert!(!Listing::default().lacks("auth/oidc/role/operator"));
    }

    #[test]
    fn a_name_in_other_letters_is_read_and_not_taken_for_absent() {
        assert!(!listing().lacks("auth/oidc/role/auditor"));
        assert!(!listing().lacks("auth/oidc/role/AUDITOR"));
    }
}
