//! The loop itself: turn by turn until there is nothing to do.

use clock::Clock;
use futures::StreamExt as _;
use futures::future::{Either, select};
use node_adapter::Adapter;
use store::{CallbackTurn, Instruction, Redis, Store, StoreError, Turn};

use crate::breaker::BreakerLimits;
use crate::callback::CallbackLimits;
use crate::environment::{Log, NodeClient};
use crate::work::Work;

/// How often a drain with free places looks for new tasks while calls are under way.
const POLL_BUSY_MS: u64 = 20;
/// How often a drain that holds nothing looks for new tasks while it stays for a retry.
const POLL_WAITING_MS: u64 = 50;
/// How many callbacks a drain has under way at most.
const CALLBACKS_MAX: usize = 16;
/// How long a drain counts as alive without a turn. It takes one at least every quarter of that.
const REGISTRATION_MS: u64 = 2_000;

/// What bounds a drain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tasks held at once.
    pub concurrency: usize,
    /// How long one call to a node may take, in milliseconds. Well below the lease.
    pub node_timeout_ms: u64,
    /// How long a claim holds without renewal, in milliseconds.
    pub lease_ms: u64,
    /// How long an ended task is kept, in seconds.
    pub task_ttl_s: u64,
    /// After this many milliseconds the drain claims nothing more, hands over and ends.
    pub run_ms: u64,
    /// Whether the drain stays for retries that are due soon, as a worker does, or ends as soon as
    /// nothing is ready, as somebody who is waited for must.
    pub stays: bool,
    pub breaker: BreakerLimits,
    pub callbacks: CallbackLimits,
}

/// What a drain did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Round trips to Redis.
    pub turns: u64,
    /// Tasks claimed.
    pub claimed: u64,
    /// Tasks that ended.
    pub ended: u64,
    /// Calls made to nodes.
    pub calls: u64,
    /// Claims lost to another worker.
    pub stale: u64,
}

/// A worker with everything it needs from outside.
pub struct Drain<R, N, A, C, L> {
    pub store: Store<R>,
    pub client: N,
    pub adapter: A,
    pub clock: C,
    pub log: L,
    pub limits: Limits,
}

impl<R: Redis, N: NodeClient, A: Adapter, C: Clock, L: Log> Drain<R, N, A, C, L> {
    /// Works until nothing is ready or under way (nor due soon, if it stays for that), or until it
    /// has run long enough.
    /// `id` names this drain among others.
    ///
    /// # Errors
    /// When Redis fails. What it held is then reclaimed by another drain once the leases expire.
    pub async fn run(&self, id: &str) -> Result<Report, StoreError> {
        let started_ms = self.clock.now_ms();
        let mut work = Work::new(self);
        loop {
            let closing = self.clock.now_ms().saturating_sub(started_ms) >= self.limits.run_ms;
            let instruction = self.turn(id, &mut work, closing).await?;
            if instruction == Instruction::End {
                return Ok(work.report);
            }
            work.begin_calls();
            if work.has_pending() {
                continue;
            }
            self.pause(&mut work, instruction, closing).await;
        }
    }

    /// One round trip to Redis, and all that follows from its answer.
    async fn turn(
        &self,
        id: &str,
        work: &mut Work<'_, R, N, A, C, L>,
        closing: bool,
    ) -> Result<Instruction, StoreError> {
        let sent_at_ms = self.clock.now_ms();
        let (commits, gated) = work.take_pending();
        let renewals = work.due_renewals(sent_at_ms);
        let renewed = !renewals.is_empty();
        let idle = work.held() == 0 && work.callbacks_under_way == 0;
        let metrics = work.metrics.flush(sent_at_ms, idle);
        let callbacks = CallbackTurn {
            max: if closing { 0 } else { CALLBACKS_MAX.saturating_sub(work.callbacks_under_way) },
            lease_ms: self.limits.lease_ms,
            retry_delay_ms: self.limits.callbacks.retry_delay_ms,
            attempts_max: self.limits.callbacks.attempts_max,
            outcomes: std::mem::take(&mut work.callback_outcomes),
        };
        let answer = self
            .store
            .turn(Turn {
                drain_id: id,
                registration_ms: REGISTRATION_MS,
                lease_ms: self.limits.lease_ms,
                slots: self.limits.concurrency.saturating_sub(work.held()),
                idle,
                closing,
                stays: self.limits.stays,
                task_ttl_s: self.limits.task_ttl_s,
                renewals,
                commits,
                callbacks,
                breakers: work.breaker_changes(),
                metrics,
            })
            .await?;
        work.closing = closing;
        work.follow(answer, gated, sent_at_ms, renewed)
    }

    /// Waits for an answer of a node or for the next turn, whichever comes first, and takes in
    /// every answer there is.
    async fn pause(
        &self,
        work: &mut Work<'_, R, N, A, C, L>,
        instruction: Instruction,
        closing: bool,
    ) {
        let has_places = !closing && work.held() < self.limits.concurrency;
        let turn_ms = match instruction {
            Instruction::Wait { ms } => ms.min(POLL_WAITING_MS),
            _ if has_places => POLL_BUSY_MS,
            _ => REGISTRATION_MS / 4,
        };
        let turn_ms = turn_ms.min(self.limits.lease_ms / 4).max(1);
        if work.in_flight.is_empty() {
            self.clock.sleep(turn_ms).await;
            return;
        }
        let sleep = std::pin::pin!(self.clock.sleep(turn_ms));
        if let Either::Left((Some(first), _)) = select(work.in_flight.next(), sleep).await {
            work.take_in_with(Some(first));
        }
    }
}
