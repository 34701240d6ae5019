//! `manage: named` of an entry of `writes`: refused where a write of what it names would cost the rest, or may.

use crate::code::Code;
use crate::config::{Config, OfWrite};
use crate::desired::grant::login_by;
use crate::desired::kind::{Kind, Writing};
use crate::failure::Failure;

/// Holds that what the file does not name can be left to others, wherever it says so of a write.
///
/// # Errors
/// All entries of which it cannot.
pub(crate) fn can_be_left(config: &Config) -> Result<(), Failure> {
    let writes = config.writes.iter();
    let named = writes.filter(|write| write.manage == OfWrite::Named);
    let refused = named.filter_map(|write| {
        let (file, path) = (config.file.display(), &write.path);
        let door = login_by(config, path)
            .map(|login| format!("the login {login} comes in here, so all of it is the file's"));
        let kept = || why_not(Kind::of_path(config, path)).map(str::to_owned);
        let why = door.or_else(kept)?;
        let text = format!("{file}: writes: {path}: manage: named: {why}");
        let failure = Failure::usage(Code::FileContradicts, text);
        Some(failure.advise(
            "take manage: named out of this entry; fields that another tool writes there are named in unmanaged_fields",
        ))
    });
    Failure::check(refused.collect())
}

/// Why nothing of such a document can be left to others.
fn why_not(kind: Kind) -> Option<&'static str> {
    if kind.initial {
        return Some("a write of values replaces all of them, those of others too");
    }
    if kind.once || kind.unreadable {
        return Some("it is sent once, and there is nothing to compare later");
    }
    match kind.writing {
        Writing::Merges => None,
        Writing::Replaces => Some("a write there resets each field that it does not name"),
        Writing::NotKnown => {
            Some("nobody has measured whether a write there resets what it does not name")
        }
    }
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
  custodians:
    - {name: alice, age: {recipient: age1alice, file: shares/alice.age}}
checkpoint: {path: .vault-bootstrap/lab, key: {identity: keys/checkpoint.agekey}}
audit:
  file: {type: file, options: {file_path: /var/log/audit.log}}
secrets:
  secret: {type: kv, options: {version: "2"}}
  pki: {type: pki}
  ssh: {type: ssh}
  transit: {type: transit}
  strange: {type: nomad}
auth:
  approle: {}
  userpass: {users: {ada: {password: {file: /run/secrets/ada}}}}
logins:
  robot: {auth: approle, role_id: abc, secret_id: {env: SECRET_ID}}
  ada: {auth: userpass, username: ada, password: {file: /run/secrets/ada}}
break_glass: {none: "a test"}
writes: [{path: "PATH", data: {data: {a: 1}}, manage: named}]
"#;

    fn refused(path: &str) -> Option<String> {
        let text = FILE.replace("PATH", path);
        let loaded = from_text(&text, Path::new("x"), Path::new(""), &|_| None);
        let config = loaded.unwrap_or_else(|problems| panic!("{path} {:?}", problems.list));
        can_be_left(&config)
            .err()
            .map(|failure| failure.to_string())
    }

    #[test]
    fn what_a_write_does_not_name_can_be_left_only_where_it_is_known_to_stay() {
        for path in [
            "sys/rotate/config",
            "secret/config",
            "secret/metadata/app",
            "pki/config/urls",
            "transit/keys/app",
        ] {
            assert_eq!(refused(path), None, "{path}");
        }
        for (path, why) in [
            ("secret/data/app", "replaces all of them"),
            ("sys/quotas/rate-limit/team", "resets each field"),
            ("sys/policies/password/long", "resets each field"),
            ("pki/roles/web", "resets each field"),
            ("ssh/config/ca", "it is sent once"),
            ("pki/root/generate/internal", "it is sent once"),
            ("transit/keys/app/rotate", "it is sent once"),
            ("strange/config/access", "nobody has measured"),
            ("sys/config/cors", "nobody has measured"),
            ("auth/approle/role/robot", "the login robot comes in here"),
        ] {
            let said = refused(path).unwrap_or_default();
            assert!(said.contains(why), "{path}: {said}");
            assert!(said.contains("manage: named"), "{said}");
        }
    }
}
