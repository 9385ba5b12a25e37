//! The tasks a drain holds: those that it has claimed and is moving on.

use std::collections::BTreeMap;

use saga::{Call, RecordError, Starting, Status, Task};
use store::{Claimed, Commit, CommitKind, Flag, StoreError};

use crate::clocks::Now;
use crate::leases::Lease;
use crate::pending_commits::PendingCommits;
use crate::progress::Progress;

/// How old the stored record of a task may get, in milliseconds, before what was learned since is
/// stored: for clients to see, for less doubt after a crash, and because Redis then tells whether
/// the task was cancelled. So much later than a cancel, at most, a node is still changed.
const RECORD_AGE_MS_MAX: u64 = 100;

pub(crate) struct HeldTask {
    pub(crate) task: Task,
    /// The fencing token of the claim.
    pub(crate) epoch: u64,
    pub(crate) lease: Lease,
    /// When its record was last put among the pending commits, by our clock.
    stored_at_ms: u64,
    /// There is more to tell than that record does.
    is_changed: bool,
    /// That record still waits for the turn.
    is_pending: bool,
    /// How far it had come when it was claimed.
    progress: Progress,
    /// No other task is to be held beside it until it has come further.
    is_alone: bool,
}

/// What a held task does next.
pub(crate) struct Advance {
    pub(crate) commit: Option<Result<Commit, StoreError>>,
    pub(crate) calls: Vec<Call>,
    /// Those of the calls that change a node must wait for the next turn.
    pub(crate) is_gated: bool,
    /// The commit ends the claim.
    pub(crate) is_over: bool,
}

impl HeldTask {
    /// Takes up a task that a turn claimed, which was sent at `sent_at_ms`.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub(crate) fn take_up(
        claimed: &Claimed,
        sent_at_ms: u64,
        now: Now,
    ) -> Result<Self, RecordError> {
        let mut task = claimed.task()?;
        match claimed.flag {
            Some(Flag::Superseded) => {
                task.cancel("a later task has put this group as it desired it", now.redis_ms);
            }
            Some(Flag::Cancel) => task.cancel("cancelled by a client", now.redis_ms),
            None => {}
        }
        task.take_up(claimed.recoveries, claimed.was_lost, now.moment());
        Ok(Self {
            progress: Progress::of(&task),
            is_alone: claimed.is_alone,
            task,
            epoch: claimed.epoch,
            lease: Lease::new(sent_at_ms),
            stored_at_ms: sent_at_ms,
            is_changed: false,
            is_pending: false,
        })
    }

    /// Plans the task's next moves: which calls it makes, and what must be stored first or is to
    /// be told of the task.
    pub(crate) fn advance(&mut self, now: Now, starting: Starting, lease_ms: u64) -> Advance {
        let plan = self.task.plan(now.redis_ms, starting);
        let changes_node = plan.calls.iter().any(|call| call.changes_node());
        let needs_turn = changes_node
            && (self.is_record_old(now.own_ms) || self.lease.is_doubtful(now.own_ms, lease_ms));
        self.is_changed = true;
        let kind = match plan.status {
            Status::Running if plan.must_store || needs_turn => Some(CommitKind::Journal),
            Status::Running => None,
            Status::Waiting { due_at_ms } => Some(CommitKind::Delay { due_at_ms }),
            Status::Held => Some(CommitKind::Release),
            Status::Ended => Some(CommitKind::Finish),
        };
        let commit = kind.map(|kind| self.commit(kind, now));
        let is_over = plan.status != Status::Running;
        Advance { commit, calls: plan.calls, is_gated: self.is_pending, is_over }
    }

    /// The commit of the task's record with the next turn.
    fn commit(&mut self, kind: CommitKind, now: Now) -> Result<Commit, StoreError> {
        self.stored_at_ms = now.own_ms;
        self.is_changed = false;
        self.is_pending = true;
        let progressed = Progress::of(&self.task) > self.progress;
        self.is_alone &= !progressed;
        let commit = Commit::new(&self.task, self.epoch, kind, now.redis_ms)?;
        Ok(commit.progressed(progressed))
    }

    fn is_record_old(&self, own_now_ms: u64) -> bool {
        own_now_ms.saturating_sub(self.stored_at_ms) >= RECORD_AGE_MS_MAX
    }
}

#[derive(Default)]
pub(crate) struct HeldTasks(BTreeMap<String, HeldTask>);

impl HeldTasks {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is to be held alone.
    pub(crate) fn holds_one_alone(&self) -> bool {
        self.0.values().any(|held| held.is_alone)
    }

    pub(crate) fn insert(&mut self, task_id: String, held: HeldTask) {
        self.0.insert(task_id, held);
    }

    pub(crate) fn get_mut(&mut self, task_id: &str) -> Option<&mut HeldTask> {
        self.0.get_mut(task_id)
    }

    /// The task, if it is still held under the claim with this `epoch`.
    pub(crate) fn claimed_mut(&mut self, task_id: &str, epoch: u64) -> Option<&mut HeldTask> {
        self.get_mut(task_id).filter(|held| held.epoch == epoch)
    }

    pub(crate) fn remove(&mut self, task_id: &str) -> Option<HeldTask> {
        self.0.remove(task_id)
    }

    /// All claims: task id and epoch.
    pub(crate) fn claims(&self) -> Vec<(String, u64)> {
        self.0.iter().map(|(task_id, held)| (task_id.clone(), held.epoch)).collect()
    }

    /// Begins all leases anew: a turn that was sent at `sent_at_ms` has renewed them.
    pub(crate) fn renew_leases(&mut self, sent_at_ms: u64) {
        for held in self.0.values_mut() {
            held.lease = Lease::new(sent_at_ms);
        }
    }

    /// Makes ready for the turn that begins now, which takes all `pending` commits. It also stores
    /// those records that are old and say less than is known.
    pub(crate) fn begin_turn(&mut self, now: Now, pending: &mut PendingCommits) {
        for held in self.0.values_mut() {
            let is_worth_it = held.is_changed || held.task.has_unsent();
            if is_worth_it && !held.is_pending && held.is_record_old(now.own_ms) {
                held.task.withdraw_unsent();
                pending.push(held.commit(CommitKind::Journal, now));
            }
            held.is_pending = false;
        }
    }
}
