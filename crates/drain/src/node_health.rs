//! What exchanges with a node, or with a receiver of callbacks, say of its health, which is all that its
//! circuit breaker goes by. What the adapter makes of an answer does not matter here: a node that says
//! no is well.

use std::cell::Cell;

use node_adapter::NodeResponse;

use crate::environment::{NodeClient, NodeRequest, SendError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// It answered, whatever it said of the request.
    Well,
    /// No connection, no answer in time, or a 5xx.
    Trouble,
}

impl Health {
    /// `None`: the node was not asked, so this says nothing of it.
    pub(crate) fn of(answer: &Result<NodeResponse, SendError>) -> Option<Self> {
        match answer {
            Ok(response) if response.status >= 500 => Some(Self::Trouble),
            Ok(_) => Some(Self::Well),
            Err(SendError::NotSent(_) | SendError::Lost(_) | SendError::TimedOut) => {
                Some(Self::Trouble)
            }
            Err(SendError::Denied(_)) => None,
        }
    }
}

/// A client that notes what it sees of a node's health.
pub(crate) struct Watched<'a, N> {
    client: &'a N,
    health: Cell<Option<Health>>,
}

impl<'a, N> Watched<'a, N> {
    pub(crate) fn new(client: &'a N) -> Self {
        Self { client, health: Cell::new(None) }
    }

    /// What the latest exchange said; `None` when there was none, because nothing could be asked.
    pub(crate) fn health(&self) -> Option<Health> {
        self.health.get()
    }
}

impl<N: NodeClient> NodeClient for Watched<'_, N> {
    async fn send(&self, request: NodeRequest, timeout_ms: u64) -> Result<NodeResponse, SendError> {
        let answer = self.client.send(request, timeout_ms).await;
        self.health.set(Health::of(&answer));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trouble_of_the_node_is_trouble() {
        let answered = |status| Ok(NodeResponse { status, ..NodeResponse::default() });
        for status in [200, 201, 302, 400, 401, 403, 404, 409, 414, 429, 499] {
            assert_eq!(Health::of(&answered(status)), Some(Health::Well), "{status}");
        }
        for status in [500, 502, 503, 504, 599] {
            assert_eq!(Health::of(&answered(status)), Some(Health::Trouble), "{status}");
        }
        let text = String::new;
        for error in [SendError::NotSent(text()), SendError::Lost(text()), SendError::TimedOut] {
            assert_eq!(Health::of(&Err(error)), Some(Health::Trouble));
        }
        assert_eq!(Health::of(&Err(SendError::Denied(text()))), None);
    }
}
