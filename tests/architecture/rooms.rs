//! The rooms of the house: who may import whom, where a secret may be looked at, and what the tree may look like.

/// Who may import whom, room by room, from the ground up. No room stands above one that it is below: a room may know
/// those before it only, so there is no circle between rooms.
pub(crate) const MAY_IMPORT: &[(&str, &[&str])] = &[
    // Ground: no system, no verb, no file of the operator.
    ("secret", &[]),
    ("hex", &[]),
    ("disk", &[]),
    ("failure", &[]),
    ("text_layout", &[]),
    ("audit_log", &["disk"]),
    ("hardening", &[]),
    ("plain_http", &[]),
    ("step", &[]),
    ("cli", &[]),
    ("config", &["disk", "plain_http"]),
    ("interrupt", &["failure"]),
    ("prompt", &["interrupt", "secret"]),
    ("reference", &["config", "disk", "secret"]),
    (
        "evidence",
        &["disk", "failure", "text_layout", "prompt", "secret"],
    ),
    // Systems: none of them knows the configuration, a verb or the terminal.
    ("backend", &["disk"]),
    ("child", &["disk", "interrupt", "secret"]),
    ("vault", &["hex", "plain_http", "secret"]),
    ("kubernetes", &["disk", "failure", "plain_http", "secret"]),
    ("aws", &["backend", "secret"]),
    (
        "custodian",
        &["aws", "backend", "child", "disk", "hex", "secret"],
    ),
    ("envelope", &["aws", "backend", "custodian", "secret"]),
    ("replica", &["aws", "backend", "hex"]),
    (
        "door",
        &["child", "disk", "failure", "kubernetes", "secret", "vault"],
    ),
    // What is not as it should be, as data.
    ("finding", &["step", "vault"]),
    // What every verb says, and how.
    (
        "event",
        &["door", "evidence", "failure", "interrupt", "step"],
    ),
    (
        "root_generation",
        &["event", "failure", "hex", "secret", "vault"],
    ),
    // From the file to the systems.
    (
        "edge",
        &[
            "aws",
            "backend",
            "config",
            "custodian",
            "disk",
            "door",
            "envelope",
            "failure",
            "finding",
            "kubernetes",
            "plain_http",
            "prompt",
            "reference",
            "secret",
            "vault",
        ],
    ),
    // Shared by the verbs.
    (
        "checkpoint",
        &[
            "backend",
            "config",
            "custodian",
            "disk",
            "edge",
            "envelope",
            "event",
            "evidence",
            "failure",
            "hex",
            "interrupt",
            "replica",
            "root_generation",
            "secret",
            "step",
        ],
    ),
    (
        "session",
        &[
            "checkpoint",
            "config",
            "door",
            "edge",
            "event",
            "failure",
            "secret",
            "step",
            "vault",
        ],
    ),
    (
        "desired",
        &[
            "checkpoint",
            "config",
            "envelope",
            "evidence",
            "failure",
            "finding",
            "secret",
            "session",
            "step",
            "vault",
        ],
    ),
    (
        "shares",
        &[
            "checkpoint",
            "config",
            "custodian",
            "edge",
            "event",
            "failure",
            "finding",
            "prompt",
            "root_generation",
            "secret",
            "vault",
        ],
    ),
    // Verbs.
    (
        "bootstrap",
        &[
            "audit_log",
            "aws",
            "checkpoint",
            "config",
            "custodian",
            "desired",
            "door",
            "edge",
            "envelope",
            "event",
            "evidence",
            "failure",
            "finding",
            "interrupt",
            "text_layout",
            "prompt",
            "root_generation",
            "secret",
            "session",
            "shares",
            "step",
            "vault",
        ],
    ),
    (
        "break_glass",
        &[
            "audit_log",
            "aws",
            "checkpoint",
            "child",
            "config",
            "disk",
            "edge",
            "envelope",
            "event",
            "evidence",
            "failure",
            "finding",
            "hex",
            "interrupt",
            "root_generation",
            "secret",
            "session",
            "shares",
            "vault",
        ],
    ),
    (
        "recovery",
        &[
            "checkpoint",
            "config",
            "custodian",
            "desired",
            "edge",
            "event",
            "failure",
            "finding",
            "interrupt",
            "prompt",
            "secret",
            "session",
            "shares",
            "vault",
        ],
    ),
    // The terminal, and what was typed there.
    (
        "report",
        &[
            "cli",
            "event",
            "failure",
            "finding",
            "text_layout",
            "prompt",
            "step",
        ],
    ),
    (
        "dispatch",
        &[
            "bootstrap",
            "break_glass",
            "cli",
            "config",
            "edge",
            "event",
            "evidence",
            "failure",
            "interrupt",
            "recovery",
            "report",
        ],
    ),
    (
        "main",
        &[
            "cli",
            "dispatch",
            "failure",
            "hardening",
            "report",
            "secret",
        ],
    ),
];

/// Where a secret may be looked at.
pub(crate) const MAY_EXPOSE: &[&str] = &[
    "aws",
    "custodian",
    "envelope",
    "evidence",
    "kubernetes",
    "prompt",
    "secret",
    "vault",
];

/// The most lines of the verb that is largest.
pub(crate) const BOOTSTRAP_AT_MOST: usize = 7000;

/// Files that import each other in a circle may be this many.
pub(crate) const CIRCLE_AT_MOST: usize = 3;

/// Circles that are larger still, room by room, each with what it has now: none may grow, and a room that has none any
/// more leaves this list.
pub(crate) const LARGER_CIRCLES: &[(&str, usize)] = &[];
