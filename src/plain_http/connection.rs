//! Each new connection of a client, held back until the kernel says who has the other end.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper_util::client::legacy::connect::{Connection, HttpInfo};
use tower_layer::Layer;
use tower_service::Service;

use crate::plain_http::table::{OtherEnd, Tables};
use crate::plain_http::{Peers, Refusal};

/// Before the first look, and between two at a connection that no process has taken up, at first and later: connections
/// that are opened together are looked up together. The client's limit to connecting ends the wait.
const PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// Looks at a table that does not show the connection: it is read in parts, and an entry may move between two.
const LOOKS: usize = 3;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Looks each connection up before the client has it.
#[derive(Clone)]
pub(crate) struct CheckedConnections(Arc<Lookup>);

impl CheckedConnections {
    /// Those whose other end may be one of these.
    pub(crate) fn of(peers: Peers) -> Self {
        Self(Arc::new(Lookup {
            peers,
            tables: Mutex::default(),
        }))
    }
}

/// Who may be at the other end, and what was read last.
struct Lookup {
    peers: Peers,
    tables: Mutex<Option<Tables>>,
}

impl Lookup {
    /// What the tables say of a connection, as they were read after `since`.
    fn other_end(&self, ends: &HttpInfo, since: Instant) -> OtherEnd {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let known = tables.take().filter(|tables| tables.begun > since);
        let tables = tables.insert(known.unwrap_or_else(Tables::read));
        tables.other_end(ends.local_addr(), ends.remote_addr())
    }
}

impl<S> Layer<S> for CheckedConnections {
    type Service = Checked<S>;

    fn layer(&self, connect: S) -> Checked<S> {
        Checked {
            connect,
            lookup: Arc::clone(&self.0),
        }
    }
}

/// A connector, and who may be at the other end.
#[derive(Clone)]
pub(crate) struct Checked<S> {
    connect: S,
    lookup: Arc<Lookup>,
}

impl<S, To> Service<To> for Checked<S>
where
    S: Service<To, Error = BoxError>,
    S::Response: Connection + Send,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connect.poll_ready(context)
    }

    fn call(&mut self, to: To) -> Self::Future {
        let (connecting, lookup) = (self.connect.call(to), Arc::clone(&self.lookup));
        Box::pin(async move {
            let connection = connecting.await?;
            let mut extras = http::Extensions::new();
            connection.connected().get_extras(&mut extras);
            let ends = extras.remove().ok_or("a connection without addresses")?;
            check(&ends, &lookup).await?;
            Ok(connection)
        })
    }
}

/// Refuses a connection whose other end may not have what is sent.
async fn check(ends: &HttpInfo, lookup: &Lookup) -> Result<(), Refusal> {
    let (peers, mut since) = (lookup.peers, Instant::now());
    let peer = ends.remote_addr();
    if !peer.ip().to_canonical().is_loopback() {
        return Err(Refusal::Elsewhere(peer));
    }
    if peers.unchecked {
        return Ok(());
    }
    let (mut unseen, mut pause) = (0, PAUSE);
    loop {
        tokio::time::sleep(pause).await;
        match lookup.other_end(ends, since) {
            OtherEnd::Of(uid) => return peers.judge(peer, Some(uid)),
            OtherEnd::Waiting => {}
            OtherEnd::Unseen if unseen < LOOKS => unseen += 1,
            OtherEnd::Unseen => return peers.judge(peer, None),
        }
        since = Instant::now();
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}
