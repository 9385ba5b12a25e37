//! What the loop asks of the world around it: one narrow trait for each outside thing.

use std::future::Future;

use saga::{Operation, Verb};

/// The most bytes of a node's answer that are read; the rest is ignored.
pub const NODE_ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A request as a node's adapter words it, relative to the node's base URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    pub method: String,
    /// Begins with a slash; escaped as URLs must be.
    pub path_with_query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the answer's body matters; if not it need not be fetched.
    pub reads_body: bool,
}

/// A request with the URL it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRequest {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the answer's body is wanted.
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
    /// The request never reached the node (connection refused, no such host, not allowed).
    NotSent(String),
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

/// What a node's answer to a create or delete means, in the adapter's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The node changed.
    Applied,
    /// It already was as asked.
    Unchanged,
    /// A definite no; nothing changed.
    Refused(String),
    /// The answer alone does not tell; asking what the node holds will.
    Inspect(String),
    /// It may have changed.
    Unknown(String),
}

/// What a node's answer to an inspection means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    Present,
    Absent,
    /// The node did not say.
    Unclear(String),
}

/// Knows how a kind of node is spoken to. It makes no call itself.
pub trait Adapter {
    /// Words the request for `verb` on `group_id`.
    ///
    /// # Errors
    /// When this kind of node cannot be asked that, with the reason.
    fn prepare(&self, verb: Verb, group_id: &str) -> Result<Prepared, String>;

    /// What `status` and `body` mean as the answer to `operation`.
    fn interpret(&self, operation: Operation, status: u16, body: &[u8]) -> Verdict;

    /// What `status` and `body` mean as the answer to an inspection.
    fn interpret_inspection(&self, status: u16, body: &[u8]) -> Finding;
}

/// A clock that never goes back. Its zero is of no meaning.
pub trait Clock {
    /// Milliseconds since that zero.
    fn now_ms(&self) -> u64;

    /// Ends after `ms` milliseconds.
    fn sleep(&self, ms: u64) -> impl Future<Output = ()>;
}

/// Where operators read what went wrong: one structured line an event.
pub trait Log {
    /// `event` in a few words, and its fields. No secret and no body may be among them.
    fn line(&self, event: &str, fields: &[(&str, &str)]);
}
