//! Secrets in a file of bank-vaults, by what they are called and by what they are.

use serde_json::Value;

use crate::config::is_secret;
use crate::import::bank_vaults::values::is_number;

/// Fields with an address in which a password may stand.
const ADDRESSES: [&str; 7] = [
    "connection_string",
    "connection_uri",
    "connection_url",
    "dsn",
    "server",
    "uri",
    "url",
];

/// Ends of names of secrets, without what parts their words.
const SECRET_ENDS: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "pass",
    "pwd",
    "secret",
    "secretkey",
    "privatekey",
    "apikey",
    "accesskey",
    "accountkey",
    "clientkey",
];
/// How tokens begin that are known by it.
const TOKENS: [&str; 8] = [
    "hvs.",
    "hvb.",
    "hvr.",
    "ghp_",
    "gho_",
    "github_pat_",
    "glpat-",
    "xoxb-",
];
/// Words with which a text gives a secret away.
const GIVEN: [&str; 5] = ["password=", "pwd=", "accountkey=", "token=", "secret="];

/// Whether a field is a secret by its name, however that is spelt: what is taken for one and is none has only to be filled in.
pub(super) fn is_called_secret(path: &str, name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    is_secret(name)
        || SECRET_ENDS.iter().any(|end| plain.ends_with(end))
        // What a one-time password is computed from, and a key of transit that is brought back.
        || (name == "key" && path.contains("/keys/"))
        || (name == "backup" && path.contains("/restore"))
}

/// Whether a text is a secret by what it is: a key, or an address with a password.
pub(super) fn holds_secret(name: &str, text: &str) -> bool {
    // A token of before 1.10 is `s.` and 24 letters.
    let is_old = text.strip_prefix("s.").is_some_and(|rest| {
        rest.len() == 24 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    let is_token = is_old || TOKENS.iter().any(|begin| text.starts_with(begin));
    is_token
        || is_secret_map(text)
        || text.contains("PRIVATE KEY")
        || has_password(text, ADDRESSES.contains(&name))
}

/// Whether a text is a map of JSON in which something is called as a secret is.
fn is_secret_map(text: &str) -> bool {
    let Ok(Value::Object(map)) = serde_json::from_str(text) else {
        return false;
    };
    map.keys().any(|name| is_called_secret("", name))
}

/// Whether `NAME:PASSWORD@` stands in an address, or `password=` in it, and is no blank that the server fills in.
fn has_password(text: &str, is_address: bool) -> bool {
    let said = text.to_ascii_lowercase();
    let filled =
        |rest: &str| !rest.is_empty() && !rest.trim_start_matches(['\'', '"']).starts_with("{{");
    let mut given = GIVEN.iter().flat_map(|word| said.split(word).skip(1));
    if given.any(filled) {
        return true;
    }
    // As Oracle has it.
    let oracle = text
        .rsplit_once('@')
        .and_then(|(before, _)| before.split_once('/'));
    if is_address && !text.contains("://") && oracle.is_some_and(|(_, word)| filled(word)) {
        return true;
    }
    let user = match text.split_once("://") {
        Some((_, rest)) => rest,
        None if is_address => text,
        None => return false,
    };
    let user = user.split('/').next().unwrap_or(user);
    let Some((user, _)) = user.rsplit_once('@') else {
        return text.contains("://") && text.matches('@').count() > 0 && hides(text);
    };
    user.split_once(':')
        .is_some_and(|(_, word)| !word.is_empty() && !word.starts_with("{{"))
}

/// Whether a `/` in a password has hidden the `@` behind it.
fn hides(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let before = rest.rsplit_once('@').map_or("", |(before, _)| before);
    // A number before a `/` is a port.
    let is_port = |word: &str| word.split('/').next().is_some_and(is_number);
    before
        .split_once(':')
        .is_some_and(|(_, word)| !word.is_empty() && !word.starts_with("{{") && !is_port(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_what_it_is_wherever_it_stands() {
        for (name, text, secret) in [
            ("note", "-----BEGIN PRIVATE KEY-----\nx", true),
            ("note", "hvs.CAESI", true),
            ("note", "postgres://ada:pw-1@db:5432/x", true),
            ("note", "postgres://ada:p/w@db:5432/x", true),
            (
                "note",
                "postgres://{{username}}:{{password}}@db:5432/x",
                false,
            ),
            ("note", "https://db:5432/a@b", false),
            ("note", "host=db user=ada password=pw-1", true),
            ("note", "host=db password={{password}}", false),
            ("connection_url", "ada:pw-1@tcp(db:3306)/", true),
            (
                "connection_url",
                "{{username}}:{{password}}@tcp(db:3306)/",
                false,
            ),
            ("connection_url", "system/pw-1@db:1521/x", true),
            (
                "connection_url",
                "{{username}}/{{password}}@db:1521/x",
                false,
            ),
            ("note", "Server=db;Uid=a;Pwd=pw-1", true),
            ("note", "https://a/?token=x1", true),
            ("note", "ghp_0123456789", true),
            ("note", "s.0123456789abcdef01234567", true),
            ("note", "s.short", false),
            ("note", "{\"clientSecret\": \"x\"}", true),
            ("note", "{\"region\": \"x\"}", false),
            ("note", "repo:a/b@c", false),
            ("note", "plain", false),
        ] {
            assert_eq!(holds_secret(name, text), secret, "{name} {text}");
        }
    }

    #[test]
    fn a_secret_is_known_by_its_name_however_that_is_spelt() {
        for (path, name, secret) in [
            ("a", "adminPassword", true),
            ("a", "client-secret", true),
            ("a", "apikey", true),
            ("a", "pwd", true),
            ("totp/keys/ada", "key", true),
            ("transit/restore/a", "backup", true),
            ("pki/roles/a", "key_type", false),
            ("a", "backup", false),
            ("a", "region", false),
        ] {
            assert_eq!(is_called_secret(path, name), secret, "{path} {name}");
        }
    }
}
