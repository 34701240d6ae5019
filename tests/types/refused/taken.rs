//! The text inside comes out only by `expose`, which another test allows in some rooms only.

use vault_bootstrap::secret::{RootToken, SecretText, Token};

fn main() {
    let secret = SecretText::new("hunter2".into());
    let _ = secret.0; //~ E0616
    let _ = RootToken::new(Token::new("hunter2".into())).0; //~ E0616
}
