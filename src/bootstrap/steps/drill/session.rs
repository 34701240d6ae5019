//! The break-glass login of the drill, and the root token that it makes.

use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::steps::drill::record;
use crate::config::Login;
use crate::event::Event;
use crate::failure::Failure;
use crate::root_generation::{self, Asked, Attempt, Moment, Quorum};
use crate::secret::RootToken;
use crate::session::OpenLogin;
use crate::session::login::break_glass_logins;
use crate::vault::auth::token::revoke_accessor;
use crate::vault::{Client, Dialect, Generation, sys};

/// A break-glass login at the active node.
pub(crate) struct DrillSession<'w> {
    pub(crate) ceremony: &'w Ceremony<'w>,
    pub(crate) client: &'w Client,
    dialect: Dialect,
    wanted: &'w Login,
    login: OpenLogin,
}

impl<'w> DrillSession<'w> {
    /// Logs in.
    ///
    /// # Errors
    /// The login does not open.
    pub(crate) async fn log_in(
        ceremony: &'w Ceremony<'w>,
        client: &'w Client,
        dialect: Dialect,
    ) -> Result<Self, Failure> {
        let logins = break_glass_logins(ceremony.config);
        let none = || Failure::refused("no break-glass login is declared");
        let wanted = *logins.first().ok_or_else(none)?;
        Ok(Self {
            ceremony,
            client,
            dialect,
            wanted,
            login: log_in(ceremony, client, wanted).await?,
        })
    }

    /// Ends the login's own token. Its name.
    pub(crate) async fn leave(self) -> &'w str {
        let events = self.ceremony.caller.events;
        self.login.end(self.client, events).await;
        *self.ceremony.drill_accessor.borrow_mut() = None;
        &self.wanted.name
    }

    /// A root token of these shares.
    ///
    /// # Errors
    /// As [`root_generation::begin`] and [`root_generation::complete`]; or not all holders elsewhere gave theirs in time.
    pub(crate) async fn root(&mut self, quorum: &Quorum<'_>) -> Result<RootToken, Failure> {
        let (ceremony, client) = (self.ceremony, self.client);
        let record = async |moment: Moment<'_>| record(ceremony, client, moment).await;
        let shares = quorum.names().len();
        let begun = {
            // Dropped on its way it would arrive after the last look, and be taken for somebody else's.
            let _deferred = ceremony.caller.interrupt.defer_signals();
            root_generation::begin(&self.generation(), shares, &record).await?
        };
        if !quorum.elsewhere.is_empty() {
            self.holders_give(&begun, &quorum.elsewhere).await?;
            self.log_in_again().await?;
        }
        root_generation::complete(&self.generation(), begun, quorum, &record).await
    }

    /// The login may have come to its end meanwhile.
    async fn log_in_again(&mut self) -> Result<(), Failure> {
        let again = log_in(self.ceremony, self.client, self.wanted).await?;
        let before = std::mem::replace(&mut self.login, again);
        before.end(self.client, self.ceremony.caller.events).await;
        Ok(())
    }

    fn generation(&self) -> Generation<'_> {
        Generation::new(self.client, self.dialect, self.login.token())
    }

    /// Tells the holders elsewhere of an attempt, and waits for their shares.
    async fn holders_give(&self, attempt: &Attempt, names: &[&str]) -> Result<(), Failure> {
        let ceremony = self.ceremony;
        let limit = ceremony.options.holders.unwrap_or_default();
        let asked = Asked {
            attempt,
            names,
            limit,
        };
        let cluster = &ceremony.config.cluster;
        let invitation = asked.invitation((&cluster.name, self.id_of_the_cluster().await?));
        let events = ceremony.caller.events;
        events.emit(Event::Holders {
            step: events.step(),
            invitation,
        });
        // Root does not come to its end while people take their time.
        let root = Generation::new(self.client, self.dialect, ceremony.token()?);
        let look = async || Ok(root.progress().await?);
        root_generation::wait_for(asked, look, events).await
    }

    /// Every holder compares it with what their own file says.
    async fn id_of_the_cluster(&self) -> Result<String, Failure> {
        let known = self.ceremony.diary().cluster.cluster_id.clone();
        let found = match known {
            Some(known) => Some(known),
            None => sys::health_now(self.client)
                .await
                .and_then(|health| health.cluster_id),
        };
        found.ok_or_else(|| {
            Failure::failed(format!(
                "{} does not say its cluster's id",
                self.client.address()
            ))
        })
    }
}

async fn log_in(
    ceremony: &Ceremony<'_>,
    client: &Client,
    login: &Login,
) -> Result<OpenLogin, Failure> {
    let login = ceremony.open(login, client).await?;
    *ceremony.drill_accessor.borrow_mut() = Some(login.answer.accessor.clone());
    Ok(login)
}

/// Ends the token of a drill that was interrupted: a stop drops it where it stands.
///
/// # Errors
/// The server cannot be asked.
pub(crate) async fn end_interrupted_session(ceremony: &Ceremony<'_>) -> Result<(), Failure> {
    let accessor = ceremony.drill_accessor.borrow().clone();
    if let Some(accessor) = accessor.filter(|_| ceremony.is_root()) {
        let client = ceremony.client().in_namespace(None);
        revoke_accessor(&client, ceremony.token()?, &accessor).await?;
        *ceremony.drill_accessor.borrow_mut() = None;
    }
    Ok(())
}
