//! What 0.1.0 left in Redis is read, shown, and carried to its end.

use std::collections::BTreeMap;

use futures::executor::block_on;
use saga::{
    CallKind, ClientState, DeadLetter, DeadLetterKind, Event, Operation, Phase, RecordError,
};
use store::{Commit, CommitKind, DeadLetterFilter, DeliveryStatus, Flag, Redis as _, TaskFilter};

use crate::world::{TTL_S, TestTurn, World, carry_out, carry_out_at};

/// Everything that was in a Redis of 0.1.0, as the commands that put it there.
const REDIS: &str = include_str!("../fixtures/redis-0.1.0.json");

fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn world() -> World {
    let world = World::new();
    let commands: Vec<Vec<String>> = serde_json::from_str(REDIS).unwrap();
    for command in commands {
        let (name, arguments) = command.split_first().unwrap();
        let arguments = arguments.iter().map(|argument| argument.clone().into_bytes()).collect();
        block_on(world.redis.command(name, arguments)).unwrap();
    }
    world
}

#[test]
fn tasks_of_0_1_0_are_shown() {
    let world = world();
    let states: Vec<(ClientState, Phase)> = (1..=9)
        .map(|number| {
            let view = block_on(world.store.poll(&id(number))).unwrap().unwrap();
            (view.state, view.task.unwrap().phase())
        })
        .collect();
    assert_eq!(
        states,
        [
            (ClientState::Success, Phase::Succeeded),
            (ClientState::Failure, Phase::DeadLettered),
            (ClientState::Failure, Phase::DeadLettered),
            (ClientState::Pending, Phase::Queued),
            (ClientState::Revoked, Phase::Queued),
            (ClientState::Retry, Phase::Rollback),
            (ClientState::Started, Phase::Forward),
            (ClientState::Pending, Phase::Queued),
            (ClientState::Pending, Phase::Queued),
        ]
    );
    let view = block_on(world.store.poll(&id(1))).unwrap().unwrap();
    assert_eq!(view.callback.unwrap().status, DeliveryStatus::GivenUp);
    let notes = block_on(world.store.poll(&id(3))).unwrap().unwrap().notes;
    assert_eq!(notes.len(), 1);
    assert_eq!((notes[0].event, notes[0].by.as_deref()), (Event::DeadLetterRetried, Some("ann")));
}

#[test]
fn lists_of_0_1_0_are_shown() {
    let world = world();
    let listed = |filter| block_on(world.store.tasks(filter, None, 20)).unwrap().tasks;
    assert_eq!(listed(TaskFilter::default()).len(), 9);
    let node = Some("https://n2.example.com/api");
    assert_eq!(listed(TaskFilter { node, ..TaskFilter::default() }).len(), 8, "but for the retry");
    assert_eq!(listed(TaskFilter { group_id: Some("queued"), ..TaskFilter::default() }).len(), 2);
    let groups = block_on(world.store.groups(None, 9)).unwrap().groups;
    let counts: Vec<_> =
        groups.iter().map(|group| (group.present, group.absent, group.unknown)).collect();
    assert_eq!(counts, [(0, 1, 2), (0, 1, 2), (3, 0, 0)]);
    let group = block_on(world.store.group("succeeded")).unwrap();
    assert!(group.holdings.iter().all(|(_, held)| *held == Some(saga::Presence::Present)));
    let dead_letters = block_on(world.store.dead_letters(DeadLetterFilter::default(), None, 9));
    assert_eq!(dead_letters.unwrap().dead_letters.len(), 4);
}

#[test]
fn tasks_of_0_1_0_come_to_their_ends() {
    let world = world();
    // The worker that held one of them is gone.
    world.ask(&format!("ZADD {{muster}}:leases 1 {}", id(7)));
    let mut ended = BTreeMap::new();
    // Each time later than whatever any of them waits for.
    let mut now_ms = 9_000_000_000_000;
    world.eventually("all have ended", || {
        let claimed = world.turn(TestTurn { slots: 9, ..TestTurn::default() }).claimed;
        for claimed in claimed {
            let mut task = claimed.task().unwrap();
            if claimed.flag == Some(Flag::Cancel) && task.phase() == Phase::Forward {
                task.cancel("cancelled by a client", 1);
                assert_eq!((claimed.task_id.clone(), claimed.recoveries), (id(7), 1));
                task.take_up(1, true, 1);
                let calls = task.plan(1, saga::Starting::Allowed).calls;
                assert!(calls.iter().all(|call| call.kind == CallKind::Undo), "{calls:?}");
                let commit = Commit::new(&task, claimed.epoch, CommitKind::Release, 1).unwrap();
                world.turn(TestTurn { slots: 0, commits: vec![commit], ..TestTurn::default() });
                continue;
            }
            now_ms += 60_000;
            let task = carry_out_at(now_ms, &claimed, None);
            let kind = if task.phase().is_end() {
                ended.insert(claimed.task_id.clone(), task.client_state());
                CommitKind::Finish
            } else {
                CommitKind::Delay { due_at_ms: 1 }
            };
            let commit = Commit::new(&task, claimed.epoch, kind, 1).unwrap();
            world.turn(TestTurn { slots: 0, commits: vec![commit], ..TestTurn::default() });
        }
        ended.len() == 5
    });
    for (id, state) in &ended {
        let view = block_on(world.store.poll(id)).unwrap().unwrap();
        assert_eq!((view.state, view.task.is_ok()), (*state, true), "{id}");
        assert_eq!(world.ask(&format!("EXISTS {{muster}}:task:{id}")), 0);
    }
}

/// What a worker cannot read because it is too old stays as it is, and is claimed again later.
#[test]
fn a_record_of_a_later_version_stays_as_it_is() {
    let world = World::new();
    world.accept("t1", "g");
    let newer = r#"{"v":3}"#;
    world.ask(&format!("HSET {{muster}}:task:t1 record {newer}"));
    // It has an operation that only a later version knows, and calls of a lost worker may be under way.
    world.ask("HSET {muster}:task:t1 operation rename lost 1");
    let claimed = world.claim("old");
    assert_eq!((claimed.task(), claimed.was_lost), (Err(RecordError::Newer(3)), true));
    let later =
        world.turn(TestTurn { slots: 0, idle: false, ..TestTurn::default() }).now_ms + 60_000;
    world.commit("old", vec![Commit::leave(&claimed, later)]);
    assert_eq!(world.ask("ZCARD {muster}:leases"), 0);
    assert_eq!(world.ask("ZCARD {muster}:delayed"), 1);
    assert!(world.turn(TestTurn::default()).claimed.is_empty(), "it is not due");
    let newer_records = || block_on(world.store.overview()).unwrap().newer_records;
    assert_eq!(newer_records(), 1);
    world.ask("ZADD {muster}:delayed 1 t1");
    let again = world.claim("new");
    assert_eq!((again.record.as_slice(), again.recoveries), (newer.as_bytes(), 0));
    assert!(again.was_lost, "whoever can read it has to know");
    assert!(again.epoch > claimed.epoch);
    // Nobody meets it any more, for whoever has it can read it.
    world.ask(&format!("ZADD {{muster}}:newer-records {} t1", later - 60_000));
    assert_eq!(newer_records(), 0);
    world.accept("t2", "h");
    let other = world.claim("old");
    world.commit("old", vec![Commit::leave(&other, later)]);
    assert_eq!((newer_records(), world.ask("ZCARD {muster}:newer-records")), (1, 1));
}

/// Only until a record says what follows from it: then a worker that goes on is not told once more.
#[test]
fn that_a_worker_was_lost_is_told_until_a_record_says_so() {
    let world = World::new();
    world.accept("t1", "g");
    world.ask("HSET {muster}:task:t1 lost 1");
    let claimed = world.claim("d1");
    assert!(claimed.was_lost);
    let task = claimed.task().unwrap();
    let release = Commit::new(&task, claimed.epoch, CommitKind::Release, 1).unwrap();
    let again = world.commit("d1", vec![release]).claimed.remove(0);
    assert!(!again.was_lost);
}

/// However long ago its task ended, a person finds the record as it was.
#[test]
fn a_quarantined_record_is_kept_until_a_person_acts() {
    let world = World::new();
    world.accept("t1", "g");
    let damaged = r#"{"v":2,"p":"forw"#;
    world.ask(&format!("HSET {{muster}}:task:t1 record {damaged}"));
    let claimed = world.claim("old");
    let dead_letter = DeadLetter {
        id: "t1-record".to_owned(),
        kind: DeadLetterKind::UnreadableRecord,
        task_id: "t1".to_owned(),
        group_id: "g".to_owned(),
        node: String::new(),
        operation: Operation::Create,
        before: None,
        attempts: 0,
        last_error: None,
        created_at_ms: 1,
        updated_at_ms: 1,
    };
    world.commit("old", vec![Commit::quarantine(&claimed, dead_letter).unwrap()]);
    assert_eq!(world.state("t1"), ClientState::Failure);
    let expiry = || world.ask("PTTL {muster}:ended:t1");
    assert_eq!(expiry(), -1);
    // A later task of the group that succeeds says nothing about it.
    world.accept("t2", "g");
    let next = world.claim("old");
    let ended = Commit::new(&carry_out(&next, None), next.epoch, CommitKind::Finish, 1).unwrap();
    world.commit("old", vec![ended]);
    assert_eq!((world.state("t2"), expiry()), (ClientState::Success, -1));
    let kept: String = world.redis.ask("GET {muster}:ended:t1").unwrap();
    assert!(kept.ends_with(damaged), "{kept}");
    block_on(world.store.discard_dead_letter("t1-record", "olga", None, TTL_S)).unwrap();
    assert!(expiry() > 0);
}

#[test]
fn what_people_did_under_0_1_0_is_kept_with_what_they_do_now() {
    let world = world();
    block_on(world.store.cancel(&id(7), 60, "cleo")).unwrap();
    let notes = block_on(world.store.poll(&id(7))).unwrap().unwrap().notes;
    let told: Vec<_> = notes.iter().map(|note| (note.event, note.by.as_deref())).collect();
    let expected = [(Event::CancelRequested, Some("bob")), (Event::CancelRequested, Some("cleo"))];
    assert_eq!(told, expected);
    // One that has not started ends at once, and keeps its notes.
    block_on(world.store.cancel(&id(9), 60, "cleo")).unwrap();
    let view = block_on(world.store.poll(&id(9))).unwrap().unwrap();
    assert_eq!((view.state, view.notes.len()), (ClientState::Revoked, 1));
    assert!(world.ask(&format!("TTL {{muster}}:notes:{}", id(9))) > 0);
}
