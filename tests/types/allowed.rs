//! What may be done with a secret: it is made, named by its kind, and handed on.

use vault_bootstrap::custodian::Stored;
use vault_bootstrap::secret::{RootToken, SecretText, Share, Token};
use vault_bootstrap::vault::Body;

fn debugged<T: std::fmt::Debug>() {}
fn copied<T: Clone>() {}
fn serialised<T: serde::Serialize>() {}

fn main() {
    debugged::<(SecretText, Share, Token, RootToken, Body)>();
    // What is public.
    copied::<Stored>();
    serialised::<Stored>();
    let token = RootToken::new(Token::new("hunter2".into()));
    let _ = (token.token().len(), Body::from(SecretText::new("hunter2".into())));
}
