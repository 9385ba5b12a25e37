//! Wake-ups: whatever request comes sends one when it has to, and no state of Redis makes a storm of them.

use futures::executor::block_on;
use store::{
    Accepted, Admission, Commit, CommitKind, DeadLetterFilter, Idempotency, Instruction, Rate,
    Redis as _, RedisTrouble, Store, StoreError, TaskFilter,
};

use crate::world::{ADMISSION, TTL_S, TestTurn, World, finish, read, task};

impl World {
    /// As if the last wake-up were long ago.
    fn forget_wake_ups(&self) {
        let _: i64 = self.redis.ask("DEL {muster}:wake").unwrap();
    }
}

#[test]
fn every_request_wakes_a_drain_for_neglected_work() {
    let world = World::new();
    let store = &world.store;
    world.accept("t1", "g");
    let key = Idempotency { key: "k", digest: "d", ttl_s: 60 };
    let with_key = Admission { idempotency: Some(key), ..ADMISSION };
    block_on(store.accept(&task("t2", "h"), with_key)).unwrap();
    let refused = |admission: Admission<'_>, id: &str| {
        block_on(store.accept(&task(id, "g"), admission)).unwrap();
    };
    let requests: [(&str, &dyn Fn()); 18] = [
        ("the same task", &|| refused(ADMISSION, "t1")),
        ("a replay", &|| refused(with_key, "t3")),
        ("a key used for something else", &|| {
            let other = Idempotency { digest: "other", ..key };
            refused(Admission { idempotency: Some(other), ..ADMISSION }, "t3");
        }),
        ("one too many in a second", &|| {
            let rate = Some(Rate { caller: "c", per_second: 0 });
            refused(Admission { rate, ..ADMISSION }, "t3");
        }),
        ("a full queue", &|| refused(Admission { max_queue: 1, ..ADMISSION }, "t3")),
        ("a poll", &|| drop(block_on(store.poll("nobody")).unwrap())),
        ("a list of tasks", &|| {
            drop(block_on(store.tasks(TaskFilter::default(), None, 9)).unwrap());
        }),
        ("a cancel", &|| {
            block_on(store.cancel("nobody", TTL_S, "me")).unwrap();
        }),
        ("a group", &|| drop(block_on(store.group("g")).unwrap())),
        ("a list of groups", &|| drop(block_on(store.groups(None, 9)).unwrap())),
        ("dead letters", &|| {
            drop(block_on(store.dead_letters(DeadLetterFilter::default(), None, 9)).unwrap());
        }),
        ("a dead letter", &|| drop(block_on(store.dead_letter("nobody")).unwrap())),
        ("a discard", &|| {
            drop(block_on(store.discard_dead_letter("nobody", "me", None, 60)).unwrap());
        }),
        ("a callback's discard", &|| {
            block_on(store.discard_callback("nobody", "me")).unwrap();
        }),
        ("a callback's retry", &|| {
            block_on(store.retry_callback("nobody", "me")).unwrap();
        }),
        ("readiness", &|| drop(block_on(store.overview()).unwrap())),
        ("a pause", &|| {
            block_on(store.pause(false, "me")).unwrap();
        }),
        ("a task", &|| drop(world.accept("t9", "i"))),
    ];
    for (name, request) in requests {
        world.forget_wake_ups();
        let before = world.published();
        request();
        assert_eq!(world.published(), before + 1, "{name}");
    }
}

#[test]
fn drains_that_wait_for_a_far_lease_do_not_wake_each_other() {
    let world = World::new();
    world.accept("t1", "g");
    world.turn(TestTurn { drain: "lost", lease_ms: 3_600_000, ..TestTurn::default() });
    let before = world.published();
    for _ in 0..20 {
        let answer = world.turn(TestTurn { drain: "b", ..TestTurn::default() });
        assert!(matches!(answer.instruction, Instruction::Wait { .. }), "{answer:?}");
    }
    assert_eq!(world.published(), before);
}

#[test]
fn wake_ups_that_are_heard_are_a_quarter_of_a_second_apart() {
    let world = World::new();
    let listener = world.server.connect().unwrap();
    let _: (String, String, i64) = listener.ask("SUBSCRIBE muster:wake").unwrap();
    for n in 0..50 {
        world.accept(&format!("t{n}"), &format!("g{n}"));
    }
    assert_eq!(world.published(), 1);
    // Whoever was woken does not end before the next wake-up may be sent, though it has no work left.
    let claimed = world.turn(TestTurn { drain: "a", slots: 99, ..TestTurn::default() }).claimed;
    let commits = claimed.iter().map(|claimed| finish(claimed, None)).collect();
    let last = world.turn(TestTurn { drain: "a", commits, slots: 99, ..TestTurn::default() });
    if last.instruction == Instruction::End {
        // This machine was so slow that it may be sent by now.
        world.accept("more", "more");
        assert_eq!(world.published(), 2);
    } else {
        assert!(matches!(last.instruction, Instruction::Wait { .. }), "{last:?}");
    }
}

#[test]
fn more_drains_are_called_in_while_a_backlog_stands() {
    let world = World::new();
    for n in 0..300 {
        world.accept(&format!("t{n}"), &format!("g{n}"));
    }
    world.forget_wake_ups();
    let before = world.published();
    world.turn(TestTurn { drain: "a", slots: 0, idle: false, ..TestTurn::default() });
    assert_eq!(world.published(), before + 1);
    world.turn(TestTurn { drain: "a", slots: 0, idle: false, ..TestTurn::default() });
    assert_eq!(world.published(), before + 1, "not at every turn");
}

#[test]
fn a_closing_drain_does_not_count_as_one_that_sees_new_work() {
    let world = World::new();
    world.accept("t1", "g");
    world.claim("a");
    world.turn(TestTurn { drain: "a", idle: false, closing: true, ..TestTurn::default() });
    world.forget_wake_ups();
    let before = world.published();
    world.accept("t2", "h");
    assert_eq!(world.published(), before + 1);
}

#[test]
fn a_user_without_the_channel_gets_all_but_wake_ups() {
    let world = World::new();
    let _: String = world.redis.ask("ACL SETUSER mute on nopass ~* +@all resetchannels").unwrap();
    let client = world.server.connect().unwrap();
    block_on(client.command("AUTH", vec![b"mute".to_vec(), b"any".to_vec()])).unwrap();
    let mute = Store::new(client);
    for _ in 0..2 {
        assert_eq!(block_on(mute.accept(&task("t1", "g"), ADMISSION)).unwrap(), Accepted::Yes);
    }
    assert_eq!(world.ask("LLEN {muster}:queue"), 1);
    assert!(block_on(mute.overview()).unwrap().refused_since_ms.is_some());
    world.forget_wake_ups();
    world.accept("t2", "h");
    assert_eq!(block_on(world.store.overview()).unwrap().refused_since_ms, None);
}

#[test]
fn a_wake_up_that_nobody_answers_is_told() {
    let world = World::new();
    let listener = world.server.connect().unwrap();
    let _: (String, String, i64) = listener.ask("SUBSCRIBE muster:wake").unwrap();
    world.accept("t1", "g");
    let unanswered = || block_on(world.store.overview()).unwrap().unanswered_since_ms;
    world.eventually("the wake-up is not believed", || unanswered().is_some());
    world.claim("a");
    assert_eq!(unanswered(), None);
}

#[test]
fn a_full_redis_has_nothing_taken_from_it() {
    let world = World::new();
    world.accept("t1", "g");
    world.accept("t2", "h");
    let held = world.claim("a");
    let _: String = world.redis.ask("CONFIG SET maxmemory 1").unwrap();
    let error = world.try_turn(TestTurn { drain: "a", ..TestTurn::default() }).unwrap_err();
    let StoreError::Redis(refused) = &error else { panic!("{error:?}") };
    assert_eq!(refused.trouble(), RedisTrouble::Full);
    assert!(error.is_refusal());
    assert_eq!(world.ask("LLEN {muster}:queue"), 1);
    assert!(block_on(world.store.poll("t2")).unwrap().is_some(), "what is there can be read");
    let refusal = block_on(world.store.overview()).unwrap().refusal.unwrap();
    assert_eq!(refusal.trouble(), RedisTrouble::Full);
    // The drain that was refused ends, and nobody is lost by that.
    let claims = [(held.task_id.clone(), held.epoch)];
    assert_eq!(block_on(world.store.put_down("b", &claims)).unwrap(), 0, "not its task");
    assert_eq!(block_on(world.store.put_down("a", &claims)).unwrap(), 1);
    let _: String = world.redis.ask("CONFIG SET maxmemory 0").unwrap();
    let _: i64 = world.redis.ask("ZADD {muster}:delayed 1 t1").unwrap();
    let back = world.claim("c");
    assert_eq!((back.task_id.as_str(), back.recoveries), ("t1", 0));
}

#[test]
fn an_epoch_that_was_handed_out_twice_is_good_for_the_later_claim_only() {
    let world = World::new();
    world.accept("t1", "g");
    let lost = world.claim("a");
    // The replica that takes over has not seen the claim, nor that it left the queue.
    let _: i64 = world.redis.ask("HDEL {muster}:task:t1 epoch drain").unwrap();
    let _: i64 = world.redis.ask("HSET {muster}:task:t1 where queue").unwrap();
    let _: i64 = world.redis.ask("LPUSH {muster}:queue t1").unwrap();
    let good = world.claim("b");
    assert_eq!(good.epoch, lost.epoch);
    assert_eq!(world.commit("a", vec![finish(&lost, None)]).stale, ["t1"]);
    assert!(world.commit("b", vec![finish(&good, None)]).stale.is_empty());
}

#[test]
fn a_pause_holds_back_nothing_that_has_begun() {
    let world = World::new();
    world.accept("t1", "g");
    world.accept("t2", "h");
    let claimed = world.claim("a");
    block_on(world.store.pause(true, "me")).unwrap();
    let release = Commit::new(&read(&claimed), claimed.epoch, CommitKind::Release, 1).unwrap();
    world.turn(TestTurn {
        drain: "a",
        closing: true,
        commits: vec![release],
        ..TestTurn::default()
    });
    let overview = block_on(world.store.overview()).unwrap();
    assert_eq!((overview.waiting, overview.begun, overview.running), (1, 1, 0));
    block_on(world.store.cancel("t1", TTL_S, "me")).unwrap();
    let back = world.claim("b");
    assert_eq!((back.task_id.as_str(), back.flag), ("t1", Some(store::Flag::Cancel)));
    assert!(world.commit("b", Vec::new()).claimed.is_empty(), "t2 has not begun");
}

#[test]
fn a_task_that_two_workers_were_lost_with_is_claimed_alone_until_it_gets_on() {
    let world = World::new();
    world.accept("t1", "g");
    world.claim("a");
    let _: i64 = world.redis.ask("HSET {muster}:task:t1 recoveries 1").unwrap();
    let _: i64 = world.redis.ask("ZADD {muster}:leases 1 t1").unwrap();
    world.turn(TestTurn { drain: "b", slots: 0, ..TestTurn::default() });
    world.accept("t2", "h");
    let busy = TestTurn { drain: "c", slots: 9, idle: false, ..TestTurn::default() };
    assert!(world.turn(busy).claimed.is_empty(), "it holds others, and takes no more");
    let claimed = world.turn(TestTurn { drain: "b", slots: 9, ..TestTurn::default() }).claimed;
    let [alone] = claimed.as_slice() else { panic!("{claimed:?}") };
    assert_eq!((alone.task_id.as_str(), alone.is_alone, alone.recoveries), ("t1", true, 2));
    let journal = Commit::new(&read(alone), alone.epoch, CommitKind::Journal, 1).unwrap();
    world.turn(TestTurn {
        drain: "b",
        commits: vec![journal.clone()],
        slots: 0,
        ..TestTurn::default()
    });
    assert_eq!(world.ask("HGET {muster}:task:t1 recoveries"), 2);
    let commits = vec![journal.progressed(true)];
    world.turn(TestTurn { drain: "b", commits, slots: 0, ..TestTurn::default() });
    assert_eq!(world.ask("HEXISTS {muster}:task:t1 recoveries"), 0);
}

#[test]
fn a_cancel_that_was_accepted_before_the_last_commit_is_kept() {
    let world = World::new();
    world.accept("t1", "g");
    let claimed = world.claim("a");
    block_on(world.store.cancel("t1", TTL_S, "me")).unwrap();
    let answer = world.commit("a", vec![finish(&claimed, None)]);
    let again = answer.claimed.first().unwrap();
    assert_eq!((again.task_id.as_str(), again.flag), ("t1", Some(store::Flag::Cancel)));
    assert_eq!(world.state("t1"), saga::ClientState::Started);
}

#[test]
fn odd_numbers_hide_nothing_and_are_counted_anew() {
    let world = World::new();
    for (key, field, number) in [
        ("counts", "waiting", "-3"),
        ("counts", "stale", "many"),
        ("metrics", "task_ms|sum", "-7"),
        ("metrics", "task_ms|5", "9223372036854775807"),
        ("breakers", "n1", "soon"),
        ("paused", "at", "then"),
    ] {
        let _: i64 = world.redis.ask(&format!("HSET {{muster}}:{key} {field} {number}")).unwrap();
    }
    let overview = block_on(world.store.overview()).unwrap();
    let metrics = block_on(world.store.metrics()).unwrap();
    assert_eq!((overview.waiting, metrics.get("task_ms|sum")), (0, Some(&0)));
    assert_eq!(overview.counts.get("stale"), Some(&0));
    let _: i64 = world.redis.ask("DEL {muster}:paused").unwrap();
    let _: i64 = world.redis.ask("HSET {muster}:counts waiting none").unwrap();
    world.accept("t1", "g");
    // Accepted before the clock was put back.
    let _: i64 = world.redis.ask("HSET {muster}:task:t1 created_at 32503680000000").unwrap();
    let claimed = world.claim("a");
    world.commit("a", vec![finish(&claimed, None)]);
    assert_eq!(world.ask("HGET {muster}:counts waiting"), 0);
    assert!(world.ask("HGET {muster}:metrics task_ms|sum") <= 0);
    assert!(block_on(world.store.overview()).is_ok());
}

#[test]
fn time_goes_on_when_the_clock_is_put_back() {
    let world = World::new();
    let now_ms = world.commit("a", Vec::new()).now_ms;
    // As if the last turn had been two hours later, by a clock that was put back since.
    let later_ms = now_ms + 7_200_000;
    let _: i64 = world.redis.ask(&format!("HSET {{muster}}:clock last {later_ms}")).unwrap();
    world.accept("t1", "g");
    let claimed = world.claim("a");
    let held = world.turn(TestTurn { drain: "a", slots: 0, idle: false, ..TestTurn::default() });
    assert!(held.now_ms >= later_ms, "{held:?}");
    let commits = vec![finish(&claimed, None)];
    world.turn(TestTurn { drain: "a", commits, ..TestTurn::default() });
    world.eventually("nothing waits, so it is Redis's time again", || {
        world.commit("a", Vec::new()).now_ms < later_ms
    });
}
