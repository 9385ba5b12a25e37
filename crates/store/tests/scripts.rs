//! Every transition, on a real Redis that each test starts for itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops when something is amiss")]

use std::time::{Duration, Instant};

use futures::executor::block_on;
use saga::{Answer, Call, CallKind, ChangeAnswer, ClientState, Course, Failure, LookAnswer};
use saga::{Operation, Presence, Starting, Task};
use store::{
    Accepted, Admission, Cancelled, Claimed, Commit, CommitKind, Discarded, Flag, LetterFilter,
    LetterRetry, Step, StepAnswer, Store, Verdict,
};
use test_redis::{Client, Server};

const ADMISSION: Admission<'_> = Admission { max_queue: 1_000, idempotency: None, rate: None };
const TTL_S: u64 = 60;

/// A Redis with a store on it.
struct World {
    server: Server,
    store: Store<Client>,
    redis: Client,
}

impl World {
    fn new() -> Self {
        let server = Server::start().unwrap();
        let store = Store::new(server.connect().unwrap());
        let redis = server.connect().unwrap();
        Self { server, store, redis }
    }

    fn accept(&self, id: &str, group: &str) -> Accepted {
        block_on(self.store.accept(&task(id, group), ADMISSION)).unwrap()
    }

    /// A turn of drain `drain` with these commits and one free place.
    fn step(&self, drain: &str, commits: Vec<Commit>) -> StepAnswer {
        self.turn(Turn { drain, commits, ..Turn::default() })
    }

    fn turn(&self, turn: Turn<'_>) -> StepAnswer {
        block_on(self.store.step(Step {
            drain_id: turn.drain,
            registration_ms: turn.registration_ms,
            lease_ms: turn.lease_ms,
            slots: turn.slots,
            idle: turn.idle,
            closing: turn.closing,
            stays: true,
            task_ttl_s: TTL_S,
            renewals: turn.renewals,
            commits: turn.commits,
            tallies: Vec::new(),
        }))
        .unwrap()
    }

    /// Claims the one task that is ready.
    fn claim(&self, drain: &str) -> Claimed {
        let mut answer = self.step(drain, Vec::new());
        assert_eq!(answer.claimed.len(), 1, "{answer:?}");
        answer.claimed.remove(0)
    }

    fn state(&self, id: &str) -> ClientState {
        block_on(self.store.poll(id)).unwrap().unwrap().state
    }

    fn ask(&self, command: &str) -> i64 {
        self.redis.ask(command).unwrap()
    }

    /// How often the doorbell has rung.
    fn published(&self) -> u64 {
        let stats: String = self.redis.ask("INFO commandstats").unwrap();
        let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_publish:calls="));
        line.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or(0)
    }

    /// Until the script's clock has passed what was to be due.
    fn eventually(&self, what: &str, mut check: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !check() {
            assert!(Instant::now() < deadline, "not within 10 s: {what}");
            std::thread::yield_now();
        }
    }
}

struct Turn<'a> {
    drain: &'a str,
    registration_ms: u64,
    lease_ms: u64,
    slots: usize,
    idle: bool,
    closing: bool,
    renewals: Vec<(String, u64)>,
    commits: Vec<Commit>,
}

impl Default for Turn<'_> {
    fn default() -> Self {
        Self {
            drain: "drain",
            registration_ms: 60_000,
            lease_ms: 60_000,
            slots: 1,
            idle: true,
            closing: false,
            renewals: Vec::new(),
            commits: Vec::new(),
        }
    }
}

fn task(id: &str, group: &str) -> Task {
    let course = Course { rollback_max_retries: 0, ..Course::default() };
    Task::new(id.into(), Operation::Create, group.into(), vec!["n1".into(), "n2".into()], course)
}

fn read(claimed: &Claimed) -> Task {
    let mut task: Task = serde_json::from_slice(&claimed.record).unwrap();
    task.take_up(claimed.recoveries, 1);
    task
}

/// Carries the task to its end: each node takes the create, but for `refusing`; each undo fails.
fn carry_out(claimed: &Claimed, refusing: Option<usize>) -> Task {
    let mut task = read(claimed);
    loop {
        let plan = task.plan(1, Starting::Allowed);
        let Some(&call) = plan.calls.first() else { return task };
        let no = || Failure::new("no", false);
        let answer = match call {
            Call { kind: CallKind::Look | CallKind::Settle, .. } => {
                Answer::Look(LookAnswer::Holds(Presence::Absent))
            }
            Call { kind: CallKind::Act, node } if Some(node) != refusing => {
                Answer::Change(ChangeAnswer::Applied)
            }
            Call { .. } => Answer::Change(ChangeAnswer::Refused(no())),
        };
        task.answer(call, answer, 1).unwrap();
    }
}

fn finish(claimed: &Claimed, refusing: Option<usize>) -> Commit {
    let task = carry_out(claimed, refusing);
    Commit::new(&task, claimed.epoch, CommitKind::Finish, 1).unwrap()
}

fn journal(claimed: &Claimed) -> Commit {
    Commit::new(&read(claimed), claimed.epoch, CommitKind::Journal, 1).unwrap()
}

#[test]
fn an_accepted_task_can_be_read_claimed_and_finished() {
    let world = World::new();
    assert_eq!(world.accept("t1", "g"), Accepted::Yes);
    assert_eq!(world.state("t1"), ClientState::Pending);
    let claimed = world.claim("a");
    assert_eq!((claimed.task_id.as_str(), claimed.epoch, claimed.recoveries), ("t1", 1, 0));
    assert_eq!(world.state("t1"), ClientState::Started);
    let answer = world.step("a", vec![finish(&claimed, None)]);
    assert_eq!(answer.verdict, Verdict::End);
    let view = block_on(world.store.poll("t1")).unwrap().unwrap();
    assert_eq!(view.state, ClientState::Success);
    assert!(view.created_at_ms > 0 && view.finished_at_ms >= Some(view.created_at_ms));
    assert!(world.ask("TTL {muster}:task:t1") > 0);
    assert_eq!(world.ask("HLEN {muster}:group:g"), 2);
    for key in ["queue", "rollback", "line:g", "leases", "delayed", "drains"] {
        assert_eq!(world.ask(&format!("EXISTS {{muster}}:{key}")), 0, "{key}");
    }
    assert_eq!(world.ask("HGET {muster}:counts waiting"), 0);
}

#[test]
fn accepting_twice_queues_once() {
    let world = World::new();
    assert_eq!(world.accept("t1", "g"), Accepted::Yes);
    assert_eq!(world.accept("t1", "g"), Accepted::Yes);
    assert_eq!(world.ask("LLEN {muster}:queue"), 1);
    assert_eq!(world.ask("LLEN {muster}:line:g"), 1);
}

#[test]
fn a_full_queue_takes_nothing() {
    let world = World::new();
    let accept = |id: &str| {
        block_on(world.store.accept(&task(id, id), Admission { max_queue: 2, ..ADMISSION }))
            .unwrap()
    };
    assert_eq!(accept("t1"), Accepted::Yes);
    assert_eq!(accept("t2"), Accepted::Yes);
    assert_eq!(accept("t3"), Accepted::Full { waiting: 2 });
    assert_eq!(block_on(world.store.poll("t3")).unwrap(), None);
    world.claim("a");
    assert_eq!(accept("t3"), Accepted::Yes);
}

#[test]
fn tasks_on_one_group_run_in_order_and_others_do_not_wait_for_them() {
    let world = World::new();
    for (id, group) in [("t1", "g"), ("t2", "g"), ("t3", "h")] {
        world.accept(id, group);
    }
    let answer = world.turn(Turn { slots: 9, ..Turn::default() });
    let ids: Vec<_> = answer.claimed.iter().map(|claimed| claimed.task_id.as_str()).collect();
    assert_eq!(ids, ["t1", "t3"]);
    let first = answer.claimed.first().unwrap();
    let next = world.step("drain", vec![finish(first, None)]).claimed;
    assert_eq!(next.first().unwrap().task_id, "t2");
}

#[test]
fn a_commit_with_an_old_epoch_changes_nothing() {
    let world = World::new();
    world.accept("t1", "g");
    let mut answer = world.turn(Turn { lease_ms: 1, ..Turn::default() });
    let stale = answer.claimed.remove(0);
    let mut taken_over = Vec::new();
    world.eventually("the lease expires", || {
        taken_over = world.step("other", Vec::new()).claimed;
        !taken_over.is_empty()
    });
    let owner = taken_over.remove(0);
    assert_eq!((owner.recoveries, owner.epoch), (1, 3));
    let before: Vec<String> = world.redis.ask("HGETALL {muster}:task:t1").unwrap();
    for commit in [journal(&stale), finish(&stale, None)] {
        let answer = world.turn(Turn { commits: vec![commit], slots: 0, ..Turn::default() });
        assert_eq!(answer.stale, ["t1"]);
    }
    let renewals = vec![("t1".to_owned(), stale.epoch)];
    let answer = world.turn(Turn { renewals, slots: 0, ..Turn::default() });
    assert_eq!(answer.stale, ["t1"]);
    let after: Vec<String> = world.redis.ask("HGETALL {muster}:task:t1").unwrap();
    assert_eq!(after, before);
    world.step("other", vec![finish(&owner, None)]);
    assert_eq!(world.state("t1"), ClientState::Success);
}

#[test]
fn a_worker_is_fenced_from_the_moment_its_lease_is_reclaimed() {
    let world = World::new();
    world.accept("t1", "g");
    let stale = world.turn(Turn { lease_ms: 1, ..Turn::default() }).claimed.remove(0);
    world.eventually("the lease is reclaimed", || {
        world.turn(Turn { drain: "other", slots: 0, ..Turn::default() });
        world.ask("LLEN {muster}:queue") == 1
    });
    let answer =
        world.turn(Turn { commits: vec![finish(&stale, None)], slots: 0, ..Turn::default() });
    assert_eq!(answer.stale, ["t1"]);
    assert_eq!(world.state("t1"), ClientState::Started);
}

#[test]
fn a_renewal_starts_the_lease_anew() {
    let world = World::new();
    world.accept("t1", "g");
    let claimed = world.claim("a");
    let expiry = || -> f64 { world.redis.ask("ZSCORE {muster}:leases t1").unwrap() };
    let before = expiry();
    let renewals = vec![("t1".to_owned(), claimed.epoch)];
    let lease_ms = 120_000;
    let renewed = world.turn(Turn { renewals, lease_ms, slots: 0, ..Turn::default() });
    assert!(renewed.stale.is_empty());
    assert!(expiry() >= before + 60_000.0);
}

#[test]
fn an_end_is_reported_once_and_never_changes() {
    let world = World::new();
    world.accept("t1", "g");
    let claimed = world.claim("a");
    world.step("a", vec![finish(&claimed, None)]);
    let again = world.step("a", vec![finish(&claimed, Some(1))]);
    assert_eq!(again.stale, ["t1"]);
    assert_eq!(world.state("t1"), ClientState::Success);
    assert_eq!(world.ask("HGET {muster}:counts ended:SUCCESS"), 1);
}

#[test]
fn a_delayed_compensation_comes_back_when_it_is_due_and_before_new_work() {
    let world = World::new();
    let course = Course { rollback_max_retries: 1, ..Course::default() };
    let nodes = vec!["n1".into(), "n2".into()];
    let task = Task::new("t1".into(), Operation::Create, "g".into(), nodes, course);
    block_on(world.store.accept(&task, ADMISSION)).unwrap();
    let claimed = world.claim("a");
    // Its second node refuses and its first cannot be undone: it waits for a retry.
    let task = carry_out(&claimed, Some(1));
    let far = CommitKind::Delay { due_at_ms: 32_503_680_000_000 };
    let delayed = Commit::new(&task, claimed.epoch, far, 1).unwrap();
    let answer = world.step("a", vec![delayed]);
    assert!(answer.claimed.is_empty());
    assert_eq!(answer.verdict, Verdict::End, "what is due in a thousand years is not waited for");
    assert_eq!(world.state("t1"), ClientState::Retry);
    world.accept("t2", "h");
    let _: i64 = world.redis.ask("ZADD {muster}:delayed 1 t1").unwrap();
    let back = world.claim("a");
    assert_eq!((back.task_id.as_str(), back.epoch, back.recoveries), ("t1", 2, 0));
}

#[test]
fn a_drain_stays_for_what_is_due_soon_and_ends_when_nothing_is() {
    let world = World::new();
    world.accept("t1", "g");
    let claimed = world.claim("a");
    let soon = world.turn(Turn { slots: 0, idle: false, ..Turn::default() }).now_ms + 60_000;
    let kind = CommitKind::Delay { due_at_ms: soon };
    let delayed = Commit::new(&read(&claimed), claimed.epoch, kind, 1).unwrap();
    match world.step("a", vec![delayed]).verdict {
        Verdict::Wait { ms } => assert!((1..=60_000).contains(&ms), "{ms}"),
        other => panic!("{other:?}"),
    }
    let closing = world.turn(Turn { drain: "a", closing: true, ..Turn::default() });
    assert_eq!(closing.verdict, Verdict::End);
    assert_eq!(world.ask("ZCARD {muster}:drains"), 1, "only drain `drain` is left");
}

#[test]
fn a_closing_drain_claims_nothing_and_hands_its_tasks_back_first_in_line() {
    let world = World::new();
    world.accept("t1", "g");
    world.accept("t2", "h");
    let claimed = world.claim("a");
    let commit = Commit::new(&read(&claimed), claimed.epoch, CommitKind::Release, 1).unwrap();
    let answer =
        world.turn(Turn { drain: "a", closing: true, commits: vec![commit], ..Turn::default() });
    assert!(answer.claimed.is_empty());
    assert_eq!(answer.verdict, Verdict::End);
    let back = world.claim("b");
    assert_eq!((back.task_id.as_str(), back.recoveries), ("t1", 0));
}

#[test]
fn a_drain_that_hands_over_rings_although_another_seems_to_live() {
    let world = World::new();
    world.accept("t1", "g");
    world.step("dead", Vec::new());
    world.accept("t2", "h");
    let before = world.published();
    world.turn(Turn { drain: "a", closing: true, ..Turn::default() });
    assert_eq!(world.published(), before + 1);
}

#[test]
fn a_queue_that_goes_on_rings_although_a_drain_seems_to_live() {
    let world = World::new();
    world.accept("t1", "g");
    world.step("dead", Vec::new());
    block_on(world.store.pause(true, "somebody")).unwrap();
    world.accept("t2", "h");
    let before = world.published();
    block_on(world.store.pause(false, "somebody")).unwrap();
    assert_eq!(world.published(), before + 1);
}

#[test]
fn a_registration_from_before_the_clock_was_put_back_silences_no_bell() {
    let world = World::new();
    let _: i64 = world.redis.ask("ZADD {muster}:drains 32503680000000 dead").unwrap();
    world.accept("t1", "g");
    assert_eq!(world.published(), 1);
}

#[test]
fn the_doorbell_rings_only_when_no_drain_is_there_to_see_the_task() {
    let world = World::new();
    let published = || world.published();
    world.accept("t1", "g1");
    assert_eq!(published(), 1, "nobody drains, so it rings");
    world.claim("a");
    world.accept("t2", "g2");
    assert_eq!(published(), 1, "a live drain will see it");
    world.claim("a");
    let ended = world.turn(Turn { drain: "a", slots: 0, closing: true, ..Turn::default() });
    assert_eq!(ended.verdict, Verdict::End);
    let at_the_end = published();
    world.accept("t3", "g3");
    assert_eq!(published(), at_the_end + 1, "the drain has ended, so it rings");
    assert!(block_on(world.store.poll("t3")).unwrap().is_some());
    assert_eq!(published(), at_the_end + 2, "a poll that finds neglected work rings");
}

#[test]
fn a_drain_that_died_stops_counting_as_alive() {
    let world = World::new();
    world.turn(Turn { registration_ms: 1, idle: false, ..Turn::default() });
    let published = || -> bool {
        let stats: String = world.redis.ask("INFO commandstats").unwrap();
        stats.contains("cmdstat_publish")
    };
    world.accept("t1", "g");
    world.eventually("somebody rings", || {
        block_on(world.store.poll("t1")).unwrap();
        published()
    });
}

#[test]
fn a_queued_task_is_revoked_and_the_next_of_its_group_goes_on() {
    let world = World::new();
    world.accept("t1", "g");
    world.accept("t2", "g");
    let cancel = |id: &str| block_on(world.store.cancel(id, TTL_S, "a test")).unwrap();
    assert_eq!(cancel("t0"), Cancelled::UnknownTask);
    assert_eq!(cancel("t1"), Cancelled::Revoked);
    assert_eq!(cancel("t1"), Cancelled::Ended(ClientState::Revoked));
    assert_eq!(world.state("t1"), ClientState::Revoked);
    let claimed = world.claim("a");
    assert_eq!(claimed.task_id, "t2");
    assert_eq!(cancel("t2"), Cancelled::RollingBack);
    let answer = world.step("a", vec![journal(&claimed)]);
    assert_eq!(answer.cancelled, ["t2"]);
    let notes = block_on(world.store.poll("t2")).unwrap().unwrap().notes;
    assert_eq!(notes.len(), 1);
}

#[test]
fn a_task_waiting_in_line_can_be_revoked() {
    let world = World::new();
    for id in ["t1", "t2", "t3"] {
        world.accept(id, "g");
    }
    assert_eq!(block_on(world.store.cancel("t2", TTL_S, "a test")).unwrap(), Cancelled::Revoked);
    let first = world.claim("a");
    let next = world.step("a", vec![finish(&first, None)]).claimed.remove(0);
    assert_eq!(next.task_id, "t3");
    assert_eq!(world.ask("HGET {muster}:counts waiting"), 0);
}

/// A task that failed at its second node and could not be undone at its first.
fn with_a_letter(world: &World) -> saga::DeadLetter {
    world.accept("t1", "g");
    let claimed = world.claim("a");
    world.step("a", vec![finish(&claimed, Some(1))]);
    assert_eq!(world.state("t1"), ClientState::Failure);
    let page = block_on(world.store.letters(LetterFilter::default(), None, 10)).unwrap();
    assert_eq!(page.total, 1);
    page.letters.into_iter().next().unwrap().letter
}

#[test]
fn a_dead_letter_says_what_is_left_and_blocks_nothing() {
    let world = World::new();
    let letter = with_a_letter(&world);
    assert_eq!((letter.node.as_str(), letter.group_id.as_str()), ("n1", "g"));
    assert_eq!(letter.before, Some(Presence::Absent));
    world.accept("t2", "g");
    assert_eq!(world.claim("a").task_id, "t2");
}

#[test]
fn a_retried_letter_stays_until_its_task_succeeds() {
    let world = World::new();
    let letter = with_a_letter(&world);
    let retry = Task::retry("r1".into(), letter.clone(), Course::default());
    let again = || block_on(world.store.retry_letter(&letter, &retry, "a test")).unwrap();
    assert_eq!(again(), LetterRetry::Accepted);
    assert_eq!(again(), LetterRetry::Accepted, "the same task: idempotent");
    let other = Task::retry("r2".into(), letter.clone(), Course::default());
    let other = block_on(world.store.retry_letter(&letter, &other, "a test")).unwrap();
    assert_eq!(other, LetterRetry::Retrying("r1".into()));
    let discard =
        || block_on(world.store.discard_letter(&letter.id, "t1", "a test", None)).unwrap();
    assert_eq!(discard(), Discarded::Retrying("r1".into()));

    let claimed = world.claim("a");
    let mut task = read(&claimed);
    let call = task.plan(1, Starting::Allowed).calls.remove(0);
    task.answer(call, Answer::Change(ChangeAnswer::Applied), 1).unwrap();
    task.plan(1, Starting::Allowed);
    let commit = Commit::new(&task, claimed.epoch, CommitKind::Finish, 1).unwrap();
    world.step("a", vec![commit]);
    assert_eq!(world.state("r1"), ClientState::Success);
    assert_eq!(block_on(world.store.letters(LetterFilter::default(), None, 10)).unwrap().total, 0);
    assert_eq!(again(), LetterRetry::UnknownLetter);
    assert_eq!(discard(), Discarded::UnknownLetter);
    let notes = block_on(world.store.poll("t1")).unwrap().unwrap().notes;
    assert!(notes.iter().any(|note| note.event == "dead letter retried"), "{notes:?}");
}

#[test]
fn a_retry_that_fails_leaves_the_same_letter_brought_up_to_date() {
    let world = World::new();
    let letter = with_a_letter(&world);
    let course = Course { rollback_max_retries: 0, ..Course::default() };
    let retry = Task::retry("r1".into(), letter.clone(), course);
    block_on(world.store.retry_letter(&letter, &retry, "a test")).unwrap();
    let claimed = world.claim("a");
    world.step("a", vec![finish(&claimed, None)]);
    assert_eq!(world.state("r1"), ClientState::Failure);
    let after = block_on(world.store.letter(&letter.id)).unwrap().unwrap();
    assert_eq!(after.letter.attempts, letter.attempts + 1);
    assert_eq!(after.letter.created_at_ms, letter.created_at_ms);
    assert_eq!(after.retry_task_id, None);
}

#[test]
fn a_later_success_supersedes_a_letter() {
    let world = World::new();
    let letter = with_a_letter(&world);
    world.accept("t2", "g");
    let second = world.claim("a");
    // Queued behind the task that will supersede it.
    let retry = Task::retry("r1".into(), letter.clone(), Course::default());
    assert_eq!(
        block_on(world.store.retry_letter(&letter, &retry, "a test")).unwrap(),
        LetterRetry::Accepted
    );
    let next = world.step("a", vec![finish(&second, None)]).claimed.remove(0);
    assert_eq!((next.task_id.as_str(), next.flag), ("r1", Some(Flag::Superseded)));
    let mut task: Task = serde_json::from_slice(&next.record).unwrap();
    task.cancel("superseded", 1);
    let commit = Commit::new(&task, next.epoch, CommitKind::Finish, 1).unwrap();
    world.step("a", vec![commit]);
    assert_eq!(world.state("r1"), ClientState::Revoked);
    let view = block_on(world.store.letter(&letter.id)).unwrap().unwrap();
    assert_eq!((view.superseded_by.as_deref(), view.retry_task_id), (Some("t2"), None));
    let registry: String = world.redis.ask("HGET {muster}:group:g n1").unwrap();
    assert_eq!(registry, "present", "a retry that did nothing says nothing of its node");
    let again = Task::retry("r2".into(), letter.clone(), Course::default());
    let again = block_on(world.store.retry_letter(&letter, &again, "a test")).unwrap();
    assert_eq!(again, LetterRetry::Superseded("t2".into()));
    let discarded = block_on(world.store.discard_letter(&letter.id, "t1", "a test", None)).unwrap();
    assert_eq!(discarded, Discarded::Yes);
    assert_eq!(world.ask("EXISTS {muster}:group-letters:g {muster}:dead-letter"), 0);
}

#[test]
fn what_redis_was_told_survives_its_restart() {
    let mut world = World::new();
    world.accept("t1", "g");
    world.claim("a");
    world.server.restart().unwrap();
    let store = Store::new(world.server.connect().unwrap());
    let view = block_on(store.poll("t1")).unwrap().unwrap();
    assert_eq!(view.state, ClientState::Started);
    assert_eq!(view.task.unwrap().group_id(), "g");
}
