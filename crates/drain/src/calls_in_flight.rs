//! Calls to nodes, from the breaker that admits them to the answer that is counted.

use std::future::Future;

use node_adapter::Adapter;
use saga::{Answer, Call, CallKind, Operation, Task, Verb};
use store::BreakerChange;

use crate::breaker::Breakers;
use crate::call_metrics::CallMetrics;
use crate::environment::{Environment, NodeClient};
use crate::node_call::{self, Question};

/// What came of a call.
pub(crate) struct CompletedCall {
    answered: Answered,
    verb: Verb,
    node: String,
    /// When it was made, by our clock; `None` when the node's breaker was open and no call was made.
    started_ms: Option<u64>,
}

/// A task's call and the answer to it.
pub(crate) struct Answered {
    pub(crate) task_id: String,
    /// Of the claim under which the call was made.
    pub(crate) epoch: u64,
    pub(crate) call: Call,
    pub(crate) answer: Answer,
}

pub(crate) struct CallsInFlight<'a, N, A> {
    client: &'a N,
    adapter: &'a A,
    timeout_ms: u64,
    breakers: Breakers,
    metrics: CallMetrics,
    made: u64,
}

impl<'a, N: NodeClient, A: Adapter> CallsInFlight<'a, N, A> {
    pub(crate) fn new<R, C, L>(environment: &'a Environment<R, N, A, C, L>) -> Self {
        let Environment { client, adapter, limits, .. } = environment;
        Self {
            client,
            adapter,
            timeout_ms: limits.node_timeout_ms,
            breakers: Breakers::new(limits.breaker),
            metrics: CallMetrics::default(),
            made: 0,
        }
    }

    /// Makes a call for `task`, which is held under `task_id` and `epoch`, unless the node's breaker
    /// is open. Nothing is sent before the result is polled; `None` = the task has no such node.
    pub(crate) fn start(
        &mut self,
        task: &Task,
        task_id: &str,
        epoch: u64,
        call: Call,
        own_now_ms: u64,
    ) -> Option<impl Future<Output = CompletedCall> + use<'a, N, A>> {
        let node = task.nodes().get(call.node)?.address().to_owned();
        let (task_id, group_id) = (task_id.to_owned(), task.group_id().to_owned());
        let verb = call.verb(task);
        let begins_create = call.kind == CallKind::Inspect && task.operation() == Operation::Create;
        let question = Question { verb, begins_create };
        // A dead letter says that the node was tried, so the last undo is never withheld.
        let is_withheld =
            self.breakers.admit(&node, own_now_ms).is_err() && !call.is_last_chance(task);
        if !is_withheld {
            self.made += 1;
        }
        let (client, adapter, timeout_ms) = (self.client, self.adapter, self.timeout_ms);
        Some(async move {
            let answer = if is_withheld {
                node_call::withheld(verb)
            } else {
                node_call::call(client, adapter, question, &node, &group_id, timeout_ms).await
            };
            let started_ms = (!is_withheld).then_some(own_now_ms);
            let answered = Answered { task_id, epoch, call, answer };
            CompletedCall { answered, verb, node, started_ms }
        })
    }

    /// Has the breaker learn from a call that completed, and counts it.
    pub(crate) fn complete(&mut self, completed: CompletedCall, own_now_ms: u64) -> Answered {
        let CompletedCall { answered, verb, node, started_ms } = completed;
        if started_ms.is_some() {
            self.breakers.record(&node, &answered.answer, own_now_ms);
        }
        let took_ms = started_ms.map(|started_ms| own_now_ms.saturating_sub(started_ms));
        self.metrics.count(verb, node, &answered.answer, took_ms);
        answered
    }

    /// What the breakers have to tell since the last turn. `offset_ms` is Redis's clock minus ours.
    pub(crate) fn breaker_changes(&mut self, offset_ms: u64) -> Vec<BreakerChange> {
        self.breakers.changes(offset_ms)
    }

    /// Counts calls to `node` that were carried out after they were given up on.
    pub(crate) fn count_late(&mut self, node: &str, calls: u32) {
        self.metrics.count_late(node, calls);
    }

    /// The counts that a turn sends along: see [`CallMetrics::flush`].
    pub(crate) fn flush_metrics(&mut self, now_ms: u64, may_end: bool) -> Vec<(String, u64)> {
        self.metrics.flush(now_ms, may_end)
    }

    /// How many calls were made.
    pub(crate) fn made(&self) -> u64 {
        self.made
    }
}
