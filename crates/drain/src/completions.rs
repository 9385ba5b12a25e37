//! What a drain waits for: calls to nodes and deliveries of webhooks, all in one set, so that one
//! wait serves for both.

use std::future::Future;
use std::pin::Pin;

use futures::FutureExt as _;
use futures::stream::{FuturesUnordered, Next, StreamExt as _};

use crate::calls_in_flight::CompletedCall;
use crate::webhooks::CompletedDelivery;

/// What was under way and has come to an end.
pub(crate) enum Completion {
    Call(CompletedCall),
    Delivery(CompletedDelivery),
}

type UnderWay<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Completion> + 'a>>>;

/// What is under way.
#[derive(Default)]
pub(crate) struct Completions<'a>(UnderWay<'a>);

impl<'a> Completions<'a> {
    /// Puts a call under way. It is sent when the set is next polled.
    pub(crate) fn push_call(&mut self, call: impl Future<Output = CompletedCall> + 'a) {
        self.0.push(Box::pin(call.map(Completion::Call)));
    }

    /// Puts a delivery under way. It is sent when the set is next polled.
    pub(crate) fn push_delivery(&mut self, delivery: impl Future<Output = CompletedDelivery> + 'a) {
        self.0.push(Box::pin(delivery.map(Completion::Delivery)));
    }

    /// Whether nothing is under way.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Waits for what completes next.
    pub(crate) fn next(&mut self) -> Next<'_, UnderWay<'a>> {
        self.0.next()
    }

    /// Adds to `completed` everything that has completed by now.
    pub(crate) fn take_ready(&mut self, completed: &mut Vec<Completion>) {
        while let Some(Some(next)) = self.0.next().now_or_never() {
            completed.push(next);
        }
    }
}
