//! One test's own Redis, with a store on it, and tasks for it.

use std::time::{Duration, Instant};

use futures::executor::block_on;
use saga::{Answer, Call, CallKind, ChangeAnswer, ClientState, Failure, Inspection, Policy};
use saga::{Operation, Presence, Starting, Task};
use store::{
    Accepted, Admission, BreakerChange, CallbackTurn, Claimed, Commit, CommitKind, Store,
    StoreError, Turn, TurnAnswer,
};
use testkit_redis::{Client, Server};

pub(crate) const ADMISSION: Admission<'_> =
    Admission { max_queue: 1_000, idempotency: None, rate: None, callback: None };
pub(crate) const TTL_S: u64 = 60;

/// A Redis with a store on it.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) store: Store<Client>,
    pub(crate) redis: Client,
}

impl World {
    pub(crate) fn new() -> Self {
        let server = Server::start().unwrap();
        let store = Store::new(server.connect().unwrap());
        let redis = server.connect().unwrap();
        Self { server, store, redis }
    }

    pub(crate) fn accept(&self, id: &str, group: &str) -> Accepted {
        block_on(self.store.accept(&task(id, group), ADMISSION)).unwrap()
    }

    /// A turn of drain `drain` with these commits and one free place.
    pub(crate) fn commit(&self, drain: &str, commits: Vec<Commit>) -> TurnAnswer {
        self.turn(TestTurn { drain, commits, ..TestTurn::default() })
    }

    pub(crate) fn turn(&self, turn: TestTurn<'_>) -> TurnAnswer {
        self.try_turn(turn).unwrap()
    }

    pub(crate) fn try_turn(&self, turn: TestTurn<'_>) -> Result<TurnAnswer, StoreError> {
        block_on(self.store.turn(Turn {
            drain_id: turn.drain,
            registration_ms: turn.registration_ms,
            lease_ms: turn.lease_ms,
            slots: turn.slots,
            holds_none: turn.idle,
            idle: turn.idle,
            closing: turn.closing,
            stays: true,
            task_ttl_s: turn.ttl_s,
            renewals: turn.renewals,
            commits: turn.commits,
            callbacks: turn.callbacks,
            breakers: turn.breakers,
            metrics: turn.metrics,
        }))
    }

    /// Claims the one task that is ready.
    pub(crate) fn claim(&self, drain: &str) -> Claimed {
        let mut answer = self.commit(drain, Vec::new());
        assert_eq!(answer.claimed.len(), 1, "{answer:?}");
        answer.claimed.remove(0)
    }

    pub(crate) fn state(&self, id: &str) -> ClientState {
        block_on(self.store.poll(id)).unwrap().unwrap().state
    }

    pub(crate) fn ask(&self, command: &str) -> i64 {
        self.redis.ask(command).unwrap()
    }

    /// How many wake-ups were published.
    pub(crate) fn published(&self) -> u64 {
        let stats: String = self.redis.ask("INFO commandstats").unwrap();
        let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_publish:calls="));
        line.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or(0)
    }

    /// Until the script's clock has passed what was to be due.
    pub(crate) fn eventually(&self, what: &str, mut check: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !check() {
            assert!(Instant::now() < deadline, "not within 10 s: {what}");
            std::thread::yield_now();
        }
    }
}

pub(crate) struct TestTurn<'a> {
    pub(crate) drain: &'a str,
    pub(crate) registration_ms: u64,
    pub(crate) lease_ms: u64,
    pub(crate) slots: usize,
    pub(crate) idle: bool,
    pub(crate) closing: bool,
    pub(crate) ttl_s: u64,
    pub(crate) renewals: Vec<(String, u64)>,
    pub(crate) commits: Vec<Commit>,
    pub(crate) callbacks: CallbackTurn,
    pub(crate) breakers: Vec<BreakerChange>,
    pub(crate) metrics: Vec<(String, u64)>,
}

impl Default for TestTurn<'_> {
    fn default() -> Self {
        Self {
            drain: "drain",
            registration_ms: 60_000,
            lease_ms: 60_000,
            slots: 1,
            idle: true,
            closing: false,
            ttl_s: TTL_S,
            renewals: Vec::new(),
            commits: Vec::new(),
            callbacks: CallbackTurn::default(),
            breakers: Vec::new(),
            metrics: Vec::new(),
        }
    }
}

pub(crate) fn task(id: &str, group: &str) -> Task {
    let policy = Policy { rollback_max_retries: 0, ..Policy::default() };
    Task::new(id.into(), Operation::Create, group.into(), vec!["n1".into(), "n2".into()], policy)
}

pub(crate) fn read(claimed: &Claimed) -> Task {
    let mut task = claimed.task().unwrap();
    task.take_up(claimed.recoveries, claimed.was_lost, 1);
    task
}

/// Carries the task to its end: each node takes the create, but for `refusing`; each undo fails.
pub(crate) fn carry_out(claimed: &Claimed, refusing: Option<usize>) -> Task {
    carry_out_at(1, claimed, refusing)
}

/// The same at `now_ms`, as far as the task goes without waiting.
pub(crate) fn carry_out_at(now_ms: u64, claimed: &Claimed, refusing: Option<usize>) -> Task {
    let mut task = read(claimed);
    loop {
        let plan = task.plan(now_ms, Starting::Allowed);
        if plan.calls.is_empty() {
            return task;
        }
        for call in plan.calls {
            let answer = match call {
                Call { kind: CallKind::Inspect | CallKind::Confirm, .. } => {
                    Answer::Inspection(Inspection::Holds(Presence::Absent))
                }
                Call { kind: CallKind::Apply, node } if Some(node) != refusing => {
                    Answer::Change(ChangeAnswer::Applied)
                }
                Call { .. } => Answer::Change(ChangeAnswer::Refused(Failure::new("no", false))),
            };
            task.answer(call, answer, now_ms).unwrap();
        }
    }
}

pub(crate) fn finish(claimed: &Claimed, refusing: Option<usize>) -> Commit {
    let task = carry_out(claimed, refusing);
    Commit::new(&task, claimed.epoch, CommitKind::Finish, 1).unwrap()
}

pub(crate) fn journal(claimed: &Claimed) -> Commit {
    Commit::new(&read(claimed), claimed.epoch, CommitKind::Journal, 1).unwrap()
}
