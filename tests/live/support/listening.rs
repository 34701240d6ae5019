//! A server of a test's own, on a thread and a loopback port of its own.

use std::thread::{self, JoinHandle};

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::http::runtime;
use super::process::listen;

/// One that runs. Dropping it closes its port and its connections.
pub struct Listening {
    /// Where it listens.
    pub port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listening {
    /// Begins to serve.
    pub fn start<S>(serve: impl FnOnce(TcpListener) -> S + Send + 'static) -> Self
    where
        S: Future<Output = ()>,
    {
        let (listener, port) = listen();
        listener.set_nonblocking(true).expect("a socket");
        let (stop, stopped) = oneshot::channel();
        let until_stopped = move || {
            // Connections go with their runtime.
            runtime().block_on(async {
                let listener = TcpListener::from_std(listener).expect("a socket");
                tokio::select! {
                    () = serve(listener) => {}
                    _ = stopped => {}
                }
            });
        };
        Self {
            port,
            stop: Some(stop),
            thread: Some(thread::spawn(until_stopped)),
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
