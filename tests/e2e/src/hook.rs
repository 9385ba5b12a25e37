//! A receiver of callbacks.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use reqwest::header::HeaderMap;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One call that it got.
#[derive(Clone, Debug)]
pub struct Received {
    /// What was asked for: path and query.
    pub target: String,
    pub headers: HeaderMap,
    pub body: String,
}

#[derive(Debug, Default)]
struct State {
    /// What to answer next; 204 once there is nothing left.
    statuses: VecDeque<u16>,
    received: Vec<Received>,
}

/// Takes callbacks on a port of its own. Dropping it closes the port.
#[derive(Debug)]
pub struct Hook {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

impl Hook {
    /// Starts one that answers these statuses in turn, and 204 after that.
    pub async fn start(statuses: &[u16]) -> Self {
        let statuses = statuses.iter().copied().collect();
        let state = Arc::new(Mutex::new(State { statuses, received: Vec::new() }));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&state);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&shared), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, state, server }
    }

    /// Its host and port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What it got so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).received.clone()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Empty<Bytes>>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let body = String::from_utf8_lossy(&body).into_owned();
    let target = parts.uri.to_string();
    state.received.push(Received { target, headers: parts.headers, body });
    let mut response = Response::new(Empty::new());
    *response.status_mut() =
        state.statuses.pop_front().unwrap_or(204).try_into().unwrap_or_default();
    Ok(response)
}
