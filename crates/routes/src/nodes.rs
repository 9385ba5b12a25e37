//! The nodes, where they can be reached from: the maintenance component's, not the API's.

use std::future::{Future, ready};

use drain::Report;
use node_adapter::Adapter;
use saga::Presence;
use store::StoreError;

use crate::problem::Problem;
use crate::problem_kinds;

/// The most characters of an adapter's reason that a client is told.
const REASON_CHARS_MAX: usize = 300;

/// What is known of the nodes, and what only a component with access to them can do. `None` means that
/// this one has none.
pub trait Nodes {
    /// Whether such nodes can hold a group of this id at all. Asks no node.
    ///
    /// # Errors
    /// When they cannot: see [`check_group_id`].
    fn check_group_id(&self, group_id: &str) -> Result<(), Problem>;

    /// Inspects a node: whether it holds a group, or the reason when it does not say.
    fn inspect(
        &self,
        node: &str,
        group_id: &str,
    ) -> impl Future<Output = Option<Result<Presence, String>>>;

    /// Drains the queue for a bounded time.
    fn sweep(&self) -> impl Future<Output = Option<Result<Report, StoreError>>>;
}

/// Whether the adapter can have a group of this id created and deleted.
///
/// # Errors
/// The problem to answer with when it cannot, which names the adapter's reason.
pub fn check_group_id(adapter: &impl Adapter, group_id: &str) -> Result<(), Problem> {
    adapter.check_group_id(group_id).map_err(|reason| {
        let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
        let detail = format!("The nodes cannot hold a group of this id: {reason}.");
        Problem::new(&problem_kinds::BAD_GROUP_ID, detail)
    })
}

/// No access to the nodes. What ids they take is known by the adapter, which is made when it is asked.
#[derive(Clone, Copy, Debug)]
pub struct NoNodes<F>(pub F);

impl<A: Adapter, F: Fn() -> Result<A, settings::SettingError>> Nodes for NoNodes<F> {
    fn check_group_id(&self, group_id: &str) -> Result<(), Problem> {
        check_group_id(&(self.0)()?, group_id)
    }

    fn inspect(&self, _: &str, _: &str) -> impl Future<Output = Option<Result<Presence, String>>> {
        ready(None)
    }

    fn sweep(&self) -> impl Future<Output = Option<Result<Report, StoreError>>> {
        ready(None)
    }
}
