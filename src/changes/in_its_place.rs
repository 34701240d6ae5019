//! What writes, or looks, in the place of a login that may not: another login of the file, by its policies there, or a
//! root token made for that one command.

use crate::config::policy_text::{covers, rules};
use crate::config::{Config, Login, PolicySource};
use crate::desired::grant;
use crate::finding::InItsPlace;
use crate::shell::ShellCommand;

/// Capabilities of which one is enough for a write to be tried.
const WRITES: [&str; 3] = ["create", "update", "patch"];
const POLICIES: &str = "sys/policies/acl/";

/// What writes this document, but the login `looked_as`. `program` is the server's command line, `at` where it is written.
pub(super) fn of(
    config: &Config,
    program: &'static str,
    looked_as: Option<&str>,
    at: &str,
) -> InItsPlace {
    let others = config.logins.iter();
    let others = others.filter(|login| Some(login.name.as_str()) != looked_as);
    let others = others.filter(|login| may_write(config, login, at));
    InItsPlace {
        others: others.map(|login| login.name.clone()).collect(),
        break_glass: by_break_glass(config, program, at),
    }
}

/// What to type after a look that could not see (`unseen`) or write (`places`) everything, and what that does: not the same
/// look once more.
pub(crate) fn next(
    config: &Config,
    unseen: bool,
    places: &[&InItsPlace],
    looked_as: Option<&str>,
) -> Option<(ShellCommand, &'static str)> {
    let apply_as = |name: &str| config.bare_command(ShellCommand::new("apply --login").with(name));
    if unseen {
        let sees = config.logins.iter().find(|login| is_auditor(config, login));
        if let Some(sees) = sees.filter(|login| Some(login.name.as_str()) != looked_as) {
            return Some((
                apply_as(&sees.name),
                "looks as the login that may read what the file says",
            ));
        }
    }
    let first = places.first()?;
    // One login for all of them, where there is one.
    let may_all = |name: &&String| places.iter().all(|place| place.others.contains(name));
    let by_all = first.others.iter().find(may_all);
    let other = by_all.or_else(|| places.iter().find_map(|place| place.others.first()));
    let same = places
        .iter()
        .all(|place| place.break_glass == first.break_glass);
    Some(match other {
        Some(name) => (
            apply_as(name),
            "writes what this login may not, as far as that one may",
        ),
        None if same => (first.break_glass.clone(), "writes what this login may not"),
        None => (
            first.break_glass.clone(),
            "writes the first of what this login may not; each finding has its command",
        ),
    })
}

/// The command that writes this document with a root token which is revoked afterwards.
fn by_break_glass(config: &Config, program: &'static str, path: &str) -> ShellCommand {
    let command = ShellCommand::new("break-glass --reason REASON --expect").with(path);
    let command = command.and("--env --").and(program);
    let command = match path.strip_prefix(POLICIES) {
        Some(name) => {
            let command = command.and("policy write").with(name);
            let mut policies = config.policies.iter();
            match policies
                .find(|policy| policy.name == name)
                .map(|one| &one.source)
            {
                Some(PolicySource::Rules {
                    file: Some(file), ..
                }) => command.with(file.display()),
                _ => command.and("FILE"),
            }
        }
        None => command.and("write").with(path).and("FIELDS"),
    };
    config.bare_command(command)
}

/// Whether the policies that the file gives this login have a rule for a write there. What a policy of elsewhere says is not
/// known, and nothing is promised of it.
fn may_write(config: &Config, login: &Login, path: &str) -> bool {
    grant::policies_of(config, login).into_iter().any(|name| {
        let mut policies = config.policies.iter();
        match policies
            .find(|policy| policy.name == name)
            .map(|one| &one.source)
        {
            Some(PolicySource::Rules { text, .. }) => rules(text).into_iter().any(|(rule, may)| {
                covers(&rule, path) && may.iter().any(|one| WRITES.contains(&one.as_str()))
            }),
            Some(PolicySource::Auditor) | None => false,
        }
    })
}

fn is_auditor(config: &Config, login: &Login) -> bool {
    grant::policies_of(config, login).into_iter().any(|name| {
        let mut policies = config.policies.iter();
        let found = policies.find(|policy| policy.name == name);
        found.is_some_and(|one| matches!(one.source, PolicySource::Auditor))
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::from_text;

    const FILE: &str = r#"version: 1
cluster: {name: lab, address: "http://127.0.0.1:8200"}
init:
  shares: 1
  threshold: 1
  custodians: [{name: alice, age: {recipient: age1alice, file: shares/alice.age}}]
checkpoint: {path: lab, key: {identity: keys/checkpoint.agekey}}
audit: {}
auth:
  userpass:
    users:
      ada: {password: {file: /s/ada}}
      admin: {password: {file: /s/admin}, token_policies: [admin]}
      auditor: {password: {file: /s/auditor}, token_policies: [auditor]}
      operator: {password: {file: /s/operator}, token_policies: [reader]}
      stranger: {password: {file: /s/stranger}, token_policies: [elsewhere]}
policies:
  admin: {rules: 'path "sys/policies/acl/*" { capabilities = ["create", "update"] }'}
  auditor: {builtin: auditor}
  reader: {rules: 'path "sys/policies/acl/*" { capabilities = ["read"] }'}
logins:
  ada: {auth: userpass, username: ada, password: {file: /s/ada}}
  admin: {auth: userpass, username: admin, password: {file: /s/admin}}
  auditor: {auth: userpass, username: auditor, password: {file: /s/auditor}}
  operator: {auth: userpass, username: operator, password: {file: /s/operator}}
  stranger: {auth: userpass, username: stranger, password: {file: /s/stranger}}
break_glass: {logins: [ada]}
"#;

    fn config() -> Config {
        from_text(FILE, Path::new("/b.yaml"), Path::new("/"), &|_| None).unwrap()
    }

    #[test]
    fn another_login_is_named_only_where_its_policies_let_it_write() {
        let config = config();
        let place = of(&config, "bao", Some("auditor"), "sys/policies/acl/reader");
        // What a policy says that the file does not have is not known.
        assert_eq!(place.others, ["admin"]);
        assert!(
            place.break_glass.as_str().ends_with(
                "break-glass --reason REASON --expect sys/policies/acl/reader --env -- bao policy write reader FILE"
            ),
            "{}",
            place.break_glass
        );
        let place = of(&config, "vault", Some("auditor"), "auth/userpass/users/ada");
        assert_eq!(place.others, Vec::<String>::new());
        assert!(
            place
                .break_glass
                .as_str()
                .ends_with("-- vault write auth/userpass/users/ada FIELDS"),
            "{}",
            place.break_glass
        );
    }

    #[test]
    fn what_to_type_next_is_not_the_run_that_could_not_help() {
        let config = config();
        let place = |path: &str| of(&config, "bao", Some("auditor"), path);
        let policy = place("sys/policies/acl/reader");
        let user = place("auth/userpass/users/ada");
        let next = |unseen, places: &[&InItsPlace], looked_as| {
            let found = next(&config, unseen, places, Some(looked_as));
            found.map(|(command, _)| command.to_string())
        };
        let ends = |found: Option<String>, end: &str| {
            let found = found.unwrap();
            assert!(found.ends_with(end), "{found}");
        };
        ends(next(false, &[&policy], "auditor"), " apply --login admin");
        ends(
            next(false, &[&user], "auditor"),
            " -- bao write auth/userpass/users/ada FIELDS",
        );
        ends(
            next(false, &[&user, &policy], "auditor"),
            " apply --login admin",
        );
        ends(next(true, &[&policy], "operator"), " apply --login auditor");
        assert_eq!(next(true, &[], "auditor"), None);
        assert_eq!(next(false, &[], "auditor"), None);
    }
}
