//! The active node: found, kept to, and waited for, with a line that says what for.

use std::time::Duration;

use tokio::time::Instant;

use super::belonging;
use super::ceremony::Ceremony;
use super::event::Event;
use super::inactive;
use crate::failure::{Exit, Failure};
use crate::vault;

/// The longest time between two looks: a look costs little, and a person is waiting. A shorter wait is not
/// worth a line.
const PAUSE: Duration = Duration::from_millis(200);
/// The first one.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

impl Ceremony<'_> {
    /// Finds the active node and stays with it. Waits up to `cluster.timeouts.active`.
    ///
    /// # Errors
    /// No node is active in time; the last thing each of them said. Or it is one of another cluster.
    pub async fn find_active(&self) -> Result<(), Failure> {
        let limit = self.config.cluster.timeouts.active;
        let begun = Instant::now();
        loop {
            let client = self.client();
            if let Some((active, health)) = vault::sys::active(&client).await
                && belonging::belongs(self, &active, &health)?
            {
                *self.client.borrow_mut() = active;
                return Ok(());
            }
            let answers = vault::sys::health_of_nodes(&self.client()).await;
            let said = inactive::said(&answers);
            let limit = if inactive::for_good(&answers) {
                Duration::ZERO
            } else {
                limit
            };
            if let Err(waited) = self.wait(begun, limit, "an active node", &said).await {
                return Err(inactive::explained(self, answers, waited).await);
            }
        }
    }

    /// Goes to the active node where several are listed and ours leads no more. That need not show by any
    /// error: a standby hands writes on and may answer reads itself, from what it knows.
    ///
    /// # Errors
    /// As [`Self::find_active`].
    pub async fn keep_to_active(&self) -> Result<(), Failure> {
        let client = self.client();
        if client.nodes().len() < 2 {
            return Ok(());
        }
        match vault::sys::health_now(&client).await {
            Some(health) if health.is_active() && belonging::belongs(self, &client, &health)? => {
                Ok(())
            }
            _ => self.find_active().await,
        }
    }

    /// Whether trying again on the active node may help: whatever failed on a node that leads no more may have
    /// failed for that reason alone.
    pub async fn passes(&self, failure: &Failure) -> bool {
        failure.is_passing()
            || (failure.exit == Exit::Failed && !vault::sys::is_active(&self.client()).await)
    }

    /// Pauses between two looks at something that takes time, and says what is waited for.
    ///
    /// # Errors
    /// The limit is over.
    pub async fn wait(
        &self,
        begun: Instant,
        limit: Duration,
        what: &str,
        said: &str,
    ) -> Result<(), Failure> {
        let passed = begun.elapsed();
        if passed >= limit {
            let text = format!("waited {} s for {what}: {said}", limit.as_secs());
            return Err(Failure::failed(text)
                .advise("look at the server's log, then run apply again: it goes on from here"));
        }
        if passed >= PAUSE {
            self.tell(Event::Waiting {
                step: self.step(),
                text: format!("{what} ({said})"),
                seconds: passed.as_secs(),
                limit: limit.as_secs(),
            });
        }
        // What takes long may take a little longer; what is nearly there is not kept waiting.
        let pause = (passed / 4).clamp(FIRST_PAUSE, PAUSE);
        tokio::time::sleep(pause.min(limit.saturating_sub(passed))).await;
        Ok(())
    }
}
