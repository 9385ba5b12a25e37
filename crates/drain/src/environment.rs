//! What a drain needs from outside: one narrow trait for each outside thing, and all of them together.

use std::future::Future;

use http_url::HttpUrl;
use node_adapter::{NodeResponse, Wanted};
use store::Store;

use crate::limits::Limits;
use crate::retry_after;

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
    /// What of the answer is to be read beside its status; see [`NodeRequest::wanted`].
    pub wanted: Vec<Wanted>,
}

impl NodeRequest {
    /// What a client has to read of an answer with this status: the names of headers, in lower case,
    /// and how many bytes of the body at most, which is never above [`NODE_ANSWER_BYTES_MAX`].
    #[must_use]
    pub fn wanted(&self, status: u16) -> (Vec<&str>, usize) {
        let covering = self.wanted.iter().filter(|wanted| wanted.covers(status));
        let (mut headers, mut body_bytes) = (retry_after::headers(status).to_vec(), 0);
        for wanted in covering {
            headers.extend(wanted.headers.iter().map(String::as_str));
            body_bytes = body_bytes.max(wanted.body_bytes);
        }
        headers.sort_unstable();
        headers.dedup();
        let body_bytes = usize::try_from(body_bytes).unwrap_or(usize::MAX);
        (headers, body_bytes.min(NODE_ANSWER_BYTES_MAX))
    }
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
    /// Sends `request` and waits at most `timeout_ms` milliseconds, all told, for the answer, with
    /// what the request wants of it ([`NodeRequest::wanted`]) and no more.
    fn send(
        &self,
        request: NodeRequest,
        timeout_ms: u64,
    ) -> impl Future<Output = Result<NodeResponse, SendError>>;
}

/// How much an event matters to operators; the first matters most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something is broken: a record, a setting, Redis, Muster itself.
    Error,
    /// Somebody may have to act, or to look at a node.
    Warn,
    /// All is well.
    Info,
}

impl Level {
    /// Every level, in order.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warn, Self::Info];

    /// The word in log lines and in the settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
        }
    }

    /// The level of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// Where operators read what happened, as structured events.
pub trait Log {
    /// `event` in a few words, and its fields: of what is about a task, `task_id` and `group_id`. No
    /// secret and no body may be among them.
    fn write(&self, level: Level, event: &str, fields: &[(&str, &str)]);

    /// Writes what somebody may have to act on.
    fn event(&self, event: &str, fields: &[(&str, &str)]) {
        self.write(Level::Warn, event, fields);
    }
}
