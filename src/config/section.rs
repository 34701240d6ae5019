//! From the checked document to the types of the configuration.
//!
//! A type says once which keys it has: the schema comes from it (`JsonSchema`), and so does how it is read ([`Read`]).
//! The document fits that schema before anything is read, so `None` here is a mistake of ours and never one of the
//! file.

use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use url::Url;

use super::files::Files;
use super::tree::{Kind, Node};

use crate::span;

/// A value of the document, and the files that it may stand in.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) node: &'a Node,
    files: &'a Files,
}

/// A type that values of the document are read as.
pub(super) trait Read: Sized {
    /// What stands there.
    fn read(at: At) -> Option<Self>;

    /// What it is where the key is missing or empty. `None` where it must not be.
    fn absent() -> Option<Self> {
        None
    }
}

impl<'a> At<'a> {
    pub(super) fn new(node: &'a Node, files: &'a Files) -> Self {
        Self { node, files }
    }

    pub(super) fn to(self, node: &'a Node) -> Self {
        Self { node, ..self }
    }

    pub(super) fn read<T: Read>(self) -> Option<T> {
        T::read(self)
    }

    /// A scalar as its type: a number, a truth value, or one of the choices of an enum.
    pub(super) fn plain<T: DeserializeOwned>(self) -> Option<T> {
        serde_json::from_value(self.node.value()).ok()
    }

    /// The value of `key`.
    pub(super) fn key<T: Read>(self, key: &str) -> Option<T> {
        self.key_or(key, T::absent)
    }

    /// The value of `key`, or what it is where it is missing or empty.
    pub(super) fn key_or<T: Read>(
        self,
        key: &str,
        absent: impl FnOnce() -> Option<T>,
    ) -> Option<T> {
        match self.node.get(key) {
            None => absent(),
            Some(node) if matches!(node.kind, Kind::Null) => absent(),
            Some(node) => T::read(self.to(node)),
        }
    }

    /// The keys of a map with their values, in the order of the file.
    pub(super) fn entries(self) -> impl Iterator<Item = (&'a str, Self)> {
        let entries = self.node.entries().iter();
        entries.map(move |entry| (entry.key.as_str(), self.to(&entry.value)))
    }

    /// The entries of the map under `key`, each made by `read` of its name and value.
    pub(super) fn each<T>(
        self,
        key: &str,
        read: impl Fn(&'a str, Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let map = self.node.get(key).map(|node| self.to(node));
        let entries = map.into_iter().flat_map(At::entries);
        entries.map(|(name, at)| read(name, at)).collect()
    }
}

impl Read for String {
    fn read(at: At) -> Option<Self> {
        match at.node.kind {
            // An option of a mount: the servers keep it as text.
            Kind::Bool(value) => Some(value.to_string()),
            _ => at.node.text().map(str::to_owned),
        }
    }
}

impl Read for bool {
    fn read(at: At) -> Option<Self> {
        at.plain()
    }

    fn absent() -> Option<Self> {
        Some(false)
    }
}

impl Read for PathBuf {
    fn read(at: At) -> Option<Self> {
        let directory = at.files.directory(at.node.place);
        at.node.text().map(|path| directory.join(path))
    }
}

impl Read for Url {
    fn read(at: At) -> Option<Self> {
        Url::parse(at.node.text()?).ok()
    }
}

impl Read for Duration {
    fn read(at: At) -> Option<Self> {
        span::read(at.node.text()?)
    }
}

impl<T: Read> Read for Option<T> {
    fn read(at: At) -> Option<Self> {
        T::read(at).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(at: At) -> Option<Self> {
        let items = at.node.items().iter();
        items.map(|item| T::read(at.to(item))).collect()
    }

    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
}

/// A map whose keys are names of the operator, sorted by them.
impl<T: Read> Read for Vec<(String, T)> {
    fn read(at: At) -> Option<Self> {
        let entry = |(name, at): (&str, At)| Some((name.to_owned(), at.read()?));
        let mut entries: Self = at.entries().map(entry).collect::<Option<_>>()?;
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        Some(entries)
    }

    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
}

/// Declares a map of the file: each field is the key of its name. `field: T = value` says what a missing key means
/// where `T` does not, and a last `..field: T` that the keys of `T` stand in the same map.
macro_rules! section {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$doc:meta])* pub $field:ident: $type:ty $(= $default:expr)?,)*
            $(..$also:ident: $also_type:ty,)?
        }
    ) => {
        #[derive(Debug, Clone, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        $(#[$meta])*
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
            $(#[serde(flatten)] pub $also: $also_type,)?
        }

        impl crate::config::section::Read for $name {
            fn read(at: crate::config::section::At) -> Option<Self> {
                Some(Self {
                    $($field: at.key_or(stringify!($field), || section!(@absent $type $(, $default)?))?,)*
                    $($also: at.read::<$also_type>()?,)?
                })
            }

            fn absent() -> Option<Self> {
                Some(Self {
                    $($field: section!(@absent $type $(, $default)?)?,)*
                    $($also: <$also_type as crate::config::section::Read>::absent()?,)?
                })
            }
        }
    };
    (@absent $type:ty) => { <$type as crate::config::section::Read>::absent() };
    (@absent $type:ty, $default:expr) => { Some($default) };
}

/// Reads a number, or a text as one of the choices of an enum, by the names that the schema gives them.
macro_rules! choices {
    ($($name:ty),*) => {
        $(impl crate::config::section::Read for $name {
            fn read(at: crate::config::section::At) -> Option<Self> {
                at.plain()
            }
        })*
    };
}

choices!(u32);

pub(super) use {choices, section};
