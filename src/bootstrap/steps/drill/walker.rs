//! Who walks the way back: a break-glass login that is in.

use super::record;
use crate::bootstrap::ceremony::Ceremony;
use crate::bootstrap::event::Event;
use crate::bootstrap::step::Step;
use crate::bootstrap::witness;
use crate::config::Login;
use crate::door;
use crate::edge::doors;
use crate::failure::Failure;
use crate::root_generation::{self, Asked, Attempt, Moment, Quorum};
use crate::secret::{RootToken, Token};
use crate::vault::token::revoke_accessor;
use crate::vault::{Client, Dialect, Generation, sys};

/// A break-glass login at the active node.
pub(super) struct Walker<'w> {
    pub(super) ceremony: &'w Ceremony<'w>,
    pub(super) client: &'w Client,
    dialect: Dialect,
    login: &'w Login,
    token: Token,
}

impl<'w> Walker<'w> {
    /// Logs in.
    ///
    /// # Errors
    /// The login does not open.
    pub(super) async fn come_in(
        ceremony: &'w Ceremony<'w>,
        client: &'w Client,
        dialect: Dialect,
    ) -> Result<Self, Failure> {
        let login = door_to_use(ceremony)
            .ok_or_else(|| Failure::refused("no break-glass login is declared"))?;
        Ok(Self {
            ceremony,
            client,
            dialect,
            login,
            token: log_in(ceremony, client, login).await?,
        })
    }

    /// Ends the login's own token. Its name.
    pub(super) async fn leave(self) -> &'w str {
        let name = &self.login.name;
        witness::end_token(self.ceremony, self.client, name, self.token).await;
        *self.ceremony.walks.borrow_mut() = None;
        name
    }

    /// A root token of these shares.
    ///
    /// # Errors
    /// As [`root_generation::begin`] and [`root_generation::complete`]; or not all holders elsewhere gave theirs in time.
    pub(super) async fn root(&mut self, quorum: &Quorum<'_>) -> Result<RootToken, Failure> {
        let (ceremony, client) = (self.ceremony, self.client);
        let record = async |moment: Moment<'_>| record(ceremony, client, moment).await;
        let shares = quorum.names().len();
        let begun = {
            // Dropped on its way it would arrive after the last look, and be taken for somebody else's.
            let _unheard = ceremony.interrupt.unheard();
            root_generation::begin(&self.generation(), shares, &record).await?
        };
        if !quorum.elsewhere.is_empty() {
            self.holders_give(&begun, &quorum.elsewhere).await?;
            self.come_in_again().await?;
        }
        root_generation::complete(&self.generation(), begun, quorum, &record).await
    }

    /// The login may have come to its end meanwhile.
    async fn come_in_again(&mut self) -> Result<(), Failure> {
        let token = log_in(self.ceremony, self.client, self.login).await?;
        let before = std::mem::replace(&mut self.token, token);
        witness::end_token(self.ceremony, self.client, &self.login.name, before).await;
        Ok(())
    }

    fn generation(&self) -> Generation<'_> {
        Generation::new(self.client, self.dialect, &self.token)
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
        ceremony.tell(Event::Holders {
            step: Step::Drill,
            invitation,
        });
        // Root does not come to its end while people take their time.
        let root = Generation::new(self.client, self.dialect, ceremony.token()?);
        let look = async || Ok(root.progress().await?);
        root_generation::wait_for(asked, look, |text| ceremony.note(text)).await
    }

    /// Every holder compares it with what their own file says.
    async fn id_of_the_cluster(&self) -> Result<String, Failure> {
        let known = self.ceremony.diary().diary().cluster.cluster_id.clone();
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

async fn log_in(ceremony: &Ceremony<'_>, client: &Client, login: &Login) -> Result<Token, Failure> {
    let door = doors::door(&ceremony.hall(), login)?;
    let session = door::open(client, &door, ceremony).await?;
    *ceremony.walks.borrow_mut() = Some(session.accessor);
    Ok(session.token)
}

/// Ends the token of a walk that was broken off: a stop drops it where it stands.
///
/// # Errors
/// The server cannot be asked.
pub(in crate::bootstrap) async fn end_a_broken_off_walk(
    ceremony: &Ceremony<'_>,
) -> Result<(), Failure> {
    let accessor = ceremony.walks.borrow().clone();
    if let Some(accessor) = accessor.filter(|_| ceremony.is_root()) {
        let client = ceremony.client().in_namespace(None);
        revoke_accessor(&client, ceremony.token()?, &accessor).await?;
        *ceremony.walks.borrow_mut() = None;
    }
    Ok(())
}

/// No person is called for what a program can do.
fn door_to_use<'a>(ceremony: &'a Ceremony<'_>) -> Option<&'a Login> {
    let mut doors = ceremony.config.doors();
    doors.sort_by_key(|login| login.needs_a_person());
    doors.into_iter().next()
}
