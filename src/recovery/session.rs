//! The login of a run: opened when there is something to ask the server for, never while people are asked.

use super::run::Run;
use super::words;
use crate::failure::Failure;
use crate::secret::Token;
use crate::vault::rotation::Paths;
use crate::vault::{Client, Product, Rotation, probe_rotation, token};

/// A login that may make new shares, and where.
pub(super) struct Inside {
    client: Client,
    product: Product,
    paths: Paths,
    login: String,
    token: Token,
}

impl Inside {
    /// Logs in, and finds the paths.
    ///
    /// # Errors
    /// No node is active, the login does not open, or it may not.
    pub(super) async fn enter(run: &Run<'_>) -> Result<Self, Failure> {
        let (client, product) = run.active().await?;
        let (login, token) = run.enter(&client).await?;
        let failure = match probe_rotation(&client, product, &token).await {
            Ok(paths) => {
                return Ok(Self {
                    client,
                    product,
                    paths,
                    login,
                    token,
                });
            }
            Err(error) if error.is_forbidden() => {
                words::not_granted(run.config, product, client.address(), &login)
            }
            Err(error) => error.into(),
        };
        // Why it cannot be done is worth more than that its token lives on for a while.
        let _ = token::revoke_self(&client, token).await;
        Err(failure)
    }

    /// The rotation as this login sees it.
    pub(super) fn rotation(&self) -> Rotation<'_> {
        Rotation::new(&self.client, self.paths, &self.token)
    }

    /// The node that is asked.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Logs in anew where the token has ended meanwhile: people have been asked since.
    ///
    /// # Errors
    /// As [`Self::enter`], or the server does not answer.
    pub(super) async fn renew(&mut self, run: &Run<'_>) -> Result<(), Failure> {
        match self.rotation().progress().await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_forbidden() => {}
            Err(error) => return Err(error.into()),
        }
        let (login, token) = run.enter(&self.client).await?;
        (self.login, self.token) = (login, token);
        run.voice.note(format!("{} has logged in anew", self.login));
        match self.rotation().progress().await {
            Ok(_) => Ok(()),
            Err(error) if error.is_forbidden() => {
                let address = self.client.address();
                Err(words::not_granted(
                    run.config,
                    self.product,
                    address,
                    &self.login,
                ))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// After the server was away: whoever is active now.
    ///
    /// # Errors
    /// Nobody is.
    pub(super) async fn follow_the_leader(&mut self, run: &Run<'_>) -> Result<(), Failure> {
        self.client = run.active().await?.0;
        Ok(())
    }

    /// Ends the token, which does not outlive what it was for.
    pub(super) async fn leave(self, run: &Run<'_>) {
        let login = self.login;
        match token::revoke_self(&self.client, self.token).await {
            // It has ended by itself.
            Err(error) if !error.is_forbidden() => run.voice.warn(format!(
                "the token of {login} could not be ended and lives as long as its ttl: {error}"
            )),
            _ => {}
        }
    }
}
