//! What we keep.
