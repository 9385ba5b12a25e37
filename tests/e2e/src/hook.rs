//! A receiver of callbacks.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
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

/// What it answers.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// `Retry-After`.
    pub retry_after: Option<&'static str>,
    /// How long it takes, in milliseconds.
    pub delay_ms: u64,
}

impl From<u16> for Response {
    fn from(status: u16) -> Self {
        Self { status, retry_after: None, delay_ms: 0 }
    }
}

#[derive(Debug, Default)]
struct State {
    /// What to answer next; 204 once there is nothing left.
    responses: VecDeque<Response>,
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
        Self::answering(statuses.iter().map(|status| Response::from(*status)).collect()).await
    }

    /// Starts one that answers this in turn, and 204 after that.
    pub async fn answering(responses: VecDeque<Response>) -> Self {
        let state = Arc::new(Mutex::new(State { responses, received: Vec::new() }));
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
) -> Result<hyper::Response<Empty<Bytes>>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    let received = Received { target: parts.uri.to_string(), headers: parts.headers, body };
    let next = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.received.push(received);
        state.responses.pop_front().unwrap_or(Response::from(204))
    };
    tokio::time::sleep(Duration::from_millis(next.delay_ms)).await;
    let mut response = hyper::Response::new(Empty::new());
    *response.status_mut() = next.status.try_into().unwrap_or_default();
    if let Some(text) = next.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(text));
    }
    Ok(response)
}
