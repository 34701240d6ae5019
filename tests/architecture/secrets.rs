//! What holds a secret, and where one may be looked at.

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

/// Types that hold a secret.
pub(crate) const SECRETS: &[&str] = &[
    "SecretText",
    "SecretString",
    "SecretBox",
    "Share",
    "ShareMaterial",
    "Pad",
    "Encoded",
    "Inherited",
    "Token",
    "RootToken",
    "InitAnswer",
    "InitKeys",
    "Parcel",
    "Made",
];
