//! With what right we ask and write.

use crate::failure::Failure;
use crate::secret::{RootToken, Token};
use crate::session::login::OpenLogin;

/// With what right we ask and write.
#[derive(Debug)]
pub enum Authority {
    /// None: nobody has logged in, or nobody could.
    None,
    /// Root, between initialisation and its revocation.
    Root(RootToken),
    /// A login of the file; its token is ended with the run.
    Login(Box<OpenLogin>),
}

impl Authority {
    /// Its token.
    ///
    /// # Errors
    /// There is none: a step came before its time.
    pub fn token(&self) -> Result<&Token, Failure> {
        match self {
            Self::None => Err(Failure::failed("there is no token to ask the server with")),
            Self::Root(root) => Ok(root.token()),
            Self::Login(login) => Ok(login.token()),
        }
    }

    /// True while it is root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        matches!(self, Self::Root(_))
    }
}
