//! A task's way: accepted, claimed, committed, recovered, cancelled, ended.

use futures::executor::block_on;
use saga::{ClientState, Operation, Policy, Task};
use store::{Accepted, Admission, Cancelled, Commit, CommitKind, Instruction, Store};

use crate::world::{ADMISSION, TTL_S, TestTurn, World, carry_out, finish, journal, read, task};

#[test]
fn an_accepted_task_can_be_read_claimed_and_finished() {
    let world = World::new();
    assert_eq!(world.accept("t1", "g"), Accepted::Yes);
    assert_eq!(world.state("t1"), ClientState::Pending);
    let claimed = world.claim("a");
    assert_eq!((claimed.task_id.as_str(), claimed.epoch, claimed.recoveries), ("t1", 1, 0));
    assert_eq!(world.state("t1"), ClientState::Started);
    let answer = world.commit("a", vec![finish(&claimed, None)]);
    assert_eq!(answer.instruction, Instruction::End);
    let view = block_on(world.store.poll("t1")).unwrap().unwrap();
    assert_eq!(view.state, ClientState::Success);
    assert!(view.created_at_ms > 0 && view.finished_at_ms >= Some(view.created_at_ms));
    assert!(world.ask("TTL {muster}:ended:t1") > 0);
    assert_eq!(world.ask("EXISTS {muster}:task:t1"), 0);
    assert!(world.ask("TTL {muster}:group-tasks:g") > 0);
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
    let answer = world.turn(TestTurn { slots: 9, ..TestTurn::default() });
    let ids: Vec<_> = answer.claimed.iter().map(|claimed| claimed.task_id.as_str()).collect();
    assert_eq!(ids, ["t1", "t3"]);
    let first = answer.claimed.first().unwrap();
    let next = world.commit("drain", vec![finish(first, None)]).claimed;
    assert_eq!(next.first().unwrap().task_id, "t2");
}

#[test]
fn a_commit_with_an_old_epoch_changes_nothing() {
    let world = World::new();
    world.accept("t1", "g");
    let mut answer = world.turn(TestTurn { lease_ms: 1, ..TestTurn::default() });
    let stale = answer.claimed.remove(0);
    let mut taken_over = Vec::new();
    world.eventually("the lease expires", || {
        taken_over = world.commit("other", Vec::new()).claimed;
        !taken_over.is_empty()
    });
    let owner = taken_over.remove(0);
    assert_eq!((owner.recoveries, owner.epoch), (1, 3));
    let before: Vec<String> = world.redis.ask("HGETALL {muster}:task:t1").unwrap();
    for commit in [journal(&stale), finish(&stale, None)] {
        let answer =
            world.turn(TestTurn { commits: vec![commit], slots: 0, ..TestTurn::default() });
        assert_eq!(answer.stale, ["t1"]);
    }
    let renewals = vec![("t1".to_owned(), stale.epoch)];
    let answer = world.turn(TestTurn { renewals, slots: 0, ..TestTurn::default() });
    assert_eq!(answer.stale, ["t1"]);
    let after: Vec<String> = world.redis.ask("HGETALL {muster}:task:t1").unwrap();
    assert_eq!(after, before);
    world.commit("other", vec![finish(&owner, None)]);
    assert_eq!(world.state("t1"), ClientState::Success);
}

#[test]
fn a_worker_is_fenced_from_the_moment_its_lease_is_reclaimed() {
    let world = World::new();
    world.accept("t1", "g");
    let stale = world.turn(TestTurn { lease_ms: 1, ..TestTurn::default() }).claimed.remove(0);
    world.eventually("the lease is reclaimed", || {
        world.turn(TestTurn { drain: "other", slots: 0, ..TestTurn::default() });
        world.ask("LLEN {muster}:begun") == 1
    });
    let answer = world.turn(TestTurn {
        commits: vec![finish(&stale, None)],
        slots: 0,
        ..TestTurn::default()
    });
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
    let renewed =
        world.turn(TestTurn { drain: "a", renewals, lease_ms, slots: 0, ..TestTurn::default() });
    assert!(renewed.stale.is_empty());
    assert!(expiry() >= before + 60_000.0);
}

#[test]
fn an_end_is_reported_once_and_never_changes() {
    let world = World::new();
    world.accept("t1", "g");
    let claimed = world.claim("a");
    world.commit("a", vec![finish(&claimed, None)]);
    let again = world.commit("a", vec![finish(&claimed, Some(1))]);
    assert_eq!(again.stale, ["t1"]);
    assert_eq!(world.state("t1"), ClientState::Success);
    assert_eq!(world.ask("HGET {muster}:counts ended:SUCCESS"), 1);
}

#[test]
fn a_delayed_compensation_comes_back_when_it_is_due_and_before_new_work() {
    let world = World::new();
    let policy = Policy { rollback_max_retries: 1, ..Policy::default() };
    let nodes = vec!["n1".into(), "n2".into()];
    let task = Task::new("t1".into(), Operation::Create, "g".into(), nodes, policy);
    block_on(world.store.accept(&task, ADMISSION)).unwrap();
    let claimed = world.claim("a");
    // Its second node refuses and its first cannot be undone: it waits for a retry.
    let task = carry_out(&claimed, Some(1));
    let far = CommitKind::Delay { due_at_ms: 32_503_680_000_000 };
    let delayed = Commit::new(&task, claimed.epoch, far, 1).unwrap();
    let answer = world.commit("a", vec![delayed]);
    assert!(answer.claimed.is_empty());
    assert_eq!(
        answer.instruction,
        Instruction::End,
        "what is due in a thousand years is not waited for"
    );
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
    let soon =
        world.turn(TestTurn { slots: 0, idle: false, ..TestTurn::default() }).now_ms + 60_000;
    let kind = CommitKind::Delay { due_at_ms: soon };
    let delayed = Commit::new(&read(&claimed), claimed.epoch, kind, 1).unwrap();
    match world.commit("a", vec![delayed]).instruction {
        Instruction::Wait { ms } => assert!((1..=60_000).contains(&ms), "{ms}"),
        other => panic!("{other:?}"),
    }
    let closing = world.turn(TestTurn { drain: "a", closing: true, ..TestTurn::default() });
    assert_eq!(closing.instruction, Instruction::End);
    assert_eq!(world.ask("ZCARD {muster}:drains"), 1, "only drain `drain` is left");
}

#[test]
fn a_closing_drain_claims_nothing_and_hands_its_tasks_back_first_in_line() {
    let world = World::new();
    world.accept("t1", "g");
    world.accept("t2", "h");
    let claimed = world.claim("a");
    let commit = Commit::new(&read(&claimed), claimed.epoch, CommitKind::Release, 1).unwrap();
    let answer = world.turn(TestTurn {
        drain: "a",
        closing: true,
        commits: vec![commit],
        ..TestTurn::default()
    });
    assert!(answer.claimed.is_empty());
    assert_eq!(answer.instruction, Instruction::End);
    let back = world.claim("b");
    assert_eq!((back.task_id.as_str(), back.recoveries), ("t1", 0));
}

#[test]
fn a_drain_that_hands_over_rings_although_another_seems_to_live() {
    let world = World::new();
    world.accept("t1", "g");
    world.commit("dead", Vec::new());
    world.accept("t2", "h");
    let before = world.published();
    world.turn(TestTurn { drain: "a", closing: true, ..TestTurn::default() });
    assert_eq!(world.published(), before + 1);
}

#[test]
fn a_queue_that_goes_on_rings_although_a_drain_seems_to_live() {
    let world = World::new();
    world.accept("t1", "g");
    world.commit("dead", Vec::new());
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
fn a_drain_is_woken_only_when_none_is_there_to_see_the_task() {
    let world = World::new();
    let published = || world.published();
    world.accept("t1", "g1");
    assert_eq!(published(), 1, "nobody drains, so one is woken");
    world.claim("a");
    world.accept("t2", "g2");
    assert_eq!(published(), 1, "a live drain will see it");
    world.claim("a");
    let ended = world.turn(TestTurn { drain: "a", slots: 0, closing: true, ..TestTurn::default() });
    assert_eq!(ended.instruction, Instruction::End);
    let at_the_end = published();
    world.accept("t3", "g3");
    assert_eq!(published(), at_the_end + 1, "the drain has ended, so one is woken");
    assert!(block_on(world.store.poll("t3")).unwrap().is_some());
    assert_eq!(published(), at_the_end + 2, "a poll that finds neglected work wakes one");
}

#[test]
fn a_drain_that_died_stops_counting_as_alive() {
    let world = World::new();
    world.turn(TestTurn { registration_ms: 1, idle: false, ..TestTurn::default() });
    let published = || -> bool {
        let stats: String = world.redis.ask("INFO commandstats").unwrap();
        stats.contains("cmdstat_publish")
    };
    world.accept("t1", "g");
    world.eventually("somebody is woken", || {
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
    assert_eq!(cancel("t1"), Cancelled::Revoked { group_id: "g".to_owned() });
    assert_eq!(cancel("t1"), Cancelled::Ended(ClientState::Revoked));
    assert_eq!(world.state("t1"), ClientState::Revoked);
    let claimed = world.claim("a");
    assert_eq!(claimed.task_id, "t2");
    assert_eq!(cancel("t2"), Cancelled::RollingBack);
    let answer = world.commit("a", vec![journal(&claimed)]);
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
    let cancelled = block_on(world.store.cancel("t2", TTL_S, "a test")).unwrap();
    assert!(matches!(cancelled, Cancelled::Revoked { .. }));
    let first = world.claim("a");
    let next = world.commit("a", vec![finish(&first, None)]).claimed.remove(0);
    assert_eq!(next.task_id, "t3");
    assert_eq!(world.ask("HGET {muster}:counts waiting"), 0);
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
