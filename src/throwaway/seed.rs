//! First values of `kv`: writes of the ceremony, before those of the file's own tests could want them.

use crate::code::Code;
use crate::config::{Config, Field, Fields, OfWrite, SecretsEngine, Write};
use crate::failure::Failure;

/// Adds what `throwaway.seed` says to the writes.
pub(super) fn add(config: &mut Config) -> Result<(), Failure> {
    for (path, values) in std::mem::take(&mut config.throwaway.seed) {
        let (path, data) = written(&config.secrets, &path, values)?;
        config.writes.push(Write {
            path,
            data,
            name: None,
            unmanaged_fields: Vec::new(),
            hand_out: None,
            manage: OfWrite::default(),
        });
    }
    Ok(())
}

/// Where it is written, and what: with versions, values stand in `data`.
fn written(
    engines: &[SecretsEngine],
    path: &str,
    values: Fields,
) -> Result<(String, Fields), Failure> {
    let path = path.trim_matches('/');
    let below = |engine: &&SecretsEngine| {
        let rest = path.strip_prefix(engine.path.as_str());
        engine.engine_type == "kv"
            && rest.is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
    };
    let found = engines
        .iter()
        .filter(below)
        .max_by_key(|engine| engine.path.len());
    let Some(engine) = found else {
        return Err(Failure::usage(
            Code::FileValueInvalid,
            format!("throwaway.seed: {path} is below no kv engine of the file"),
        )
        .advise(
            "begin it with the path of one of secrets, as kv put does: secret/production/stripe",
        ));
    };
    let version = engine.options.iter().find(|(name, _)| name == "version");
    if version.is_none_or(|(_, version)| version != "2") {
        return Ok((path.to_owned(), values));
    }
    let rest = &path[engine.path.len() + 1..];
    // Whoever knows the API may have written it so.
    let rest = rest.strip_prefix("data/").unwrap_or(rest);
    let data = Fields(vec![("data".to_owned(), Field::Map(values))]);
    Ok((format!("{}/data/{rest}", engine.path), data))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn seeded(path: &str) -> Result<String, String> {
        let text = concat!(include_str!("default.yaml"), "\n");
        let text = format!("{text}throwaway: {{seed: {{{path}: {{a: b}}}}}}\n");
        let at = Path::new("/t");
        let mut config = crate::config::from_text(&text, at, at, &|_| None).unwrap();
        add(&mut config).map_err(|failure| failure.to_string())?;
        let last = config.writes.last().unwrap();
        assert!(last.data.get("data").is_some());
        Ok(last.path.clone())
    }

    #[test]
    fn a_seed_is_written_where_its_engine_takes_it() {
        assert_eq!(seeded("secret/app/x"), Ok("secret/data/app/x".into()));
        assert_eq!(seeded("/secret/data/app/x"), Ok("secret/data/app/x".into()));
        for path in ["secrets/x", "secret/", "secret", "x"] {
            assert!(
                seeded(path).unwrap_err().contains("below no kv engine"),
                "{path}"
            );
        }
    }
}
