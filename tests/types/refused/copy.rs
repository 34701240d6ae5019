//! A secret is not copied.

use vault_bootstrap::secret::{RootToken, SecretText, Share, Token};

fn try_it<T: Clone>() {}

fn main() {
    try_it::<SecretText>(); //~ E0277
    try_it::<Share>(); //~ E0277
    try_it::<Token>(); //~ E0277
    try_it::<RootToken>(); //~ E0277
}
