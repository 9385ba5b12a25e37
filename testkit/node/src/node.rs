//! A running node: its socket and a handle to script and observe it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::api;
use crate::fault::Rule;
use crate::state::{Call, State};

pub(crate) type Shared = Arc<Mutex<State>>;

/// The state, whoever panicked while holding it.
pub(crate) fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One simulated node. Dropping it closes its socket and every connection.
#[derive(Debug)]
pub struct Node {
    address: SocketAddr,
    state: Shared,
    server: Option<JoinHandle<()>>,
}

impl Node {
    /// Starts a node that holds no group, on `address` (port 0: one that is free).
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(address: SocketAddr) -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State::new()));
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let server = Some(tokio::spawn(serve(listener, Arc::clone(&state))));
        Ok(Self { address, state, server })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a fault.
    pub fn fault(&self, rule: Rule) {
        lock(&self.state).rules.push(rule);
    }

    /// Takes all faults back.
    pub fn heal(&self) {
        let mut state = lock(&self.state);
        state.rules.clear();
        state.forced_status = None;
    }

    /// Makes deleting an absent group answer 404 rather than 200.
    pub fn set_strict_delete(&self, strict: bool) {
        lock(&self.state).strict_delete = strict;
    }

    /// Every call so far, oldest first.
    #[must_use]
    pub fn log(&self) -> Vec<Call> {
        lock(&self.state).log.clone()
    }

    pub fn clear_log(&self) {
        lock(&self.state).log.clear();
    }

    /// How many changes hang that it will still carry out ([`Fault::Late`](crate::Fault::Late)).
    #[must_use]
    pub fn hanging(&self) -> usize {
        lock(&self.state).hanging
    }

    /// The groups it holds, sorted.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        lock(&self.state).groups.iter().cloned().collect()
    }

    #[must_use]
    pub fn holds(&self, group_id: &str) -> bool {
        lock(&self.state).groups.contains(group_id)
    }

    /// Makes it hold these groups and no others.
    pub fn set_groups<S: Into<String>>(&self, groups: impl IntoIterator<Item = S>) {
        lock(&self.state).groups = groups.into_iter().map(Into::into).collect();
    }

    /// Closes its socket: from now on connections are refused. It keeps its groups.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
            // Ends with the abort; by then the socket is closed.
            let _ = server.await;
        }
    }

    /// Listens again on the same address.
    ///
    /// # Errors
    /// When the address has been taken meanwhile.
    pub async fn restart(&mut self) -> io::Result<()> {
        self.stop().await;
        let listener = TcpListener::bind(self.address).await?;
        self.server = Some(tokio::spawn(serve(listener, Arc::clone(&self.state))));
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
        }
    }
}

/// Takes connections until it is dropped; the connections go with it.
async fn serve(listener: TcpListener, state: Shared) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                // An answer goes out at once, or it would wait for the peer's next packet.
                let _ = stream.set_nodelay(true);
                let state = Arc::clone(&state);
                connections.spawn(async move {
                    let service = service_fn(|request| api::answer(Arc::clone(&state), request));
                    // It ends when the peer is gone or a fault closes it.
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
