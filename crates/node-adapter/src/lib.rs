//! How a node is spoken to: the requests that an adapter builds and what it makes of the answers.
//!
//! An adapter makes no call itself. What the worker asks of one is [`Adapter`]; `wit/world.wit` is
//! the same interface for adapters that are components of their own. [`ClusterManager`] is the one
//! that ships, as plain code: the component `cluster-manager`, the bench and the simulation all
//! speak through it.

mod cluster_manager;
mod escape;

use saga::{Operation, Verb};

pub use cluster_manager::ClusterManager;

/// A request as an adapter builds it, relative to the node's base URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedRequest {
    /// For example `POST`.
    pub method: String,
    /// Begins with a slash; escaped as URLs must be.
    pub path_with_query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the answer's body matters; if not it need not be fetched.
    pub reads_body: bool,
}

/// What a node's answer to a create or delete means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The node changed as asked.
    Applied,
    /// It already was as asked; nothing changed.
    Unchanged,
    /// A definite no, with the reason; nothing changed.
    Refused(String),
    /// The answer alone does not tell, and inspecting the node will; with the reason.
    Inspect(String),
    /// The node may have changed; with the reason.
    Unknown(String),
}

/// What a node's answer to an inspection means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    Present,
    Absent,
    /// The node did not say; with the reason.
    Unclear(String),
}

/// Knows how one kind of node is spoken to.
pub trait Adapter {
    /// Builds the request for `verb` on `group_id`.
    ///
    /// # Errors
    /// When this kind of node cannot be asked that, with the reason.
    fn prepare(&self, verb: Verb, group_id: &str) -> Result<PreparedRequest, String>;

    /// What `status` and `body` mean as the answer to `operation`.
    fn interpret(&self, operation: Operation, status: u16, body: &[u8]) -> Verdict;

    /// What `status` and `body` mean as the answer to an inspection.
    fn interpret_inspection(&self, status: u16, body: &[u8]) -> Finding;
}
