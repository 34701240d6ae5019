//! The server's answer to init is a secret as a whole, and so are its parts, a login, a body, and a key.

use vault_bootstrap::envelope::{Key, Sealer};
use vault_bootstrap::vault::keys::init::{InitAnswer, InitKeys};
use vault_bootstrap::vault::{Body, AuthResponse};

fn copied<T: Clone>() {}
fn shown<T: std::fmt::Display>() {}
fn debugged<T: std::fmt::Debug>() {}
fn serialised<T: serde::Serialize>() {}

fn main() {
    copied::<InitAnswer>(); //~ E0277
    copied::<InitKeys>(); //~ E0277
    copied::<AuthResponse>(); //~ E0277
    copied::<Sealer>(); //~ E0277
    copied::<Key>(); //~ E0277
    shown::<InitAnswer>(); //~ E0277
    debugged::<InitAnswer>(); //~ E0277
    debugged::<Key>(); //~ E0277
    serialised::<InitKeys>(); //~ E0277
    serialised::<AuthResponse>(); //~ E0277
    serialised::<Body>(); //~ E0277
}
