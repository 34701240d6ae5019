//! The login of a run: opened when there is something to ask the server for, never while people are asked.

use serde_json::json;

use crate::failure::Failure;
use crate::recovery::refusals;
use crate::recovery::run::Run;
use crate::session::OpenLogin;
use crate::session::login::break_glass_logins;
use crate::vault::keys::rotation::Paths;
use crate::vault::{Client, Product, Rotation, probe_rotation};

/// A login that may make new shares, and where.
pub(super) struct RotationSession {
    /// The node that is asked.
    pub(super) client: Client,
    product: Product,
    paths: Paths,
    login: OpenLogin,
}

impl RotationSession {
    /// Logs in, and finds the paths.
    ///
    /// # Errors
    /// No node is active, no login opens, or the one that does may not.
    pub(super) async fn enter(run: &Run<'_>) -> Result<Self, Failure> {
        let product = run.cluster.find_active().await?.product;
        let client = run.cluster.client();
        let login = log_in(run, &client).await?;
        match probe_rotation(&client, product, login.token()).await {
            Ok(paths) => {
                let answer = &login.answer;
                let facts = json!({
                    "name": login.name, "accessor": answer.accessor, "policies": answer.policies,
                    "node": client.address(),
                });
                run.evidence.borrow_mut().set("login", facts);
                Ok(Self {
                    client,
                    product,
                    paths,
                    login,
                })
            }
            Err(error) => {
                let failure = if error.is_forbidden() {
                    refusals::not_granted(run.config, product, client.address(), &login.name)
                } else {
                    error.into()
                };
                login.end(&client, run.caller.events).await;
                Err(failure)
            }
        }
    }

    /// The rotation as this login sees it.
    pub(super) fn rotation(&self) -> Rotation<'_> {
        Rotation::new(&self.client, self.paths, self.login.token())
    }

    /// Logs in anew where the token has ended meanwhile: people have been asked since.
    pub(super) async fn renew(&mut self, run: &Run<'_>) -> Result<(), Failure> {
        match self.rotation().progress().await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_forbidden() => {}
            Err(error) => return Err(error.into()),
        }
        self.login = log_in(run, &self.client).await?;
        let (name, address) = (&self.login.name, self.client.address());
        run.note(format!("{name} has logged in anew"));
        match self.rotation().progress().await {
            Ok(_) => Ok(()),
            Err(error) if error.is_forbidden() => Err(refusals::not_granted(
                run.config,
                self.product,
                address,
                name,
            )),
            Err(error) => Err(error.into()),
        }
    }

    /// After the server was away: whoever is active now.
    pub(super) async fn follow_the_leader(&mut self, run: &Run<'_>) -> Result<(), Failure> {
        run.cluster.find_active().await?;
        self.client = run.cluster.client();
        Ok(())
    }

    /// Ends the token, which does not outlive what it was for.
    pub(super) async fn leave(self, run: &Run<'_>) {
        self.login.end(&self.client, run.caller.events).await;
    }
}

async fn log_in(run: &Run<'_>, client: &Client) -> Result<OpenLogin, Failure> {
    let (config, logins) = (run.config, break_glass_logins(run.config));
    let mut resolved = run.opened.resolved.borrow().clone();
    let whose = (config, run.options.sign_in_seconds);
    let events = run.caller.events;
    let login = OpenLogin::first(whose, client, &logins, &mut resolved, events).await;
    // Also where none opened: what a person has typed is not asked for again.
    run.opened.resolved.replace(resolved);
    login
}
