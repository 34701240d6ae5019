//! Who was at which machine: what the system and the environment say, not a proof of it.

use rustix::process::geteuid;
use rustix::system::uname;
use serde_json::{Value, json};

use crate::disk::users;
use crate::printable;

/// Characters of a name at the most.
const LONGEST: usize = 100;

/// The user of this process and its machine: `{"uid", "user", "sudo_user", "machine"}`; names are those of the
/// environment (`USER` or `LOGNAME`, and `SUDO_USER`), where it has any; else that of the system for the user.
pub(crate) fn operator() -> Value {
    let name = |variable: &str| {
        let name = std::env::var(variable).ok();
        name.filter(|name| !name.is_empty())
            .map(|name| printable::line(&name, LONGEST))
    };
    let machine = uname().nodename().to_string_lossy().into_owned();
    let mut facts = json!({
        "uid": geteuid().as_raw(),
        "machine": printable::line(&machine, LONGEST),
    });
    for (fact, found) in [
        (
            "user",
            name("USER")
                .or_else(|| name("LOGNAME"))
                .or_else(|| users::name_of(geteuid().as_raw())),
        ),
        ("sudo_user", name("SUDO_USER")),
    ] {
        if let Some(found) = found {
            facts[fact] = json!(found);
        }
    }
    facts
}

/// For people: `ada (uid 1000, by sudo of bob) on host`.
pub(crate) fn in_words(operator: &Value) -> String {
    let text = |fact: &str| operator[fact].as_str().unwrap_or("?");
    let sudo = operator["sudo_user"].as_str();
    let sudo = sudo.map_or(String::new(), |name| format!(", by sudo of {name}"));
    let (user, uid) = (text("user"), &operator["uid"]);
    format!("{user} (uid {uid}{sudo}) on {}", text("machine"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_machine_are_named() {
        let facts = operator();
        assert_eq!(facts["uid"], geteuid().as_raw());
        let words = in_words(&json!({"uid": 7, "user": "ada", "sudo_user": "bob", "machine": "m"}));
        assert_eq!(words, "ada (uid 7, by sudo of bob) on m");
        assert!(
            facts["machine"]
                .as_str()
                .is_some_and(|name| !name.is_empty())
        );
    }
}
