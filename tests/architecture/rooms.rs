//! The rooms of the house: who may import whom, and what the tree may look like.

/// Who may import whom, room by room, from the ground up. No room stands above one that it is below: a room may know
/// those before it only, so there is no circle between rooms.
#[rustfmt::skip]
pub(crate) const MAY_IMPORT: &[(&str, &[&str])] = &[
    // Ground: no system, no verb, no file of the operator.
    ("code", &[]),
    ("secret", &[]),
    ("printable", &[]),
    ("shell", &["printable"]),
    ("screen", &[]),
    ("hex", &[]),
    ("span", &[]),
    ("disk", &["shell", "span"]),
    ("failure", &["code"]),
    ("text_layout", &[]),
    ("audit_log", &["disk"]),
    ("hardening", &[]),
    ("plain_http", &["disk"]),
    ("step", &[]),
    ("cli", &["span"]),
    ("examples", &[]),
    ("config", &["code", "disk", "plain_http", "shell", "span"]),
    ("interrupt", &["code", "failure"]),
    ("prompt", &["interrupt", "printable", "screen", "secret", "text_layout"]),
    ("reference", &["config", "disk", "secret", "shell", "span"]),
    ("evidence", &["code", "disk", "failure", "text_layout", "printable", "prompt", "secret", "shell"]),
    // Systems: none of them knows the configuration, a verb or the terminal.
    ("backend", &["disk", "printable", "shell", "span"]),
    ("child", &["disk", "interrupt", "secret"]),
    ("vault", &["code", "hex", "plain_http", "printable", "secret", "shell", "span"]),
    ("kubernetes", &["code", "disk", "failure", "plain_http", "secret", "shell", "span"]),
    ("aws", &["backend", "secret", "shell"]),
    ("custodian", &["code", "aws", "backend", "child", "disk", "hex", "screen", "secret", "shell", "span"]),
    ("envelope", &["code", "aws", "backend", "custodian", "secret"]),
    ("replica", &["aws", "backend", "hex", "printable", "shell"]),
    ("door", &["code", "child", "disk", "failure", "kubernetes", "secret", "vault", "span"]),
    // What is not as it should be, as data.
    ("finding", &["code", "printable", "shell", "step", "vault", "span"]),
    // What every verb says, and how.
    ("event", &["code", "door", "evidence", "failure", "interrupt", "printable", "step"]),
    ("root_generation", &["code", "event", "failure", "hex", "secret", "shell", "vault", "span"]),
    // From the file to the systems.
    ("edge", &["code", "aws", "backend", "config", "custodian", "disk", "door", "envelope", "failure",
        "finding", "interrupt", "kubernetes", "plain_http", "prompt", "reference", "secret", "vault"]),
    // Shared by the verbs.
    ("holder_file", &["config", "edge", "shell"]),
    ("checkpoint", &["code", "backend", "config", "custodian", "disk", "edge", "envelope", "event", "evidence",
        "failure", "hex", "interrupt", "replica", "root_generation", "secret", "step", "shell", "span"]),
    ("session", &["code", "audit_log", "checkpoint", "config", "door", "edge", "event", "failure", "finding", "plain_http", "secret",
        "step", "vault", "shell", "span"]),
    ("memory", &["checkpoint", "disk", "envelope", "vault"]),
    ("desired", &["code", "checkpoint", "config", "edge", "memory", "evidence", "failure", "finding", "secret",
        "session", "step", "vault", "printable", "shell"]),
    ("shares", &["code", "checkpoint", "config", "custodian", "edge", "event", "failure", "finding", "prompt",
        "root_generation", "secret", "step", "vault", "shell"]),
    // Verbs.
    ("bootstrap", &["code", "aws", "checkpoint", "config", "custodian", "desired", "door", "edge",
        "envelope", "event", "evidence", "failure", "finding", "holder_file", "interrupt", "memory",
        "text_layout", "prompt", "root_generation", "secret", "session", "shares", "step",
        "vault", "shell", "printable", "span"]),
    ("plan", &["bootstrap", "checkpoint", "code", "config", "custodian", "desired", "edge", "event", "evidence",
        "failure", "finding", "memory", "session", "shell", "step", "vault"]),
    ("holders", &["code", "checkpoint", "config", "custodian", "disk", "edge", "envelope", "event", "failure",
        "finding", "holder_file", "prompt", "session", "shell", "step"]),
    ("break_glass", &["code", "audit_log", "aws", "checkpoint", "child", "config", "disk", "edge", "envelope",
        "event", "evidence", "failure", "finding", "hex", "interrupt", "prompt", "root_generation", "secret",
        "session", "shares", "vault", "shell", "printable", "span"]),
    ("recovery", &["code", "checkpoint", "config", "custodian", "desired", "edge", "event", "failure",
        "finding", "holder_file", "interrupt", "prompt", "secret", "session", "shares", "vault", "shell",
        "step", "evidence", "span"]),
    // The terminal, and what was typed there.
    ("report", &["code", "cli", "event", "failure", "finding", "screen", "text_layout", "step", "printable",
        "shell", "span"]),
    ("dispatch", &["code", "bootstrap", "break_glass", "cli", "config", "edge", "event", "evidence", "examples",
        "failure", "holders", "interrupt", "plan", "recovery", "report", "shell"]),
    ("main", &["code", "cli", "dispatch", "failure", "hardening", "report", "secret"]),
];
