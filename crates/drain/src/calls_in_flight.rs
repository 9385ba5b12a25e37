//! Calls to nodes, from the breaker that admits them to the answer that is counted.

use std::future::Future;

use node_adapter::Adapter;
use saga::{Answer, Call, CallKind, Operation, Task, Verb, Withheld};
use store::BreakerChange;

use crate::breaker::{Breakers, Open};
use crate::call_metrics::CallMetrics;
use crate::clocks::Now;
use crate::environment::{Environment, NodeClient};
use crate::node_call::{self, Question};
use crate::node_health::{Health, Watched};

/// What people read of a call that was not made.
const WITHHELD: &str =
    "not called: the node failed too often just now (its circuit breaker is open)";

/// What came of a call.
pub(crate) struct CompletedCall {
    answered: Answered,
    verb: Verb,
    node: String,
    /// When it was made, by our clock, and what it said of the node's health; `None` when the node's
    /// breaker was open and no call was made.
    made: Option<(u64, Option<Health>)>,
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
    breaker_wait_ms: u64,
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
            breaker_wait_ms: limits.breaker.wait_ms,
            breakers: Breakers::new(limits.breaker, limits.node_timeout_ms),
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
        now: Now,
    ) -> Option<impl Future<Output = CompletedCall> + use<'a, N, A>> {
        let node = task.nodes().get(call.node)?.address().to_owned();
        let (task_id, group_id) = (task_id.to_owned(), task.group_id().to_owned());
        let verb = call.verb(task);
        let begins_create = call.kind == CallKind::Inspect && task.operation() == Operation::Create;
        let question = Question { verb, begins_create };
        let open = self.breakers.admit(&node, now.own_ms).err().filter(|_| call.may_be_withheld());
        let withheld = open.map(|Open { until_ms }| Withheld {
            reason: WITHHELD.to_owned(),
            until_ms: now.redis_ms.saturating_add(until_ms.saturating_sub(now.own_ms)),
            wait_max_ms: self.breaker_wait_ms,
        });
        if withheld.is_none() {
            self.made += 1;
        }
        let (client, adapter, timeout_ms) = (self.client, self.adapter, self.timeout_ms);
        Some(async move {
            let (answer, made) = match withheld {
                Some(withheld) => (Answer::Withheld(withheld), None),
                None => {
                    let client = Watched::new(client);
                    let answer =
                        node_call::call(&client, adapter, question, &node, &group_id, timeout_ms)
                            .await;
                    (answer, Some((now.own_ms, client.health())))
                }
            };
            let answered = Answered { task_id, epoch, call, answer };
            CompletedCall { answered, verb, node, made }
        })
    }

    /// Has the breaker learn from a call that completed, and counts it.
    pub(crate) fn complete(&mut self, completed: CompletedCall, own_now_ms: u64) -> Answered {
        let CompletedCall { answered, verb, node, made } = completed;
        if let Some((_, health)) = made {
            self.breakers.record(&node, health, own_now_ms);
        }
        let took_ms = made.map(|(started_ms, _)| own_now_ms.saturating_sub(started_ms));
        self.metrics.count(verb, node, &answered.answer, took_ms);
        answered
    }

    /// What the breakers have to tell since the last turn. `offset_ms` is Redis's clock minus ours.
    pub(crate) fn breaker_changes(&mut self, offset_ms: u64) -> Vec<BreakerChange> {
        self.breakers.changes(offset_ms)
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
