//! The namespace of the file, in which everything is done that does not belong to the cluster as a whole.
//!
//! A new cluster has the root namespace only, so the one of the file is made first, level by level. None is
//! ever changed or removed.

use crate::code::Code;
use crate::config::Config;
use crate::failure::Failure;
use crate::session::Session;
use crate::vault::Body;
use crate::vault::sys::{Health, Product, release};

/// One level: the namespace it is in, if not the root namespace, and its own name.
type Level<'a> = (Option<&'a str>, &'a str);

/// A server without namespaces: it would do as if the file named none, or fail when it is initialised.
pub(crate) fn unknown_to(config: &Config, address: &str, health: &Health) -> Option<Failure> {
    let namespace = config.cluster.namespace.as_deref()?;
    let version = &health.version;
    let has_them = match health.product {
        Product::Vault => version.contains("+ent"),
        Product::OpenBao => release(version).is_none_or(|release| release >= FIRST),
    };
    let text = format!(
        "{address} is {} {version}, which has no namespaces, and the file names {namespace}",
        health.product.name()
    );
    let failure = Failure::refused(Code::NotOnThisServer, text)
        .advise(
            "leave cluster.namespace empty, and all of it is made in the root namespace; or use a server that has \
             namespaces: OpenBao from 2.3.1 on, or Vault Enterprise",
        );
    (!has_them).then_some(failure)
}

/// The release of OpenBao that has them first (its change log).
const FIRST: (u32, u32, u32) = (2, 3, 1);

/// The levels that are not there. Only root looks: a login that opened lives in the last of them.
pub(crate) async fn missing<'a>(session: &Session<'a>) -> Result<Vec<Level<'a>>, Failure> {
    if !session.is_root() {
        return Ok(Vec::new());
    }
    let namespace = session.config.cluster.namespace.as_deref();
    let mut levels = levels(namespace.unwrap_or_default());
    let mut there = 0;
    for (parent, name) in &levels {
        let client = session.client().in_namespace(*parent);
        let path = format!("sys/namespaces/{name}");
        if client.read(Some(session.token()?), &path).await?.is_none() {
            break;
        }
        there += 1;
    }
    Ok(levels.split_off(there))
}

/// Makes these levels, which are missing; the names, with those they are in.
pub(crate) async fn make(
    session: &Session<'_>,
    missing: Vec<Level<'_>>,
) -> Result<Vec<String>, Failure> {
    let mut made = Vec::new();
    for (parent, name) in missing {
        let client = session.client().in_namespace(parent);
        let (path, nothing) = (format!("sys/namespaces/{name}"), Body::Map(Vec::new()));
        client
            .write(Some(session.token()?), &path, &nothing)
            .await?;
        let before = parent
            .map(|parent| format!("{parent}/"))
            .unwrap_or_default();
        made.push(format!("{before}{name}"));
    }
    Ok(made)
}

fn levels(namespace: &str) -> Vec<Level<'_>> {
    let namespace = namespace.trim_matches('/');
    let ends = namespace.match_indices('/').map(|(end, _)| end);
    let ends = ends.chain((!namespace.is_empty()).then_some(namespace.len()));
    let level = |end: usize| match namespace[..end].rsplit_once('/') {
        Some((parent, name)) => (Some(parent), name),
        None => (None, &namespace[..end]),
    };
    ends.map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_knows_where_it_is_made() {
        assert_eq!(levels(""), []);
        assert_eq!(levels("team"), [(None, "team")]);
        assert_eq!(
            levels("/team/web/eu/"),
            [
                (None, "team"),
                (Some("team"), "web"),
                (Some("team/web"), "eu")
            ]
        );
    }
}
