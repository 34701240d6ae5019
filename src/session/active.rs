//! The active node of the cluster that is meant: found, kept to, and waited for, with a line that says what for.

use std::cell::RefCell;
use std::time::Duration;

use tokio::time::Instant;

use crate::code::Code;
use crate::event::{Event, EventSink};
use crate::failure::{Exit, Failure};
use crate::session::unavailable::Advised;
use crate::session::{cluster_identity, several_servers, unavailable};
use crate::span;
use crate::vault::{Client, Health, sys};

/// The longest time between two looks: a look costs little, and a person is waiting. A shorter wait is not
/// worth a line.
const PAUSE: Duration = Duration::from_millis(200);
/// The first one.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// Every node sealed, and none that opens by itself, or none initialised: for as long as this they may have just been given
/// their shares, or may read their storage.
const LET_IN: Duration = Duration::from_secs(5);

/// Most nodes silent, and none that leads: for as long as this they may be on their way back.
const WITHOUT_QUORUM: Duration = Duration::from_secs(10);

/// How long one waits after a failure to hear who leads.
const TO_LOOK: Duration = Duration::from_secs(20);

/// After so long a person is told what a wait is for.
const UNHEARD: Duration = Duration::from_secs(2);

/// How often something is done anew where its leader is lost.
const TRIES: usize = 3;
/// Before the first of them; doubles.
const BETWEEN: Duration = Duration::from_millis(500);

/// A cluster, and the node of it that is asked.
pub struct Cluster<'a> {
    client: RefCell<Client>,
    /// The id that it must have, as far as anything here knows it.
    id: RefCell<Option<String>>,
    /// How long an active node is waited for.
    limit: Duration,
    /// For advice.
    advised: Advised,
    events: &'a EventSink<'a>,
}

impl<'a> Cluster<'a> {
    /// The cluster at this address.
    pub(crate) fn new(
        client: Client,
        id: Option<String>,
        (limit, advised): (Duration, Advised),
        events: &'a EventSink<'a>,
    ) -> Self {
        Self {
            client: RefCell::new(client),
            id: RefCell::new(id),
            limit,
            advised,
            events,
        }
    }

    /// The node that is asked: the address of the file, until the active node was found.
    pub(crate) fn client(&self) -> Client {
        self.client.borrow().clone()
    }

    /// The id that the cluster must have; `None` while nothing here knows it.
    pub(crate) fn id(&self) -> Option<String> {
        self.id.borrow().clone()
    }

    /// From now on no node of another id is asked.
    pub(crate) fn must_be(&self, id: Option<String>) {
        if id.is_some() {
            *self.id.borrow_mut() = id;
        }
    }

    /// Whether a node says that it is of this cluster. `false` while it does not say, and the id is known;
    /// an error where it says that it is of another one.
    pub(crate) fn is_of(&self, node: &Client, health: &Health) -> Result<bool, Failure> {
        cluster_identity::belongs(self.id.borrow().as_deref(), node.address(), health)
    }

    /// Finds the active node and stays with it. Waits up to `cluster.timeouts.active`.
    ///
    /// # Errors
    /// No node is active in time; the last thing each of them said. Or it is one of another cluster.
    pub(crate) async fn find_active(&self) -> Result<Health, Failure> {
        match Box::pin(self.search()).await {
            Ok(health) => Ok(health),
            Err(failure) => Err(self.or_several_servers(failure).await),
        }
    }

    /// The failure; where several servers behind the one address of the file have caused it, that.
    pub(crate) async fn or_several_servers(&self, failure: Failure) -> Failure {
        several_servers::explained(&self.client(), failure, self.advised.again.as_str()).await
    }

    async fn search(&self) -> Result<Health, Failure> {
        let (begun, mut since, mut said_so) = (Instant::now(), None, false);
        loop {
            let client = self.client();
            if let Some((active, health)) = sys::active(&client).await
                && self.is_of(&active, &health)?
            {
                *self.client.borrow_mut() = active;
                return Ok(health);
            }
            let answers = sys::health_of_nodes(&client).await;
            let said = unavailable::said(&answers);
            let shorter = if unavailable::for_good(&answers) {
                Some(Duration::ZERO)
            } else if unavailable::uninitialised(&answers)
                || unavailable::waits_for_holders(&answers).await
            {
                Some(LET_IN)
            } else if unavailable::without_quorum(&answers).await {
                Some(WITHOUT_QUORUM)
            } else {
                None
            };
            // What passes in moments is given them from when it was first seen.
            let (from, limit) = match shorter {
                Some(shorter) => (
                    *since.get_or_insert_with(Instant::now),
                    shorter.min(self.limit),
                ),
                None => {
                    since = None;
                    (begun, self.limit)
                }
            };
            if !said_so && begun.elapsed() >= UNHEARD && !limit.is_zero() {
                said_so = true;
                self.say_the_wait(&answers, limit);
            }
            if let Err(waited) = self.wait(from, limit, "an active node", &said).await {
                return Err(unavailable::explained(answers, waited, &self.advised).await);
            }
        }
    }

    /// Nobody sits before a silent program: what it waits for, what a person can do meanwhile, and how to end it.
    fn say_the_wait(&self, answers: &[unavailable::Answer], limit: Duration) {
        if answers.iter().any(|(_, health)| health.is_ok()) {
            return;
        }
        let (nobody, start) = if unavailable::refused_here(answers) {
            ("nothing listens at", ": start the server there")
        } else {
            ("nothing answers at", "")
        };
        let addresses: Vec<_> = answers.iter().map(|(node, _)| node.address()).collect();
        self.events.warn(
            Code::NoActiveNode,
            format!(
                "{nobody} {}{start}; it is waited for up to {}, and Ctrl-C ends that safely",
                addresses.join(", "),
                span::text(limit)
            ),
        );
    }

    /// Goes to the active node where several are listed and ours leads no more. That need not show by any
    /// error: a standby hands writes on and may answer reads itself, from what it knows.
    pub(crate) async fn keep_to_active(&self) -> Result<(), Failure> {
        let client = self.client();
        if client.nodes().len() < 2 {
            return Ok(());
        }
        match sys::health_now(&client).await {
            Some(health) if health.is_active() && self.is_of(&client, &health)? => Ok(()),
            _ => self.find_active().await.map(drop),
        }
    }

    /// Whether trying again on the active node may help: whatever failed on a node that leads no more may have
    /// failed for that reason alone.
    pub(crate) async fn passes(&self, failure: &Failure) -> bool {
        // Whoever has waited for a leader in vain does not wait once more.
        let waited = failure.code() == Code::NoActiveNode;
        failure.is_passing()
            || (failure.exit == Exit::Failed && !waited && !sys::is_active(&self.client()).await)
    }

    /// The same, where another node leads by now, or none: with one node that still does, it is that node's own failure.
    async fn lost_its_leader(&self, failure: &Failure) -> bool {
        let client = self.client();
        let lost = client.nodes().len() > 1 || !sys::is_active(&client).await;
        lost && self.passes(failure).await
    }

    /// The failure of what is not done anew: where `first`, which led when it began, was lost, with who leads by now and
    /// the command that works.
    pub(crate) async fn explained(&self, failure: Failure, first: &str) -> Failure {
        if !self.lost_its_leader(&failure).await {
            return failure;
        }
        let again = &self.advised.again;
        match tokio::time::timeout(TO_LOOK, self.find_active()).await {
            Ok(Ok(_)) if self.client().address() == first => failure,
            Ok(Ok(_)) => {
                let leader = self.client().address().to_owned();
                failure.advise(format!(
                    "the leader was lost, and {leader} leads by now: type it again: {again}"
                ))
            }
            _ => failure.advise(format!(
                "the leader was lost: once another node leads, type it again: {again}"
            )),
        }
    }

    /// Pauses between two looks at something that takes time, and says what is waited for.
    pub(crate) async fn wait(
        &self,
        begun: Instant,
        limit: Duration,
        what: &str,
        said: &str,
    ) -> Result<(), Failure> {
        let passed = begun.elapsed();
        if passed >= limit {
            let text = format!("waited {} for {what}: {said}", span::text(limit));
            let again = &self.advised.again;
            return Err(Failure::failed(Code::NoActiveNode, text)
                .advise(format!("look at the server's log, then continue: {again}")));
        }
        if passed >= PAUSE {
            self.events.emit(Event::Waiting {
                step: self.events.step(),
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

/// What is done anew where its leader is lost on the way, as long as that may help.
pub(crate) struct Tries {
    left: usize,
    pause: Duration,
}

impl Default for Tries {
    fn default() -> Self {
        Self {
            left: TRIES,
            pause: BETWEEN,
        }
    }
}

impl Tries {
    /// Goes to the node that leads by now, for another try.
    ///
    /// # Errors
    /// The failure itself: the leader is not lost, or that is one time too many. Or no node leads in time.
    pub(crate) async fn another(
        &mut self,
        cluster: &Cluster<'_>,
        failure: Failure,
    ) -> Result<Health, Failure> {
        if !cluster.lost_its_leader(&failure).await {
            return Err(failure);
        }
        if self.left == 0 {
            let again = &cluster.advised.again;
            return Err(failure.advise(format!(
                "no node has led for long enough: once one does, type it again: {again}"
            )));
        }
        let events = cluster.events;
        events.warn(
            failure.code(),
            format!("{failure}; looking for the active node again"),
        );
        // One that has just been elected may not answer everything yet.
        tokio::time::sleep(self.pause).await;
        (self.left, self.pause) = (self.left - 1, self.pause * 2);
        cluster.find_active().await
    }
}
