//! The loop itself: turn by turn until there is nothing to do.

use clock::Clock;
use futures::future::{Either, select};
use node_adapter::Adapter;
use store::{Commit, Instruction, Redis, StoreError, Turn};

use crate::drain::{Drain, SentTurn};
use crate::environment::{Environment, Log, NodeClient};
use crate::report::Report;

/// How often a drain with free places claims new tasks while calls are under way.
const POLL_BUSY_MS: u64 = 20;
/// How often a drain that holds nothing claims new tasks while it stays for a retry.
const POLL_WAITING_MS: u64 = 50;
/// How much longer than [`crate::Limits::run_ms`] a drain that always holds something may run.
const LONGEST_RUN: u64 = 2;
/// How long a drain counts as alive without a turn. It takes one at least every quarter of that.
const REGISTRATION_MS: u64 = 2_000;

/// Drains: works until nothing is ready or under way (nor due soon, if it stays for that), or until
/// it has run long enough. `id` names this drain among others.
///
/// # Errors
/// When Redis fails. What it held is then reclaimed by another drain once the leases expire.
pub async fn run<R: Redis, N: NodeClient, A: Adapter, C: Clock, L: Log>(
    environment: &Environment<R, N, A, C, L>,
    id: &str,
) -> Result<Report, StoreError> {
    let started_ms = environment.clock.now_ms();
    let mut run = Run { environment, id, drain: Drain::new(environment) };
    loop {
        let passed_ms = environment.clock.now_ms().saturating_sub(started_ms);
        let closing = run.is_closing(passed_ms);
        let instruction = run.turn(closing).await?;
        if instruction == Instruction::End {
            return Ok(run.drain.report());
        }
        run.drain.begin_calls();
        if run.drain.has_pending() {
            continue;
        }
        run.pause(instruction, closing).await;
    }
}

struct Run<'a, R, N, A, C, L> {
    environment: &'a Environment<R, N, A, C, L>,
    id: &'a str,
    drain: Drain<'a, N, A, C, L>,
}

impl<R: Redis, N: NodeClient, A: Adapter, C: Clock, L: Log> Run<'_, R, N, A, C, L> {
    /// Whether it is time to hand over. A worker prefers a moment at which it holds nothing, for nobody
    /// works in its place until its last call is over.
    fn is_closing(&self, passed_ms: u64) -> bool {
        let limits = &self.environment.limits;
        let holds_none = self.drain.held.is_empty();
        passed_ms >= limits.run_ms
            && (holds_none || !limits.stays || passed_ms >= LONGEST_RUN * limits.run_ms)
    }

    /// One round trip to Redis, and all that follows from its answer.
    async fn turn(&mut self, closing: bool) -> Result<Instruction, StoreError> {
        let Self { environment, id, drain } = self;
        let limits = &environment.limits;
        let sent_at_ms = environment.clock.now_ms();
        let (commits, gated) = drain.take_pending();
        let renews = drain.lease_renewal.is_due(sent_at_ms, limits.lease_ms);
        let renewals = if renews { drain.held.claims() } else { Vec::new() };
        let renewed = !renewals.is_empty();
        let holds_none = drain.held.is_empty();
        let idle = holds_none && drain.webhooks.is_idle();
        let free = limits.concurrency.saturating_sub(drain.held.len());
        let turn = Turn {
            drain_id: id,
            registration_ms: REGISTRATION_MS,
            lease_ms: limits.lease_ms,
            slots: if drain.held.holds_one_alone() { 0 } else { free },
            holds_none,
            idle,
            closing,
            stays: limits.stays,
            task_ttl_s: limits.task_ttl_s,
            renewals,
            commits,
            callbacks: drain.webhooks.turn(closing),
            breakers: drain.calls.breaker_changes(drain.clocks.offset_ms()),
            metrics: drain.calls.flush_metrics(sent_at_ms, idle),
        };
        let committed: Vec<_> = turn.commits.iter().map(Commit::claim).collect();
        let answer = match environment.store.turn(turn).await {
            Ok(answer) => answer,
            Err(error) => {
                // That Redis is full, say, is no fault of the tasks. If it fails again, they are
                // reclaimed.
                if error.is_refusal() {
                    let claims = [drain.held.claims(), committed].concat();
                    let _ = environment.store.put_down(id, &claims).await;
                }
                return Err(error);
            }
        };
        drain.follow(answer, SentTurn { at_ms: sent_at_ms, renewed, closing, gated })
    }

    /// Waits for a completion or for the next turn, whichever comes first, and takes in everything
    /// that has completed by then.
    async fn pause(&mut self, instruction: Instruction, closing: bool) {
        let Environment { clock, limits, .. } = self.environment;
        let has_places = !closing && self.drain.held.len() < limits.concurrency;
        let turn_ms = match instruction {
            Instruction::Wait { ms } => ms.min(POLL_WAITING_MS),
            _ if has_places => POLL_BUSY_MS,
            _ => REGISTRATION_MS / 4,
        };
        let turn_ms = turn_ms.min(limits.lease_ms / 4).max(1);
        if self.drain.completions.is_empty() {
            clock.sleep(turn_ms).await;
            return;
        }
        let sleep = std::pin::pin!(clock.sleep(turn_ms));
        if let Either::Left((Some(first), _)) = select(self.drain.completions.next(), sleep).await {
            self.drain.take_in_with(Some(first));
        }
    }
}
