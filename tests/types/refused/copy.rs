//! A secret is not copied.

use vault_bootstrap::secret::{ShareMaterial, Inherited, RootToken, SecretText, Share, Token};
use vault_bootstrap::vault::keys::generation::{Encoded, Pad};

fn try_it<T: Clone>() {}

fn main() {
    try_it::<SecretText>(); //~ E0277
    try_it::<Share>(); //~ E0277
    try_it::<Token>(); //~ E0277
    try_it::<RootToken>(); //~ E0277
    try_it::<ShareMaterial>(); //~ E0277
    try_it::<Inherited>(); //~ E0277
    try_it::<Pad>(); //~ E0277
    try_it::<Encoded>(); //~ E0277
}
