//! How a node is spoken to: the requests that an adapter builds and what it makes of the answers.
//!
//! An adapter makes no call itself. What Muster asks of one is [`Adapter`]; `wit/world.wit` is the
//! same interface for adapters that are components of their own. [`ClusterManager`] is the one that
//! ships, as plain code: the component `cluster-manager`, the bench and the simulation all speak
//! through it.
//!
//! It does without the standard library, and so can the component: see there for why.

#![no_std]

extern crate alloc;

mod answer;
mod cluster_manager;
mod escape;
mod options;
mod own_answer;
mod request;

use alloc::string::String;

pub use answer::{Failure, Finding, NodeResponse, Retry, Verdict};
pub use cluster_manager::ClusterManager;
pub use request::{PreparedRequest, Wanted};

/// What is to be done with a group on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Create,
    Delete,
}

/// Knows how one kind of node is spoken to.
pub trait Adapter {
    /// Whether a group of this id can be created, deleted and asked for on such nodes.
    ///
    /// # Errors
    /// When it cannot, with the reason.
    fn check_group_id(&self, group_id: &str) -> Result<(), String>;

    /// Whether a node's own answer to `operation` always tells whether the group was there before.
    fn is_conclusive(&self, operation: Operation) -> bool;

    /// Builds the request that carries out `operation` on the group.
    ///
    /// # Errors
    /// When this kind of node cannot be asked that, with the reason.
    fn prepare(&self, operation: Operation, group_id: &str) -> Result<PreparedRequest, String>;

    /// Builds the request that asks whether the node holds the group.
    ///
    /// # Errors
    /// When this kind of node cannot be asked that, with the reason.
    fn prepare_inspection(&self, group_id: &str) -> Result<PreparedRequest, String>;

    /// What an answer to `operation` means.
    fn interpret(&self, operation: Operation, group_id: &str, answer: NodeResponse) -> Verdict;

    /// What an answer to an inspection means.
    fn interpret_inspection(&self, group_id: &str, answer: NodeResponse) -> Finding;
}
