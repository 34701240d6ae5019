//! Accessors of auth methods inside policies: the file names the method, `accessor(auth/oidc)`, and the server's own name for it
//! is filled in when the policy is written or compared.

/// What stands before the path of a method.
const BEGINS: &str = "accessor(auth/";
/// Behind which the servers expect an accessor (Vault's documentation of templated policies).
const ALIASES: &str = "identity.entity.aliases.";

/// Paths of the auth methods that a policy names.
pub(crate) fn named(policy: &str) -> Vec<&str> {
    let parts = policy.split(BEGINS).skip(1);
    parts
        .filter_map(|part| Some(part.split_once(')')?.0))
        .collect()
}

/// The policy with the accessors of its methods. One that is not known stays as it is.
pub(crate) fn filled(policy: &str, accessor: &dyn Fn(&str) -> Option<String>) -> String {
    let (mut text, mut rest) = (String::with_capacity(policy.len()), policy);
    while let Some(place) = rest.find(BEGINS) {
        let (before, from) = rest.split_at(place);
        text.push_str(before);
        let behind = &from[BEGINS.len()..];
        let found = behind
            .split_once(')')
            .and_then(|(path, after)| Some((accessor(path)?, after)));
        match found {
            Some((accessor, after)) => {
                text.push_str(&accessor);
                rest = after;
            }
            None => {
                text.push_str(BEGINS);
                rest = behind;
            }
        }
    }
    text.push_str(rest);
    text
}

/// What is wrong with the accessors of a policy. `methods` are those of the file, where they are known.
pub(super) fn problem(policy: &str, methods: Option<&[&str]>) -> Option<String> {
    let methods = methods?;
    let unknown = named(policy)
        .into_iter()
        .find(|path| !methods.contains(path));
    if let Some(path) = unknown {
        let shown = path.escape_debug();
        return Some(format!(
            "`accessor(auth/{shown})` is of no auth method of the file"
        ));
    }
    let mut parts = policy.split(ALIASES).skip(1);
    let path = parts.find_map(|part| {
        let name = part.split(['.', '}', ' ']).next()?;
        let name = name.strip_prefix("auth/").unwrap_or(name);
        let is_path =
            methods.contains(&name) || (name.contains('/') && !name.starts_with("accessor("));
        is_path.then_some(name)
    })?;
    let shown = path.escape_debug();
    Some(format!(
        "behind `{ALIASES}` stands an accessor and no path: write `{ALIASES}accessor(auth/{shown})`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "path \"secret/data/{{identity.entity.aliases.accessor(auth/a/b).name}}/*\" { capabilities = [\"read\"] }";

    #[test]
    fn the_accessor_of_a_method_is_filled_in_where_it_is_known() {
        assert_eq!(named(OWN), ["a/b"]);
        let known = |path: &str| (path == "a/b").then(|| "auth_x_1".to_owned());
        let text = filled(OWN, &known);
        assert!(text.contains("aliases.auth_x_1.name}}/*"), "{text}");
        assert_eq!(filled(OWN, &|_| None), OWN);
        assert_eq!(filled("accessor(auth/", &known), "accessor(auth/");
        assert_eq!(filled("x accessor(auth/a/b) y", &known), "x auth_x_1 y");
    }

    #[test]
    fn a_method_that_the_file_does_not_have_and_a_path_where_an_accessor_belongs_are_said() {
        assert_eq!(problem(OWN, Some(&["a/b"])), None);
        assert_eq!(problem(OWN, None), None);
        let said = problem(OWN, Some(&["oidc"])).unwrap();
        assert!(
            said.contains("`accessor(auth/a/b)` is of no auth method"),
            "{said}"
        );
        for name in ["oidc", "auth/oidc", "deep/er"] {
            let text = format!("path \"x/{{{{identity.entity.aliases.{name}.name}}}}\" {{}}");
            let said = problem(&text, Some(&["oidc"])).unwrap();
            assert!(said.contains("accessor(auth/"), "{said}");
        }
        let by_id = "path \"x/{{identity.entity.aliases.auth_oidc_1234.name}}\" {}";
        assert_eq!(problem(by_id, Some(&["oidc"])), None);
    }
}
