//! The nodes, where they can be reached from: the maintenance component's, not the API's.

use std::future::{Future, ready};

use drain::Report;
use saga::Presence;
use store::StoreError;

/// What only a component with access to the nodes can do. `None` means that this one has none.
pub trait Nodes {
    /// Inspects a node: whether it holds a group, or the reason when it does not say.
    fn inspect(
        &self,
        node: &str,
        group_id: &str,
    ) -> impl Future<Output = Option<Result<Presence, String>>>;

    /// Drains the queue for a bounded time.
    fn sweep(&self) -> impl Future<Output = Option<Result<Report, StoreError>>>;
}

/// No access to the nodes.
#[derive(Clone, Copy, Debug)]
pub struct NoNodes;

impl Nodes for NoNodes {
    fn inspect(&self, _: &str, _: &str) -> impl Future<Output = Option<Result<Presence, String>>> {
        ready(None)
    }

    fn sweep(&self) -> impl Future<Output = Option<Result<Report, StoreError>>> {
        ready(None)
    }
}
