//! What is known of a kind of document: how the server takes a write of it, what moves in it by itself, what puts a field
//! back, and what may be shown.
//!
//! Measured on OpenBao 2.6.2 and 2.7.2 and Vault 1.21.1; the servers' documentation where that is said.

use crate::config::Config;
use crate::memory::leaf::is_in;

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    /// What a write does with what it does not name.
    pub(crate) writing: Writing,
    /// Places whose value moves by itself: use, restarts, other nodes and releases of the server change it.
    moves: &'static [&'static str],
    /// Its answer holds nothing secret.
    pub(crate) plain: bool,
    /// It is only given a first value: what it becomes is the affair of those who use it.
    pub(crate) initial: bool,
    /// A second write is a second act, so it is done once.
    pub(crate) once: bool,
    /// Reading it is no looking: the answer is a credential that is made by it.
    pub(crate) unreadable: bool,
    /// What is stored is what was sent: it is compared as it stands, also where nothing is remembered.
    pub(crate) exact: bool,
    /// A second write there changes nothing: what can be changed is written below it.
    pub(crate) set_below: Option<Below>,
    /// It has no read of its own: what it stands in shows it.
    pub(crate) read_above: bool,
}

/// Where a document is changed that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Below {
    /// The last part of the path.
    pub(crate) name: &'static str,
    /// What can be changed.
    pub(crate) fields: &'static [&'static str],
}

/// What of a key of `transit` can be changed, which is done at its `config`.
const KEY_SETTINGS: [&str; 6] = [
    "allow_plaintext_backup",
    "auto_rotate_period",
    "deletion_allowed",
    "exportable",
    "min_decryption_version",
    "min_encryption_version",
];
const OF_KEYS: [&str; 3] = ["keys", "latest_version", "min_available_version"];
/// The same of a key whose settings are a document of the file too.
const OF_SET_KEYS: [&str; 9] = [
    "keys",
    "latest_version",
    "min_available_version",
    "allow_plaintext_backup",
    "auto_rotate_period",
    "deletion_allowed",
    "exportable",
    "min_decryption_version",
    "min_encryption_version",
];
const KEY: Kind = Kind {
    moves: &OF_KEYS,
    set_below: Some(Below {
        name: "config",
        fields: &KEY_SETTINGS,
    }),
    ..MERGED
};

/// What the server does with fields that a write does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    /// They stay as they are.
    Merges,
    /// They go back to their default.
    Replaces,
    /// Nobody has looked: the whole is sent, and what came of it is read.
    NotKnown,
}

/// Of which nothing is known.
const OTHER: Kind = Kind {
    writing: Writing::NotKnown,
    moves: &[],
    plain: false,
    initial: false,
    once: false,
    unreadable: false,
    exact: false,
    set_below: None,
    read_above: false,
};
pub(super) const REPLACED: Kind = Kind {
    writing: Writing::Replaces,
    plain: true,
    ..OTHER
};
pub(super) const MERGED: Kind = Kind {
    writing: Writing::Merges,
    plain: true,
    ..OTHER
};
/// A policy.
pub(crate) const POLICY: Kind = Kind {
    moves: &["version", "modified"],
    ..REPLACED
};
/// A mount, as its listing has it, and what tunes it.
pub(crate) const MOUNT: Kind = Kind {
    moves: &["running_plugin_version", "running_sha256"],
    ..MERGED
};
const VALUES: Kind = Kind {
    writing: Writing::Replaces,
    moves: &["metadata"],
    initial: true,
    exact: true,
    ..OTHER
};
const ONCE: Kind = Kind {
    once: true,
    ..OTHER
};
const CREDENTIAL: Kind = Kind {
    unreadable: true,
    ..OTHER
};

impl Kind {
    /// Whether it can be read where it is written.
    pub(crate) fn is_read(&self) -> bool {
        !self.unreadable && !self.once
    }

    /// The same of one whose answer may hold what is nobody's business.
    pub(super) fn hidden(self) -> Self {
        let plain = false;
        Self { plain, ..self }
    }

    /// Of the configuration of an auth method of this type.
    pub(crate) fn auth_config(auth_type: &str) -> Self {
        match auth_type {
            "jwt" | "oidc" => Self {
                moves: &["status"],
                ..REPLACED
            },
            "kubernetes" => REPLACED,
            "ldap" | "radius" => Self {
                writing: Writing::Merges,
                ..OTHER
            },
            "cert" => MERGED,
            _ => OTHER,
        }
    }

    /// Of a role or user of an auth method of this type.
    pub(crate) fn auth_role(auth_type: &str) -> Self {
        match auth_type {
            "jwt" | "oidc" | "kubernetes" | "approle" | "userpass" | "cert" | "token" => MERGED,
            // Groups and users of a directory.
            "ldap" => REPLACED,
            _ => OTHER,
        }
    }

    /// Of any path of the API, by what the file mounts there.
    pub(crate) fn of_path(config: &Config, path: &str) -> Self {
        let mut writes = config.writes.iter();
        if writes.any(|write| write.path == path && write.hand_out.is_some()) {
            return ONCE;
        }
        if let Some(kind) = of_system(path) {
            return kind;
        }
        let engines = config.secrets.iter();
        let mounted = engines.filter_map(|engine| {
            let rest = path.strip_prefix(engine.path.as_str())?.strip_prefix('/')?;
            Some((engine, rest))
        });
        let Some((engine, rest)) = mounted.max_by_key(|(engine, _)| engine.path.len()) else {
            return of_auth(config, path);
        };
        let version = engine.options.iter().find(|(name, _)| name == "version");
        let second = version.is_some_and(|(_, version)| version == "2");
        let kind = of_engine(&engine.engine_type, second, rest);
        if let Some(below) = kind.set_below {
            let settings = format!("{path}/{}", below.name);
            if config.writes.iter().any(|write| write.path == settings) {
                // That one compares them.
                let moves = &OF_SET_KEYS;
                return Self { moves, ..kind };
            }
        }
        kind
    }

    /// Whether the value at this place moves by itself.
    pub(crate) fn moves(&self, place: &str) -> bool {
        self.moves.iter().any(|moves| is_in(place, moves))
    }
}

fn of_system(path: &str) -> Option<Kind> {
    let parts: Vec<&str> = path.split('/').collect();
    Some(match parts[..] {
        ["identity", "oidc", "token", ..] => CREDENTIAL,
        ["identity", "group", ..] => Kind {
            // Who stands above it is said by the group above.
            moves: &[
                "modify_index",
                "last_update_time",
                "alias.last_update_time",
                "alias.modify_index",
                "parent_group_ids",
            ],
            ..MERGED
        },
        ["identity", "entity", ..] => Kind {
            // Its groups are said by the groups, of which a provider fills some at each login.
            moves: &[
                "last_update_time",
                "aliases",
                "group_ids",
                "direct_group_ids",
                "inherited_group_ids",
                "mfa_secrets",
            ],
            ..MERGED
        },
        ["identity", "entity-alias" | "group-alias", ..] => Kind {
            moves: &["last_update_time", "metadata"],
            ..MERGED
        },
        ["sys", "policies", "acl", _] | ["sys", "policy", _] => POLICY,
        ["sys", "quotas", ..] => REPLACED,
        ["sys", "policies", "password", _] => REPLACED,
        ["sys", "config", "cors" | "ui", ..] => Kind {
            plain: true,
            ..OTHER
        },
        ["sys", "mounts" | "auth", .., "tune"] => MOUNT,
        ["auth", "token", "roles", _]
        | ["identity", "oidc", "config"]
        | ["sys", "rotate", "config"]
        | ["sys", "rotate", "keyring", "config"]
        | ["sys", "storage", "raft", "autopilot", "configuration"] => MERGED,
        // Each write makes one, under an id of its own.
        ["identity", "mfa", "method", _] => ONCE,
        ["sys", "rotate" | "seal" | "unseal" | "step-down", ..] => ONCE,
        // A client's answer has its secret.
        [
            "identity",
            "oidc",
            "key" | "role" | "scope" | "assignment" | "client" | "provider",
            _,
        ] => Kind {
            writing: Writing::Merges,
            ..OTHER
        },
        ["sys" | "identity", ..] => OTHER,
        _ => return None,
    })
}

fn of_auth(config: &Config, path: &str) -> Kind {
    let method = config.auth.iter().find(|method| {
        let rest = path
            .strip_prefix("auth/")
            .and_then(|rest| rest.strip_prefix(&*method.path));
        rest.is_some_and(|rest| rest.starts_with('/'))
    });
    match (method, path.rsplit('/').nth(1)) {
        (Some(method), _) if path.ends_with("/config") => Kind::auth_config(&method.auth_type),
        (Some(method), Some("role" | "users" | "certs" | "groups" | "roles")) => {
            Kind::auth_role(&method.auth_type)
        }
        // A role that is called so is none.
        _ if is_act(path) => ONCE,
        _ => OTHER,
    }
}

fn of_engine(engine_type: &str, second_version: bool, rest: &str) -> Kind {
    let parts: Vec<&str> = rest.split('/').collect();
    match (engine_type, &parts[..]) {
        ("kv", ["data", ..]) if second_version => VALUES,
        ("kv", ["metadata", ..]) if second_version => Kind {
            moves: &[
                "current_version",
                "oldest_version",
                "versions",
                "created_time",
                "updated_time",
                "last_updated_by",
                "current_metadata_version",
            ],
            ..MERGED
        },
        ("kv", ["config"]) if second_version => MERGED,
        ("kv", _) if !second_version => Kind {
            moves: &[],
            ..VALUES
        },
        ("cubbyhole", _) => Kind {
            moves: &[],
            ..VALUES
        },
        ("transit", ["keys", _]) => KEY,
        ("transit", ["keys", _, "config"]) => Kind {
            set_below: None,
            read_above: true,
            ..KEY
        },
        ("pki" | "ssh", ["roles", _]) => REPLACED,
        ("pki", ["config", "urls" | "crl" | "cluster" | "auto-tidy" | "acme"]) => MERGED,
        ("pki", ["config", "issuers"]) => Kind {
            moves: &["default"],
            ..MERGED
        },
        ("database" | "aws" | "kubernetes", ["roles", _]) => MERGED,
        ("database", ["config", _]) => Kind {
            writing: Writing::Merges,
            ..OTHER
        },
        ("database", ["static-roles", _]) => Kind {
            moves: &["last_vault_rotation", "ttl", "next_vault_rotation"],
            plain: true,
            ..OTHER
        },
        ("ssh", ["config", "ca"]) => ONCE,
        ("totp", ["code", ..]) => CREDENTIAL,
        (_, ["creds" | "static-cred" | "static-creds" | "sts", ..]) => CREDENTIAL,
        _ if is_act(rest) => ONCE,
        _ => OTHER,
    }
}

/// Whether a write there makes something each time.
fn is_act(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let ends = |end: &[&str]| parts.ends_with(end);
    parts.iter().any(|part| {
        matches!(
            *part,
            "generate" | "rotate-root" | "sign" | "issue" | "sign-verbatim"
        )
    }) || ends(&["rotate"])
        || ends(&["secret-id"])
        || ends(&["custom-secret-id"])
        || ends(&["root", "sign-intermediate"])
        || ends(&["intermediate", "set-signed"])
        || ends(&["config", "ca"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_moves_with_what_it_is_in() {
        assert!(VALUES.moves("metadata.version") && !VALUES.moves("metadatas"));
        assert!(POLICY.moves("version") && !POLICY.moves("policy"));
        let group = of_system("identity/group/name/ops").unwrap();
        assert!(group.moves("alias.last_update_time") && !group.moves("alias.name"));
    }

    #[test]
    fn paths_are_known_by_what_is_mounted_there() {
        assert_eq!(of_engine("kv", true, "data/a"), VALUES);
        assert!(of_engine("kv", true, "metadata/a").moves("versions"));
        assert!(of_engine("kv", false, "data/a").initial);
        assert!(of_engine("ssh", false, "config/ca").once);
        assert!(of_engine("pki", false, "root/generate/internal").once);
        assert!(of_engine("transit", false, "keys/a/rotate").once);
        let key = of_engine("transit", false, "keys/a");
        assert_eq!(key.set_below.map(|below| below.name), Some("config"));
        assert!(of_engine("transit", false, "keys/a/config").read_above);
        for path in ["urls", "crl", "cluster", "auto-tidy", "acme"] {
            assert_eq!(of_engine("pki", false, &format!("config/{path}")), MERGED);
        }
        assert_eq!(of_system("auth/token/roles/a"), Some(MERGED));
        assert!(of_engine("database", false, "creds/a").unreadable);
        assert!(is_act("auth/approle/role/a/secret-id"));
        assert!(!is_act("pki/roles/rotate-me") && !is_act("kv/signal"));
    }
}
