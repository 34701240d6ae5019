//! Each new connection of a client, held back until the kernel says who has the other end.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::{Connection, HttpInfo};
use tower_layer::Layer;
use tower_service::Service;

use crate::plain_http::table::{OtherEnd, other_end};
use crate::plain_http::{Peers, Refusal};

/// Between two looks at a connection that no process has taken up, at first and later. The client's limit to connecting
/// ends the wait.
const PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// Looks at a table that does not show the connection: it is read in parts, and an entry may move between two.
const LOOKS: usize = 3;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Looks each connection up before the client has it.
#[derive(Clone, Copy)]
pub(crate) struct CheckedConnections(pub(crate) Peers);

impl<S> Layer<S> for CheckedConnections {
    type Service = Checked<S>;

    fn layer(&self, connect: S) -> Checked<S> {
        Checked {
            connect,
            peers: self.0,
        }
    }
}

/// A connector, and who may be at the other end.
#[derive(Clone)]
pub(crate) struct Checked<S> {
    connect: S,
    peers: Peers,
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
        let (connecting, peers) = (self.connect.call(to), self.peers);
        Box::pin(async move {
            let connection = connecting.await?;
            let mut extras = http::Extensions::new();
            connection.connected().get_extras(&mut extras);
            let ends = extras.remove().ok_or("a connection without addresses")?;
            check(&ends, peers).await?;
            Ok(connection)
        })
    }
}

/// Refuses a connection whose other end may not have what is sent.
async fn check(ends: &HttpInfo, peers: Peers) -> Result<(), Refusal> {
    let peer = ends.remote_addr();
    if !peer.ip().to_canonical().is_loopback() {
        return Err(Refusal::Elsewhere(peer));
    }
    if peers.unchecked {
        return Ok(());
    }
    let (mut unseen, mut pause) = (0, PAUSE);
    loop {
        match other_end(ends.local_addr(), peer) {
            OtherEnd::Of(uid) => return peers.judge(peer, Some(uid)),
            OtherEnd::Waiting => {}
            OtherEnd::Unseen if unseen < LOOKS => unseen += 1,
            OtherEnd::Unseen => return peers.judge(peer, None),
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}
