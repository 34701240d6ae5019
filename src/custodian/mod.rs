//! Who keeps a share.
