//! A token that somebody gives: in a file, or typed.

use std::path::PathBuf;
use std::sync::Arc;

use crate::code::{Code, Reported};
use crate::config::SecretRef;
use crate::edge::references::resolve;
use crate::failure::Failure;
use crate::prompt;
use crate::secret::{SecretText, Token};

/// Where a token comes from that no login of the file opens. It is its owner's, so it is never ended.
#[derive(Debug, Clone)]
pub enum TokenSource {
    /// It stands alone in this file.
    File(PathBuf),
    /// It is typed at a hidden prompt.
    Asked,
}

impl TokenSource {
    /// The token, for this address. Who else can read its file is a warning.
    ///
    /// # Errors
    /// The file cannot be read or is empty, nobody can be asked, or what is given is no token.
    pub(crate) async fn token(
        &self,
        address: &str,
        warnings: &mut Vec<Reported>,
    ) -> Result<Token, Failure> {
        let (text, what) = match self {
            Self::Asked => {
                let label = format!("token for {address}");
                let instead = "name a file that holds it: --token-file FILE";
                let text = prompt::hidden(&label, instead).await?;
                (Some(text), "what was typed".to_owned())
            }
            Self::File(file) => {
                let reference = SecretRef::File(file.clone());
                let mut failures = Vec::new();
                let mut resolved = resolve(vec![&reference], &mut failures, warnings).await;
                Failure::check(failures)?;
                let text = resolved.remove(&reference).and_then(Arc::into_inner);
                (text, file.display().to_string())
            }
        };
        text.and_then(SecretText::into_token).ok_or_else(|| {
            let found = format!("{what} is no token: it has blanks in it, or more than ASCII");
            Failure::usage(Code::InputWrong, found).advise("give the token alone, on one line")
        })
    }
}
