//! The rooms of the house: who may import whom, and where a secret may be looked at.

/// Who may import whom, room by room. Systems stand first: none of them knows the configuration, a verb or
/// the terminal, and none knows another, but for the envelope and the replica, which reach AWS through the
/// custodians.
pub(crate) const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("vault", &["secret"]),
    ("custodian", &["secret"]),
    ("kubernetes", &["secret"]),
    ("envelope", &["custodian", "secret"]),
    ("replica", &["custodian"]),
    ("secret", &[]),
    ("failure", &[]),
    ("layout", &[]),
    ("hardening", &[]),
    ("cli", &[]),
    ("config", &[]),
    ("prompt", &["secret"]),
    ("reference", &["config", "secret"]),
    ("door", &["kubernetes", "secret", "vault"]),
    ("report", &["bootstrap", "failure", "layout"]),
    ("interrupt", &["failure"]),
    (
        "edge",
        &[
            "config",
            "custodian",
            "door",
            "envelope",
            "failure",
            "kubernetes",
            "prompt",
            "reference",
            "secret",
            "vault",
        ],
    ),
    ("break_glass", &["failure", "secret", "vault"]),
    (
        "bootstrap",
        &[
            "break_glass",
            "config",
            "custodian",
            "door",
            "edge",
            "envelope",
            "failure",
            "interrupt",
            "kubernetes",
            "layout",
            "prompt",
            "reference",
            "replica",
            "secret",
            "vault",
        ],
    ),
    (
        "recovery",
        &[
            "bootstrap",
            "config",
            "custodian",
            "door",
            "edge",
            "failure",
            "interrupt",
            "prompt",
            "secret",
            "vault",
        ],
    ),
    (
        "main",
        &[
            "bootstrap",
            "cli",
            "config",
            "edge",
            "failure",
            "hardening",
            "interrupt",
            "recovery",
            "report",
            "secret",
        ],
    ),
];

/// Where a secret may be looked at.
pub(crate) const MAY_EXPOSE: &[&str] = &[
    "vault",
    "custodian",
    "kubernetes",
    "envelope",
    "prompt",
    "secret",
];
