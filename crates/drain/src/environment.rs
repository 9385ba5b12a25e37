//! What a drain needs from outside: one narrow trait for each outside thing, and all of them together.

use std::future::Future;

use http_url::HttpUrl;

use store::Store;

use crate::limits::Limits;

/// Everything a drain needs from outside.
pub struct Environment<R, N, A, C, L> {
    pub store: Store<R>,
    pub client: N,
    pub adapter: A,
    pub clock: C,
    pub log: L,
    pub limits: Limits,
}

/// The most bytes of a node's answer that are read; the rest is ignored.
pub const NODE_ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A request with the URL it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRequest {
    pub method: String,
    pub url: HttpUrl,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the answer's body is to be read.
    pub reads_body: bool,
}

/// A node's answer, its body cut at [`NODE_ANSWER_BYTES_MAX`]; empty if the request did not want it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeResponse {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The request never reached the node (connection refused, no such host).
    NotSent(String),
    /// Our own host did not let the request out: it does not allow the address, or cannot word the
    /// request. That says nothing of the node.
    Denied(String),
    /// The connection was lost after the request may have been sent.
    Lost(String),
    /// No whole answer within the time-out.
    TimedOut,
}

/// Sends requests to nodes.
pub trait NodeClient {
    /// Sends `request` and waits at most `timeout_ms` milliseconds, all told, for the answer,
    /// with its body if the request wants it.
    fn send(
        &self,
        request: NodeRequest,
        timeout_ms: u64,
    ) -> impl Future<Output = Result<NodeResponse, SendError>>;
}

/// Where operators read what went wrong, as structured events.
pub trait Log {
    /// `event` in a few words, and its fields. No secret and no body may be among them.
    fn event(&self, event: &str, fields: &[(&str, &str)]);
}
