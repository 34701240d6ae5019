//! Where groups, entities and aliases are written, and by what they are called in reports.

/// What documents of groups and entities begin with.
pub(super) const BEGINS: [&str; 2] = ["identity/group/name/", "identity/entity/name/"];
/// What stands between an entity or group and its alias.
pub(super) const ALIAS: &str = "/alias";

/// What the documents of second factors begin with: then come their type and their name.
pub(super) const FACTORS: &str = "identity/mfa/method/";
/// What those of enforcements begin with: then comes their name.
pub(crate) const ENFORCEMENTS: &str = "identity/mfa/login-enforcement/";

/// How a second factor is called in reports: as it is written, with its name where the servers have its id.
pub(super) fn factor_path(of_type: &str, name: &str) -> String {
    format!("{FACTORS}{of_type}/{name}")
}

/// Where an enforcement is written and read.
pub(super) fn enforcement_path(name: &str) -> String {
    format!("{ENFORCEMENTS}{name}")
}

/// Whether this is a document of second factors.
pub(super) fn is_mfa(path: &str) -> bool {
    path.starts_with(FACTORS) || path.starts_with(ENFORCEMENTS)
}

/// Where a group is written and read.
pub(super) fn group_path(name: &str) -> String {
    format!("{}{name}", BEGINS[0])
}

/// Where an entity is written and read.
pub(super) fn entity_path(name: &str) -> String {
    format!("{}{name}", BEGINS[1])
}

/// Whether this is a document of this section.
pub(crate) fn is_identity(path: &str) -> bool {
    BEGINS.iter().any(|begin| path.starts_with(begin)) || is_mfa(path)
}

/// The path of a group or entity, and what of it a path is about. Their names have no slash.
pub(super) fn parts(path: &str) -> Option<(String, Option<&str>)> {
    let begin = BEGINS.iter().find(|begin| path.starts_with(*begin))?;
    let rest = &path[begin.len()..];
    let (name, below) = match rest.split_once('/') {
        Some((name, below)) => (name, Some(below)),
        None => (rest, None),
    };
    Some((format!("{begin}{name}"), below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_apart_whatever_somebody_is_called() {
        let parts =
            |path: &str| parts(path).map(|(owner, below)| (owner, below.map(str::to_owned)));
        let alias = "identity/entity/name/alias";
        assert_eq!(parts(alias), Some((alias.to_owned(), None)));
        assert_eq!(
            parts("identity/entity/name/alias/alias/deep/er"),
            Some((alias.to_owned(), Some("alias/deep/er".to_owned())))
        );
        assert_eq!(parts("auth/userpass/users/ada"), None);
        let factor = factor_path("totp", "phone");
        assert_eq!(parts(&factor), None);
        assert!(is_identity(&factor) && is_mfa(&factor) && !is_mfa(alias));
    }
}
